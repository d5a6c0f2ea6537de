import KjAsync.Native.Http

/-! Foreign functions of WebSockets. The contract of each is in `kjasync.h`. Options are numbers in the order of
`WebSocketOptions.numbers`. -/

namespace KjAsync.Native

private opaque WebSocketPointed : NonemptyType.{0}
/-- A `kja_websocket_t`. -/
def WebSocket : Type := WebSocketPointed.type
instance : Nonempty WebSocket := WebSocketPointed.property

private opaque WebSocketMessagePointed : NonemptyType.{0}
/-- A `kja_websocket_message_t`. -/
def WebSocketMessage : Type := WebSocketMessagePointed.type
instance : Nonempty WebSocketMessage := WebSocketMessagePointed.property

/-- `kja_http_request_accept_websocket`. -/
@[extern "kjasync_http_request_accept_websocket"]
opaque HttpRequest.acceptWebSocket (request : @& HttpRequest) (headers : @& HttpHeaders) (options : @& Array Nat) :
  IO WebSocket

/-- `kja_http_client_websocket_start`. -/
@[extern "kjasync_http_client_websocket_start"]
opaque HttpClient.webSocketStart (client : @& HttpClient) (url : @& String) (headers : @& HttpHeaders)
  (options : @& Array Nat) : IO Promise

/-- `kja_promise_handle` of a socket; `none` if it is a response. -/
@[extern "kjasync_promise_websocket"]
opaque Promise.webSocket (promise : @& Promise) : IO (Option WebSocket)

/-- `kja_call_handle` of a socket; `none` if it is a response. -/
@[extern "kjasync_call_websocket"]
opaque Call.webSocket (call : @& Call) : IO (Option WebSocket)

/-- `kja_promise_handle` of a message. -/
@[extern "kjasync_promise_websocket_message"]
opaque Promise.webSocketMessage (promise : @& Promise) : IO WebSocketMessage

/-- `kja_call_handle` of a message. -/
@[extern "kjasync_call_websocket_message"]
opaque Call.webSocketMessage (call : @& Call) : IO WebSocketMessage

namespace WebSocket

/-- `kja_websocket_new`. -/
@[extern "kjasync_websocket_new"]
protected opaque new (connection : @& Connection) (role : UInt32) (extensions : @& String) (options : @& Array Nat) :
  IO WebSocket

/-- `kja_websocket_pipe`. -/
@[extern "kjasync_websocket_pipe"]
opaque pipe (runtime : @& Runtime) (options : @& Array Nat) : IO (WebSocket × WebSocket)

/-- `kja_websocket_send_start` of a text. -/
@[extern "kjasync_websocket_send_text_start"]
opaque sendTextStart (socket : @& WebSocket) (text : @& String) : IO Promise

/-- `kja_websocket_send_bytes_start`, or `kja_websocket_send_start` for bytes of Lean's. -/
@[extern "kjasync_websocket_send_binary_start"]
opaque sendBinaryStart (socket : @& WebSocket) (bytes : @& Bytes) : IO Promise

/-- `kja_websocket_send_now` of a text. -/
@[extern "kjasync_websocket_send_text_now"]
opaque sendTextNow (socket : @& WebSocket) (text : @& String) : IO Bool

/-- `kja_websocket_send_now` of bytes. -/
@[extern "kjasync_websocket_send_binary_now"]
opaque sendBinaryNow (socket : @& WebSocket) (bytes : @& Bytes) : IO Bool

/-- `kja_websocket_send_stream_start`: the promise, and what the message is written to. -/
@[extern "kjasync_websocket_send_stream_start"]
opaque sendStreamStart (socket : @& WebSocket) (kind : UInt32) : IO (Promise × Connection)

/-- `kja_websocket_receive_start`. -/
@[extern "kjasync_websocket_receive_start"]
opaque receiveStart (socket : @& WebSocket) (limit : USize) : IO Promise

/-- `kja_websocket_receive_piece_start`. -/
@[extern "kjasync_websocket_receive_piece_start"]
opaque receivePieceStart (socket : @& WebSocket) : IO Promise

/-- `kja_websocket_receive_each_start`. -/
@[extern "kjasync_websocket_receive_each_start"]
opaque receiveEachStart (socket : @& WebSocket) (limit : USize) (onMessage : Callback) : IO Promise

/-- `kja_websocket_close_start`. -/
@[extern "kjasync_websocket_close_start"]
opaque closeStart (socket : @& WebSocket) (code : UInt32) (reason : @& String) : IO Promise

/-- `kja_websocket_finish_start`. -/
@[extern "kjasync_websocket_finish_start"]
opaque finishStart (socket : @& WebSocket) (code : UInt32) (reason : @& String) : IO Promise

/-- `kja_websocket_disconnect`. -/
@[extern "kjasync_websocket_disconnect"]
opaque disconnect (socket : @& WebSocket) : IO Unit

/-- `kja_websocket_abort`. -/
@[extern "kjasync_websocket_abort"]
opaque abort (socket : @& WebSocket) : IO Unit

/-- `kja_websocket_when_aborted_start`. -/
@[extern "kjasync_websocket_when_aborted_start"]
opaque whenAbortedStart (socket : @& WebSocket) : IO Promise

/-- `kja_websocket_ping_start`. -/
@[extern "kjasync_websocket_ping_start"]
opaque pingStart (socket : @& WebSocket) (bytes : @& Bytes) : IO Promise

/-- `kja_websocket_pong_start`. -/
@[extern "kjasync_websocket_pong_start"]
opaque pongStart (socket : @& WebSocket) (bytes : @& Bytes) : IO Promise

/-- `kja_websocket_pump_start`. -/
@[extern "kjasync_websocket_pump_start"]
opaque pumpStart (source target : @& WebSocket) : IO Promise

/-- `kja_websocket_byte_counts`, those sent. -/
@[extern "kjasync_websocket_sent_bytes"]
opaque sentBytes (socket : @& WebSocket) : IO UInt64

/-- `kja_websocket_byte_counts`, those received. -/
@[extern "kjasync_websocket_received_bytes"]
opaque receivedBytes (socket : @& WebSocket) : IO UInt64

/-- `kja_websocket_protocol`. -/
@[extern "kjasync_websocket_protocol"]
opaque protocol (socket : @& WebSocket) : IO String

/-- `kja_websocket_extensions`. -/
@[extern "kjasync_websocket_extensions"]
opaque extensions (socket : @& WebSocket) : IO String

/-- `kja_websocket_matching_options`: the flags, above them the bits of the server's window, and above them those of the client's. -/
@[extern "kjasync_websocket_matching_options"]
opaque matchingOptions (socket : @& WebSocket) : IO UInt64

/-- `kja_websocket_connection`. -/
@[extern "kjasync_websocket_connection"]
opaque connection (socket : @& WebSocket) : IO Connection

end WebSocket

namespace WebSocketMessage

/-- `kja_websocket_message_kind`. -/
@[extern "kjasync_websocket_message_kind"]
opaque kind (message : @& WebSocketMessage) : IO UInt64

/-- `kja_websocket_message_data`, as a text. -/
@[extern "kjasync_websocket_message_text"]
opaque text (message : @& WebSocketMessage) : IO String

/-- `kja_websocket_message_bytes`. -/
@[extern "kjasync_websocket_message_bytes"]
opaque bytes (message : @& WebSocketMessage) : IO Bytes

/-- `kja_websocket_message_close_code`. -/
@[extern "kjasync_websocket_message_close_code"]
opaque closeCode (message : @& WebSocketMessage) : IO UInt64

/-- `kja_websocket_message_is_last`. -/
@[extern "kjasync_websocket_message_is_last"]
opaque isLast (message : @& WebSocketMessage) : IO Bool

end WebSocketMessage
end KjAsync.Native
