import KjAsync.Native.Handle

/-! Foreign functions for the inside of a callback. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native.Call

/-- `kja_call_status` is `KJA_OK`. -/
@[extern "kjasync_call_is_ok"]
opaque isOk (call : @& Call) : BaseIO Bool

/-- `kja_call_outcome_type` is `KJA_OUTCOME_UNIT`: the input is a value, and it is nothing. -/
@[extern "kjasync_call_is_unit"]
opaque isUnit (call : @& Call) : BaseIO Bool

/-- The error behind `kja_call_status`, thrown, or nothing. -/
@[extern "kjasync_call_unit"]
opaque unit (call : @& Call) : IO Unit

/-- `kja_call_u64`. -/
@[extern "kjasync_call_u64"]
opaque u64 (call : @& Call) : IO UInt64

/-- `kja_call_bytes`. -/
@[extern "kjasync_call_bytes"]
opaque bytes (call : @& Call) : IO Bytes

/-- `kja_call_handle` of an address. -/
@[extern "kjasync_call_address"]
opaque address (call : @& Call) : IO Address

/-- `kja_call_handle` of a connection. -/
@[extern "kjasync_call_connection"]
opaque connection (call : @& Call) : IO Connection

/-- `kja_call_handle` of a permit. -/
@[extern "kjasync_call_permit"]
opaque permit (call : @& Call) : IO Permit

/-- `kja_call_error_object`. -/
@[extern "kjasync_call_error_object"]
opaque errorObject (call : @& Call) : IO Error

/-- `kja_call_opaque`: a Lean object of the type that the promise was made with. -/
@[extern "kjasync_call_object"]
opaque object {α : Type} (call : @& Call) : IO α

/-- `kja_call_return_opaque`. -/
@[extern "kjasync_call_return_object"]
opaque returnObject {α : Type} (call : @& Call) (value : α) : BaseIO Unit

/-- `kja_call_return_u64`. -/
@[extern "kjasync_call_return_u64"]
opaque returnU64 (call : @& Call) (value : UInt64) : IO Unit

/-- `kja_call_return_promise`, with a branch of it if others hold the promise. -/
@[extern "kjasync_call_return_promise"]
opaque returnPromise (call : @& Call) (promise : Promise) : IO Unit

/-- `kja_call_return_error_object`. -/
@[extern "kjasync_call_return_error_object"]
opaque returnErrorObject (call : @& Call) (error : @& Error) : BaseIO Unit

end KjAsync.Native.Call
