import KjAsync.Native.Handle

/-! Foreign functions of errors. The contract of each is in `kjasync.h`. Errors do not change, so all of them are pure but the
one that asks for the latest. -/

namespace KjAsync.Native.Error

/-- `kja_error_new`. -/
@[extern "kjasync_error_new"]
opaque new (kind osError : UInt32) (text : @& String) : Error

/-- `kja_last_error_object`; `none` if no call of this thread has failed. -/
@[extern "kjasync_last_error_object"]
opaque last : BaseIO (Option Error)

/-- The `IO.Error` of the same kind, OS error number and text. -/
@[extern "kjasync_error_to_io_error"]
opaque toIOError (error : @& Error) : IO.Error

/-- `kja_error_kind`. -/
@[extern "kjasync_error_kind"]
opaque kind (error : @& Error) : UInt32

/-- The OS error number of `kja_error_kind`, 0 for none. -/
@[extern "kjasync_error_os"]
opaque osError (error : @& Error) : UInt32

/-- `kja_status_of_os_error`. -/
@[extern "kjasync_error_kind_of_os"]
opaque kindOfOs (osError : UInt32) : UInt32

/-- `kja_error_text`. -/
@[extern "kjasync_error_text"]
opaque text (error : @& Error) : String

/-- `kja_error_with_context`. -/
@[extern "kjasync_error_with_context"]
opaque withContext (error : @& Error) (file : @& String) (line : UInt32) (text : @& String) : Error

/-- `kja_error_context`. -/
@[extern "kjasync_error_context"]
opaque context (error : @& Error) : String

/-- `kja_error_with_detail`. -/
@[extern "kjasync_error_with_detail"]
opaque withDetail (error : @& Error) (id : UInt64) (data : @& Bytes) : Error

/-- `kja_error_without_detail`. -/
@[extern "kjasync_error_without_detail"]
opaque withoutDetail (error : @& Error) (id : UInt64) : Error

/-- `kja_error_detail`; `none` if there are no bytes under this id. -/
@[extern "kjasync_error_detail"]
opaque detail (error : @& Error) (id : UInt64) : Option Bytes

/-- `kja_error_detail_ids`. -/
@[extern "kjasync_error_detail_ids"]
opaque detailIds (error : @& Error) : Array UInt64

end KjAsync.Native.Error
