import KjAsync.Native.Handle

/-!
Foreign functions of promises and fulfillers. The contract of each is in `kjasync.h`.

`object` reads and writes a Lean object that the native side carries without looking at it. Its type is a
claim of the caller: `KjAsync.PromiseRef` is what keeps the claims true.
-/

namespace KjAsync.Native

/-- `kja_promise_new_unit`. -/
@[extern "kjasync_promise_new_unit"]
opaque Promise.newUnit (runtime : @& Runtime) : IO Promise

/-- `kja_promise_new_opaque`. -/
@[extern "kjasync_promise_new_object"]
opaque Promise.newObject {α : Type} (runtime : @& Runtime) (value : α) : IO Promise

/-- `kja_promise_new_error_object`. -/
@[extern "kjasync_promise_new_error_object"]
opaque Promise.newErrorObject (runtime : @& Runtime) (error : @& Error) : IO Promise

/-- `kja_promise_new_never`. -/
@[extern "kjasync_promise_new_never"]
opaque Promise.newNever (runtime : @& Runtime) : IO Promise

/-- `kja_promise_await`. -/
@[extern "kjasync_promise_await"]
opaque Promise.await (promise : @& Promise) : IO Unit

/-- `kja_promise_await_for`; `false` if it is still pending. -/
@[extern "kjasync_promise_await_for"]
opaque Promise.awaitFor (promise : @& Promise) (nanos : UInt64) : IO Bool

/-- `kja_promise_outcome_type` is not `KJA_OUTCOME_PENDING`, or the handle has been released. -/
@[extern "kjasync_promise_is_settled"]
opaque Promise.isSettled (promise : @& Promise) : BaseIO Bool

/-- `kja_promise_outcome_type` is `KJA_OUTCOME_UNIT`: the promise has a value, and it is nothing. -/
@[extern "kjasync_promise_is_unit"]
opaque Promise.isUnit (promise : @& Promise) : BaseIO Bool

/-- `kja_promise_belongs_to`. -/
@[extern "kjasync_promise_belongs_to"]
opaque Promise.belongsTo (promise : @& Promise) (runtime : @& Runtime) : BaseIO Bool

/-- `kja_promise_has_branches`. -/
@[extern "kjasync_promise_has_branches"]
opaque Promise.hasBranches (promise : @& Promise) : BaseIO Bool

/-- `kja_promise_status`: its error, or nothing. -/
@[extern "kjasync_promise_unit"]
opaque Promise.unit (promise : @& Promise) : IO Unit

/-- `kja_promise_u64`. -/
@[extern "kjasync_promise_u64"]
opaque Promise.u64 (promise : @& Promise) : IO UInt64

/-- `kja_promise_bytes`. -/
@[extern "kjasync_promise_bytes"]
opaque Promise.bytes (promise : @& Promise) : IO Bytes

/-- `kja_promise_handle` of an address. -/
@[extern "kjasync_promise_address"]
opaque Promise.address (promise : @& Promise) : IO Address

/-- `kja_promise_handle` of a connection. -/
@[extern "kjasync_promise_connection"]
opaque Promise.connection (promise : @& Promise) : IO Connection

/-- `kja_promise_handle` of a permit. -/
@[extern "kjasync_promise_permit"]
opaque Promise.permit (promise : @& Promise) : IO Permit

/-- `kja_promise_error_object`; `none` for a promise that is pending or has a value. -/
@[extern "kjasync_promise_error_object"]
opaque Promise.errorObject (promise : @& Promise) : IO (Option Error)

/-- `kja_promise_trace`. -/
@[extern "kjasync_promise_trace"]
opaque Promise.trace (promise : @& Promise) : IO String

/-- `kja_promise_opaque`. -/
@[extern "kjasync_promise_object"]
opaque Promise.object {α : Type} (promise : @& Promise) : IO α

/-- `kja_promise_cancel`. -/
@[extern "kjasync_promise_cancel"]
opaque Promise.cancel (promise : @& Promise) : IO Unit

/-- `kja_promise_cancel_start`. -/
@[extern "kjasync_promise_cancel_start"]
opaque Promise.cancelStart (promise : @& Promise) : IO Promise

/-- `kja_promise_release`. -/
@[extern "kjasync_promise_release"]
opaque Promise.release (promise : @& Promise) : IO Unit

/-- `kja_promise_then`. -/
@[extern "kjasync_promise_then"]
opaque Promise.onValue (promise : @& Promise) (run : Callback) : IO Promise

/-- `kja_promise_catch`. -/
@[extern "kjasync_promise_catch"]
opaque Promise.onError (promise : @& Promise) (run : Callback) : IO Promise

/-- `kja_promise_handle_both`. -/
@[extern "kjasync_promise_handle_both"]
opaque Promise.handleBoth (promise : @& Promise) (run : Callback) : IO Promise

/-- `kja_promise_finally`. -/
@[extern "kjasync_promise_finally"]
opaque Promise.onDone (promise : @& Promise) (run : Callback) : IO Promise

/-- `kja_promise_all`. -/
@[extern "kjasync_promise_all"]
opaque Promise.all (runtime : @& Runtime) (promises : @& Array Promise) : IO Promise

/-- `kja_promise_race`. -/
@[extern "kjasync_promise_race"]
opaque Promise.race (runtime : @& Runtime) (promises : @& Array Promise) : IO Promise

/-- `kja_promise_join`. -/
@[extern "kjasync_promise_join"]
opaque Promise.join (runtime : @& Runtime) (promises : @& Array Promise) : IO Promise

/-- `kja_promise_all_settled`. -/
@[extern "kjasync_promise_all_settled"]
opaque Promise.allSettled (runtime : @& Runtime) (promises : @& Array Promise) : IO Promise

/-- `kja_promise_any`. -/
@[extern "kjasync_promise_any"]
opaque Promise.any (runtime : @& Runtime) (promises : @& Array Promise) : IO Promise

/-- `kja_promise_deadline`. -/
@[extern "kjasync_promise_deadline"]
opaque Promise.deadline (promise : @& Promise) (monoNanos : UInt64) : IO Promise

/-- `kja_promise_timeout`. -/
@[extern "kjasync_promise_timeout"]
opaque Promise.timeout (promise : @& Promise) (nanos : UInt64) : IO Promise

/-- `kja_promise_fork`. -/
@[extern "kjasync_promise_fork"]
opaque Promise.fork (promise : @& Promise) : IO Promise

/-- `kja_promise_attach`. -/
@[extern "kjasync_promise_attach"]
opaque Promise.attach {β : Type} (promise : @& Promise) (object : β) : IO Promise

/-- `kja_promise_attach`, whose destructor runs the action. -/
@[extern "kjasync_promise_attach_action"]
opaque Promise.attachAction (promise : @& Promise) (run : BaseIO Unit) : IO Promise

/-- `kja_promise_detach`. -/
@[extern "kjasync_promise_detach"]
opaque Promise.detach (promise : @& Promise) (onError : Callback) : IO Unit

/-- `kja_fulfiller_new`. -/
@[extern "kjasync_fulfiller_new"]
opaque Fulfiller.new (runtime : @& Runtime) : IO (Fulfiller × Promise)

/-- `kja_fulfiller_opaque`. -/
@[extern "kjasync_fulfiller_object"]
opaque Fulfiller.object {α : Type} (fulfiller : @& Fulfiller) (value : α) : IO Unit

/-- `kja_fulfiller_promise`, with a branch of the promise. -/
@[extern "kjasync_fulfiller_promise"]
opaque Fulfiller.promise (fulfiller : @& Fulfiller) (promise : @& Promise) : IO Unit

/-- `kja_fulfiller_error_object`. -/
@[extern "kjasync_fulfiller_error_object"]
opaque Fulfiller.errorObject (fulfiller : @& Fulfiller) (error : @& Error) : IO Unit

/-- `kja_fulfiller_is_waiting`. -/
@[extern "kjasync_fulfiller_is_waiting"]
opaque Fulfiller.isWaiting (fulfiller : @& Fulfiller) : BaseIO Bool

end KjAsync.Native
