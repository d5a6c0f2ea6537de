import KjAsync.Async.Loop
import KjAsync.Async.Finally

/-! Several pieces of code at once, and limits on one. -/

namespace KjAsync.Async

/-- Starts each piece at once, up to its first wait. If one fails right away the rest is not started. -/
private def startEach (actions : Array (Async α)) : Async (Array (PromiseRef α)) := fun context => do
  let mut promises := Array.emptyWithCapacity actions.size
  for action in actions do
    match ← action context with
    | .error error => return .error error
    | outcome =>
      match ← (outcome.toPromise context.runtime).toBaseIO with
      | .ok promise => promises := promises.push promise
      | .error error => return .error (.ofError error)
  return .ok promises

/-- Runs all pieces side by side and gives their values in order, none for none. The first error ends it, and cancels
the others. (PROM-31) -/
def all (actions : Array (Async α)) : Async (Array α) := do
  let promises ← startEach actions
  awaitStarted (PromiseRef.all (← Async.runtime) promises)

/-- Runs all pieces side by side until the first ends, with a value or an error, and cancels the others before it
gives that. Errors: `invalidArgument` without any. (PROM-16) -/
def race (actions : Array (Async α)) : Async α := do
  let promises ← startEach actions
  awaitStarted (PromiseRef.race (← Async.runtime) promises)

/-- Runs the code for `nanos` nanoseconds at most, then cancels it and throws `timedOut`. (TIME-04) -/
def timeout (nanos : UInt64) (action : Async α) : Async α := fun context => do
  match ← action context with
  | .ok value => return .ok value
  | .error error => return .error error
  | waiting =>
    match ← (waiting.toPromise context.runtime >>= (·.timeout nanos)).toBaseIO with
    | .ok promise => return .pending promise
    | .error error => return .error (.ofError error)

/--
Runs `action`, which may block, on a thread of Lean's and suspends until it is done; `priority` says which. The
default is a thread of its own, so that others do not wait behind it.

Errors: those of `action`. Cancellation: `action` goes on unseen; `IO.checkCanceled` tells it.
-/
def liftBlocking (action : IO α) (priority : Task.Priority := .dedicated) : Async α := fun { runtime, .. } => do
  let task ← action.asTask priority
  Outcome.ofIO (do
    let { native, reader, .. } ← PromiseRef.ofTask runtime task
    let native ← native.onDone fun call => do
      unless ← call.isOk do IO.cancel task
    return ⟨native, runtime, reader⟩) >>= fun outcome => outcome.andThen fun promise => return .pending promise

end KjAsync.Async
