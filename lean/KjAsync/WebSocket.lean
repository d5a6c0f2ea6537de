import KjAsync.Native.WebSocket
import KjAsync.Http
import KjAsync.Async.Each

/-! WebSockets: messages over a connection, by way of HTTP or over one whose handshake has been done. -/

namespace KjAsync

/-- What is sent and received. A `String`, a `ByteArray` or a `BytesRef` may stand where a message is expected. -/
inductive WebSocketMessage where
  /-- A text. -/
  | text (text : String)
  /-- Bytes. -/
  | binary (bytes : BytesRef)
  /-- The other end's close, the last that is received: a code, 1005 if it had none, and a reason. It has been answered.
  (WS-03, WS-21) -/
  | close (code : Nat) (reason : String)
  deriving Inhabited

namespace WebSocketMessage

instance : Coe String WebSocketMessage := ⟨.text⟩
instance : Coe ByteArray WebSocketMessage := ⟨fun bytes => .binary bytes⟩
instance : Coe BytesRef WebSocketMessage := ⟨.binary⟩

/-- Is it the close? -/
def isClose : WebSocketMessage → Bool
  | .close .. => true
  | _ => false

private def ofNative (native : Native.WebSocketMessage) : IO WebSocketMessage := do
  match ← native.kind with
  | 1 => return .text (← native.text)
  | 2 => return .binary ⟨← native.bytes⟩
  | _ => return .close (← native.closeCode).toNat (← native.text)

/-- For promises of a message. -/
protected def reader : Reader WebSocketMessage where
  ofPromise _ promise := do ofNative (← promise.webSocketMessage)
  ofCall _ call := do ofNative (← call.webSocketMessage)

end WebSocketMessage

/-- Whether a message is text or bytes. -/
inductive WebSocketKind where
  /-- UTF-8. -/
  | text
  /-- Any bytes. -/
  | binary
  deriving DecidableEq, Repr, Inhabited

/-- A piece of a message. -/
structure WebSocketPiece where
  /-- That of the whole message; `none` for the close. -/
  kind? : Option WebSocketKind
  /-- What has come. A piece of a text may end within a character. -/
  bytes : BytesRef
  /-- Does the message end with it? -/
  isLast : Bool

private def WebSocketPiece.ofNative (native : Native.WebSocketMessage) : IO WebSocketPiece := do
  let kind? := match ← native.kind with
    | 1 => some .text
    | 2 => some .binary
    | _ => none
  return { kind?, bytes := ⟨← native.bytes⟩, isLast := ← native.isLast }

/-- For promises of a piece. -/
protected def WebSocketPiece.reader : Reader WebSocketPiece where
  ofPromise _ promise := do ofNative (← promise.webSocketMessage)
  ofCall _ call := do ofNative (← call.webSocketMessage)

/-- What may be chosen for a socket; `none` is no limit. (WS-02, WS-17, WS-19) -/
structure WebSocketOptions where
  /-- Whether messages are compressed, if the other end agrees. -/
  compress : Bool := false
  /-- Whether each message of the server is compressed by itself: that costs less memory and compresses less. -/
  serverNoContextTakeover : Bool := false
  /-- The same for messages of the client. -/
  clientNoContextTakeover : Bool := false
  /-- The logarithm of the server's window, from 8 to 15. -/
  serverMaxWindowBits : Nat := 15
  /-- That of the client's. -/
  clientMaxWindowBits : Nat := 15
  /-- How hard this end compresses, from 1 to 9. -/
  level : Nat := 6
  /-- Messages of fewer bytes are sent plain. -/
  compressFrom : Nat := 64
  /-- The most bytes of a message that is received as a whole; beyond that the socket is closed with 1009. -/
  maxMessage : Nat := 33554432
  /-- How long the other end may take for its close; then the connection is cut. -/
  closeTimeout? : Option Duration := some (.ofSeconds 10)
  /-- After how long without a sign of life a ping is sent, while something is received. -/
  pingInterval? : Option Duration := none
  /-- After how long without a sign of life the connection is cut, while something is received. -/
  idleTimeout? : Option Duration := none

/-- In the order in which the shim takes them. -/
protected def WebSocketOptions.numbers (options : WebSocketOptions) : Array Nat :=
  let flag (is : Bool) (flag : Nat) := if is then flag else 0
  -- What does not fit into a byte is refused as 7 is.
  let small (n : Nat) := if n < 256 then n else 7
  let time (limit? : Option Duration) := Http.limit (limit?.map fun limit => limit.nanos.toInt.toNat)
  #[flag options.compress 1 + flag options.serverNoContextTakeover 2 + flag options.clientNoContextTakeover 4,
    small options.serverMaxWindowBits, small options.clientMaxWindowBits, small options.level,
    Http.limit options.compressFrom, Http.limit options.maxMessage, time options.closeTimeout?,
    time options.pingInterval?, time options.idleTimeout?]

/--
One end of a WebSocket. Sends go out whole and in the order in which they were started, from any thread; one receive may be
pending. Pings of the other end are answered while something is received. Dropping the last reference closes the connection.

`for message in socket do …` runs code for each message until the close.
-/
structure WebSocket where
  /-- Not for users: made by `Http.webSocket` and its like. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.WebSocket
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace WebSocket

/-- A client's end of a connection whose handshake has been done, which is the socket's from now on. `extensions` is what the
server has answered under `Sec-WebSocket-Extensions`. Errors: `busy` if a read of the connection is pending, `invalidArgument` for
extensions other than permessage-deflate. (WS-14, WS-15) -/
def ofClient (connection : Connection) (extensions : String := "") (options : WebSocketOptions := {}) : IO WebSocket :=
  return ⟨← Native.WebSocket.new connection.native 1 extensions options.numbers, connection.runtime⟩

/-- A server's end; otherwise as `ofClient`. (WS-14, WS-15) -/
def ofServer (connection : Connection) (extensions : String := "") (options : WebSocketOptions := {}) : IO WebSocket :=
  return ⟨← Native.WebSocket.new connection.native 2 extensions options.numbers, connection.runtime⟩

/-- Two sockets in this process, each of which receives what is sent over the other, without a buffer: a send settles when its
message has been received. Never blocks. Errors: `shutdown`. (WS-16) -/
def pipe (runtime : Runtime) (options : WebSocketOptions := {}) : IO (WebSocket × WebSocket) := do
  let (one, other) ← Native.WebSocket.pipe runtime.native options.numbers
  return (⟨one, runtime⟩, ⟨other, runtime⟩)

/--
A promise that sends a message, behind those that were started before. It settles when the system has all of it.

Never blocks. Errors: `failed` after a close or a send that was cancelled on its way, `disconnected` if the other end has gone,
`invalidArgument` for a close, which `close` is for. Cancellation: a message that waits is not sent. With a part of it on its way
the socket can send nothing more and says so; receiving goes on. (WS-01)
-/
def sendStart (socket : WebSocket) (message : WebSocketMessage) : IO (PromiseRef Unit) := do
  match message with
  | .text text => return ⟨← socket.native.sendTextStart text, socket.runtime, .unit⟩
  | .binary bytes => return ⟨← socket.native.sendBinaryStart bytes.native, socket.runtime, .unit⟩
  | .close .. => throw (Error.ofKind .invalidArgument "a close is sent by closing")

/-- Sends a message; see `sendStart`. -/
@[inline] def send [MonadAwait m] (socket : WebSocket) (message : WebSocketMessage) : m Unit :=
  MonadAwait.awaitStarted (socket.sendStart message)

/-- Sends a message if no other send waits and the system takes at least a part of it, whose rest follows by itself; whether it
did. Any thread; never blocks. Errors: as `sendStart`. (WS-01) -/
def sendNow (socket : WebSocket) (message : WebSocketMessage) : IO Bool := do
  match message with
  | .text text => socket.native.sendTextNow text
  | .binary bytes => socket.native.sendBinaryNow bytes.native
  | .close .. => throw (Error.ofKind .invalidArgument "a close is sent by closing")

/-- A promise that sends one message, and the connection that it is written to piece by piece. Shutting down its writing ends the
message; others wait until then. Errors and cancellation: as `sendStart`. (WS-01) -/
def sendStreamStart (socket : WebSocket) (kind : WebSocketKind := .binary) : IO (PromiseRef Unit × Connection) := do
  let (native, body) ← socket.native.sendStreamStart (match kind with | .text => 1 | .binary => 2)
  return (⟨native, socket.runtime, .unit⟩, ⟨body, socket.runtime⟩)

/--
A promise of the next message, of at most `limit?` bytes, or of as many as the options allow. The last one is a close.

Never blocks. Errors: `busy` if a receive is pending; `disconnected` for an end without a close, `failed` for what breaks the
protocol, `overloaded` for a message that is too long, `timedOut` for another end that gives no sign of life. After an error or the
close every receive fails. Cancellation: nothing is lost. (WS-02, WS-12, WS-13)
-/
def receiveStart (socket : WebSocket) (limit? : Option Nat := none) : IO (PromiseRef WebSocketMessage) :=
  return ⟨← socket.native.receiveStart (Native.usize (limit?.getD 0)), socket.runtime, WebSocketMessage.reader⟩

/-- Waits for the next message; see `receiveStart`. -/
@[inline] def receive [MonadAwait m] (socket : WebSocket) (limit? : Option Nat := none) : m WebSocketMessage :=
  MonadAwait.awaitStarted (socket.receiveStart limit?)

/-- A promise of what has come of a message, as soon as something has: for messages that are larger than memory. A `receive`
behind a piece that is not the last gives the rest of the message. Errors and cancellation: as `receiveStart`. (WS-02) -/
def receivePieceStart (socket : WebSocket) : IO (PromiseRef WebSocketPiece) :=
  return ⟨← socket.native.receivePieceStart, socket.runtime, WebSocketPiece.reader⟩

/-- Waits for a piece of a message; see `receivePieceStart`. -/
@[inline] def receivePiece [MonadAwait m] (socket : WebSocket) : m WebSocketPiece :=
  MonadAwait.awaitStarted socket.receivePieceStart

/--
Receives message after message, the close included, and runs code on the loop for each; the next one begins when that is done,
which holds the sender back. `none` goes on, `some` ends the receiving with that value; after the close the result is `none`.

Never blocks. Errors: what the code throws, and as `receiveStart`. Cancellation: as `receiveStart`, and the code that runs ends at
its next wait. (WS-02)
-/
def receiveEachStart (socket : WebSocket) (run : WebSocketMessage → Async (Option α)) (limit? : Option Nat := none) :
    IO (PromiseRef (Option α)) :=
  PromiseRef.ofSequence socket.runtime WebSocketMessage.reader run
    (socket.native.receiveEachStart (Native.usize (limit?.getD 0)))

/-- Runs code for each message until it gives a value or the socket is closed; see `receiveEachStart`. -/
@[inline] def receiveEach [MonadAwait m] (socket : WebSocket) (run : WebSocketMessage → Async (Option α))
    (limit? : Option Nat := none) : m (Option α) :=
  MonadAwait.awaitStarted (socket.receiveEachStart run limit?)

/-- `for message in socket do …`, until the close, which is not among them. -/
instance : ForIn Async WebSocket WebSocketMessage where
  forIn socket init step := Async.iterate (state := init) fun state => do
    let message ← socket.receive
    if message.isClose then return .done state else step message state

/-- A promise that sends a close behind the messages that were started before. It settles when that is written; the close of
the other end is the last that is received, and if it does not come in time the connection is cut. Where a close has been sent
already, also as the answer to one, this does nothing. Never blocks. Errors: `invalidArgument` for a code that cannot be sent or a
reason of more than 123 bytes; otherwise as `sendStart`. (WS-03, WS-21) -/
def closeStart (socket : WebSocket) (code : Nat := 1000) (reason : String := "") : IO (PromiseRef Unit) :=
  return ⟨← socket.native.closeStart code.toUInt32 reason, socket.runtime, .unit⟩

/-- Sends a close; see `closeStart`. -/
@[inline] def close [MonadAwait m] (socket : WebSocket) (code : Nat := 1000) (reason : String := "") : m Unit :=
  MonadAwait.awaitStarted (socket.closeStart code reason)

/-- As `closeStart`, and waits until the other end has closed or gone. What it still sends is thrown away, unless somebody
receives it. Errors: also `timedOut` if it does not close in time. (WS-03) -/
def finishStart (socket : WebSocket) (code : Nat := 1000) (reason : String := "") : IO (PromiseRef Unit) :=
  return ⟨← socket.native.finishStart code.toUInt32 reason, socket.runtime, .unit⟩

/-- Closes and waits for the other end; see `finishStart`. -/
@[inline] def finish [MonadAwait m] (socket : WebSocket) (code : Nat := 1000) (reason : String := "") : m Unit :=
  MonadAwait.awaitStarted (socket.finishStart code reason)

/-- Ends the sending without a close: receives of the other end fail. Receiving goes on here. Never blocks. (WS-04) -/
def disconnect (socket : WebSocket) : IO Unit := socket.native.disconnect

/-- Ends both directions now, without a close. Never blocks. (WS-05) -/
def abort (socket : WebSocket) : IO Unit := socket.native.abort

/-- A promise that settles once sending would fail because the other end has gone, as far as that can be known. (WS-06) -/
def whenAbortedStart (socket : WebSocket) : IO (PromiseRef Unit) :=
  return ⟨← socket.native.whenAbortedStart, socket.runtime, .unit⟩

/-- A promise that sends a ping of at most 125 bytes and settles when its pong has come, for which somebody has to be receiving.
Errors: as `sendStart`. (WS-11) -/
def pingStart (socket : WebSocket) (payload : BytesRef := BytesRef.empty) : IO (PromiseRef Unit) :=
  return ⟨← socket.native.pingStart payload.native, socket.runtime, .unit⟩

/-- Sends a ping and waits for its pong; see `pingStart`. -/
@[inline] def ping [MonadAwait m] (socket : WebSocket) (payload : BytesRef := BytesRef.empty) : m Unit :=
  MonadAwait.awaitStarted (socket.pingStart payload)

/-- A promise that sends a pong that nobody has asked for, as a sign of life. Errors: as `pingStart`. (WS-11) -/
def pongStart (socket : WebSocket) (payload : BytesRef := BytesRef.empty) : IO (PromiseRef Unit) :=
  return ⟨← socket.native.pongStart payload.native, socket.runtime, .unit⟩

/-- A promise that forwards every message to another socket, and the close at the end. An error of receiving closes the other
socket and is the promise's, as is an error of sending. (WS-07) -/
def pumpStart (socket target : WebSocket) : IO (PromiseRef Unit) :=
  return ⟨← socket.native.pumpStart target.native, socket.runtime, .unit⟩

/-- Forwards every message to another socket, until the close; see `pumpStart`. -/
@[inline] def pumpTo [MonadAwait m] (socket target : WebSocket) : m Unit :=
  MonadAwait.awaitStarted (socket.pumpStart target)

/-- How many bytes have been sent since the handshake, those of frames included. (WS-10) -/
def sentBytes (socket : WebSocket) : IO Nat := return (← socket.native.sentBytes).toNat

/-- How many bytes have been received since the handshake, those of frames included. (WS-10) -/
def receivedBytes (socket : WebSocket) : IO Nat := return (← socket.native.receivedBytes).toNat

/-- The subprotocol that was agreed on. -/
def protocol? (socket : WebSocket) : IO (Option String) := do
  let protocol ← socket.native.protocol
  return if protocol.isEmpty then none else some protocol

/-- What was agreed on compression, as `Sec-WebSocket-Extensions` has it; empty for nothing. (WS-17) -/
def extensions (socket : WebSocket) : IO String := socket.native.extensions

/--
Options with which another socket comes to what this one has agreed on compression, if its other end does not want less. A proxy asks
its socket to the server, and accepts its client with that: `pumpTo` can then pass messages on as they are. (WS-09)
-/
def matchingOptions (socket : WebSocket) (others : WebSocketOptions := {}) : IO WebSocketOptions := do
  let numbers ← socket.native.matchingOptions
  let flags := (numbers &&& 0xff).toNat
  return { others with
    compress := flags &&& 1 != 0
    serverNoContextTakeover := flags &&& 2 != 0
    clientNoContextTakeover := flags &&& 4 != 0
    serverMaxWindowBits := (numbers >>> 8 &&& 0xff).toNat
    clientMaxWindowBits := (numbers >>> 16 &&& 0xff).toNat }

/-- The connection that it is over, to ask for its peer; it must be neither read nor written. -/
def connection (socket : WebSocket) : IO Connection := return ⟨← socket.native.connection, socket.runtime⟩

end WebSocket

namespace Http

/--
Accepts a request for a WebSocket; the handler answers with `.answered` when it is done with it, since the socket lives as long as
the handler runs. `headers` go into the answer, and a `Sec-WebSocket-Protocol` among them chooses one of the subprotocols that the
client has offered.

Errors: `failed` for a request that is no handshake, which has then been answered; `invalidArgument` for headers that are the
handshake's. (HSRV-04, HSRV-22, WS-18, WS-22)
-/
def Request.acceptWebSocket (request : Request) (headers : Headers := {}) (options : WebSocketOptions := {}) :
    IO WebSocket :=
  return ⟨← request.native.acceptWebSocket (← headers.native) options.numbers, request.runtime⟩

/-- What comes of asking for a WebSocket: one, or an ordinary response. (HCLI-06) -/
inductive WebSocketAnswer where
  /-- The server has granted it. -/
  | socket (socket : WebSocket)
  /-- The server has answered otherwise. -/
  | response (response : ClientResponse)

private def answerReader : Reader WebSocketAnswer where
  ofPromise runtime promise := do
    match ← promise.webSocket with
    | some native => return .socket ⟨native, runtime⟩
    | none => return .response (← ClientResponse.reader.ofPromise runtime promise)
  ofCall runtime call := do
    match ← call.webSocket with
    | some native => return .socket ⟨native, runtime⟩
    | none => return .response (← ClientResponse.reader.ofCall runtime call)

/-- For promises of a socket; a response is an error. -/
private def socketReader : Reader WebSocket :=
  let granted : WebSocketAnswer → IO WebSocket
    | .socket socket => return socket
    | .response response => throw (Error.ofKind .failed s!"the server grants no WebSocket: {response.status}")
  { ofPromise := fun runtime promise => do granted (← answerReader.ofPromise runtime promise)
    ofCall := fun runtime call => do granted (← answerReader.ofCall runtime call) }

/--
A promise of what a server answers that is asked for a WebSocket at an absolute URL, `ws` or `http`, over a connection of its
own. `headers` may offer subprotocols.

Never blocks. Errors: as `Client.requestStart`; `failed` for an answer that does not fit. Cancellation: the connection is closed.
(HCLI-06, HCLI-13, WS-18, WS-22)
-/
def Client.webSocketAnswerStart (client : Client) (url : String) (headers : Headers := {})
    (options : WebSocketOptions := {}) : IO (PromiseRef WebSocketAnswer) := do
  let native ← client.native.webSocketStart url (← headers.native) options.numbers
  return ⟨native, client.runtime, answerReader⟩

/-- As `Client.webSocketAnswerStart`; any other answer is an error, `failed`. -/
def Client.webSocketStart (client : Client) (url : String) (headers : Headers := {}) (options : WebSocketOptions := {}) :
    IO (PromiseRef WebSocket) := do
  let native ← client.native.webSocketStart url (← headers.native) options.numbers
  return ⟨native, client.runtime, socketReader⟩

/-- Waits for a WebSocket; see `Client.webSocketStart`. -/
@[inline] def Client.webSocket [MonadAwait m] (client : Client) (url : String) (headers : Headers := {})
    (options : WebSocketOptions := {}) : m WebSocket :=
  MonadAwait.awaitStarted (client.webSocketStart url headers options)

/-- Waits for a WebSocket, with a client that is made for it: `Http.webSocket "ws://…"`. For `wss` it takes this context, or one that
trusts what the system trusts, as `Http.get` does. -/
def webSocket (url : String) (headers : Headers := {}) (options : WebSocketOptions := {})
    (tls? : Option Tls.Context := none) : Async WebSocket := do
  let runtime ← Async.runtime
  let tls? ← if tls?.isNone && url.startsWith "wss:" then pure (some (← Tls.Context.client runtime)) else pure tls?
  let client ← Client.new (← Network.system runtime) { tls? }
  client.webSocket url headers options

end Http
end KjAsync
