import KjAsync.Async.Basic

/-! `finally` for `Async` code. -/

namespace KjAsync.Async

/-- Lets a clean-up that has to wait run to its end, whatever becomes of the code it belongs to. -/
private def shielded (runtime : Runtime) (cleanup : Outcome α) : BaseIO (Outcome α) := do
  match cleanup with
  | .ok value => return .ok value
  | .error error => return .error error
  | waiting =>
    match ← (begun waiting).toBaseIO with
    | .ok promise => return .pending promise
    | .error error => return .error error
where
  begun (waiting : Outcome α) : IO (PromiseRef α) := do
    let promise ← waiting.toPromise runtime
    (← promise.fork).detach fun _ => return
    return promise

/-- Runs the clean-up after code that has to wait. -/
private def finallyWaiting (runtime : Runtime) (waiting : Outcome α) (cleanup : Option α → Async β) :
    IO (PromiseRef (α × β)) := do
  let { native, reader, .. } ← waiting.toPromise runtime
  let result : IO.Ref (Option β) ← IO.mkRef none
  let after ← native.onDone fun call => do
    let value ← (reader.ofCall runtime call).toBaseIO
    let cleaned ← cleanup value.toOption runtime
    let cleaned ← cleaned.andThen fun value => do
      result.set (some value)
      return .ok ()
    Outcome.deliver call (← shielded runtime cleaned)
  let after : PromiseRef α := ⟨after, runtime, reader⟩
  after.then fun value => do
    match ← result.get with
    | some cleaned => return (value, cleaned)
    | none => throw (IO.userError "the clean-up of a finished action did not run")

/--
`finally` blocks run exactly once: after the value, after the error, and when the code is cancelled. They may wait
themselves; one that has begun runs to its end, also if the code is cancelled meanwhile. A shutdown of the runtime
runs them too, but there everything they wait for fails with kind `shutdown`. An error of theirs takes the place of
the outcome.
-/
instance : MonadFinally Async where
  tryFinally' action cleanup := fun runtime => do
    match ← action runtime with
    | .ok value => do
      let cleaned ← shielded runtime (← cleanup (some value) runtime)
      cleaned.andThen fun result => return .ok (value, result)
    | .error error => do
      let cleaned ← shielded runtime (← cleanup none runtime)
      cleaned.andThen fun _ => return .error error
    | waiting =>
      match ← (finallyWaiting runtime waiting cleanup).toBaseIO with
      | .ok promise => return .pending promise
      | .error error => return .error error

end KjAsync.Async
