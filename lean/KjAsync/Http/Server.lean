import KjAsync.Http.Message
import KjAsync.Connection
import KjAsync.Listener
import KjAsync.Async
import KjAsync.Tls

/-! HTTP servers: a handler that turns requests into responses. -/

namespace KjAsync

/-- The body of a request, to be read. It is a readable stream. (HTTP-20, HTTP-21) -/
structure HttpServerRequestBody where
  /-- Not for users: made by the server. -/
  ofConnection ::
  /-- What it is read from. -/
  connection : Connection

/-- The body of a response, to be written. It is a writable stream. (HSRV-02) -/
structure HttpServerResponseBody where
  /-- Not for users: made by the server. -/
  ofConnection ::
  /-- What it is written to. -/
  connection : Connection

instance : Stream.ReadableRef HttpServerRequestBody where
  readStart body min max := body.connection.readStart min max
  abortRead body := body.connection.abortRead
  length? body := Stream.ReadableRef.length? body.connection
  closeRead body := Stream.ReadableRef.closeRead body.connection

instance : Stream.WritableRef HttpServerResponseBody where
  writeStart body bytes := body.connection.writeStart bytes
  shutdownWriteStart body := body.connection.shutdownWriteStart
  abortWrite body error := Stream.WritableRef.abortWrite body.connection error
  whenWriteDisconnectedStart body := Stream.WritableRef.whenWriteDisconnectedStart body.connection
  closeWrite body := Stream.WritableRef.closeWrite body.connection

namespace Http

/-- A request that has come to a server. (HSRV-01) -/
structure Request where
  /-- The native handle. -/
  native : Native.HttpRequest
  /-- The runtime; kept alive. -/
  runtime : Runtime
  /-- `GET` and its like. -/
  method : Method
  /-- What is asked for, as it came: a path with a query, mostly. -/
  target : String
  /-- The headers. -/
  headers : Headers

namespace Request

/-- For callbacks that get a request. -/
protected def ofNative (runtime : Runtime) (native : Native.HttpRequest) : IO Request := do
  return { native, runtime, method := ⟨← native.method⟩, target := ← native.target, headers := ⟨← native.fields⟩ }

/-- The target up to the query. -/
def path (request : Request) : String := (request.target.takeWhile (· != '?')).toString

/-- The body. It fails with `disconnected` if it is cut off, with `overloaded` if it is longer than the server's limit, with
`timedOut` if it comes too slowly. (HTTP-20) -/
def body (request : Request) : IO HttpServerRequestBody := return ⟨⟨← request.native.body, request.runtime⟩⟩

/-- How long the body is; `none` if it comes in chunks. -/
def bodyLength? (request : Request) : IO (Option Nat) := return Http.lengthOf (← request.native.bodyLength)

/-- The headers behind the body, once that has been read to its end. (HTTP-21) -/
def trailers (request : Request) : IO Headers := return ⟨← request.native.trailers⟩

/-- Waits for the whole body, of at most `limit` bytes. Errors: `overloaded` for a longer one. -/
@[inline] def readAll [Monad m] [MonadAwait m] [MonadLiftT IO m] (request : Request) (limit : Nat := 1048576) : m BytesRef := do
  (← request.body).connection.readAll limit

/-- The connection that the request came over, to ask for its peer; it must be neither read nor written. -/
def connection (request : Request) : IO Connection := return ⟨← request.native.connection, request.runtime⟩

/-- Who sent the request, with what TLS says of them if the connection is secure. Errors: as `Connection.peer`. -/
def peer (request : Request) : IO Peer := do (← request.connection).peer

/-- The address that the request came to. Errors: as `Connection.localAddress`. -/
def localAddress (request : Request) : IO Address := do (← request.connection).localAddress

/-- Leaves the request to somebody else: this gives a connection that begins with its head and whatever has come behind that,
so that whoever serves it, the same server or another one, finds the request as if it had just come. The handler then returns
`Response.answered`. Errors: `failed` if the request has been answered or its body asked for. (HSRV-23, HSRV-24) -/
def suspend (request : Request) : IO Connection := return ⟨← request.native.suspend, request.runtime⟩

/-- Has the response compressed, by brotli or gzip, if the client accepts that: it is sent with `Content-Encoding` and `Vary`, a streamed
one in chunks whatever length is given for it. Has to come before the answer; `Response.compress` does so. Do not ask for it where a
secret stands beside what others may choose: its length tells. Errors: `failed` if the request has been answered. -/
def compress (request : Request) : IO Unit := request.native.compress

/-- Puts headers behind the body of a response in chunks, in place of those that were put there before; they are sent when the body
ends. Their names stand in the `Trailer` of the response. Errors: `failed` if there is no such body or its handler has ended,
`invalidArgument` for a name that the response has not announced, or that cannot come behind a body. (HTTP-21) -/
def setTrailers (request : Request) (headers : Headers) : IO Unit := do request.native.setTrailers (← headers.native)

/-- Accepts a `CONNECT`, or an upgrade with status 101: the connection turns into the stream that this gives, which lives as
long as the handler runs. Errors: `invalidArgument` for a status that does not fit. (CONN-04, CONN-05) -/
def acceptTunnel (request : Request) (status : Status := .ok) (headers : Headers := {}) : IO Connection := do
  let native ← request.native.acceptTunnel status.code.toUInt32 status.reason (← headers.native)
  return ⟨native, request.runtime⟩

end Request

/-- What follows the head of a response. -/
inductive Body where
  /-- These bytes. -/
  | bytes (bytes : BytesRef)
  /-- What the code writes: so many bytes, or in chunks. It ends when the code does. -/
  | stream (length? : Option Nat) (write : HttpServerResponseBody → Async Unit)
  /-- Nothing: the request has been answered already, by `acceptTunnel` for instance, or is left to somebody else. -/
  | answered

/-- What a handler answers. (HSRV-02) -/
structure Response where
  /-- 200 unless said otherwise. -/
  status : Status := .ok
  /-- How the message is sent is not theirs to say. -/
  headers : Headers := {}
  /-- Empty unless said otherwise. -/
  body : Body := .bytes BytesRef.empty
  /-- Whether the body is compressed if the client accepts that; see `Request.compress`. -/
  compress : Bool := false

namespace Response

/-- Some text. -/
def text (text : String) (status : Status := .ok) : Response :=
  { status, headers := .ofList [("Content-Type", "text/plain; charset=utf-8")], body := .bytes (.ofString text) }

/-- Bytes of this media type. -/
def bytes (bytes : BytesRef) (type : String := "application/octet-stream") (status : Status := .ok) : Response :=
  { status, headers := .ofList [("Content-Type", type)], body := .bytes bytes }

/-- JSON, as a text. -/
def json (text : String) (status : Status := .ok) : Response :=
  { status, headers := .ofList [("Content-Type", "application/json")], body := .bytes (.ofString text) }

/-- Nothing more: `request.acceptTunnel` has answered, or `request.suspend` has left it to somebody else. -/
def answered : Response := { body := .answered }

/-- A response whose body is written piece by piece. -/
def stream (write : HttpServerResponseBody → Async Unit) (length? : Option Nat := none) (status : Status := .ok)
    (headers : Headers := {}) : Response := { status, headers, body := .stream length? write }

end Response

/-- Limits of a server; `none` is no limit. -/
structure ServerOptions where
  /-- The most bytes of a head; beyond that the answer is 431. (HTTP-16) -/
  maxHead : Nat := 131072
  /-- The most lines of a head; beyond that the answer is 431. -/
  maxHeaders : Nat := 256
  /-- The most bytes of a target; beyond that the answer is 414. -/
  maxTarget : Nat := 32768
  /-- The most bytes of a body; beyond that the answer is 413. -/
  maxBody? : Option Nat := none
  /-- For a head; then the answer is 408. (HSRV-12) -/
  headTimeout? : Option Duration := some (.ofSeconds 15)
  /-- Between two requests; then the connection is closed. (HSRV-13) -/
  idleTimeout? : Option Duration := some (.ofSeconds 5)
  /-- While more of a body is waited for; then reading it fails with `timedOut`, and a handler that fails with that is answered for
  with 408. -/
  bodyTimeout? : Option Duration := some (.ofSeconds 30)
  /-- For a whole request; then its handler is cancelled and the answer is 503. -/
  requestTimeout? : Option Duration := none
  /-- The most connections at once; others wait in the backlog. -/
  maxConnections : Nat := 10000
  /-- The most requests of one connection. -/
  maxRequests? : Option Nat := none
  /-- The most bytes of a body which its handler has not read that are read to keep the connection. (HSRV-14) -/
  unreadBytes : Nat := 65536
  /-- How long that may take. -/
  unreadTimeout : Duration := .ofSeconds 1
  /-- Whether responses have a `Date`. -/
  date : Bool := true
  /-- Whether the text of what a handler throws is the body of the answer. -/
  errorText : Bool := false
  /-- What connections that come to a listener are secured with: they speak `https` then. Handshakes that fail are told to its
  `onAcceptError?`. -/
  tls? : Option Tls.Context := none

/-- In the order in which the shim takes them. -/
protected def ServerOptions.numbers (options : ServerOptions) : Array Nat :=
  #[Http.limit options.maxHead, Http.limit options.maxHeaders, Http.limit options.maxTarget, Http.limit options.maxBody?,
    Http.timeLimit options.headTimeout?, Http.timeLimit options.idleTimeout?, Http.timeLimit options.bodyTimeout?,
    Http.timeLimit options.requestTimeout?, Http.limit options.maxConnections, Http.limit options.maxRequests?,
    Http.limit options.unreadBytes, Http.timeLimit options.unreadTimeout]

/-- What there is to log of a request. -/
structure RequestSummary where
  /-- Of the response; `none` if none has begun. -/
  status? : Option Nat
  /-- Whether the whole response has been taken to be sent. -/
  whole : Bool
  /-- How many bytes of the body of the request have been read. -/
  received : Nat
  /-- How many bytes of the body of the response have been taken to be sent. -/
  sent : Nat
  /-- From the end of the head to the end of the request, in nanoseconds. -/
  nanos : Nat
  deriving Repr

/-- What a program decides and hears of beside requests. The functions run on the loop and must not block. Those that give a
response answer a request that has no answer yet; `none`, a response that is not of bytes, and throwing leave it to the
server. -/
structure ServerHooks where
  /-- Makes the handler of each connection, in place of the server's; what it throws closes the connection. (HSRV-07) -/
  onConnection? : Option (Connection → IO (Request → Async Response)) := none
  /-- What came is no request. (HSRV-17) -/
  onProtocolError? : Option (ErrorRef → IO (Option Response)) := none
  /-- A handler has thrown, perhaps behind its answer. (HSRV-18) -/
  onHandlerError? : Option (Request → ErrorRef → IO (Option Response)) := none
  /-- A handler has returned `Response.answered` without an answer. (HSRV-19) -/
  onNoAnswer? : Option (Request → IO (Option Response)) := none
  /-- A connection that came to a listener has failed. (HSRV-20) -/
  onConnectionError? : Option (ErrorRef → IO Unit) := none
  /-- Asked when a response begins: `true` closes the connection behind it. (HSRV-21) -/
  shouldClose? : Option (Request → IO Bool) := none
  /-- A request is over: its response has been sent, or its client has gone. It does not hear of requests that are suspended,
  become a tunnel, or end with the server. -/
  onRequestEnd? : Option (Request → RequestSummary → IO Unit) := none

private def ServerHooks.wanted (hooks : ServerHooks) : UInt32 :=
  (if hooks.onConnection?.isSome then 1 else 0) + (if hooks.onProtocolError?.isSome then 2 else 0) +
  (if hooks.onHandlerError?.isSome then 4 else 0) + (if hooks.onNoAnswer?.isSome then 8 else 0) +
  (if hooks.onConnectionError?.isSome then 16 else 0) + (if hooks.shouldClose?.isSome then 32 else 0) +
  (if hooks.onRequestEnd?.isSome then 64 else 0)

private def answer (native : Native.HttpRequest) : Option Response → IO Unit
  | some { status, headers, body := .bytes bytes, .. } => do
    native.respond status.code.toUInt32 status.reason (← headers.native) bytes.native
  | _ => return

private def send (request : Request) (response : Response) : Async Unit := do
  let (code, reason) := (response.status.code.toUInt32, response.status.reason)
  if response.compress then (request.compress : IO Unit)
  match response.body with
  | .answered => return
  | .bytes bytes => (do request.native.respond code reason (← response.headers.native) bytes.native : IO Unit)
  | .stream length? write =>
    let native ← (do request.native.respondStream code reason (← response.headers.native) (Http.lengthTo length?) : IO _)
    let body : HttpServerResponseBody := ⟨⟨native, request.runtime⟩⟩
    write body
    body.connection.shutdownWrite

/--
A server. Its handler is `Async` code that runs on the loop for each request; it is cancelled when the client goes away, and
then its `finally` blocks run. What it throws becomes the answer by its kind: 503 for `overloaded` and `timedOut`, 501 for
`unimplemented`, nothing for `disconnected`, otherwise 500. Dropping the last reference ends everything that it serves.
(HSRV-01, HSRV-06, HSRV-15, HSRV-18)
-/
structure Server where
  /-- Not for users: made by `Server.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.HttpServer
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace Server

private def service (runtime : Runtime) (handler : Request → Async Response) : Native.Callback := fun call => do
  match ← (do Request.ofNative runtime (← call.httpRequest)).toBaseIO with
  | .error error => Outcome.rejectCall call (.ofError error)
  | .ok request => Outcome.deliver runtime Outcome.leaveObject call (← (do send request (← handler request) : Async Unit) { runtime })

/-- A hook, if it is there; of what it throws nobody hears. -/
private def run (hook? : Option α) (hook : α → IO Unit) : BaseIO Unit :=
  match hook? with
  | some given => do discard (hook given).toBaseIO
  | none => return

private def callbacks (hooks : ServerHooks) (runtime : Runtime) : Native.HttpServer.Hooks where
  connection call native := do
    match hooks.onConnection? with
    | none => return none
    | some make =>
      match ← Outcome.ofIO (make ⟨native, runtime⟩) with
      | .ok handler => return some (service runtime handler)
      | .error error => do
        Outcome.rejectCall call error
        return none
      | _ => return none
  protocolError call native := run hooks.onProtocolError? fun hear => do answer native (← hear (← call.failure))
  serviceFailed call native := run hooks.onHandlerError? fun hear => do
    answer native (← hear (← Request.ofNative runtime native) (← call.failure))
  noAnswer _ native := run hooks.onNoAnswer? fun hear => do answer native (← hear (← Request.ofNative runtime native))
  connectionFailed call := run hooks.onConnectionError? fun hear => do hear (← call.failure)
  shouldClose call native := run hooks.shouldClose? fun ask => do
    if ← ask (← Request.ofNative runtime native) then call.returnU64 1
  requestEnd _ native := run hooks.onRequestEnd? fun hear => do
    let numbers ← native.summary
    let status := numbers[0]!
    hear (← Request.ofNative runtime native)
      { status? := if status == 0 then none else some status, whole := numbers[1]! == 1, received := numbers[2]!, sent := numbers[3]!,
        nanos := numbers[4]! }

/-- A server with this handler and these hooks. Never blocks. Errors: `shutdown`. (HSRV-06, HSRV-07) -/
protected def new (runtime : Runtime) (handler : Request → Async Response) (options : ServerOptions := {})
    (hooks : ServerHooks := {}) : IO Server := do
  let flags : UInt32 := (if options.date then 0 else 1) + (if options.errorText then 2 else 0)
  let native ← Native.HttpServer.new runtime.native flags hooks.wanted options.numbers (options.tls?.map (·.native))
    (callbacks hooks runtime) (service runtime handler)
  return ⟨native, runtime⟩

/-- A promise that serves what comes to a listener, until the server is drained. Cancellation: nothing more is accepted, and
open connections go on. (HSRV-08) -/
def listenStart (server : Server) (listener : Listener) : IO (PromiseRef Unit) :=
  return ⟨← server.native.listenStart listener.native, server.runtime, .unit⟩

/-- Serves what comes to a listener until the server is drained, closed or dropped. `onError` hears if the listener fails before that.
Never blocks. (HSRV-08) -/
def listen (server : Server) (listener : Listener) (onError : IO.Error → IO Unit := fun error =>
    IO.eprintln s!"a server can no longer listen: {error}") : IO Unit := do
  (← server.listenStart listener).detach fun error => unless Error.kind? error == some .canceled do onError error

/-- A promise that serves one connection, until it ends. Errors: `disconnected`. Cancellation: what is being answered is
cancelled, and the connection is closed. (HSRV-09) -/
def serveStart (server : Server) (connection : Connection) : IO (PromiseRef Unit) :=
  return ⟨← server.native.serveStart connection.native, server.runtime, .unit⟩

/-- As `serveStart`; a drain between two requests does not close the connection: the promise carries it then, and it can be
served by another server with nothing lost. Otherwise it carries `none`, also if a request was suspended. (HSRV-10, HSRV-24) -/
def serveUntilDrainedStart (server : Server) (connection : Connection) : IO (PromiseRef (Option Connection)) :=
  return ⟨← server.native.serveUntilDrainedStart connection.native, server.runtime, .option .connection⟩

/-- Serves one connection until it ends or the server is drained; see `serveUntilDrainedStart`. -/
@[inline] def serveUntilDrained [MonadAwait m] (server : Server) (connection : Connection) : m (Option Connection) :=
  MonadAwait.awaitStarted (server.serveUntilDrainedStart connection)

/-- Accepts nothing more, lets requests finish and closes idle connections; the promise settles when none is left. (HSRV-11) -/
def drainStart (server : Server) : IO (PromiseRef Unit) :=
  return ⟨← server.native.drainStart, server.runtime, .unit⟩

/-- Waits until the server is drained; see `drainStart`. -/
@[inline] def drain [MonadAwait m] (server : Server) : m Unit := MonadAwait.awaitStarted server.drainStart

/-- How many connections that came to a listener are being served. -/
def connections (server : Server) : IO Nat := server.native.connections

/-- Drains the server for this time at most, and then ends what is left. Whether that was nothing. (HSRV-11) -/
def drainFor (server : Server) (limit : Duration) : Async Bool := do
  let drained ← Async.timeout? limit server.drain
  server.native.release
  return drained.isSome

/-- Ends everything that it serves, now. Errors: `badHandle` when done twice. -/
def close (server : Server) : IO Unit := server.native.release

end Server

/-- Serves an address with a handler until the code is cancelled: `Http.serve "127.0.0.1:8080" handler`. `ready` is run with
the listener when it is bound. -/
def serve (address : String) (handler : Request → Async Response) (options : ServerOptions := {})
    (ready : Listener → Async Unit := fun _ => return) (hooks : ServerHooks := {}) : Async Unit := do
  let runtime ← Async.runtime
  let listener ← runtime.listen address
  let server ← Server.new runtime handler options hooks
  let listening ← server.listenStart listener
  ready listener
  try listening.await finally server.close

end Http
end KjAsync
