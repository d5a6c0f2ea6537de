import KjAsync.Async.Basic

/-! Sequences: one operation that brings one thing after another, and code that runs for each. -/

namespace KjAsync

namespace Outcome

/-- Leaves what one step of a sequence has come to as the result of the running call: `none` has it go on. -/
def leaveStep : Leave (Option α) := fun call result => do
  match result with
  | .ok none => return
  | .ok (some value) => call.returnObject value
  | .error e => rejectCall call e

end Outcome

/-- The promise of a sequence that runs code on the loop for each of what it brings. Not for users, who have
`Connection.readEach` and others like it. -/
def PromiseRef.ofSequence (runtime : Runtime) (reader : Reader β) (run : β → Async (Option α))
    (start : (Native.Call → BaseIO Unit) → IO Native.Promise) : IO (PromiseRef (Option α)) := do
  let native ← start fun call => do
    match ← reader.input runtime call with
    | .ok item => Outcome.deliver runtime Outcome.leaveStep call (← run item { runtime })
    | .error e => Outcome.rejectCall call e
  return ⟨native, runtime, .option .object⟩

end KjAsync
