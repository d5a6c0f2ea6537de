import KjAsync.Promise.Basic

/-! Timers and turns of the loop. All times are nanoseconds on the monotonic clock. -/

namespace KjAsync

/-- The monotonic clock. Any thread, never blocks. -/
def monoNanosNow : BaseIO UInt64 := Native.timerNowNanos

namespace Runtime

/-- A promise that is fulfilled after `nanos` nanoseconds, never before. Never blocks. Errors: `shutdown`.
Cancelling removes the timer. -/
def sleepNanosStart (runtime : Runtime) (nanos : UInt64) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.sleepStart nanos, runtime, .unit⟩

/-- Blocks for `nanos` nanoseconds. Errors: as `PromiseRef.await`. -/
def sleepNanos (runtime : Runtime) (nanos : UInt64) : IO Unit := do
  (← runtime.sleepNanosStart nanos).await

/-- A promise that is fulfilled once `monoNanosNow` has reached `deadline`; on the next turn if it is in the
past. Never blocks. Errors: `shutdown`. Cancelling removes the timer. -/
def sleepUntilMonoNanosStart (runtime : Runtime) (deadline : UInt64) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.sleepUntilStart deadline, runtime, .unit⟩

/-- Blocks until `monoNanosNow` has reached `deadline`. Errors: as `PromiseRef.await`. -/
def sleepUntilMonoNanos (runtime : Runtime) (deadline : UInt64) : IO Unit := do
  (← runtime.sleepUntilMonoNanosStart deadline).await

/-- A promise that is fulfilled on a later turn of the loop, after what is queued now. Never blocks. Errors:
`shutdown`. -/
def yieldNowStart (runtime : Runtime) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.yieldStart, runtime, .unit⟩

/-- Blocks until the loop has turned once. Errors: as `PromiseRef.await`. -/
def yieldNow (runtime : Runtime) : IO Unit := do
  (← runtime.yieldNowStart).await

/-- Blocks while the loop turns for `nanos` nanoseconds. On a wait scope this drives the loop. Errors: as
`PromiseRef.await`. -/
def pumpNanos (runtime : Runtime) (nanos : UInt64 := 0) : IO Unit :=
  if nanos == 0 then runtime.yieldNow else runtime.sleepNanos nanos

end Runtime
end KjAsync
