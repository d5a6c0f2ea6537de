import KjAsync.Async.Children
import KjAsync.Async.Loop

/-! Several pieces of code at once, and limits on one. What such code starts has ended, clean-ups included, when it goes on. -/

namespace KjAsync.Async

private def leaveUnit : Outcome.Leave Unit := fun call result => do
  if let .error error := result then Outcome.rejectCall call error

/-- Lets a child that waits go on; `none` if it has succeeded already. -/
private def goOn (child : Async Unit) : Async (Option Native.Promise) := fun context => do
  match ← (← child context).toCoroutine context.runtime leaveUnit with
  | .ok promise => return .ok (some promise)
  | .error (.ok ()) => return .ok none
  | .error (.error error) => return .error error
  | .error .canceled => return .error Outcome.canceledError

/-- What the first child to end, or to fail, has ended with. -/
private abbrev First (α : Type) := IO.Ref (Option (Except ErrorRef α))

/-- Notes what is the first of its kind. -/
private def First.note (first : First α) (result : Except ErrorRef α) : BaseIO Unit :=
  first.modify fun noted => noted <|> some result

/-- Waits for children; what is thrown is the error of the first that failed, as it was. -/
private def First.await (first : First α) (start : Runtime → IO Native.Promise) : Async Unit := do
  let runtime ← Async.runtime
  try awaitStarted (return ⟨← start runtime, runtime, .unit⟩)
  catch error : ErrorRef =>
    if let some (.error own) ← first.get then throwThe ErrorRef own
    throwThe ErrorRef error

/-- Runs all pieces side by side and gives their values in order, none for none. The first error ends it, and cancels
the others. It ends when all of them have ended, with their clean-ups. (PROM-31) -/
def all (actions : Array (Async α)) : Async (Array α) := withChildren fun children => do
  let failed : First Unit ← IO.mkRef none
  let mut places : Array (IO.Ref (Option α)) := #[]
  let mut promises := #[]
  for action in actions do
    let place ← IO.mkRef none
    places := places.push place
    let started ← goOn <| children.run action fun
      | .ok value => do
        place.set (some value)
        return .ok ()
      | .error error => do
        failed.note (.error error)
        return .error error
      | .canceled => return .canceled
    if let some promise := started then promises := promises.push promise
  failed.await (Native.Promise.all ·.native promises)
  let mut values := #[]
  for place in places do
    if let some value ← place.get then values := values.push value
  return values

/-- Runs all pieces side by side until the first ends, with a value or an error, and cancels the others. It gives that when
all of them have ended, with their clean-ups. Errors: `invalidArgument` without any. (PROM-16) -/
def race (actions : Array (Async α)) : Async α := withChildren fun children => do
  let first : First α ← IO.mkRef none
  let mut promises := #[]
  for action in actions do
    let started ← goOn <| children.run action fun
      | .ok value => do
        first.note (.ok value)
        return .ok ()
      | .error error => do
        first.note (.error error)
        return .error error
      | .canceled => return .canceled
    match started with
    | some promise => promises := promises.push promise
    | none => break
  if (← first.get).isNone then first.await (Native.Promise.race ·.native promises)
  match ← first.get with
  | some (.ok value) => return value
  | some (.error error) => throwThe ErrorRef error
  | none => throwThe ErrorRef Outcome.canceledError

/-- Runs the code for `nanos` nanoseconds at most, then cancels it and, once it has cleaned up, throws `timedOut`.
(TIME-04) -/
def timeout (nanos : UInt64) (action : Async α) : Async α := withChildren fun children => do
  let first : First α ← IO.mkRef none
  let started ← goOn <| children.run action fun
    | .ok value => do
      first.note (.ok value)
      return .ok ()
    | .error error => do
      first.note (.error error)
      return .error error
    | .canceled => return .canceled
  if let some promise := started then first.await fun _ => promise.timeout nanos
  match ← first.get with
  | some (.ok value) => return value
  | some (.error error) => throwThe ErrorRef error
  | none => throwThe ErrorRef Outcome.canceledError

/--
Runs `action`, which may block, on a thread of Lean's and suspends until it is done; `priority` says which. The
default is a thread of its own, so that others do not wait behind it.

Errors: those of `action`. Cancellation: `action` goes on unseen; `IO.checkCanceled` tells it.
-/
def liftBlocking (action : IO α) (priority : Task.Priority := .dedicated) : Async α := do
  let runtime ← Async.runtime
  let task ← BaseIO.asTask (prio := priority) (ErrorRef.attempt action)
  try awaitStarted (PromiseRef.ofTask runtime task) finally IO.cancel task

end KjAsync.Async
