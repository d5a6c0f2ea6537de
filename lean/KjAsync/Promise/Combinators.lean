import KjAsync.Promise.Basic

/-!
Combinators. Each starts at once, returns a new promise and never blocks; the input stays usable. Closures run
on the loop thread: they must not block, and what they throw rejects the new promise. Cancelling the new promise
drops its hold on the input, which is cancelled too if nobody else holds it.
-/

namespace KjAsync.PromiseRef

/-- The value, passed through a function. -/
def map (promise : PromiseRef α) (f : α → β) : IO (PromiseRef β) :=
  promise.onValue fun value => return .ok (f value)

/-- Runs `next` with the value. An error of `promise` passes by `next`. -/
def «then» (promise : PromiseRef α) (next : α → IO β) : IO (PromiseRef β) :=
  promise.onValue fun value => return .ofExcept (← (next value).toBaseIO)

/-- Runs `next` with the value and goes on as the promise that it returns. -/
def bind (promise : PromiseRef α) (next : α → IO (PromiseRef β)) : IO (PromiseRef β) :=
  promise.onValue fun value => do
    match ← (next value).toBaseIO with
    | .ok promise => return .pending promise
    | .error error => return .error error

/-- The value, or what `handler` makes of the error. -/
def «catch» (promise : PromiseRef α) (handler : IO.Error → IO α) : IO (PromiseRef α) :=
  promise.onSettled fun
    | .ok value => return .ok value
    | .error error => return .ofExcept (← (handler error).toBaseIO)

/--
Runs `cleanup` once, whether the promise succeeds, fails or is cancelled, and passes the outcome on. Of what
`cleanup` throws nothing is heard.
-/
def «finally» (promise : PromiseRef α) (cleanup : IO Unit) : IO (PromiseRef α) := do
  let native ← promise.native.onDone fun _ => discard cleanup.toBaseIO
  return { promise with native }

/-- All values, in the order of the promises. The first error rejects the result and drops the others. -/
def all (runtime : Runtime) (promises : Array (PromiseRef α)) : IO (PromiseRef (Array α)) := do
  let native ← Native.Promise.all runtime.native (promises.map (·.native))
  let joined : PromiseRef Unit := ⟨native, runtime, .unit⟩
  joined.then fun () => promises.mapM fun promise => promise.reader.ofPromise promise.runtime promise.native

/-- The outcome, value or error, of the first to settle; the others are dropped. Errors: `invalidArgument`
without any promise. -/
def race (runtime : Runtime) (promises : Array (PromiseRef α)) : IO (PromiseRef α) := do
  let natives ← promises.mapM asObject
  return ⟨← Native.Promise.race runtime.native natives, runtime, .object⟩

/-- The outcome, or an error of kind `timedOut` after `nanos` nanoseconds; the hold on the input is then
dropped, so that it is cancelled if nobody else holds it. -/
def timeout (promise : PromiseRef α) (nanos : UInt64) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.timeout nanos }

/-- A branch: the same outcome, to be cancelled on its own. The operation goes on while one branch is held. -/
def fork (promise : PromiseRef α) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.fork }

/-- Keeps `object` alive until the promise has settled or is gone. -/
def attach (promise : PromiseRef α) (object : β) : IO (PromiseRef α) :=
  return { promise with native := ← promise.native.attach object }

/--
Gives the promise to the loop: it runs to its end, or until the runtime is shut down, and `onError` hears of a
failure, on the loop thread. The handle is consumed: later calls on this promise throw `badHandle`.
-/
def detach (promise : PromiseRef α) (onError : IO.Error → IO Unit) : IO Unit :=
  promise.native.detach fun call => do discard (onError (← call.error)).toBaseIO

end KjAsync.PromiseRef
