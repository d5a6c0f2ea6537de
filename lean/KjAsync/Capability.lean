import KjAsync.Message
import KjAsync.Pipe
import KjAsync.Native.Capability

/-!
Descriptors and connections that go with the bytes: over unix sockets, of `Runtime.newOsSocketPair` for instance, and through
`Runtime.newCapabilityPipe`. Every other connection says `unimplemented`. Nothing here blocks.
-/

namespace KjAsync

private def fdReader : Reader OwnFd where
  ofPromise _ promise := do return ⟨← (← promise.message).takeFd 0⟩
  ofCall _ call := do return ⟨← (← call.message).takeFd 0⟩

private def firstFd? (message : Native.Message) : IO (Option OwnFd) := do
  if (← message.fdCount) == 0 then return none
  return some ⟨← message.takeFd 0⟩

private def fdReader? : Reader (Option OwnFd) where
  ofPromise _ promise := do firstFd? (← promise.message)
  ofCall _ call := do firstFd? (← call.message)

namespace Connection

/--
Writes the bytes, at least one, with descriptors attached to the first; at most 253 go together. The descriptors are duplicated in
this call and stay the caller's. Bytes that the system does not take at once are copied.

Errors: `invalidArgument` for no bytes or too many descriptors, `failed` with the OS error EBADF for one that is not open, otherwise
as `writeStart`. Cancellation: until the first byte is sent no descriptor is; after it, all are. (CAPS-01)
-/
def writeWithFdsStart (connection : Connection) (bytes : BytesRef) (fds : Array Fd) : IO (PromiseRef Unit) :=
  return ⟨← connection.native.writeWithFdsStart bytes.native fds, connection.runtime, .unit⟩

/-- Writes the bytes with descriptors and waits until the system has taken them; see `writeWithFdsStart`. -/
@[inline] def writeWithFds [MonadAwait m] (connection : Connection) (bytes : BytesRef) (fds : Array Fd) : m Unit :=
  MonadAwait.awaitStarted (connection.writeWithFdsStart bytes fds)

/--
A promise of at least `min` and at most `max` bytes, as `readStart` gives them, and of the descriptors that came with them. Those of
several writes are put together; those beyond `maxFds` are closed. Plain reads and pumps of such a connection close all of them.

Errors: `failed` if connections came through a capability pipe; otherwise as `readStart`. Cancellation: with `min` 1 nothing
is lost; with more, the next read begins with the bytes, and their descriptors are closed. (CAPS-02, CAPS-03)
-/
def readWithFdsStart (connection : Connection) (min : Nat := 1) (max : Nat := 65536) (maxFds : Nat := 253) :
    IO (PromiseRef Message) :=
  return ⟨← connection.native.readWithFdsStart (Native.usize min) (Native.usize max) (Native.usize maxFds),
    connection.runtime, .message⟩

/-- Waits for bytes and the descriptors that came with them; see `readWithFdsStart`. -/
@[inline] def readWithFds [MonadAwait m] (connection : Connection) (min : Nat := 1) (max : Nat := 65536)
    (maxFds : Nat := 253) : m Message :=
  MonadAwait.awaitStarted (connection.readWithFdsStart min max maxFds)

/--
As `writeWithFdsStart`, with connections, which are consumed: later calls on them throw `badHandle`. What is not sent is closed. Over
a unix socket their descriptors are sent and the connections closed here: what had been read and written by then stays so, pending
operations reject with `canceled`. Through a capability pipe connections of any kind are passed on as they are.

Errors: `unimplemented` also for a connection without a descriptor that is to go over a socket. (CAPS-04)
-/
def writeWithConnectionsStart (connection : Connection) (bytes : BytesRef) (moved : Array Connection) :
    IO (PromiseRef Unit) :=
  return ⟨← connection.native.writeWithConnectionsStart bytes.native (moved.map (·.native)), connection.runtime, .unit⟩

/-- Writes the bytes with connections and waits until they are taken; see `writeWithConnectionsStart`. -/
@[inline] def writeWithConnections [MonadAwait m] (connection : Connection) (bytes : BytesRef)
    (moved : Array Connection) : m Unit :=
  MonadAwait.awaitStarted (connection.writeWithConnectionsStart bytes moved)

/--
As `readWithFdsStart`, for connections. Descriptors that came over a unix socket become connections of this connection's runtime.
Errors: `failed` if descriptors came through a capability pipe, `unimplemented` if a descriptor is nothing that can be a connection;
what was read is lost then. (CAPS-04)
-/
def readWithConnectionsStart (connection : Connection) (min : Nat := 1) (max : Nat := 65536)
    (maxConnections : Nat := 253) : IO (PromiseRef Message) :=
  return ⟨← connection.native.readWithConnectionsStart (Native.usize min) (Native.usize max)
    (Native.usize maxConnections), connection.runtime, .message⟩

/-- Waits for bytes and the connections that came with them; see `readWithConnectionsStart`. -/
@[inline] def readWithConnections [MonadAwait m] (connection : Connection) (min : Nat := 1) (max : Nat := 65536)
    (maxConnections : Nat := 253) : m Message :=
  MonadAwait.awaitStarted (connection.readWithConnectionsStart min max maxConnections)

/--
Reads as `readStart` does, from a socket, and keeps the control messages that came with the bytes; there is room for `capacity` bytes
of them, as `CMSG_SPACE` counts them. Errors: `unimplemented` for what is no socket. (STRM-08)
-/
def readWithControlStart (connection : Connection) (min : Nat := 1) (max : Nat := 65536) (capacity : Nat := 1024) :
    IO (PromiseRef Message) :=
  return ⟨← connection.native.readWithControlStart (Native.usize min) (Native.usize max) (Native.usize capacity),
    connection.runtime, .message⟩

/-- Waits for bytes and the control messages that came with them; see `readWithControlStart`. -/
@[inline] def readWithControl [MonadAwait m] (connection : Connection) (min : Nat := 1) (max : Nat := 65536)
    (capacity : Nat := 1024) : m Message :=
  MonadAwait.awaitStarted (connection.readWithControlStart min max capacity)

/-- Sends one descriptor, with a zero byte; it is duplicated in this call and stays the caller's. Errors and cancellation as
`writeWithFdsStart`. (CAPS-05) -/
def sendFdStart (connection : Connection) (fd : Fd) : IO (PromiseRef Unit) :=
  return ⟨← connection.native.sendFdStart fd, connection.runtime, .unit⟩

/-- Sends one descriptor and waits until the system has taken it; see `sendFdStart`. -/
@[inline] def sendFd [MonadAwait m] (connection : Connection) (fd : Fd) : m Unit :=
  MonadAwait.awaitStarted (connection.sendFdStart fd)

/-- A promise of one descriptor, which came with one byte. It is given out once: a second `await` throws `failed`. Errors:
`disconnected` at the end of the stream, `failed` if the byte came without. (CAPS-05) -/
def receiveFdStart (connection : Connection) : IO (PromiseRef OwnFd) :=
  return ⟨← connection.native.receiveFdStart, connection.runtime, fdReader⟩

/-- Waits for one descriptor; see `receiveFdStart`. -/
@[inline] def receiveFd [MonadAwait m] (connection : Connection) : m OwnFd :=
  MonadAwait.awaitStarted connection.receiveFdStart

/-- As `receiveFdStart`, and `none` at the end of the stream. (CAPS-05) -/
def receiveFdStart? (connection : Connection) : IO (PromiseRef (Option OwnFd)) :=
  return ⟨← connection.native.tryReceiveFdStart, connection.runtime, fdReader?⟩

/-- Waits for one descriptor or the end of the stream; see `receiveFdStart?`. -/
@[inline] def receiveFd? [MonadAwait m] (connection : Connection) : m (Option OwnFd) :=
  MonadAwait.awaitStarted connection.receiveFdStart?

/-- Sends one connection, with a zero byte, as `writeWithConnectionsStart` does: it is consumed. (CAPS-06) -/
def sendConnectionStart (connection moved : Connection) : IO (PromiseRef Unit) :=
  return ⟨← connection.native.sendConnectionStart moved.native, connection.runtime, .unit⟩

/-- Sends one connection and waits until it is taken; see `sendConnectionStart`. -/
@[inline] def sendConnection [MonadAwait m] (connection moved : Connection) : m Unit :=
  MonadAwait.awaitStarted (connection.sendConnectionStart moved)

/-- A promise of one connection, which came with one byte. Errors: `disconnected` at the end of the stream, `failed` if the byte came
without. Cancellation: one that the promise carries already is closed. (CAPS-06) -/
def receiveConnectionStart (connection : Connection) : IO (PromiseRef Connection) :=
  return ⟨← connection.native.receiveConnectionStart, connection.runtime, .connection⟩

/-- Waits for one connection; see `receiveConnectionStart`. -/
@[inline] def receiveConnection [MonadAwait m] (connection : Connection) : m Connection :=
  MonadAwait.awaitStarted connection.receiveConnectionStart

/-- As `receiveConnectionStart`, and `none` at the end of the stream. (CAPS-06) -/
def receiveConnectionStart? (connection : Connection) : IO (PromiseRef (Option Connection)) :=
  return ⟨← connection.native.tryReceiveConnectionStart, connection.runtime, .option .connection⟩

/-- Waits for one connection or the end of the stream; see `receiveConnectionStart?`. -/
@[inline] def receiveConnection? [MonadAwait m] (connection : Connection) : m (Option Connection) :=
  MonadAwait.awaitStarted connection.receiveConnectionStart?

end Connection
end KjAsync
