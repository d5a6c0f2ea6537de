import KjAsync.Native.Handle

/-! Foreign functions of runtimes, executors and timers. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

/-- `kja_runtime_new`. -/
@[extern "kjasync_runtime_new"]
opaque Runtime.new (mode : UInt32) (shutdownNanos lookNanos : UInt64) : IO Runtime

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
opaque Runtime.poll (runtime : @& Runtime) : IO UInt64

/-- `kja_runtime_run`. -/
@[extern "kjasync_runtime_run"]
opaque Runtime.run (runtime : @& Runtime) (nanos : UInt64) : IO UInt64

/-- `kja_executor_is_live`. -/
@[extern "kjasync_executor_is_live"]
opaque Executor.isLive (executor : @& Executor) : BaseIO Bool

/-- `kja_executor_execute`. -/
@[extern "kjasync_executor_execute"]
opaque Executor.execute (executor : @& Executor) (run : Callback) : IO Unit

/-- `kja_executor_execute_start`. -/
@[extern "kjasync_executor_execute_start"]
opaque Executor.executeStart (executor : @& Executor) (run : Callback) : IO Promise

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

end KjAsync.Native
