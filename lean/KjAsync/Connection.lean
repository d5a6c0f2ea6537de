import KjAsync.Address
import KjAsync.Native.Pipe
import KjAsync.Stream

/-! Connections: byte streams of every kind. -/

namespace KjAsync

/--
A connected byte stream. One read and any number of writes may be pending at the same time; all from any thread.
It holds its runtime.

Dropping the last reference closes the socket once nothing is pending on it; `close` does so now. (STRM-21) After a
shutdown calls throw `badHandle`.
-/
structure Connection where
  /-- Not for users: made by `Runtime.connect`, `Listener.accept`, `Runtime.newTwoWayPipe` and others. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Connection
  /-- The runtime; kept alive. -/
  runtime : Runtime

/-- For promises of a connection. -/
def Reader.connection : Reader Connection where
  ofPromise runtime promise := return ⟨← promise.connection, runtime⟩
  ofCall runtime call := return ⟨← call.connection, runtime⟩

/--
A promise of a connection to the address, for TCP with TCP_NODELAY set. The addresses behind a name race: IPv6 and IPv4 in
turns, the next one as soon as one has failed, or 250 ms after the one before; the first that answers wins.

Never blocks. Errors: `invalidArgument` at once for `*` and for an address without a port; `disconnected` if the connection is
refused or cannot be made; `failed` with the OS error ENOENT or EACCES for the path of a unix socket, and for an address that
the network's rules forbid. Cancellation: all attempts end and their sockets are closed. (NET-10, NET-11)
-/
def Address.connectStart (address : Address) : IO (PromiseRef Connection) :=
  return ⟨← address.native.connectStart, address.runtime, .connection⟩

/-- Connects to the address; see `connectStart`. -/
@[inline] def Address.connect [MonadAwait m] (address : Address) : m Connection :=
  MonadAwait.awaitStarted address.connectStart

/-- A promise of a connection to the address that a text means. Errors and cancellation as for `Address.parseStart`
and `Address.connectStart`. -/
def Runtime.connectStart (runtime : Runtime) (text : String) (defaultPort : UInt16 := 0) :
    IO (PromiseRef Connection) := do
  (← Address.parseStart runtime text defaultPort).bind (·.connectStart)

/-- Connects to the address that a text means; see `connectStart`. -/
@[inline] def Runtime.connect [MonadAwait m] (runtime : Runtime) (text : String) (defaultPort : UInt16 := 0) :
    m Connection :=
  MonadAwait.awaitStarted (runtime.connectStart text defaultPort)

namespace Connection

/--
A promise of at least `min` and at most `max` bytes, fewer than `min` only at the end of the stream, none if it has
ended. The memory is taken when there is something to read, not before.

Never blocks. Errors: `busy` if a read is pending (STRM-24); `invalidArgument` if `max` is 0 or less than `min`; `disconnected`
if the peer reset the connection. What had arrived for a read that fails or is cancelled is lost to nobody: the
next read begins with it. Cancellation: the connection stays usable. (STRM-01)
-/
def readStart (connection : Connection) (min : Nat := 1) (max : Nat := 65536) : IO (PromiseRef BytesRef) :=
  return ⟨← connection.native.readStart (Native.usize min) (Native.usize max), connection.runtime, .bytes⟩

/-- Waits for at least `min` and at most `max` bytes; see `readStart`. -/
@[inline] def read [MonadAwait m] (connection : Connection) (min : Nat := 1) (max : Nat := 65536) : m BytesRef :=
  MonadAwait.awaitStarted (connection.readStart min max)

/-- A promise of exactly `size` bytes. Errors: `disconnected` if the stream ends before; otherwise, and for
cancellation, as `readStart`. (STRM-02, STRM-03) -/
def readExactlyStart (connection : Connection) (size : Nat) : IO (PromiseRef BytesRef) := do
  if size == 0 then return ← PromiseRef.pure connection.runtime .empty
  (← connection.readStart size size).then fun bytes => do
    if bytes.size < size then
      throw (Error.ofKind .disconnected s!"the stream ended after {bytes.size} of {size} bytes")
    return bytes

/-- Waits for exactly `size` bytes; see `readExactlyStart`. -/
@[inline] def readExactly [MonadAwait m] (connection : Connection) (size : Nat) : m BytesRef :=
  MonadAwait.awaitStarted (connection.readExactlyStart size)

/-- A promise of all bytes until the end of the stream. Errors: `overloaded` for more than `limit` bytes; otherwise
as `readStart`; the next read begins with what had come. Cancellation: likewise. (STRM-07) -/
def readAllStart (connection : Connection) (limit : Nat := 64 * 1024 * 1024) : IO (PromiseRef BytesRef) :=
  return ⟨← connection.native.readAllStart (Native.usize limit), connection.runtime, .bytes⟩

/-- Waits for all bytes until the end of the stream; see `readAllStart`. -/
@[inline] def readAll [MonadAwait m] (connection : Connection) (limit : Nat := 64 * 1024 * 1024) : m BytesRef :=
  MonadAwait.awaitStarted (connection.readAllStart limit)

/--
Writes the bytes, without a copy; the promise is fulfilled when the system has taken them all. Writes go out in the
order in which they were started.

Never blocks. Errors: `disconnected` if the peer has gone. Cancellation: what the system has taken is sent, the rest
is not; later writes follow directly on what was sent. (STRM-10)
-/
def writeStart (connection : Connection) (bytes : BytesRef) : IO (PromiseRef Unit) :=
  return ⟨← connection.native.writeStart bytes.native, connection.runtime, .unit⟩

/-- Writes the bytes and waits until the system has taken them; see `writeStart`. -/
@[inline] def write [MonadAwait m] (connection : Connection) (bytes : BytesRef) : m Unit :=
  MonadAwait.awaitStarted (connection.writeStart bytes)

/-- Writes several pieces as one. Otherwise as `writeStart`, but the pieces are copied first. (STRM-11) -/
def writevStart (connection : Connection) (pieces : Array BytesRef) : IO (PromiseRef Unit) :=
  return ⟨← connection.native.writevStart (pieces.map (·.native)), connection.runtime, .unit⟩

/-- Writes several pieces as one and waits until the system has taken them; see `writevStart`. -/
@[inline] def writev [MonadAwait m] (connection : Connection) (pieces : Array BytesRef) : m Unit :=
  MonadAwait.awaitStarted (connection.writevStart pieces)

/-- Tells the peer, after the writes started so far, that nothing more will come. Reads go on. Never blocks.
(STRM-15) -/
def shutdownWriteStart (connection : Connection) : IO (PromiseRef Unit) :=
  return ⟨← connection.native.shutdownWriteStart, connection.runtime, .unit⟩

/-- Ends writing and waits until that is done; see `shutdownWriteStart`. -/
@[inline] def shutdownWrite [MonadAwait m] (connection : Connection) : m Unit :=
  MonadAwait.awaitStarted connection.shutdownWriteStart

/-- Ends reading for good: a pending read and all later ones see the end of the stream. Never blocks. (STRM-16) -/
def abortRead (connection : Connection) : IO Unit := connection.native.abortRead

/--
Moves bytes from `source` to `target` on the loop, until the end of the stream or until `limit` bytes have gone over;
the promise carries their number. It reads no faster than it can write, and shuts down neither end.

Never blocks. Errors: `busy` if a read is pending on `source`; those of the connections. What was read and could not be
written is what the next read from `source` begins with. Cancellation: likewise; both connections stay usable. (STRM-05,
STRM-06)
-/
def pumpToStart (source target : Connection) (limit : UInt64 := 0xFFFF_FFFF_FFFF_FFFF) : IO (PromiseRef UInt64) :=
  return ⟨← source.native.pumpStart target.native limit, source.runtime, .u64⟩

/-- Moves bytes until that is done; see `pumpToStart`. -/
@[inline] def pumpTo [MonadAwait m] (source target : Connection) (limit : UInt64 := 0xFFFF_FFFF_FFFF_FFFF) :
    m UInt64 :=
  MonadAwait.awaitStarted (source.pumpToStart target limit)

/-- Do small writes go out at once? They do unless switched off. Never blocks. -/
def setNodelay (connection : Connection) (on : Bool) : IO Unit := connection.native.setNodelay on

/-- The address of this end. Never blocks. (STRM-18) -/
def localAddress (connection : Connection) : IO Address :=
  return ⟨← connection.native.localAddress, connection.runtime⟩

/-- The address of the other end. Never blocks. (STRM-18) -/
def peerAddress (connection : Connection) : IO Address :=
  return ⟨← connection.native.peerAddress, connection.runtime⟩

/-- Closes the socket now; what is pending rejects with kind `canceled`. A second call does nothing. Never blocks.
(STRM-21) -/
def close (connection : Connection) : IO Unit := connection.native.close

instance : Stream.ReadableRef Connection where
  readStart connection min max := connection.readStart min max
  abortRead := abortRead
  length? connection := Error.noneIf .unimplemented connection.native.length
  closeRead := close

instance : Stream.WritableRef Connection where
  writeStart := writeStart
  shutdownWriteStart := shutdownWriteStart
  abortWrite connection error := connection.native.abortWrite error.native
  whenWriteDisconnectedStart connection := return ⟨← connection.native.whenWriteDisconnectedStart, connection.runtime, .unit⟩
  closeWrite := close

end Connection
end KjAsync
