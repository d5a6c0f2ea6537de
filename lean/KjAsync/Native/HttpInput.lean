import KjAsync.Native.HttpHead

/-! Foreign functions of HTTP messages that are read from a connection. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque HttpInputPointed : NonemptyType.{0}
/-- A `kja_http_input_t`. -/
def HttpInput : Type := HttpInputPointed.type
instance : Nonempty HttpInput := HttpInputPointed.property

private opaque HttpMessagePointed : NonemptyType.{0}
/-- A `kja_http_message_t`. -/
def HttpMessage : Type := HttpMessagePointed.type
instance : Nonempty HttpMessage := HttpMessagePointed.property

/-- `kja_http_input_new`; the limits in the order of `Http.HeadLimits.numbers`. -/
@[extern "kjasync_http_input_new"]
protected opaque HttpInput.new (connection : @& Connection) (limits : @& Array Nat) : IO HttpInput

/-- `kja_http_input_read_start`. -/
@[extern "kjasync_http_input_read_start"]
opaque HttpInput.readStart (input : @& HttpInput) (kind : UInt32) (method : @& String) : IO Promise

/-- `kja_http_input_when_next_start`. -/
@[extern "kjasync_http_input_when_next_start"]
opaque HttpInput.whenNextStart (input : @& HttpInput) : IO Promise

/-- `kja_promise_handle` of a message. -/
@[extern "kjasync_promise_http_message"]
opaque Promise.httpMessage (promise : @& Promise) : IO HttpMessage

/-- `kja_call_handle` of a message. -/
@[extern "kjasync_call_http_message"]
opaque Call.httpMessage (call : @& Call) : IO HttpMessage

namespace HttpMessage

/-- `kja_http_message_head`. -/
@[extern "kjasync_http_message_head"]
opaque head (message : @& HttpMessage) : IO HttpHead

/-- `kja_http_message_body`. -/
@[extern "kjasync_http_message_body"]
opaque body (message : @& HttpMessage) : IO Connection

/-- `kja_http_message_body_length`. -/
@[extern "kjasync_http_message_body_length"]
opaque bodyLength (message : @& HttpMessage) : IO UInt64

/-- `kja_http_message_trailers`. -/
@[extern "kjasync_http_message_trailers"]
opaque trailers (message : @& HttpMessage) : IO HttpHeaders

end HttpMessage
end KjAsync.Native
