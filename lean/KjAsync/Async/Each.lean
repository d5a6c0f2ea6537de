import KjAsync.Async.Basic

/-! Sequences: one operation that brings one thing after another, and code that runs for each. -/

namespace KjAsync

/-- For promises that end as nothing, `none`, or as a Lean object of type `α`. -/
def Reader.option : Reader (Option α) where
  ofPromise _ promise := promise.option
  ofCall _ call := call.option

namespace Outcome

mutual
/-- Leaves what one step of a sequence gave as the result of the running call: `none` has it go on. -/
partial def deliverStep (call : Native.Call) (outcome : Outcome (Option α)) : BaseIO Unit := do
  match outcome with
  | .ok none => return
  | .ok (some value) => call.returnObject value
  | .error e => rejectCall call e
  | .pending { native, runtime, reader } =>
    wait (native.handleBoth fun inner => do deliverStep inner (← ofIO (reader.ofCall runtime inner)))
  | .suspended promise resume => wait (promise.handleBoth (takeUpStep resume))
where
  wait (promise : IO Native.Promise) : BaseIO Unit := do
    if let .error e ← (promise >>= call.returnPromise).toBaseIO then rejectCall call e

private partial def takeUpStep (resume : Resume (Option α)) (call : Native.Call) : BaseIO Unit := do
  deliverStep call (← resume.run call)
end

end Outcome

/-- The promise of a sequence that runs code on the loop for each of what it brings. Not for users, who have
`Connection.readEach` and others like it. -/
def PromiseRef.ofSequence (runtime : Runtime) (reader : Reader β) (run : β → Async (Option α))
    (start : (Native.Call → BaseIO Unit) → IO Native.Promise) : IO (PromiseRef (Option α)) := do
  let native ← start fun call => do
    match ← (reader.ofCall runtime call).toBaseIO with
    | .ok item => Outcome.deliverStep call (← run item { runtime })
    | .error e => Outcome.rejectCall call e
  return ⟨native, runtime, .option⟩

end KjAsync
