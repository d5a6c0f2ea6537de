import KjAsync.Promise.Await

/-! Executors: running code on a loop from any thread. -/

namespace KjAsync

/-- Runs closures on the loop of a runtime, from any thread. Neither it nor a promise that it gives keeps the loop alive: once the
last reference to the runtime and to everything else made from it is gone, so is the loop. (EXEC-01, EXEC-02) -/
structure Executor where
  /-- Not for users: made by `Runtime.executor`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Executor
  /-- The runtime, which this does not keep alive. -/
  runtime : Runtime

/-- The executor of a runtime's loop. Never blocks. Errors: `shutdown`. -/
def Runtime.executor (runtime : Runtime) : IO Executor :=
  return ⟨← runtime.native.executor, ← runtime.unowned⟩

namespace Executor

/-- Is the loop alive? `true` is only a hint, `false` is for ever. Never blocks. (EXEC-03) -/
def isLive (executor : Executor) : BaseIO Bool := executor.native.isLive

/-- Runs `action` on the loop, in the order of the calls, and returns a promise of its result. Never blocks.
Cancelling before it has begun means that it never runs. Errors: `shutdown`. (EXEC-04, EXEC-05, EXEC-08,
EXEC-09) -/
def executeStart (executor : Executor) (action : IO α) : IO (PromiseRef α) := do
  let native ← executor.native.executeStart fun call => do
    Outcome.leaveObject call (← ErrorRef.attempt action)
  return ⟨native, executor.runtime, .object⟩

/-- As `executeStart`, and goes on as the promise that `action` returns. (EXEC-04) -/
def executeBindStart (executor : Executor) (action : IO (PromiseRef α)) : IO (PromiseRef α) := do
  let native ← executor.native.executeStart fun call => Outcome.returnNative call do (← action).asObject
  return ⟨native, executor.runtime, .object⟩

/-- Runs `action` on the loop and waits for the promise that it returns; see `executeBindStart`. Errors: in `IO` also
`wouldDeadlock` on a loop's thread. (EXEC-07) -/
@[inline] def executeBind [MonadAwait m] (executor : Executor) (action : IO (PromiseRef α)) : m α :=
  MonadAwait.awaitStarted (executor.executeBindStart action)

/-- As `executeStart`, once the loop has nothing else queued; of several the latest comes first. (PROM-25) -/
def executeLastStart (executor : Executor) (action : IO α) : IO (PromiseRef α) := do
  let native ← executor.native.executeLastStart fun call => do
    Outcome.leaveObject call (← ErrorRef.attempt action)
  return ⟨native, executor.runtime, .object⟩

/-- Runs `action` once the loop has nothing else queued, and waits for its result; see `executeLastStart`. -/
@[inline] def executeLast [MonadAwait m] (executor : Executor) (action : IO α) : m α :=
  MonadAwait.awaitStarted (executor.executeLastStart action)

/-- Runs `action` on the loop and blocks until it is done; on the loop itself it runs at once. Errors: what
`action` throws; `shutdown`. (EXEC-07) -/
def execute (executor : Executor) (action : IO α) : IO α := do
  let result : IO.Ref (Option (Except IO.Error α)) ← IO.mkRef none
  executor.native.execute fun _ => do result.set (some (← action.toBaseIO))
  match ← result.get with
  | some (.ok value) => return value
  | some (.error error) => throw error
  | none => throw (Error.ofKind .shutdown "the runtime was shut down before the action ran")

end Executor
end KjAsync
