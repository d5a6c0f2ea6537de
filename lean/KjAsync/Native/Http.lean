import KjAsync.Native.Tls

/-! Foreign functions of HTTP. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque HttpHeadersPointed : NonemptyType.{0}
/-- A `kja_http_headers_t`. -/
def HttpHeaders : Type := HttpHeadersPointed.type
instance : Nonempty HttpHeaders := HttpHeadersPointed.property

private opaque HttpRequestPointed : NonemptyType.{0}
/-- A `kja_http_request_t`. -/
def HttpRequest : Type := HttpRequestPointed.type
instance : Nonempty HttpRequest := HttpRequestPointed.property

private opaque HttpServerPointed : NonemptyType.{0}
/-- A `kja_http_server_t`. -/
def HttpServer : Type := HttpServerPointed.type
instance : Nonempty HttpServer := HttpServerPointed.property

private opaque HttpClientPointed : NonemptyType.{0}
/-- A `kja_http_client_t`. -/
def HttpClient : Type := HttpClientPointed.type
instance : Nonempty HttpClient := HttpClientPointed.property

private opaque HttpResponsePointed : NonemptyType.{0}
/-- A `kja_http_response_t`. -/
def HttpResponse : Type := HttpResponsePointed.type
instance : Nonempty HttpResponse := HttpResponsePointed.property

/-- `kja_http_headers_new`. -/
@[extern "kjasync_http_headers_new"]
opaque HttpHeaders.new : IO HttpHeaders

/-- `kja_http_headers_append`. -/
@[extern "kjasync_http_headers_append"]
opaque HttpHeaders.append (headers : @& HttpHeaders) (name value : @& String) : IO Unit

/-- `kja_http_headers_at` of every field. -/
@[extern "kjasync_http_headers_fields"]
opaque HttpHeaders.fields (headers : @& HttpHeaders) : IO (Array (String × String))

/-- `kja_http_headers_bytes`. -/
@[extern "kjasync_http_headers_bytes"]
opaque HttpHeaders.bytes (headers : @& HttpHeaders) : IO Bytes

/-- `kja_call_handle` of a request. -/
@[extern "kjasync_call_http_request"]
opaque Call.httpRequest (call : @& Call) : IO HttpRequest

/-- `kja_call_handle` of a response. -/
@[extern "kjasync_call_http_response"]
opaque Call.httpResponse (call : @& Call) : IO HttpResponse

/-- `kja_promise_handle` of a response. -/
@[extern "kjasync_promise_http_response"]
opaque Promise.httpResponse (promise : @& Promise) : IO HttpResponse

namespace HttpRequest

/-- `kja_http_request_method`. -/
@[extern "kjasync_http_request_method"]
opaque method (request : @& HttpRequest) : IO String

/-- `kja_http_request_target`. -/
@[extern "kjasync_http_request_target"]
opaque target (request : @& HttpRequest) : IO String

/-- `kja_http_request_headers`, as pairs. -/
@[extern "kjasync_http_request_fields"]
opaque fields (request : @& HttpRequest) : IO (Array (String × String))

/-- `kja_http_request_trailers`, as pairs. -/
@[extern "kjasync_http_request_trailers"]
opaque trailers (request : @& HttpRequest) : IO (Array (String × String))

/-- `kja_http_request_body_length`. -/
@[extern "kjasync_http_request_body_length"]
opaque bodyLength (request : @& HttpRequest) : IO UInt64

/-- `kja_http_request_body`. -/
@[extern "kjasync_http_request_body"]
opaque body (request : @& HttpRequest) : IO Connection

/-- `kja_http_request_connection`. -/
@[extern "kjasync_http_request_connection"]
opaque connection (request : @& HttpRequest) : IO Connection

/-- `kja_http_request_respond`; an empty reason is the usual one. -/
@[extern "kjasync_http_request_respond"]
opaque respond (request : @& HttpRequest) (status : UInt32) (reason : @& String) (headers : @& HttpHeaders)
  (body : @& Bytes) : IO Unit

/-- `kja_http_request_respond_stream`. -/
@[extern "kjasync_http_request_respond_stream"]
opaque respondStream (request : @& HttpRequest) (status : UInt32) (reason : @& String) (headers : @& HttpHeaders)
  (length : UInt64) : IO Connection

/-- `kja_http_request_compress`. -/
@[extern "kjasync_http_request_compress"]
opaque compress (request : @& HttpRequest) : IO Unit

/-- `kja_http_request_set_trailers`. -/
@[extern "kjasync_http_request_set_trailers"]
opaque setTrailers (request : @& HttpRequest) (headers : @& HttpHeaders) : IO Unit

/-- `kja_http_request_accept_tunnel`. -/
@[extern "kjasync_http_request_accept_tunnel"]
opaque acceptTunnel (request : @& HttpRequest) (status : UInt32) (reason : @& String) (headers : @& HttpHeaders) :
  IO Connection

/-- `kja_http_request_suspend`. -/
@[extern "kjasync_http_request_suspend"]
opaque suspend (request : @& HttpRequest) : IO Connection

/-- `kja_http_request_summary`: status, whether it is whole, bytes received, bytes sent, nanoseconds. -/
@[extern "kjasync_http_request_summary"]
opaque summary (request : @& HttpRequest) : IO (Array Nat)

end HttpRequest

namespace HttpServer

/-- What a server asks and tells beside requests. -/
structure Hooks where
  /-- Makes the service of a connection; none closes it, and so does an error left with the call. -/
  connection : Call → Connection → BaseIO (Option Callback)
  /-- Hears of what is no request. -/
  protocolError : Call → HttpRequest → BaseIO Unit
  /-- Hears of a service that has failed. -/
  serviceFailed : Call → HttpRequest → BaseIO Unit
  /-- Hears of a service without an answer. -/
  noAnswer : Call → HttpRequest → BaseIO Unit
  /-- Hears of a connection that has failed. -/
  connectionFailed : Callback
  /-- Decides whether a response is the last of its connection. -/
  shouldClose : Call → HttpRequest → BaseIO Unit
  /-- Hears of a request that is over. -/
  requestEnd : Call → HttpRequest → BaseIO Unit

/-- `kja_http_server_new`; the limits in the order of `Http.ServerOptions.numbers`. `wanted` has a bit for each hook that is
there, in their order. -/
@[extern "kjasync_http_server_new"]
protected opaque new (runtime : @& Runtime) (flags wanted : UInt32) (limits : @& Array Nat) (tls : @& Option TlsContext)
  (hooks : Hooks) (service : Callback) : IO HttpServer

/-- `kja_http_server_listen_start`. -/
@[extern "kjasync_http_server_listen_start"]
opaque listenStart (server : @& HttpServer) (listener : @& Listener) : IO Promise

/-- `kja_http_server_serve_start`. -/
@[extern "kjasync_http_server_serve_start"]
opaque serveStart (server : @& HttpServer) (connection : @& Connection) : IO Promise

/-- `kja_http_server_serve_until_drained_start`. -/
@[extern "kjasync_http_server_serve_until_drained_start"]
opaque serveUntilDrainedStart (server : @& HttpServer) (connection : @& Connection) : IO Promise

/-- `kja_http_server_drain_start`. -/
@[extern "kjasync_http_server_drain_start"]
opaque drainStart (server : @& HttpServer) : IO Promise

/-- `kja_http_server_connections`. -/
@[extern "kjasync_http_server_connections"]
opaque connections (server : @& HttpServer) : IO Nat

/-- `kja_http_server_release`. -/
@[extern "kjasync_http_server_release"]
opaque release (server : @& HttpServer) : IO Unit

end HttpServer

namespace HttpClient

/-- `kja_http_client_new`; the limits in the order of `Http.ClientOptions.numbers`, flags and redirects last. -/
@[extern "kjasync_http_client_new"]
protected opaque new (network : @& Network) (limits : @& Array Nat) (tls : @& Option TlsContext)
  (proxy noProxy : @& Option String) : IO HttpClient

/-- `kja_http_client_new_address`. -/
@[extern "kjasync_http_client_new_address"]
opaque newAddress (address : @& Address) (limits : @& Array Nat) (tls : @& Option TlsContext) : IO HttpClient

/-- `kja_http_client_new_connection`. -/
@[extern "kjasync_http_client_new_connection"]
opaque newConnection (connection : @& Connection) (limits : @& Array Nat) (tls : @& Option TlsContext) : IO HttpClient

/-- `kja_http_client_new_service`. -/
@[extern "kjasync_http_client_new_service"]
opaque newService (server : @& HttpServer) (limits : @& Array Nat) (tls : @& Option TlsContext) : IO HttpClient

/-- `kja_http_client_new_limited`. -/
@[extern "kjasync_http_client_new_limited"]
opaque newLimited (client : @& HttpClient) (running waiting : USize) (flags : UInt32) (changed : Callback) : IO HttpClient

/-- `kja_http_client_counts`: how many run and how many wait. -/
@[extern "kjasync_http_client_counts"]
opaque counts (client : @& HttpClient) : IO (Nat × Nat)

/-- `kja_http_client_connect_start`: the promise of the response, and the tunnel. -/
@[extern "kjasync_http_client_connect_start"]
opaque connectStart (client : @& HttpClient) (host : @& String) (headers : @& HttpHeaders)
  (tls : @& Option TlsContext) : IO (Promise × Connection)

/-- `kja_http_client_request_start`. -/
@[extern "kjasync_http_client_request_start"]
opaque requestStart (client : @& HttpClient) (method url : @& String) (headers : @& HttpHeaders) (body : @& Bytes) :
  IO Promise

/-- `kja_http_client_request_stream_start`: the promise, and what the body is written to. -/
@[extern "kjasync_http_client_request_stream_start"]
opaque requestStreamStart (client : @& HttpClient) (method url : @& String) (headers : @& HttpHeaders) (length : UInt64) :
  IO (Promise × Connection)

/-- `kja_http_client_forward_start`. -/
@[extern "kjasync_http_client_forward_start"]
opaque forwardStart (client : @& HttpClient) (request : @& HttpRequest) (url : @& Option String)
  (headers : @& Option HttpHeaders) : IO Promise

/-- `kja_http_client_idle_connections`. -/
@[extern "kjasync_http_client_idle_connections"]
opaque idleConnections (client : @& HttpClient) : IO Nat

end HttpClient

namespace HttpResponse

/-- `kja_http_response_status`. -/
@[extern "kjasync_http_response_status"]
opaque status (response : @& HttpResponse) : IO UInt64

/-- `kja_http_response_reason`. -/
@[extern "kjasync_http_response_reason"]
opaque reason (response : @& HttpResponse) : IO String

/-- `kja_http_response_headers`, as pairs. -/
@[extern "kjasync_http_response_fields"]
opaque fields (response : @& HttpResponse) : IO (Array (String × String))

/-- `kja_http_response_trailers`, as pairs. -/
@[extern "kjasync_http_response_trailers"]
opaque trailers (response : @& HttpResponse) : IO (Array (String × String))

/-- `kja_http_response_body_length`. -/
@[extern "kjasync_http_response_body_length"]
opaque bodyLength (response : @& HttpResponse) : IO UInt64

/-- `kja_http_response_body`. -/
@[extern "kjasync_http_response_body"]
opaque body (response : @& HttpResponse) : IO Connection

end HttpResponse
end KjAsync.Native
