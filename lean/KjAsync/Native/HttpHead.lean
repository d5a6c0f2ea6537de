import KjAsync.Native.Http

/-! Foreign functions of heads and ranges of HTTP. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque HttpHeadPointed : NonemptyType.{0}
/-- A `kja_http_head_t`. -/
def HttpHead : Type := HttpHeadPointed.type
instance : Nonempty HttpHead := HttpHeadPointed.property

namespace HttpHead

/-- `kja_http_head_length`; the limits in the order of `Http.HeadLimits.numbers`. -/
@[extern "kjasync_http_head_length"]
opaque length (data : @& Bytes) (limits : @& Array Nat) : IO Nat

/-- `kja_http_head_parse`. -/
@[extern "kjasync_http_head_parse"]
opaque parse (data : @& Bytes) (kind : UInt32) (limits : @& Array Nat) : IO HttpHead

/-- `kja_http_head_new_request`. -/
@[extern "kjasync_http_head_new_request"]
opaque newRequest (method target : @& String) (version : UInt32) (headers : @& HttpHeaders) : IO HttpHead

/-- `kja_http_head_new_response`; an empty reason is the usual one. -/
@[extern "kjasync_http_head_new_response"]
opaque newResponse (status : UInt32) (reason : @& String) (version : UInt32) (headers : @& HttpHeaders) : IO HttpHead

/-- `kja_http_head_method`. -/
@[extern "kjasync_http_head_method"]
opaque method (head : @& HttpHead) : IO String

/-- `kja_http_head_target`. -/
@[extern "kjasync_http_head_target"]
opaque target (head : @& HttpHead) : IO String

/-- `kja_http_head_reason`. -/
@[extern "kjasync_http_head_reason"]
opaque reason (head : @& HttpHead) : IO String

/-- `kja_http_head_status`. -/
@[extern "kjasync_http_head_status"]
opaque status (head : @& HttpHead) : IO UInt64

/-- `kja_http_head_version`. -/
@[extern "kjasync_http_head_version"]
opaque version (head : @& HttpHead) : IO UInt64

/-- `kja_http_head_headers`. -/
@[extern "kjasync_http_head_headers"]
opaque headers (head : @& HttpHead) : IO HttpHeaders

/-- `kja_http_head_bytes`. -/
@[extern "kjasync_http_head_bytes"]
opaque bytes (head : @& HttpHead) : IO Bytes

/-- `kja_http_head_body_framing`: the framing and the length. -/
@[extern "kjasync_http_head_body_framing"]
opaque bodyFraming (head : @& HttpHead) (method : @& String) : IO (UInt32 × UInt64)

end HttpHead

/-- `kja_http_range_parse`: the kind and the ranges. -/
@[extern "kjasync_http_range_parse"]
opaque httpRangeParse (value : @& String) (total : UInt64) : IO (UInt32 × Array (UInt64 × UInt64))

end KjAsync.Native
