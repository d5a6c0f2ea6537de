import KjAsync.Native.Handle

/-! Foreign functions of runtimes, executors and timers. The contract of each is in `kjasync.h`. -/

namespace KjAsync

/-- Figures of a runtime at one moment. -/
structure Runtime.Stats where
  /-- Promises that somebody holds, settled or not. -/
  promises : UInt64
  /-- Of these, the ones that were detached and are pending. -/
  detached : UInt64
  /-- Timers that are running. -/
  timers : UInt64
  /-- Turns of the loop so far: how often it polled an operation or ran a closure. -/
  turns : UInt64
  /-- How often the loop has slept and was woken. -/
  wakeUps : UInt64
  /-- The longest turn so far, in nanoseconds; 0 unless `Options.slowTurnNanos` was set. -/
  longestTurnNanos : UInt64
  deriving Repr

namespace Native

/-- `kja_runtime_new`. The closures run on any thread. -/
@[extern "kjasync_runtime_new"]
opaque Runtime.new (mode flags : UInt32) (shutdownNanos lookNanos turnsPerLook slowTurnNanos : UInt64)
    (onSlowTurn : Option (UInt64 → BaseIO Unit)) (onRunnable : Option (BaseIO Unit)) : IO Runtime

/-- The same handle in an object that does not release it. -/
@[extern "kjasync_runtime_unowned"]
opaque Runtime.unowned (runtime : @& Runtime) : BaseIO Runtime

/-- `kja_runtime_shutdown`. -/
@[extern "kjasync_runtime_shutdown"]
opaque Runtime.shutdown (runtime : @& Runtime) : IO Unit

/-- `kja_runtime_is_alive`. -/
@[extern "kjasync_runtime_is_alive"]
opaque Runtime.isAlive (runtime : @& Runtime) : BaseIO Bool

/-- `kja_runtime_on_loop`. -/
@[extern "kjasync_runtime_on_loop"]
opaque Runtime.onLoop (runtime : @& Runtime) : BaseIO Bool

/-- `kja_runtime_executor`. -/
@[extern "kjasync_runtime_executor"]
opaque Runtime.executor (runtime : @& Runtime) : IO Executor

/-- `kja_runtime_poll`. -/
@[extern "kjasync_runtime_poll"]
opaque Runtime.poll (runtime : @& Runtime) (most : UInt64) : IO UInt64

/-- `kja_runtime_turn`. -/
@[extern "kjasync_runtime_turn"]
opaque Runtime.turn (runtime : @& Runtime) (most : UInt64) : IO UInt64

/-- `kja_runtime_run`. -/
@[extern "kjasync_runtime_run"]
opaque Runtime.run (runtime : @& Runtime) (nanos : UInt64) : IO UInt64

/-- `kja_runtime_wake`. -/
@[extern "kjasync_runtime_wake"]
opaque Runtime.wake (runtime : @& Runtime) : IO Unit

/-- `kja_runtime_is_runnable`. -/
@[extern "kjasync_runtime_is_runnable"]
opaque Runtime.isRunnable (runtime : @& Runtime) : BaseIO Bool

/-- `kja_runtime_cancel_detached`. -/
@[extern "kjasync_runtime_cancel_detached"]
opaque Runtime.cancelDetached (runtime : @& Runtime) : IO Unit

/-- `kja_runtime_pollable_fd`. -/
@[extern "kjasync_runtime_pollable_fd"]
opaque Runtime.pollableFd (runtime : @& Runtime) : IO UInt32

/-- `kja_runtime_stats`. -/
@[extern "kjasync_runtime_stats"]
opaque Runtime.stats (runtime : @& Runtime) : IO KjAsync.Runtime.Stats

/-- `kja_local_new_key`. -/
@[extern "kja_local_new_key"]
opaque newLocalKey : BaseIO UInt64

/-- `kja_local_get`; `none` if nothing is kept. What is kept is freed with the loop: to be called on its thread. -/
@[extern "kjasync_local_get"]
opaque Runtime.localGet {α : Type} (runtime : @& Runtime) (key : UInt64) : IO (Option α)

/-- `kja_local_get_or_set`. To be called on the loop's thread. -/
@[extern "kjasync_local_get_or_set"]
opaque Runtime.localGetOrSet {α : Type} (runtime : @& Runtime) (key : UInt64) (value : α) : IO α

/-- `kja_executor_is_live`. -/
@[extern "kjasync_executor_is_live"]
opaque Executor.isLive (executor : @& Executor) : BaseIO Bool

/-- `kja_executor_execute`. -/
@[extern "kjasync_executor_execute"]
opaque Executor.execute (executor : @& Executor) (run : Callback) : IO Unit

/-- `kja_executor_execute_start`. -/
@[extern "kjasync_executor_execute_start"]
opaque Executor.executeStart (executor : @& Executor) (run : Callback) : IO Promise

/-- `kja_executor_execute_last_start`. -/
@[extern "kjasync_executor_execute_last_start"]
opaque Executor.executeLastStart (executor : @& Executor) (run : Callback) : IO Promise

/-- `kja_timer_now_nanos`. -/
@[extern "kja_timer_now_nanos"]
opaque timerNowNanos : BaseIO UInt64

/-- `kja_timer_sleep_start`. -/
@[extern "kjasync_timer_sleep_start"]
opaque Runtime.sleepStart (runtime : @& Runtime) (nanos : UInt64) : IO Promise

/-- `kja_timer_sleep_until_start`. -/
@[extern "kjasync_timer_sleep_until_start"]
opaque Runtime.sleepUntilStart (runtime : @& Runtime) (monoNanos : UInt64) : IO Promise

/-- `kja_timer_yield_start`. -/
@[extern "kjasync_timer_yield_start"]
opaque Runtime.yieldStart (runtime : @& Runtime) : IO Promise

/-- `kja_timer_yield_until_queue_empty_start`. -/
@[extern "kjasync_timer_yield_until_queue_empty_start"]
opaque Runtime.yieldUntilQueueEmptyStart (runtime : @& Runtime) : IO Promise

/-- `kja_timer_yield_until_would_sleep_start`. -/
@[extern "kjasync_timer_yield_until_would_sleep_start"]
opaque Runtime.yieldUntilWouldSleepStart (runtime : @& Runtime) : IO Promise

/-- `kja_timer_now`. -/
@[extern "kjasync_timer_now"]
opaque Runtime.now (runtime : @& Runtime) : IO UInt64

/-- `kja_timer_advance`. -/
@[extern "kjasync_timer_advance"]
opaque Runtime.advance (runtime : @& Runtime) (nanos : UInt64) : IO Unit

/-- `kja_timer_next`. -/
@[extern "kjasync_timer_next"]
opaque Runtime.nextTimer (runtime : @& Runtime) : IO UInt64

/-- `kja_timer_timeout_to_next`. -/
@[extern "kjasync_timer_timeout_to_next"]
opaque Runtime.timeoutToNextTimer (runtime : @& Runtime) (unit most : UInt64) : IO UInt64

/-- `kja_clock_now_nanos`; 0 for a number that is no clock. -/
@[extern "kjasync_clock_now_nanos"]
opaque clockNowNanos (clock : UInt32) : BaseIO UInt64

end Native
end KjAsync
