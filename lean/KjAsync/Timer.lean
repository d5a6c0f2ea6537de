import KjAsync.Promise.Await
import KjAsync.Time

/-!
Timers and turns of the loop. All times are nanoseconds, and a `Duration` or a `MonoTime` may be given for them. The
clock is the runtime's own: the monotonic clock of the system, which its sleep may or may not stop, or virtual time
(`Runtime.Options.virtualTime`). What ends in `Start` gives a promise and never blocks; the others wait for it, as `PromiseRef.await` does.
-/

namespace KjAsync

/-- The monotonic clock. Any thread, never blocks. (TIME-01) -/
def monoNanosNow : BaseIO UInt64 := Native.timerNowNanos

namespace Runtime

/-- The time that the runtime's timers go by: the monotonic clock's, or its own if it is virtual. Any thread, never
blocks. -/
def now (runtime : Runtime) : IO MonoTime := return ⟨← runtime.native.now⟩

/--
Moves virtual time on by `nanos` nanoseconds. A wait scope stops at each timer on the way and runs what that sets off;
with a loop thread the timers fire soon after this returns.

Errors: `invalidArgument` if time is not virtual; `wrongThread` off the owner's thread of a wait scope; `shutdown`.
(TIME-06)
-/
def advance (runtime : Runtime) (nanos : UInt64) : IO Unit := runtime.native.advance nanos

/-- When the next timer is due, if there is one. Any thread, never blocks. (TIME-07) -/
def nextTimer? (runtime : Runtime) : IO (Option MonoTime) := do
  let next ← runtime.native.nextTimer
  return if next == 0xFFFF_FFFF_FFFF_FFFF then none else some ⟨next⟩

/-- How many whole units of `unit` nanoseconds until the next timer is due, rounded up; `most` if that is less, or if
there is no timer. For passing to a system call. Any thread, never blocks. Errors: `invalidArgument` for a unit of 0.
(TIME-08) -/
def timeoutToNextTimer (runtime : Runtime) (unit most : UInt64) : IO UInt64 :=
  runtime.native.timeoutToNextTimer unit most

/-- A promise that is fulfilled after `nanos` nanoseconds, never before. Errors: `shutdown`. Cancelling removes the
timer. (TIME-03, TIME-05) -/
def sleepNanosStart (runtime : Runtime) (nanos : UInt64) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.sleepStart nanos, runtime, .unit⟩

/-- Waits for `nanos` nanoseconds. -/
@[inline] def sleepNanos [MonadAwait m] (runtime : Runtime) (nanos : UInt64) : m Unit :=
  MonadAwait.awaitStarted (runtime.sleepNanosStart nanos)

/-- A promise that is fulfilled once `Runtime.now` has reached `deadline`; on the next turn if it is in the past. Timers of the same time are fulfilled in the order in which they were started. Errors: `shutdown`.
Cancelling removes the timer. (TIME-02, TIME-05) -/
def sleepUntilMonoNanosStart (runtime : Runtime) (deadline : UInt64) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.sleepUntilStart deadline, runtime, .unit⟩

/-- Waits until `Runtime.now` has reached `deadline`. -/
@[inline] def sleepUntilMonoNanos [MonadAwait m] (runtime : Runtime) (deadline : UInt64) : m Unit :=
  MonadAwait.awaitStarted (runtime.sleepUntilMonoNanosStart deadline)

/-- A promise that is fulfilled on a later turn of the loop, after what is queued now. Errors: `shutdown`.
(PROM-26) -/
def yieldNowStart (runtime : Runtime) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.yieldStart, runtime, .unit⟩

/-- Waits until the loop has turned once. -/
@[inline] def yieldNow [MonadAwait m] (runtime : Runtime) : m Unit :=
  MonadAwait.awaitStarted runtime.yieldNowStart

/-- A promise that is fulfilled once the loop has nothing else queued. Errors: `shutdown`. (PROM-27) -/
def yieldUntilQueueEmptyStart (runtime : Runtime) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.yieldUntilQueueEmptyStart, runtime, .unit⟩

/-- Waits until the loop has nothing else queued. -/
@[inline] def yieldUntilQueueEmpty [MonadAwait m] (runtime : Runtime) : m Unit :=
  MonadAwait.awaitStarted runtime.yieldUntilQueueEmptyStart

/-- A promise that is fulfilled once the loop has nothing queued and no socket is ready: when it would sleep. Errors:
`shutdown`. (PROM-28) -/
def yieldUntilWouldSleepStart (runtime : Runtime) : IO (PromiseRef Unit) :=
  return ⟨← runtime.native.yieldUntilWouldSleepStart, runtime, .unit⟩

/-- Waits until the loop would sleep. -/
@[inline] def yieldUntilWouldSleep [MonadAwait m] (runtime : Runtime) : m Unit :=
  MonadAwait.awaitStarted runtime.yieldUntilWouldSleepStart

/-- Waits while the loop turns for `nanos` nanoseconds, once for 0. In `IO` this drives the loop of a wait scope. -/
def pumpNanos [MonadAwait m] (runtime : Runtime) (nanos : UInt64 := 0) : m Unit :=
  if nanos == 0 then runtime.yieldNow else runtime.sleepNanos nanos

end Runtime
end KjAsync
