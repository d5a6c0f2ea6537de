import KjAsync.Native.HttpInput
import KjAsync.Http.Head
import KjAsync.Connection
import KjAsync.Async

/-!
HTTP messages read one after another from a connection, by whoever is neither a client nor a server:

    -- What a language server hears.
    let input ← Http.Input.new connection
    while ← input.whenNext do
      let message ← input.readFields
      IO.println (← message.text)
-/

namespace KjAsync.Http

/-- A message whose head is an `α`. Dropping it before its body has been read to its end leaves the stream of no further
use. (HTTP-22) -/
structure Message (α : Type) where
  /-- The native handle. -/
  native : Native.HttpMessage
  /-- The runtime; kept alive. -/
  runtime : Runtime
  /-- The first line, if there is one, and the header fields. -/
  head : α

namespace Message

/-- The body, which is only read and ends with the body. It fails with `disconnected` if it is cut off. (HTTP-20, HTTP-21) -/
def body (message : Message α) : IO Connection := return ⟨← message.native.body, message.runtime⟩

/-- How long the body is; `none` if it ends with its last chunk or with the stream. -/
def bodyLength? (message : Message α) : IO (Option Nat) := return Http.lengthOf (← message.native.bodyLength)

/-- The header fields behind the body, once that has been read to its end. (HTTP-21) -/
def trailers (message : Message α) : IO Headers := return ⟨← (← message.native.trailers).fields⟩

/-- Waits for the whole body, of at most `limit` bytes. Errors: `overloaded` for a longer one. -/
@[inline] def readAll [Monad m] [MonadAwait m] [MonadLiftT IO m] (message : Message α) (limit : Nat := 67108864) :
    m BytesRef := do
  (← message.body).readAll limit

/-- Waits for the whole body as a text. Errors: `failed` if it is not UTF-8. -/
@[inline] def text [Monad m] [MonadAwait m] [MonadLiftT IO m] (message : Message α) (limit : Nat := 67108864) : m String := do
  (← message.readAll limit).toText

end Message

/-- Reads messages from a connection. It reads ahead, so nobody else reads the connection from then on; writing is anybody's.
(HTTP-22, HTTP-24) -/
structure Input where
  /-- Not for users: made by `Input.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.HttpInput
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace Input

/-- An input over a connection of any kind. (HTTP-24) -/
protected def new (connection : Connection) (limits : HeadLimits := {}) : IO Input :=
  return ⟨← Native.HttpInput.new connection.native limits.numbers, connection.runtime⟩

private def reader (read : Native.HttpHead → IO α) : Reader (Message α) where
  ofPromise runtime promise := do
    let native ← promise.httpMessage
    return { native, runtime, head := ← read (← native.head) }
  ofCall runtime call := do
    let native ← call.httpMessage
    return { native, runtime, head := ← read (← native.head) }

/--
A promise of the next message, a request, once the body of the one before has been read to its end.

Never blocks. Errors: `busy` at once if a message is being read or waited for; `disconnected` if the stream ends; `failed` for what is no
request, see `ProtocolError.attempt`, and for everything behind it. Cancellation: what has come is kept for the next read. (HTTP-22)
-/
def readRequestStart (input : Input) : IO (PromiseRef (Message RequestHead)) :=
  return ⟨← input.native.readStart 1 "GET", input.runtime, reader RequestHead.ofNative⟩

/-- Waits for the next request; see `readRequestStart`. -/
@[inline] def readRequest [MonadAwait m] (input : Input) : m (Message RequestHead) :=
  MonadAwait.awaitStarted input.readRequestStart

/-- As `readRequestStart`, for the response to a request with this method. (HTTP-22) -/
def readResponseStart (input : Input) (method : Method := .get) : IO (PromiseRef (Message ResponseHead)) :=
  return ⟨← input.native.readStart 2 method.name, input.runtime, reader ResponseHead.ofNative⟩

/-- Waits for the next response; see `readResponseStart`. -/
@[inline] def readResponse [MonadAwait m] (input : Input) (method : Method := .get) : m (Message ResponseHead) :=
  MonadAwait.awaitStarted (input.readResponseStart method)

/-- As `readRequestStart`, for a message without a first line, such as those of language servers. (HTTP-22) -/
def readFieldsStart (input : Input) : IO (PromiseRef (Message Headers)) :=
  return ⟨← input.native.readStart 3 "GET", input.runtime, reader fun native => return ⟨← (← native.headers).fields⟩⟩

/-- Waits for the next message without a first line; see `readFieldsStart`. -/
@[inline] def readFields [MonadAwait m] (input : Input) : m (Message Headers) :=
  MonadAwait.awaitStarted input.readFieldsStart

/-- A promise that says whether another message comes, or else that the stream has ended. Nothing is taken. Errors: as `readRequestStart`, but
for the end. (HTTP-23) -/
def whenNextStart (input : Input) : IO (PromiseRef Bool) := do
  return ⟨← input.native.whenNextStart, input.runtime,
    { ofPromise := fun _ promise => return (← promise.u64) != 0, ofCall := fun _ call => return (← call.u64) != 0 }⟩

/-- Waits until another message comes, `true`, or the stream ends, `false`; see `whenNextStart`. -/
@[inline] def whenNext [MonadAwait m] (input : Input) : m Bool := MonadAwait.awaitStarted input.whenNextStart

end Input
end KjAsync.Http
