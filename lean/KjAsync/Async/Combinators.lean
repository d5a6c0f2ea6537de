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

/-- For the end of a child: notes it. -/
private def First.ended (first : First α) : Ended α → BaseIO (Outcome Unit)
  | .ok value => do
    first.note (.ok value)
    return .ok ()
  | .error error => do
    first.note (.error error)
    return .error error
  | .canceled => return .canceled

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
    let started ← goOn (children.run action first.ended)
    match started with
    | some promise => promises := promises.push promise
    | none => break
  if (← first.get).isNone then first.await (Native.Promise.race ·.native promises)
  match ← first.get with
  | some (.ok value) => return value
  | some (.error error) => throwThe ErrorRef error
  | none => throwThe ErrorRef Outcome.canceledError

/-- Runs both pieces side by side and gives both values. The first error ends it, and cancels the other one. (PROM-31) -/
def both (left : Async α) (right : Async β) : Async (α × β) := do
  let first : IO.Ref (Option α) ← IO.mkRef none
  let second : IO.Ref (Option β) ← IO.mkRef none
  discard <| all #[do first.set (some (← left)), do second.set (some (← right))]
  match ← first.get, ← second.get with
  | some left, some right => return (left, right)
  | _, _ => throwThe ErrorRef Outcome.canceledError

/-- Runs all pieces side by side until each has ended, and gives what they have come to, in order. (PROM-30) -/
def allSettled [ErrorForm ε] (actions : Array (Async α)) : Async (Array (Except ε α)) :=
  all <| actions.map fun action => do
    try return .ok (← action) catch error : ErrorRef => return .error (ErrorForm.ofRef error)

/-- Runs all pieces side by side until the first succeeds, and cancels the others. If all fail, the error of the last to do so.
Errors: `invalidArgument` without any. (PROM-32) -/
def any (actions : Array (Async α)) : Async α := do
  let left ← IO.mkRef actions.size
  race <| actions.map fun action => do
    try action
    catch error : ErrorRef =>
      left.modify (· - 1)
      if (← left.get) == 0 then throwThe ErrorRef error
      never

/-- Runs `f` on each item, for `limit` of them at a time, and gives the results in order. The first error ends it, and cancels those
that run. -/
def mapConcurrently (limit : Nat) (items : Array α) (f : α → Async β) : Async (Array β) := do
  let next ← IO.mkRef 0
  let results : IO.Ref (Array (Option β)) ← IO.mkRef (Array.replicate items.size none)
  let worker : Async Unit := do
    repeat
      let index ← next.modifyGet fun index => (index, index + 1)
      let some item := items[index]? | return
      let result ← f item
      results.modify (·.set! index (some result))
  discard <| all (Array.replicate (min (max 1 limit) items.size) worker)
  return (← results.get).filterMap id

/-- Runs a child until it has ended, or is ended by what `around` makes of its promise. Gives what the child itself came to, or else
the error that ended it. Not for users. -/
def supervise (action : Async α) (around : Native.Promise → IO Native.Promise) :
    Async (Except ErrorRef α ⊕ ErrorRef) := withChildren fun children => do
  let first : First α ← IO.mkRef none
  let why ← try
      if let some promise ← goOn (children.run action first.ended) then
        -- Others may hold it: a scope does, to end it.
        try first.await fun _ => around promise finally discard promise.cancel.toBaseIO
      pure Outcome.canceledError
    catch error : ErrorRef => pure error
  match ← first.get with
  | some result => return .inl result
  | none => return .inr why

/-- Runs the code for this time at most, then cancels it and, once it has cleaned up, gives `none`. An error of kind `timedOut` that
the code itself throws, such as that of a limit inside it, stays an error. (TIME-04) -/
def timeout? (limit : Duration) (action : Async α) : Async (Option α) := do
  match ← supervise action (·.timeout limit) with
  | .inl (.ok value) => return some value
  | .inl (.error error) => throwThe ErrorRef error
  | .inr error => if error.kind == .timedOut then return none else throwThe ErrorRef error

/-- Runs the code for this time at most, then cancels it and, once it has cleaned up, throws `timedOut`. `timeout?` tells that from a
limit inside the code. (TIME-04) -/
def timeout (limit : Duration) (action : Async α) : Async α := do
  match ← timeout? limit action with
  | some value => return value
  | none => throwThe ErrorRef (.ofKind .timedOut s!"not done within {limit}")

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
