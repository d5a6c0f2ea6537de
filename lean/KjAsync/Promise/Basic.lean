import KjAsync.ErrorRef
import KjAsync.Runtime
import KjAsync.Native.Promise
import KjAsync.Native.Call

/-!
Promises: the type, its values, cancelling.

A `PromiseRef α` stands for an operation that runs on a runtime's loop and will settle once, with an `α` or an
`IO.Error`. Combinators leave their input usable: they hold it themselves. When nothing holds an unsettled
promise any more, it is cancelled, together with everything that nothing else needs.
-/

namespace KjAsync

/-- How a value is taken out of a settled promise, or out of the input of a callback. Not for users. -/
structure Reader (α : Type) where
  /-- The value is a Lean object, stored as it is. -/
  isObject : Bool := false
  /-- Takes the value out of a settled promise, or throws its error. -/
  ofPromise : Runtime → Native.Promise → IO α
  /-- Takes the value out of the running call, or throws its error. -/
  ofCall : Runtime → Native.Call → IO α

namespace Reader

/-- For promises whose value is a Lean object of type `α`. Saying so of any other promise is an error. -/
def object : Reader α where
  isObject := true
  ofPromise _ promise := promise.object
  ofCall _ call := call.object

/-- For promises of nothing. -/
def unit : Reader Unit where
  ofPromise _ promise := promise.unit
  ofCall _ call := call.unit

/-- For promises of a number. -/
def u64 : Reader UInt64 where
  ofPromise _ promise := promise.u64
  ofCall _ call := call.u64

/-- For promises of bytes. -/
def bytes : Reader BytesRef where
  ofPromise _ promise := return ⟨← promise.bytes⟩
  ofCall _ call := return ⟨← call.bytes⟩

/-- For promises that carry nothing, which is `none`, or what `reader` reads. -/
def option (reader : Reader α) : Reader (Option α) where
  ofPromise runtime promise := do
    if ← promise.isUnit then return none else return some (← reader.ofPromise runtime promise)
  ofCall runtime call := do
    if ← call.isUnit then return none else return some (← reader.ofCall runtime call)

/-- The value of a settled promise, or its error with all that it carries. -/
def result (reader : Reader α) (runtime : Runtime) (promise : Native.Promise) : BaseIO (Except ErrorRef α) := do
  match ← (reader.ofPromise runtime promise).toBaseIO with
  | .ok value => return .ok value
  | .error error =>
    match ← promise.errorObject.toBaseIO with
    | .ok (some native) => return .error (.ofNative native)
    | _ => return .error (.ofError error)

/-- The value that is the input of the running call, or the error with all that it carries. -/
def input (reader : Reader α) (runtime : Runtime) (call : Native.Call) : BaseIO (Except ErrorRef α) := do
  match ← (reader.ofCall runtime call).toBaseIO with
  | .ok value => return .ok value
  | .error error =>
    match ← call.errorObject.toBaseIO with
    | .ok native => return .error (.ofNative native)
    | .error _ => return .error (.ofError error)

end Reader

/-- The error that is the input of the running call. Not for users. -/
def Native.Call.failure (call : Native.Call) : BaseIO ErrorRef := do
  match ← call.errorObject.toBaseIO with
  | .ok native => return .ofNative native
  | .error error => return .ofError error

/--
An operation in progress, or its outcome.

*Threads.* Every function may be called from any thread, unless the runtime is a wait scope.

*Cancellation.* `cancel`, or dropping the last reference, ends the operation there and then: its sockets and
timers are gone when the call returns, and a closure that has not begun never runs. One that is running on the loop is
waited for by `cancel` and `release`, and not by a drop: then its result is lost when it returns. Lean drops a reference after its
last use, which may be earlier than the end of the block: keep what is to go on, or `detach` it. (PROM-01)
-/
structure PromiseRef (α : Type) where
  /-- Not for users: made by what starts an operation. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Promise
  /-- The runtime on whose loop the operation runs; kept alive. -/
  runtime : Runtime
  /-- How the value is read. -/
  reader : Reader α

namespace PromiseRef

/-- A promise that is fulfilled already. Never blocks. Errors: `shutdown`. (PROM-02) -/
protected def pure (runtime : Runtime) (value : α) : IO (PromiseRef α) :=
  return ⟨← Native.Promise.newObject runtime.native value, runtime, .object⟩

/-- A promise that is rejected already. Never blocks. Errors: `shutdown`. (PROM-03) -/
def fail [ErrorForm ε] (runtime : Runtime) (error : ε) : IO (PromiseRef α) :=
  return ⟨← Native.Promise.newErrorObject runtime.native (ErrorForm.toRef error).native, runtime, .object⟩

/-- A promise that never settles, except by cancellation. Never blocks. Errors: `shutdown`. (PROM-21) -/
def never (runtime : Runtime) : IO (PromiseRef α) :=
  return ⟨← Native.Promise.newNever runtime.native, runtime, .object⟩

/--
Blocks until the promise settles, for at most `nanos` nanoseconds; then `none`, and the promise goes on
undisturbed. See `timeout` for a deadline that cancels. Errors: as `await` in `IO`.
-/
def awaitFor? (promise : PromiseRef α) (nanos : UInt64) : IO (Option α) := do
  unless ← promise.native.awaitFor nanos do return none
  return some (← promise.reader.ofPromise promise.runtime promise.native)

/-- Has the promise settled, or been released? Never blocks. -/
def isSettled (promise : PromiseRef α) : BaseIO Bool := promise.native.isSettled

/-- The error of a promise that has failed, with all that it carries; `none` if it is pending or has a value. Never blocks.
Errors: `badHandle`. -/
def error? (promise : PromiseRef α) : IO (Option ErrorRef) := return (← promise.native.errorObject).map .ofNative

/-- Does something besides this handle hold the operation: a branch, or a promise made from it? Never blocks.
(FORK-02) -/
def hasBranches (promise : PromiseRef α) : BaseIO Bool := promise.native.hasBranches

/-- The names of the operations from this promise down to what it waits for at the end, with ` < ` between them, such as
`timeout < then < read`; empty once it has settled. Never blocks. Errors: `badHandle`. (PROM-20) -/
def trace (promise : PromiseRef α) : IO String := promise.native.trace

/-- Ends the operation and settles the promise with kind `canceled`; a settled promise stays as it is. When
this returns the operation is gone, and a closure that has not begun never runs. Waits for one that is running on the
loop, for nothing else; inside that closure it takes effect when the closure returns. Errors: `badHandle`. (CANC-04,
PROM-39) -/
def cancel (promise : PromiseRef α) : IO Unit := promise.native.cancel

/-- As `cancel`, with a promise that is fulfilled when all is over that this has set off: the `finally` blocks of code that
was running, a closure that is running. See `cancelAndWait`. (CANC-04) -/
def cancelStart (promise : PromiseRef α) : IO (PromiseRef Unit) :=
  return ⟨← promise.native.cancelStart, promise.runtime, .unit⟩

/--
Gives the handle back now, instead of when the last reference is dropped: an unsettled operation that nothing
else holds is cancelled, and later calls on this promise throw `badHandle`. Not while another thread is
reading the value. Errors: `badHandle` when done twice. (PROM-01)
-/
def release (promise : PromiseRef α) : IO Unit := promise.native.release

end PromiseRef
end KjAsync
