import KjAsync.Native.Handle

/-! Foreign functions of task sets, cancelers, queues, semaphores and events. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

/-- `kja_task_set_new`. -/
@[extern "kjasync_task_set_new"]
opaque TaskSet.new (runtime : @& Runtime) (limit : USize) (onError : Callback) : IO TaskSet

/-- `kja_task_set_add`. -/
@[extern "kjasync_task_set_add"]
opaque TaskSet.add (tasks : @& TaskSet) (promise : @& Promise) : IO Unit

/-- `kja_task_set_size`. -/
@[extern "kjasync_task_set_size"]
opaque TaskSet.size (tasks : @& TaskSet) : IO Nat

/-- `kja_task_set_on_empty_start`. -/
@[extern "kjasync_task_set_on_empty_start"]
opaque TaskSet.onEmptyStart (tasks : @& TaskSet) : IO Promise

/-- `kja_task_set_clear`. -/
@[extern "kjasync_task_set_clear"]
opaque TaskSet.clear (tasks : @& TaskSet) : IO Unit

/-- `kja_task_set_trace`. -/
@[extern "kjasync_task_set_trace"]
opaque TaskSet.trace (tasks : @& TaskSet) : IO String

/-- `kja_canceler_new`. -/
@[extern "kjasync_canceler_new"]
opaque Canceler.new (runtime : @& Runtime) : IO Canceler

/-- `kja_canceler_wrap`. -/
@[extern "kjasync_canceler_wrap"]
opaque Canceler.wrap (canceler : @& Canceler) (promise : @& Promise) : IO Promise

/-- `kja_canceler_cancel_error_object`. -/
@[extern "kjasync_canceler_cancel"]
opaque Canceler.cancel (canceler : @& Canceler) (error : @& Error) : IO Unit

/-- `kja_canceler_forget`. -/
@[extern "kjasync_canceler_forget"]
opaque Canceler.forget (canceler : @& Canceler) : IO Unit

/-- `kja_canceler_is_empty`. -/
@[extern "kjasync_canceler_is_empty"]
opaque Canceler.isEmpty (canceler : @& Canceler) : BaseIO Bool

/-- `kja_queue_new`. -/
@[extern "kjasync_queue_new"]
opaque Queue.new (runtime : @& Runtime) (capacity : USize) : IO Queue

/-- `kja_queue_push_opaque_start`. -/
@[extern "kjasync_queue_push_start"]
opaque Queue.pushStart {α : Type} (queue : @& Queue) (value : α) : IO Promise

/-- `kja_queue_try_push_opaque`; `false` if there is no room. -/
@[extern "kjasync_queue_try_push"]
opaque Queue.tryPush {α : Type} (queue : @& Queue) (value : α) : IO Bool

/-- `kja_queue_pop_start`. -/
@[extern "kjasync_queue_pop_start"]
opaque Queue.popStart (queue : @& Queue) : IO Promise

/-- `kja_queue_reject_all_error_object`. -/
@[extern "kjasync_queue_reject_all"]
opaque Queue.rejectAll (queue : @& Queue) (error : @& Error) : IO Unit

/-- `kja_queue_reject_oldest_error_object`. -/
@[extern "kjasync_queue_reject_oldest"]
opaque Queue.rejectOldest (queue : @& Queue) (error : @& Error) : IO Unit

/-- `kja_queue_close`. -/
@[extern "kjasync_queue_close"]
opaque Queue.close (queue : @& Queue) : IO Unit

/-- `kja_queue_size`. -/
@[extern "kjasync_queue_size"]
opaque Queue.size (queue : @& Queue) : IO Nat

/-- `kja_semaphore_new`. -/
@[extern "kjasync_semaphore_new"]
opaque Semaphore.new (runtime : @& Runtime) (permits : UInt64) : IO Semaphore

/-- `kja_semaphore_acquire_start`. -/
@[extern "kjasync_semaphore_acquire_start"]
opaque Semaphore.acquireStart (semaphore : @& Semaphore) (count : UInt64) : IO Promise

/-- `kja_semaphore_try_acquire`; `none` if they are not free. -/
@[extern "kjasync_semaphore_try_acquire"]
opaque Semaphore.tryAcquire (semaphore : @& Semaphore) (count : UInt64) : IO (Option Permit)

/-- `kja_semaphore_free`. -/
@[extern "kjasync_semaphore_free"]
opaque Semaphore.free (semaphore : @& Semaphore) : IO UInt64

/-- `kja_permit_release`. -/
@[extern "kjasync_permit_release"]
opaque Permit.release (permit : @& Permit) : IO Unit

/-- `kja_event_new`. -/
@[extern "kjasync_event_new"]
opaque Event.new (runtime : @& Runtime) : IO Event

/-- `kja_event_set`. -/
@[extern "kjasync_event_set"]
opaque Event.set (event : @& Event) : IO Unit

/-- `kja_event_is_set`. -/
@[extern "kjasync_event_is_set"]
opaque Event.isSet (event : @& Event) : BaseIO Bool

/-- `kja_event_wait_start`. -/
@[extern "kjasync_event_wait_start"]
opaque Event.waitStart (event : @& Event) : IO Promise

end KjAsync.Native
