import KjAsync.Native.HttpHead
import KjAsync.Http.Message
import KjAsync.ErrorRef

/-!
Heads of messages as values: read from bytes and printed, without a client or a server.

    let head ← Http.RequestHead.parse "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    IO.println s!"{head.method} {head.target}"
    let bytes ← { head with target := "/b" }.toBytes

Reading is strict, for what two readers take differently is how requests are smuggled: every line ends with CRLF, none is folded,
the version is `HTTP/1.0` or `HTTP/1.1`, a name is followed by its colon. What is no head is `failed`, and
`ProtocolError.attempt` gives the status to answer and the bytes. Nothing here blocks.
-/

namespace KjAsync.Http

/-- Which HTTP/1 a message is. -/
inductive Version where
  /-- HTTP/1.0. -/
  | http10
  /-- HTTP/1.1. -/
  | http11
  deriving DecidableEq, Repr

instance : Inhabited Version := ⟨.http11⟩

private def Version.code : Version → UInt32
  | .http10 => 10
  | .http11 => 11

private def Version.ofCode (code : UInt64) : Version := if code == 10 then .http10 else .http11

/-- Limits of a head; `none` is no limit. (HTTP-16) -/
structure HeadLimits where
  /-- The most bytes, the blank line included. -/
  maxHead? : Option Nat := some 131072
  /-- The most header lines. -/
  maxHeaders? : Option Nat := some 256
  /-- The most bytes of the target of a request. -/
  maxTarget? : Option Nat := some 32768
  deriving DecidableEq, Repr, Inhabited

/-- In the order in which the shim takes them. -/
protected def HeadLimits.numbers (limits : HeadLimits) : Array Nat :=
  #[Http.limit limits.maxHead?, Http.limit limits.maxHeaders?, Http.limit limits.maxTarget?]

/-- Why bytes are no message. (HTTP-15) -/
structure ProtocolError where
  /-- The status that a server would answer with. -/
  status : Status
  /-- What is wrong, fit for anyone to read: nothing of the message is in it. -/
  description : String
  /-- The bytes at fault, as far as they are known. They may be private. -/
  raw : ByteArray
  deriving Inhabited

namespace ProtocolError

/-- What an error says of bytes that are no message; `none` for any other error. (HTTP-15) -/
def ofError? (error : ErrorRef) : Option ProtocolError := do
  let status ← error.detail? 0x6b6a_615f_6874_7374
  let raw := (error.detail? 0x6b6a_615f_6874_7277).map (·.toByteArray)
  let code := (status.get 0).toNat * 256 + (status.get 1).toNat
  return { status := { code }, description := error.text, raw := raw.getD .empty }

/-- What an action of this module gives, or why the bytes are no message. It throws what any other error is. (HTTP-15)

    match ← Http.ProtocolError.attempt (Http.RequestHead.parse bytes) with
    | .ok head => ...
    | .error error => ... -- answer with error.status
-/
def attempt (action : IO α) : IO (Except ProtocolError α) := do
  match ← ErrorRef.attempt action with
  | .ok value => return .ok value
  | .error error =>
    match ofError? error with
    | some error => return .error error
    | none => throw error.toError

end ProtocolError

/-- How the body of a message ends. (HTTP-18, HTTP-19) -/
inductive BodyLength where
  /-- After so many bytes; 0 for a message without a body. -/
  | exactly (length : Nat)
  /-- With its last chunk. -/
  | chunked
  /-- With the connection. -/
  | untilClose
  deriving DecidableEq, Repr, Inhabited

private def bodyLengthOf (native : Native.HttpHead) (method : Method := .get) : IO BodyLength := do
  let (framing, length) ← native.bodyFraming method.name
  return match framing with
    | 0 => .exactly length.toNat
    | 1 => .chunked
    | _ => .untilClose

/-- How long the head is that these bytes begin with, its blank line included; `none` if that has not come yet. Errors: `failed` if it is
longer than the limit. (HTTP-13, HTTP-16) -/
def headLength? (bytes : BytesRef) (limits : HeadLimits := {}) : IO (Option Nat) := do
  match ← Native.HttpHead.length bytes.native limits.numbers with
  | 0 => return none
  | length => return some length

/-- The head of a request. (HTTP-01, HTTP-02, HTTP-03) -/
structure RequestHead where
  /-- Any token; `CONNECT` is one of them. -/
  method : Method
  /-- What is asked for: a path with a query, a whole URL for a proxy, `host:port` for `CONNECT`, or `*`. -/
  target : String
  /-- The version of the message. -/
  version : Version := .http11
  /-- The header fields. -/
  headers : Headers := {}
  deriving DecidableEq, Repr, Inhabited

namespace RequestHead

/-- Not for users. -/
protected def ofNative (native : Native.HttpHead) : IO RequestHead :=
  return { method := ⟨← native.method⟩, target := ← native.target, version := .ofCode (← native.version),
           headers := ⟨← (← native.headers).fields⟩ }

private def native (head : RequestHead) : IO Native.HttpHead := do
  Native.HttpHead.newRequest head.method.name head.target head.version.code (← head.headers.native)

/-- Reads a whole head, from its first line to its blank line. Errors: `failed`, see `ProtocolError.attempt`. (HTTP-13) -/
def parse (bytes : BytesRef) (limits : HeadLimits := {}) : IO RequestHead := do
  RequestHead.ofNative (← Native.HttpHead.parse bytes.native 1 limits.numbers)

/-- The bytes of the head, its blank line included. Errors: `invalidArgument` for what would not be read back as itself. (HTTP-14) -/
def toBytes (head : RequestHead) : IO BytesRef := return ⟨← (← head.native).bytes⟩

/-- How the body ends that follows. Errors: `failed` for a length that two readers could take differently, see
`ProtocolError.attempt`. (HTTP-18, HTTP-20) -/
def bodyLength (head : RequestHead) : IO BodyLength := do bodyLengthOf (← head.native)

end RequestHead

/-- The head of a response. -/
structure ResponseHead where
  /-- The status with the text beside it. -/
  status : Status
  /-- The version of the message. -/
  version : Version := .http11
  /-- The header fields. -/
  headers : Headers := {}
  deriving DecidableEq, Repr, Inhabited

namespace ResponseHead

/-- Not for users. -/
protected def ofNative (native : Native.HttpHead) : IO ResponseHead :=
  return { status := { code := (← native.status).toNat, reason := ← native.reason }, version := .ofCode (← native.version),
           headers := ⟨← (← native.headers).fields⟩ }

private def native (head : ResponseHead) : IO Native.HttpHead := do
  Native.HttpHead.newResponse (min head.status.code 65535).toUInt32 head.status.reason head.version.code (← head.headers.native)

/-- Reads a whole head, from its first line to its blank line. Errors: `failed`, see `ProtocolError.attempt`. (HTTP-13) -/
def parse (bytes : BytesRef) (limits : HeadLimits := {}) : IO ResponseHead := do
  ResponseHead.ofNative (← Native.HttpHead.parse bytes.native 2 limits.numbers)

/-- The bytes of the head, its blank line included. Errors: `invalidArgument` for what would not be read back as itself. (HTTP-14) -/
def toBytes (head : ResponseHead) : IO BytesRef := return ⟨← (← head.native).bytes⟩

/-- How the body ends that follows, which depends on the method of the request. Errors: as `RequestHead.bodyLength`.
(HTTP-19, HTTP-20) -/
def bodyLength (head : ResponseHead) (method : Method := .get) : IO BodyLength := do bodyLengthOf (← head.native) method

end ResponseHead

namespace Headers

/-- Reads header lines and the blank line behind them, as protocols like that of language servers have them. Errors: `failed`, see
`ProtocolError.attempt`. (HTTP-22) -/
def parse (bytes : BytesRef) (limits : HeadLimits := {}) : IO Headers := do
  return ⟨← (← (← Native.HttpHead.parse bytes.native 3 limits.numbers).headers).fields⟩

/-- The fields as lines that end with CRLF, and a blank line. Errors: `invalidArgument` for what would not be read back as itself.
(HTTP-14) -/
def toBytes (headers : Headers) : IO BytesRef := return ⟨← (← headers.native).bytes⟩

end Headers
end KjAsync.Http
