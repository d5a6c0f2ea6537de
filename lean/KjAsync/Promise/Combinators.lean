import KjAsync.Promise.Await
import KjAsync.Timer

/-!
Combinators. Each starts at once, returns a new promise and never blocks; the input stays usable. Closures run
on the loop thread: they must not block, and what they throw rejects the new promise. Cancelling the new promise
drops its hold on the input, which is cancelled too if nobody else holds it; a closure that has not begun then
never runs. Each throws `badHandle` if its input was released and `shutdown` after a shutdown.

`PromiseRef` is no `Functor` and no `Monad`: `map` and `bind` start something, so their results are in `IO`, and the
classes have no place for that. The monad of code that waits is `Async`.
-/

namespace KjAsync.PromiseRef

/-- What the handler of an error comes to is the result of the running call. -/
private def handleError [ErrorForm ε] (call : Native.Call) (handler : ε → IO β) (error : ErrorRef) : BaseIO Unit := do
  match ← (handler (ErrorForm.ofRef error)).toBaseIO with
  | .ok value => call.returnObject value
  | .error again => Outcome.rejectCall call (← ErrorRef.thrown again [error])

/-- The value, passed through a function. An error passes by. (PROM-05) -/
def map (promise : PromiseRef α) (f : α → β) : IO (PromiseRef β) :=
  promise.onValue fun call value => call.returnObject (f value)

/-- Runs `next` with the value; the new promise has what it returns. An error passes by. (PROM-05) -/
def «then» (promise : PromiseRef α) (next : α → IO β) : IO (PromiseRef β) :=
  promise.onValue fun call value => do Outcome.leaveObject call (← ErrorRef.attempt (next value))

/-- Runs `next` with the value and goes on as the promise that it returns. An error passes by. (PROM-07) -/
def bind (promise : PromiseRef α) (next : α → IO (PromiseRef β)) : IO (PromiseRef β) :=
  promise.onValue fun call value => Outcome.returnNative call do (← next value).asObject

/-- Goes on as the promise that is the value: what a handler or an action gives that returns a promise. An error passes
by. (PROM-07) -/
def flatten (promise : PromiseRef (PromiseRef α)) : IO (PromiseRef α) := promise.bind pure

/-- Runs `next` with the value or the error; the new promise has what it returns. Unlike `catch` above `then`, what it throws it
does not get to see itself. (PROM-06) -/
def handleBoth [ErrorForm ε] (promise : PromiseRef α) (next : Except ε α → IO β) : IO (PromiseRef β) :=
  promise.onSettled fun call outcome => do
    match outcome with
    | .ok value => Outcome.leaveObject call (← ErrorRef.attempt (next (.ok value)))
    | .error error => handleError call (fun error => next (.error error)) error

/-- The value, or what `handler` makes of the error; a handler that cannot help throws it again, and then all that it carries
passes on. (PROM-10, EXC-07) -/
def «catch» [ErrorForm ε] (promise : PromiseRef α) (handler : ε → IO α) : IO (PromiseRef α) :=
  promise.onSettled fun call outcome => do
    match outcome with
    | .ok value => call.returnObject value
    | .error error => handleError call handler error

/-- The value, or what `handler` makes of an error of this kind. Other errors pass by. (PROM-10, EXC-01) -/
def catchKind [ErrorForm ε] (promise : PromiseRef α) (kind : ErrorKind) (handler : ε → IO α) : IO (PromiseRef α) :=
  promise.onSettled fun call outcome => do
    match outcome with
    | .ok value => call.returnObject value
    | .error error => if error.kind == kind then handleError call handler error else Outcome.rejectCall call error

/-- The value, or another error in place of this one: to say where it passed or to add details. It runs on the loop.
(EXC-04, PROM-10) -/
def mapError (promise : PromiseRef α) (f : ErrorRef → ErrorRef) : IO (PromiseRef α) := do
  let native ← promise.native.onError fun call => do Outcome.rejectCall call (f (← call.failure))
  return { promise with native }

/--
Runs `cleanup` exactly once, on the loop: after the value, after the error, or when the new promise is cancelled,
released or shut down. Then the outcome passes on, unless `cleanup` throws.
-/
def «finally» (promise : PromiseRef α) (cleanup : IO Unit) : IO (PromiseRef α) := do
  let native ← promise.native.onDone fun call => Outcome.orReject call cleanup
  return { promise with native }

/-- The values of two promises that are joined in some way. -/
private def pairOf (join : Native.Runtime → Array Native.Promise → IO Native.Promise) (first : PromiseRef α)
    (second : PromiseRef β) : IO (PromiseRef (α × β)) := do
  let native ← join first.runtime.native #[first.native, second.native]
  let joined : PromiseRef Unit := ⟨native, first.runtime, .unit⟩
  joined.then fun () => return (← first.reader.ofPromise first.runtime first.native,
    ← second.reader.ofPromise second.runtime second.native)

/-- All values, in the order of the promises, none for none. The first error rejects the result, and drops
the others. (PROM-31) -/
def all (runtime : Runtime) (promises : Array (PromiseRef α)) : IO (PromiseRef (Array α)) := do
  let native ← Native.Promise.all runtime.native (promises.map (·.native))
  let joined : PromiseRef Unit := ⟨native, runtime, .unit⟩
  joined.then fun () => promises.mapM fun promise => promise.reader.ofPromise promise.runtime promise.native

/-- Both values, of promises of different types. The first error rejects the result, and drops the other. The result
belongs to the loop of the first. (PROM-31) -/
def both (first : PromiseRef α) (second : PromiseRef β) : IO (PromiseRef (α × β)) :=
  pairOf Native.Promise.all first second

/-- Both values, of promises of different types, once both have settled; the error of the first if that has failed, else
that of the second. The result belongs to the loop of the first. (PROM-30) -/
def joinBoth (first : PromiseRef α) (second : PromiseRef β) : IO (PromiseRef (α × β)) :=
  pairOf Native.Promise.join first second

/-- All values, in the order of the promises, none for none, once every promise has settled. If any failed, the error
of the first of them in that order. Nothing is dropped before. (PROM-30) -/
def join (runtime : Runtime) (promises : Array (PromiseRef α)) : IO (PromiseRef (Array α)) := do
  let native ← Native.Promise.join runtime.native (promises.map (·.native))
  let joined : PromiseRef Unit := ⟨native, runtime, .unit⟩
  joined.then fun () => promises.mapM fun promise => promise.reader.ofPromise promise.runtime promise.native

/-- All outcomes, values and errors, in the order of the promises, once every promise has settled. -/
def allSettled [ErrorForm ε] (runtime : Runtime) (promises : Array (PromiseRef α)) :
    IO (PromiseRef (Array (Except ε α))) := do
  let native ← Native.Promise.allSettled runtime.native (promises.map (·.native))
  let settled : PromiseRef Unit := ⟨native, runtime, .unit⟩
  settled.then fun () => promises.mapM fun promise =>
    return (← promise.reader.result promise.runtime promise.native).mapError ErrorForm.ofRef

/-- The outcome, value or error, of the first to settle. The result drops the others before anybody learns
of it. Errors: `invalidArgument` without any promise. (PROM-16) -/
def race (runtime : Runtime) (promises : Array (PromiseRef α)) : IO (PromiseRef α) := do
  let natives ← promises.mapM asObject
  return ⟨← Native.Promise.race runtime.native natives, runtime, .object⟩

/-- The value of the first to succeed; the others are dropped before anybody learns of it. If all fail, the error of
the last to do so. Errors: `invalidArgument` without any promise. (PROM-32) -/
def any (runtime : Runtime) (promises : Array (PromiseRef α)) : IO (PromiseRef α) := do
  let natives ← promises.mapM asObject
  return ⟨← Native.Promise.any runtime.native natives, runtime, .object⟩

/-- A promise of each part of a pair; cancelled one by one. (PROM-15) -/
def split (promise : PromiseRef (α × β)) : IO (PromiseRef α × PromiseRef β) :=
  return (← promise.map (·.1), ← promise.map (·.2))

/-- The same without the value. Errors are kept. (PROM-11) -/
def ignoreResult (promise : PromiseRef α) : IO (PromiseRef Unit) := promise.map fun _ => ()

/-- The promise that `start` makes, or a rejected one if it throws. It runs inside this call. (PROM-24) -/
def evalNow (runtime : Runtime) (start : IO (PromiseRef α)) : IO (PromiseRef α) := do
  match ← start.toBaseIO with
  | .ok promise => return promise
  | .error error => fail runtime (← ErrorRef.thrown error)

/-- The outcome, or an error of kind `timedOut` after this time: then the hold on the input is dropped,
so that it is cancelled if nobody else holds it. (TIME-04) -/
def timeout (promise : PromiseRef α) (limit : Duration) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.timeout limit }

/-- As `timeout`, when `Runtime.now` reaches this moment; on the next turn if it has. (TIME-04) -/
def deadline (promise : PromiseRef α) (moment : MonoTime) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.deadline moment }

/-- A branch: the same outcome, to be cancelled on its own. The operation goes on while a branch or the original
is held. (FORK-01, FORK-03) -/
def fork (promise : PromiseRef α) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.fork }

/-- Keeps `object` alive until the new promise has settled or is gone, and longer than the operation itself.
(PROM-17) -/
def attach (promise : PromiseRef α) (object : β) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.attach object }

/--
Runs `action` once, when the new promise has settled or is gone, and after the operation itself has ended. It is what
gives up an operation of another library, and runs inside the call that ends the promise: when a `cancel` or `release`, a
timeout, a race or a shutdown has dropped the promise, `action` has returned. A `finally` runs on the loop, soon after. (FULF-09,
PROM-17, CANC-04)

*Rules for the action.* It runs on the thread that ends the promise, whichever that is: one that cancels, the loop's if it settles
or its time is up, that of whoever drops the last reference. So it must not block, wait for a promise or take a lock under which
anybody cancels. It may release and cancel other promises, settle fulfillers and start things on the loop; it cannot fail. What it refers to lives until it has
run; if it refers to the new promise itself, neither is ever dropped. If this call throws, it has run.
-/
def attachAction (promise : PromiseRef α) (action : BaseIO Unit) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.attachAction action }

/--
Gives the promise to the loop: it runs to its end, or until the runtime is shut down, and `onError` hears of a
failure, on the loop thread. Of what `onError` throws nothing is heard. The handle is consumed: later calls on
this promise throw `badHandle`. (PROM-19)
-/
def detach [ErrorForm ε] (promise : PromiseRef α) (onError : ε → IO Unit) : IO Unit :=
  promise.native.detach fun call => do discard (onError (ErrorForm.ofRef (← call.failure))).toBaseIO

end KjAsync.PromiseRef
