import KjAsync.Promise.Await

/-! Executors: running code on a loop from any thread. -/

namespace KjAsync

/-- Runs closures on the loop of a runtime, from any thread. (EXEC-01) -/
structure Executor where
  /-- Not for users: made by `Runtime.executor`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Executor
  /-- The runtime; kept alive. -/
  runtime : Runtime

/-- The executor of a runtime's loop. Never blocks. Errors: `shutdown`. -/
def Runtime.executor (runtime : Runtime) : IO Executor :=
  return ⟨← runtime.native.executor, runtime⟩

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
