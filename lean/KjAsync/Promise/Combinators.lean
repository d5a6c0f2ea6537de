import KjAsync.Promise.Await
import KjAsync.Timer

/-!
Combinators. Each starts at once, returns a new promise and never blocks; the input stays usable. Closures run
on the loop thread: they must not block, and what they throw rejects the new promise. Cancelling the new promise
drops its hold on the input, which is cancelled too if nobody else holds it; a closure that has not begun then
never runs. Each throws `badHandle` if its input was released and `shutdown` after a shutdown.
-/

namespace KjAsync.PromiseRef

/-- The value, passed through a function. An error passes by. (PROM-05) -/
def map (promise : PromiseRef α) (f : α → β) : IO (PromiseRef β) :=
  promise.onValue fun value => return .ok (f value)

/-- Runs `next` with the value; the new promise has what it returns. An error passes by. (PROM-05) -/
def «then» (promise : PromiseRef α) (next : α → IO β) : IO (PromiseRef β) :=
  promise.onValue fun value => Outcome.ofIO (next value)

/-- Runs `next` with the value and goes on as the promise that it returns. An error passes by. (PROM-07) -/
def bind (promise : PromiseRef α) (next : α → IO (PromiseRef β)) : IO (PromiseRef β) :=
  promise.onValue fun value => do
    match ← (next value).toBaseIO with
    | .ok promise => return .pending promise
    | .error error => return .error error

/-- The value, or what `handler` makes of the error; a handler that cannot help throws it again. (PROM-10) -/
def «catch» (promise : PromiseRef α) (handler : IO.Error → IO α) : IO (PromiseRef α) :=
  promise.onSettled fun
    | .ok value => return .ok value
    | .error error => Outcome.ofIO (handler error)

/-- The value, or what `handler` makes of an error of this kind. Other errors pass by. (PROM-10, EXC-01) -/
def catchKind (promise : PromiseRef α) (kind : ErrorKind) (handler : IO.Error → IO α) : IO (PromiseRef α) :=
  promise.catch fun error => if Error.kind? error == some kind then handler error else throw error

/--
Runs `cleanup` exactly once, on the loop: after the value, after the error, or when the new promise is cancelled,
released or shut down. Then the outcome passes on, unless `cleanup` throws.
-/
def «finally» (promise : PromiseRef α) (cleanup : IO Unit) : IO (PromiseRef α) := do
  let native ← promise.native.onDone fun call => do
    Outcome.deliver call (← Outcome.ofIO cleanup)
  return { promise with native }

/-- All values, in the order of the promises, none for none. The first error rejects the result, and lets go of
the others. (PROM-31) -/
def all (runtime : Runtime) (promises : Array (PromiseRef α)) : IO (PromiseRef (Array α)) := do
  let native ← Native.Promise.all runtime.native (promises.map (·.native))
  let joined : PromiseRef Unit := ⟨native, runtime, .unit⟩
  joined.then fun () => promises.mapM fun promise => promise.reader.ofPromise promise.runtime promise.native

/-- The outcome, value or error, of the first to settle. The result lets go of the others before anybody learns
of it. Errors: `invalidArgument` without any promise. (PROM-16) -/
def race (runtime : Runtime) (promises : Array (PromiseRef α)) : IO (PromiseRef α) := do
  let natives ← promises.mapM asObject
  return ⟨← Native.Promise.race runtime.native natives, runtime, .object⟩

/-- The outcome, or an error of kind `timedOut` after `nanos` nanoseconds: then the hold on the input is dropped,
so that it is cancelled if nobody else holds it. (TIME-04) -/
def timeout (promise : PromiseRef α) (nanos : UInt64) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.timeout nanos }

/-- As `timeout`, when `monoNanosNow` reaches `monoNanos`; on the next turn if it has. (TIME-04) -/
def deadline (promise : PromiseRef α) (monoNanos : UInt64) : IO (PromiseRef α) := do
  let now ← monoNanosNow
  promise.timeout (if monoNanos ≤ now then 0 else monoNanos - now)

/-- A branch: the same outcome, to be cancelled on its own. The operation goes on while a branch or the original
is held. (FORK-01, FORK-03) -/
def fork (promise : PromiseRef α) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.fork }

/-- Keeps `object` alive until the new promise has settled or is gone, and longer than the operation itself.
(PROM-17) -/
def attach (promise : PromiseRef α) (object : β) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.attach object }

/--
Gives the promise to the loop: it runs to its end, or until the runtime is shut down, and `onError` hears of a
failure, on the loop thread. Of what `onError` throws nothing is heard. The handle is consumed: later calls on
this promise throw `badHandle`. (PROM-19)
-/
def detach (promise : PromiseRef α) (onError : IO.Error → IO Unit) : IO Unit :=
  promise.native.detach fun call => do discard (onError (← call.error)).toBaseIO

end KjAsync.PromiseRef
