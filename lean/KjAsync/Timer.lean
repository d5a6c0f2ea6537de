import KjAsync.Promise.Await

/-!
Timers and turns of the loop. All times are nanoseconds on the monotonic clock, which the system's sleep may or may
not stop. What ends in `Start` gives a promise and never blocks; the others wait for it, as `PromiseRef.await` does.
-/

namespace KjAsync

/-- The monotonic clock. Any thread, never blocks. (TIME-01) -/
def monoNanosNow : BaseIO UInt64 := Native.timerNowNanos

namespace Runtime

/-- A promise that is fulfilled after `nanos` nanoseconds, never before. Errors: `shutdown`. Cancelling removes the
timer. (TIME-03, TIME-05) -/
def sleepNanosStart (runtime : Runtime) (nanos : UInt64) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.sleepStart nanos, runtime, .unit⟩

/-- Waits for `nanos` nanoseconds. -/
@[inline] def sleepNanos [MonadAwait m] (runtime : Runtime) (nanos : UInt64) : m Unit :=
  MonadAwait.awaitStarted (runtime.sleepNanosStart nanos)

/-- A promise that is fulfilled once `monoNanosNow` has reached `deadline`; on the next turn if it is in the
past. Timers of the same time are fulfilled in the order in which they were started. Errors: `shutdown`.
Cancelling removes the timer. (TIME-02, TIME-05) -/
def sleepUntilMonoNanosStart (runtime : Runtime) (deadline : UInt64) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.sleepUntilStart deadline, runtime, .unit⟩

/-- Waits until `monoNanosNow` has reached `deadline`. -/
@[inline] def sleepUntilMonoNanos [MonadAwait m] (runtime : Runtime) (deadline : UInt64) : m Unit :=
  MonadAwait.awaitStarted (runtime.sleepUntilMonoNanosStart deadline)

/-- A promise that is fulfilled on a later turn of the loop, after what is queued now. Errors: `shutdown`.
(PROM-26) -/
def yieldNowStart (runtime : Runtime) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.yieldStart, runtime, .unit⟩

/-- Waits until the loop has turned once. -/
@[inline] def yieldNow [MonadAwait m] (runtime : Runtime) : m Unit :=
  MonadAwait.awaitStarted runtime.yieldNowStart

/-- Waits while the loop turns for `nanos` nanoseconds, once for 0. In `IO` this drives the loop of a wait scope. -/
def pumpNanos [MonadAwait m] (runtime : Runtime) (nanos : UInt64 := 0) : m Unit :=
  if nanos == 0 then runtime.yieldNow else runtime.sleepNanos nanos

end Runtime
end KjAsync
