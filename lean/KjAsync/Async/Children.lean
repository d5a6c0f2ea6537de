import KjAsync.Async.Finally

/-! Code that other code has started and waits for. -/

namespace KjAsync.Async

/-- Counts the pieces of code that somebody has started and that have not ended, clean-ups included. Only code on the loop
touches it. -/
structure Children where
  /-- How many there are, and what to do when there are none left. -/
  private state : IO.Ref (Nat × List (BaseIO Unit))

namespace Children

/-- None. -/
protected def new : BaseIO Children := return ⟨← IO.mkRef (0, [])⟩

private def add (children : Children) : BaseIO Unit := children.state.modify fun (count, next) => (count + 1, next)

private def remove (children : Children) : BaseIO Unit := do
  match ← children.state.get with
  | (1, next) =>
    children.state.set (0, [])
    next.forM id
  | (count, next) => children.state.set (count - 1, next)

/-- How many have not ended. -/
def count (children : Children) : BaseIO Nat := return (← children.state.get).1

/-- Runs code up to its first wait, and counts it from then until it has ended; `ended` says what its end amounts to. -/
def run (children : Children) (action : Async α) (ended : Ended α → BaseIO (Outcome β)) : Async β :=
  fun { runtime, .. } => do
    let outcome ← action { runtime }
    unless outcome matches .suspended .. do return ← outcome.whenEnded ended
    children.add
    outcome.whenEnded fun result => do
      children.remove
      ended result

/-- Waits until all have ended. -/
def wait (children : Children) : Async Unit := fun context => do
  let (count, next) ← children.state.get
  if count == 0 then return .ok ()
  match ← ErrorRef.attempt (Fulfiller.new context.runtime) with
  | .error error => return .error error
  | .ok (fulfiller, promise) =>
    children.state.set (count, discard (fulfiller.fulfill ()).toBaseIO :: next)
    return .suspended promise.native context.shielded (.ofFun fun call _ => do
      -- Nothing else fails this wait than a shutdown, which ends the youngest first: all children have ended.
      return if ← call.isCanceled then .canceled else .ok ())

end Children

/-- Runs the body with children, and waits for these in the end. -/
@[inline] def withChildren (body : Children → Async α) : Async α := do
  let children ← Children.new
  try body children finally children.wait

end KjAsync.Async
