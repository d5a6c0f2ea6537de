import KjAsync.Native.Fd

/-! Foreign functions of messages: bytes and what came beside them. The contract of each is in `kjasync.h`. -/

namespace KjAsync

/-- A control message, as `recvmsg` gives them: something that the system says beside the bytes. -/
structure ControlMessage where
  /-- Which part of the system it is from, such as `SOL_SOCKET`. -/
  level : Int32
  /-- What it is, a number of that part's. -/
  type : Int32
  /-- Its content, as the system lays it out. -/
  data : ByteArray

namespace Native

private opaque MessagePointed : NonemptyType.{0}
/-- A `kja_message_t`. -/
def Message : Type := MessagePointed.type
instance : Nonempty Message := MessagePointed.property

/-- `kja_promise_handle` of a message. -/
@[extern "kjasync_promise_message"]
opaque Promise.message (promise : @& Promise) : IO Message

/-- `kja_call_handle` of a message. -/
@[extern "kjasync_call_message"]
opaque Call.message (call : @& Call) : IO Message

/-- `kja_promise_handle` of a list of messages, and the messages in it. -/
@[extern "kjasync_promise_messages"]
opaque Promise.messages (promise : @& Promise) : IO (Array Message)

/-- `kja_call_handle` of a list of messages, and the messages in it. -/
@[extern "kjasync_call_messages"]
opaque Call.messages (call : @& Call) : IO (Array Message)

/-- `kja_message_content`. -/
@[extern "kjasync_message_content"]
opaque Message.content (message : @& Message) : IO Bytes

/-- `kja_message_is_truncated`. -/
@[extern "kjasync_message_is_truncated"]
opaque Message.isTruncated (message : @& Message) : IO Bool

/-- `kja_message_is_control_truncated`. -/
@[extern "kjasync_message_is_control_truncated"]
opaque Message.isControlTruncated (message : @& Message) : IO Bool

/-- `kja_message_control_count`. -/
@[extern "kjasync_message_control_count"]
opaque Message.controlCount (message : @& Message) : IO Nat

/-- `kja_message_control`, with a copy of the data. -/
@[extern "kjasync_message_control"]
opaque Message.control (message : @& Message) (index : USize) : IO ControlMessage

/-- `kja_message_source`. -/
@[extern "kjasync_message_source"]
opaque Message.source (message : @& Message) : IO Address

/-- `kja_message_fd_count`. -/
@[extern "kjasync_message_fd_count"]
opaque Message.fdCount (message : @& Message) : IO Nat

/-- `kja_message_take_fd`. -/
@[extern "kjasync_message_take_fd"]
opaque Message.takeFd (message : @& Message) (index : USize) : IO OwnFd

/-- `kja_message_connection_count`. -/
@[extern "kjasync_message_connection_count"]
opaque Message.connectionCount (message : @& Message) : IO Nat

/-- `kja_message_take_connection`. -/
@[extern "kjasync_message_take_connection"]
opaque Message.takeConnection (message : @& Message) (index : USize) : IO Connection

end Native
end KjAsync
