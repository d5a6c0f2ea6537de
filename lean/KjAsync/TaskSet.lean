import KjAsync.Promise.Await
import KjAsync.Native.Coordination

/-! Task sets: promises that nobody awaits, held together. -/

namespace KjAsync

/--
Runs promises to their end and hears of those that fail. Any thread. It holds its runtime.

Dropping the last reference cancels every task, `clear` does so now; both wait for a closure of a task that is running
on the loop, unless that closure itself does it. (TASK-03) After a shutdown calls throw `badHandle`.
-/
structure TaskSet where
  /-- Not for users: made by `TaskSet.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.TaskSet
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace TaskSet

/-- An empty set for `limit` tasks at a time. `onError` runs on the loop for each task that fails; the others go on. Of
what it throws nothing is heard. Never blocks. Errors: `shutdown`. (TASK-02) -/
protected def new [ErrorForm ε] (runtime : Runtime) (onError : ε → IO Unit) (limit : Nat := 65536) : IO TaskSet := do
  let native ← Native.TaskSet.new runtime.native (Native.usize (max 1 limit)) fun call => do
    discard (onError (ErrorForm.ofRef (← call.failure))).toBaseIO
  return ⟨native, runtime⟩

/-- Gives the set a promise, which it holds until that settles. The handle is consumed: later calls on this promise throw
`badHandle`. Tasks may add tasks. Never blocks. Errors: `overloaded` if the set is full; then the promise stays the
caller's. (TASK-01, TASK-08) -/
def add (tasks : TaskSet) (promise : PromiseRef α) : IO Unit := tasks.native.add promise.native

/-- How many tasks are pending. Never blocks. -/
def size (tasks : TaskSet) : IO Nat := tasks.native.size

/-- Is no task pending? Never blocks. (TASK-04) -/
def isEmpty (tasks : TaskSet) : IO Bool := return (← tasks.size) == 0

/-- A promise that is fulfilled when the set is empty, at once if it is. Never blocks. Errors: `busy` if there is such
a promise that is pending. Cancellation: there may be another one. (TASK-05) -/
def onEmptyStart (tasks : TaskSet) : IO (PromiseRef Unit) := return ⟨← tasks.native.onEmptyStart, tasks.runtime, .unit⟩

/-- Waits until the set is empty; see `onEmptyStart`. -/
@[inline] def onEmpty [MonadAwait m] (tasks : TaskSet) : m Unit := MonadAwait.awaitStarted tasks.onEmptyStart

/-- Cancels every task; they are gone when this returns, but for one whose closure makes this call: it ends when that
returns. Nobody hears of them. The set is usable afterwards. (TASK-06) -/
def clear (tasks : TaskSet) : IO Unit := tasks.native.clear

/-- A line for each task: the names of the operations that it waits for, as in `PromiseRef.trace`. Never blocks.
(TASK-07) -/
def trace (tasks : TaskSet) : IO String := tasks.native.trace

end TaskSet
end KjAsync
