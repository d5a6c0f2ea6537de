import KjAsync.Async.Each
import KjAsync.Async.Loop
import KjAsync.Message
import KjAsync.Native.Datagram

/-! Datagrams. -/

namespace KjAsync

/-- A bound datagram socket. Several sends and receives may be pending, from any thread, and are served in order. It holds its
runtime. Dropping the last reference closes it once nothing is pending on it; `close` does so now. After a shutdown calls throw
`badHandle`. -/
structure DatagramPort where
  /-- Not for users: made by `Address.bindDatagram`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Datagram
  /-- The runtime; kept alive. -/
  runtime : Runtime

/-- How much of a datagram to take. (DGRAM-02) -/
structure ReceiveOptions where
  /-- Room for the content, in bytes; 0 for 8192. What does not fit is lost. No datagram over IP is longer than 65535. -/
  capacity : Nat := 8192
  /-- Room for control messages, in bytes as `CMSG_SPACE` counts them. -/
  controlCapacity : Nat := 0

/-- Binds a datagram port to the first address behind it. `*` is every address of this machine: one port for both families, which
sees IPv4 peers as `::ffff:a.b.c.d`. Port 0 has the system choose one. Never blocks. Errors: `failed` with the OS error EADDRINUSE
for a port in use. (NET-14) -/
def Address.bindDatagram (address : Address) : IO DatagramPort :=
  return ⟨← address.native.bindDatagram, address.runtime⟩

/-- A datagram port from a copy of a datagram socket, bound or connected as the caller left it. Never blocks. Errors:
`invalidArgument` for any other descriptor, otherwise as `Runtime.wrapSocketFd`. (LLIO-09) -/
def Runtime.wrapDatagramSocketFd (runtime : Runtime) (fd : Fd) (options : FdOptions := {}) : IO DatagramPort :=
  return ⟨← Native.Datagram.fromFd runtime.native fd (options.flags false), runtime⟩

/-- As `wrapDatagramSocketFd`, of the descriptor itself: it is the library's from now on, also if the call fails. (LLIO-09,
LLIO-10) -/
def Runtime.wrapDatagramSocketFdTake (runtime : Runtime) (fd : Fd) (options : FdOptions := {}) : IO DatagramPort :=
  return ⟨← Native.Datagram.fromFd runtime.native fd (options.flags true), runtime⟩

namespace DatagramPort

/--
Sends the bytes as one datagram, which may be empty, to `to`, or on a port that is connected to its peer. It is sent in this call
if the system has room for it, without a copy; else it is copied and sent as soon as there is room, after those that wait already.
The promise carries the number of bytes. That it was sent does not say that it arrives.

Never blocks. Errors, none of which harms the port: `failed` with the OS error EMSGSIZE for what is too long, with EDESTADDRREQ
without a destination; `disconnected` with ECONNREFUSED, on a connected port, if an earlier datagram found nobody. Cancellation: a
datagram that still waits is not sent. (DGRAM-01)
-/
def sendStart (port : DatagramPort) (bytes : BytesRef) (to : Option Address := none) : IO (PromiseRef UInt64) :=
  return ⟨← port.native.sendStart bytes.native (to.map (·.native)), port.runtime, .u64⟩

/-- Sends the bytes as one datagram and waits until the system has taken it; see `sendStart`. -/
@[inline] def send [MonadAwait m] (port : DatagramPort) (bytes : BytesRef) (to : Option Address := none) : m UInt64 :=
  MonadAwait.awaitStarted (port.sendStart bytes to)

/-- Sends the bytes as one datagram if the system takes it at once and no other send waits; did it? If not, `send` is for it. Any
thread; never blocks. Errors: as `sendStart`. (DGRAM-01) -/
def sendNow (port : DatagramPort) (bytes : BytesRef) (to : Option Address := none) : IO Bool :=
  port.native.sendNow bytes.native (to.map (·.native))

/-- As `sendStart`, to whom a message came from. Errors: also `unimplemented` for a sender without a name. (DGRAM-01,
DGRAM-06) -/
def replyStart (port : DatagramPort) (message : Message) (bytes : BytesRef) : IO (PromiseRef UInt64) :=
  return ⟨← port.native.replyStart bytes.native message.native, port.runtime, .u64⟩

/-- Sends the bytes to whom a message came from, and waits until the system has taken them; see `replyStart`. -/
@[inline] def reply [MonadAwait m] (port : DatagramPort) (message : Message) (bytes : BytesRef) : m UInt64 :=
  MonadAwait.awaitStarted (port.replyStart message bytes)

/-- As `sendNow`, to whom a message came from. Errors: as `replyStart`. (DGRAM-01, DGRAM-06) -/
def replyNow (port : DatagramPort) (message : Message) (bytes : BytesRef) : IO Bool :=
  port.native.replyNow bytes.native message.native

/-- Sends several pieces as one datagram; they are copied if they have to wait. Otherwise as `sendStart`. (DGRAM-01) -/
def sendManyStart (port : DatagramPort) (pieces : Array BytesRef) (to : Option Address := none) : IO (PromiseRef UInt64) :=
  return ⟨← port.native.sendvStart (pieces.map (·.native)) (to.map (·.native)), port.runtime, .u64⟩

/-- Sends several pieces as one datagram and waits until the system has taken it; see `sendManyStart`. -/
@[inline] def sendMany [MonadAwait m] (port : DatagramPort) (pieces : Array BytesRef) (to : Option Address := none) :
    m UInt64 :=
  MonadAwait.awaitStarted (port.sendManyStart pieces to)

/--
A promise of the next datagram.

Never blocks. Errors: on a connected port `disconnected` with the OS error ECONNREFUSED if a datagram that was sent found nobody; the
port stays usable. Cancellation: the datagram stays for the next receive, also if the promise has it and nobody has seen it. (DGRAM-02,
DGRAM-03)
-/
def receiveStart (port : DatagramPort) (options : ReceiveOptions := {}) : IO (PromiseRef Message) :=
  return ⟨← port.native.receiveStart (Native.usize options.capacity) (Native.usize options.controlCapacity), port.runtime,
    .message⟩

/-- Waits for the next datagram; see `receiveStart`. -/
@[inline] def receive [MonadAwait m] (port : DatagramPort) (options : ReceiveOptions := {}) : m Message :=
  MonadAwait.awaitStarted (port.receiveStart options)

/-- A promise of the next datagram and of those that have arrived behind it, at least one and at most `max`. Errors:
`invalidArgument` if `max` is 0; otherwise as `receiveStart`. (DGRAM-03) -/
def receiveManyStart (port : DatagramPort) (max : Nat := 16) (options : ReceiveOptions := {}) :
    IO (PromiseRef (Array Message)) :=
  return ⟨← port.native.receiveManyStart (Native.usize options.capacity) (Native.usize options.controlCapacity)
    (Native.usize max), port.runtime, .messages⟩

/-- Waits for the next datagram, and takes those behind it; see `receiveManyStart`. -/
@[inline] def receiveMany [MonadAwait m] (port : DatagramPort) (max : Nat := 16) (options : ReceiveOptions := {}) :
    m (Array Message) :=
  MonadAwait.awaitStarted (port.receiveManyStart max options)

/--
Receives one datagram after another, each as `receiveStart`, and runs code on the loop for each; the next receive begins when that
is done. One promise serves them all. `none` goes on, `some` ends it with that value. Other receives wait until it ends. No more
than 8 datagrams come in one turn of the loop.

Never blocks. Errors: what the code throws, and those of a receive. Cancellation: what the code has not been given stays for the
next receive, and the code that runs ends at its next wait. (DGRAM-02, DGRAM-03)
-/
def receiveEachStart (port : DatagramPort) (run : Message → Async (Option α)) (options : ReceiveOptions := {}) :
    IO (PromiseRef (Option α)) :=
  PromiseRef.ofSequence port.runtime .message run
    (port.native.receiveEachStart (Native.usize options.capacity) (Native.usize options.controlCapacity))

/-- Runs code for each datagram until it gives a value; see `receiveEachStart`. -/
@[inline] def receiveEach [MonadAwait m] (port : DatagramPort) (run : Message → Async (Option α))
    (options : ReceiveOptions := {}) : m (Option α) :=
  MonadAwait.awaitStarted (port.receiveEachStart run options)

/-- `for message in port do …`, until a receive fails: with `canceled` when the port is closed. -/
@[always_inline]
instance : ForIn Async DatagramPort Message where
  forIn port state step := Async.iterate (state := state) fun state => do step (← port.receive) state

/-- From now on only this peer is heard, and it is sent to where no destination is given. Datagrams of others that have arrived are
still received. May be called again for another peer. Never blocks. -/
def connect (port : DatagramPort) (to : Address) : IO Unit := port.native.connect to.native

/-- The bound address, with the port that the system chose if 0 was asked for. Never blocks. (DGRAM-08) -/
def localAddress (port : DatagramPort) : IO Address := return ⟨← port.native.localAddress, port.runtime⟩

/-- The value of a socket option, `capacity` bytes at most. Errors: what the system says, with its number. (DGRAM-08) -/
def getsockopt (port : DatagramPort) (level option : Int32) (capacity : Nat := 256) : IO ByteArray :=
  port.native.getsockopt level option (Native.usize (min capacity 1048576))

/-- Sets a socket option. Errors as for `getsockopt`. (DGRAM-08) -/
def setsockopt (port : DatagramPort) (level option : Int32) (value : ByteArray) : IO Unit :=
  port.native.setsockopt level option value

/-- Closes the port now; what is pending rejects with kind `canceled`. A second call does nothing. Never blocks. -/
def close (port : DatagramPort) : IO Unit := port.native.close

end DatagramPort
end KjAsync
