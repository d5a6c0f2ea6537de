import KjAsync.Connection
import KjAsync.Fd
import KjAsync.Native.Message
import KjAsync.SocketOption

/-! Messages: the bytes of one receive, and what came beside them. -/

namespace KjAsync

namespace ControlMessage

/-- The C `int` at this place of the content, if there is a whole one. (DGRAM-07) -/
def int? (message : ControlMessage) (index : Nat := 0) : Option Int32 :=
  SocketOption.toInt? (message.data.extract (4 * index) (4 * index + 4))

/-- The content as C `int`s; a partial last one is left out. (DGRAM-07) -/
def ints (message : ControlMessage) : Array Int32 := (Array.range (message.data.size / 4)).filterMap fun index => message.int? index

end ControlMessage

/-- What one receive gave. Any thread; nothing here blocks. It holds its runtime. Descriptors and connections that nobody takes
out are closed with the message. -/
structure Message where
  /-- Not for users: made by what receives. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Message
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace Message

/-- The bytes, not copied: empty for an empty datagram, and at the end of a stream. (DGRAM-04, CAPS-02) -/
def content (message : Message) : IO BytesRef := return ⟨← message.native.content⟩

/-- Was the datagram longer than the room for it? What was cut off is lost. (DGRAM-04) -/
def isTruncated (message : Message) : IO Bool := message.native.isTruncated

/-- The control messages, copied. Descriptors are not among them: they are taken with `takeFd`. (DGRAM-05, STRM-08) -/
def controlMessages (message : Message) : IO (Array ControlMessage) := do
  (Array.range (← message.native.controlCount)).mapM fun index => message.native.control (Native.usize index)

/-- Were there more control messages than room for them, or more descriptors than were wanted or the process has room for?
The last message may be partial. (DGRAM-05) -/
def isControlTruncated (message : Message) : IO Bool := message.native.isControlTruncated

/-- Where a datagram came from, as numbers; `none` for what came from a connection or from a socket without a name.
(DGRAM-06) -/
def source? (message : Message) : IO (Option Address) :=
  Error.noneIf .unimplemented do return ⟨← message.native.source, message.runtime⟩

/-- How many descriptors came, those that have been taken out included. (CAPS-02) -/
def fdCount (message : Message) : IO Nat := message.native.fdCount

/-- Takes a descriptor out. It is closed on exec. Errors: `invalidArgument` if there is none with this index, `failed` if it has
been taken. (CAPS-02, CAPS-05) -/
def takeFd (message : Message) (index : Nat := 0) : IO OwnFd := return ⟨← message.native.takeFd (Native.usize index)⟩

/-- Takes all descriptors out. Errors: `failed` if one has been taken. (CAPS-02) -/
def takeFds (message : Message) : IO (Array OwnFd) := do (Array.range (← message.fdCount)).mapM (message.takeFd ·)

/-- How many connections came, those that have been taken out included. (CAPS-04) -/
def connectionCount (message : Message) : IO Nat := message.native.connectionCount

/-- Takes a connection out. Errors as for `takeFd`. (CAPS-04) -/
def takeConnection (message : Message) (index : Nat := 0) : IO Connection :=
  return ⟨← message.native.takeConnection (Native.usize index), message.runtime⟩

/-- Takes all connections out. Errors: `failed` if one has been taken. (CAPS-04) -/
def takeConnections (message : Message) : IO (Array Connection) := do
  (Array.range (← message.connectionCount)).mapM (message.takeConnection ·)

end Message

/-- For promises of a message. -/
def Reader.message : Reader Message where
  ofPromise runtime promise := return ⟨← promise.message, runtime⟩
  ofCall runtime call := return ⟨← call.message, runtime⟩

/-- For promises of several messages. -/
def Reader.messages : Reader (Array Message) where
  ofPromise runtime promise := return (← promise.messages).map (⟨·, runtime⟩)
  ofCall runtime call := return (← call.messages).map (⟨·, runtime⟩)

end KjAsync
