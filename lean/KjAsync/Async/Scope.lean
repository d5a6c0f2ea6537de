import KjAsync.Async.Combinators

/-! Code that runs beside other code, and what ends it. -/

namespace KjAsync.Async

/-- The place of a member of a scope; empty when the member has ended. -/
private abbrev Place := IO.Ref (Option Native.Promise)

/--
What was started inside `Async.withScope` or `Async.withCancel` and has not ended. Only code on the loop of the scope touches it.
-/
structure Scope where
  /-- Not for users: made by `Async.withScope` and `Async.withCancel`. -/
  private ofPlaces ::
  /-- As many places as there were members at one time; `none` once the scope takes nobody any more. -/
  private places : IO.Ref (Option (List Place))
  /-- The places that are empty. -/
  private free : IO.Ref (List Place)
  /-- The members. -/
  private children : Children
  /-- The body. -/
  private body : Place
  /-- The first failure of a member that nobody else hears of. -/
  private failure : IO.Ref (Option ErrorRef)

namespace Scope

private protected def new : BaseIO Scope :=
  return ⟨← IO.mkRef (some []), ← IO.mkRef [], ← Children.new, ← IO.mkRef none, ← IO.mkRef none⟩

private def takePlace (scope : Scope) (places : List Place) : BaseIO Place := do
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

/-- Does it take nobody any more? -/
def hasEnded (scope : Scope) : BaseIO Bool := return (← scope.places.get).isNone

/-- How many members have not ended. -/
def size (scope : Scope) : BaseIO Nat := scope.children.count

private def end_ (place : Place) : BaseIO Unit := do
  if let some promise ← place.get then discard promise.cancel.toBaseIO

/-- Cancels the members; it takes nobody any more. What they wait for is dropped at once, and their `finally` blocks run soon
after: `wait` waits for those. The body goes on. -/
def cancel (scope : Scope) : BaseIO Unit := do
  for place in (← scope.places.swap none).getD [] do end_ place

/-- Cancels the members and the body, and has the scope end with this error. The first one counts. -/
def fail [ErrorForm ε] (scope : Scope) (error : ε) : BaseIO Unit := do
  scope.failure.modify (· <|> some (ErrorForm.toRef error))
  scope.cancel
  end_ scope.body

/-- Waits until the members have ended, clean-ups included. For the body of the scope: a member that waits for itself waits for
ever. -/
def wait (scope : Scope) : Async Unit := scope.children.wait

/-- Starts a member; `failed` hears of a failure that is not a cancellation. -/
private def start (scope : Scope) (action : Async α) (failed : ErrorRef → BaseIO Unit) : Async (PromiseRef α) := fun context => do
  let ended : ErrorRef := .ofKind .canceled "the scope has ended"
  if ← scope.hasEnded then return .error ended
  let place : IO.Ref (Option Place) ← IO.mkRef none
  let member := scope.children.run action fun result => do
    if let some place ← place.get then scope.leavePlace place
    if let .error error := result then
      unless error.kind == .canceled do failed error
    return .ofEnded result
  let outcome ← member context
  let waits := outcome matches .suspended ..
  match ← ErrorRef.attempt (outcome.toPromise context.runtime) with
  | .error error => return .error error
  | .ok promise =>
    if waits then
      -- What runs up to its first wait may have ended the scope.
      match ← scope.places.get with
      | none => discard promise.cancel.toBaseIO
      | some places =>
        let taken ← scope.takePlace places
        place.set (some taken)
        taken.set (some promise.native)
    return .ok promise

/--
Starts code as a member of the scope, up to its first wait, and gives a promise of its result. The scope owns it: it
runs on when the promise is dropped and is cancelled when the scope ends. If it fails, other than by being cancelled, the scope fails: the body and
the other members are cancelled, and the scope throws the error. `spawnCatching` is for failures that are nobody else's business.
Errors: `canceled` once the scope has ended.
-/
def spawn (scope : Scope) (action : Async α) : Async (PromiseRef α) := scope.start action scope.fail

/-- As `spawn`, but the scope goes on when the code fails: `onError` hears of that, on the loop thread. Of what it throws nothing
is heard. -/
def spawnCatching [ErrorForm ε] (scope : Scope) (action : Async α) (onError : ε → IO Unit) : Async (PromiseRef α) :=
  scope.start action fun error => discard (onError (ErrorForm.ofRef error)).toBaseIO

/-- Runs the body, and `after` it. -/
private def run (body : Scope → Async α) (after : Scope → Async Unit) : Async α := do
  let scope ← Scope.new
  try
    let result ← supervise (do let value ← body scope; after scope; return value) fun promise => do
      scope.body.set (some promise)
      -- A member has failed before the body waited.
      if (← scope.failure.get).isSome then promise.cancel
      return promise
    if let some error ← scope.failure.get then throwThe ErrorRef error
    match result with
    | .inl (.ok value) => return value
    | .inl (.error error) | .inr error => throwThe ErrorRef error
  finally
    scope.cancel
    scope.wait

end Scope

/--
Runs `body` with a scope, and waits for what was started in the scope: structured concurrency. The first failure, of the body or of a
member, cancels all the others and is what the scope throws. When the code itself is cancelled, all are. It ends after the `finally` blocks of all of
them.

    Async.withScope fun scope => do
      discard <| scope.spawn produce
      consume
-/
def withScope (body : Scope → Async α) : Async α := Scope.run body Scope.wait

/--
As `withScope`, but what has not ended when `body` has is cancelled: after the value, after the error, and when the code itself is
cancelled. It ends after the `finally` blocks of what it cancelled.
-/
def withCancel (body : Scope → Async α) : Async α := Scope.run body fun _ => return

/--
Starts code that runs on by itself, until it ends or the runtime is shut down; `onError` hears of a failure, on the loop
thread. `Scope.spawn` starts code that does not outlive its scope. (PROM-19)
-/
def background [ErrorForm ε] (action : Async Unit) (onError : ε → IO Unit) : Async Unit := fun { runtime, .. } => do
  Outcome.ofIO do (← (← action { runtime }).toPromise runtime).detach onError

end KjAsync.Async
