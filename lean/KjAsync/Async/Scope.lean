import KjAsync.Async.Combinators

/-! Code that runs beside other code, and what ends it. -/

namespace KjAsync.Async

/-- The place of a member of a scope; empty when the member has ended. -/
private abbrev Place := IO.Ref (Option Native.Promise)

/--
What was started inside `Async.withCancel` and has not ended. When the scope ends it is cancelled. Only code on the loop
of the scope touches it.
-/
structure Scope where
  /-- Not for users: made by `Async.withCancel`. -/
  private ofPlaces ::
  /-- As many places as there were members at one time; `none` once the scope has ended. -/
  private places : IO.Ref (Option (List Place))
  /-- The places that are empty. -/
  private free : IO.Ref (List Place)
  /-- The members. -/
  private children : Children

namespace Scope

private def takePlace (scope : Scope) : IO Place := do
  let some places ← scope.places.get | throw (Error.ofKind .canceled "the scope has ended")
  match ← scope.free.get with
  | place :: free =>
    scope.free.set free
    return place
  | [] =>
    let place ← IO.mkRef none
    scope.places.set (some (place :: places))
    return place

private def leavePlace (scope : Scope) (place : Place) : BaseIO Unit := do
  place.set none
  scope.free.modify (place :: ·)

/-- Has the scope ended? -/
def hasEnded (scope : Scope) : BaseIO Bool := return (← scope.places.get).isNone

/-- How many members have not ended. -/
def size (scope : Scope) : BaseIO Nat :=
  return ((← scope.places.get).getD []).length - (← scope.free.get).length

/--
Starts code as a member of the scope, up to its first wait, and gives a promise of its result. The scope owns it: it
runs on when the promise is dropped and is cancelled when the scope ends. `onError` hears of a failure that is not a
cancellation, on the loop thread. Errors: `canceled` once the scope has ended.
-/
def spawn [ErrorForm ε] (scope : Scope) (action : Async α) (onError : ε → IO Unit := fun _ => return) :
    Async (PromiseRef α) := fun context => do
  if ← scope.hasEnded then return .error (.ofKind .canceled "the scope has ended")
  let place : IO.Ref (Option Place) ← IO.mkRef none
  let member := scope.children.run action fun result => do
    if let some place ← place.get then scope.leavePlace place
    if let .error error := result then
      unless error.kind == .canceled do discard (onError (ErrorForm.ofRef error)).toBaseIO
    return .ofEnded result
  match ← member context with
  | waiting@(.suspended ..) => Outcome.ofIO do
    let promise ← waiting.toPromise context.runtime
    let taken ← scope.takePlace
    place.set (some taken)
    taken.set (some promise.native)
    return promise
  | ended => Outcome.ofIO (ended.toPromise context.runtime)

private def finish (scope : Scope) : Async Unit := do
  for place in (← scope.places.swap none).getD [] do
    if let some promise ← place.get then discard promise.cancel.toBaseIO
  scope.children.wait

end Scope

/--
Runs `body` with a scope, and cancels what was started in the scope and has not ended: after the value, after the error,
and when the code itself is cancelled. It ends after the `finally` blocks of what it cancelled.
-/
def withCancel (body : Scope → Async α) : Async α := do
  let scope := ⟨← IO.mkRef (some []), ← IO.mkRef [], ← Children.new⟩
  try body scope finally scope.finish

/--
Starts code that runs on by itself, until it ends or the runtime is shut down; `onError` hears of a failure, on the loop
thread. `Scope.spawn` starts code that does not outlive its scope. (PROM-19)
-/
def background [ErrorForm ε] (action : Async Unit) (onError : ε → IO Unit) : Async Unit := fun { runtime, .. } => do
  Outcome.ofIO do (← (← action { runtime }).toPromise runtime).detach onError

end KjAsync.Async
