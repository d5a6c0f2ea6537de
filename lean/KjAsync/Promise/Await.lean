import KjAsync.Promise.Outcome

/-! Waiting for a promise, in `IO` by blocking and in other monads as they can. -/

namespace KjAsync

/--
The monads that can wait for a promise. In `IO` the thread blocks; in `Async` the code is suspended and the loop
goes on with other things. So there is one `read`, one `accept` and one `await`, and they do what fits the code
they stand in. A monad transformer over one of these waits as that does.
-/
class MonadAwait (m : Type → Type) where
  /-- Starts an operation and waits for it. -/
  awaitStarted {α : Type} (start : IO (PromiseRef α)) : m α

@[default_instance]
instance : MonadAwait IO where
  awaitStarted start := do
    let promise ← start
    promise.native.await
    promise.reader.ofPromise promise.runtime promise.native

@[always_inline]
instance (priority := low) [MonadLift m n] [MonadAwait m] : MonadAwait n where
  awaitStarted start := MonadLift.monadLift (MonadAwait.awaitStarted start : m _)

/--
Waits until the promise settles, and returns its value or throws its error. A promise may be awaited any number
of times, also by several threads at once. (PROM-12)

Blocks the thread in `IO`; suspends the code in `Async`. Errors: the promise's own; `shutdown`; `badHandle` after
`release` or shutdown; in `IO` also `wouldDeadlock` on a loop's thread, and `wrongThread` off the owner's thread of
a wait scope, whose loop turns inside this call.
-/
@[inline] def PromiseRef.await [MonadAwait m] (promise : PromiseRef α) : m α :=
  MonadAwait.awaitStarted (pure promise)

/-- Ends the operation as `cancel` does, and waits until all is over that this sets off: the `finally` blocks of code that was
running, a closure that is running. Errors: `badHandle`. (CANC-04) -/
@[inline] def PromiseRef.cancelAndWait [MonadAwait m] (promise : PromiseRef α) : m Unit :=
  MonadAwait.awaitStarted promise.cancelStart

end KjAsync
