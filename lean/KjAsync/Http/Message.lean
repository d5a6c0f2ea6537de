import KjAsync.Native.Http
import KjAsync.Bytes
import KjAsync.Time

/-! What HTTP messages are made of: methods, statuses, headers. All of them are values. -/

namespace KjAsync.Http

/-- The method of a request. Any token is one; methods differ by case. (HTTP-01, HTTP-03) -/
structure Method where
  /-- As it stands in the first line of a request. -/
  name : String
  deriving DecidableEq, Repr, Inhabited, Hashable

namespace Method
instance : ToString Method := ⟨Method.name⟩

/-- Whether a character may stand in a method or in the name of a header. -/
private def isTokenChar (c : Char) : Bool := c.isAlphanum || "!#$%&'*+-.^_`|~".contains c

/-- The method of this name; `none` for what is no token and could not be sent. (HTTP-03) -/
def ofName? (name : String) : Option Method :=
  if !name.isEmpty && name.all isTokenChar then some ⟨name⟩ else none

/-- `GET`. -/
def get : Method := ⟨"GET"⟩
/-- `HEAD`. -/
def head : Method := ⟨"HEAD"⟩
/-- `POST`. -/
def post : Method := ⟨"POST"⟩
/-- `PUT`. -/
def put : Method := ⟨"PUT"⟩
/-- `PATCH`. -/
def patch : Method := ⟨"PATCH"⟩
/-- `DELETE`. -/
def delete : Method := ⟨"DELETE"⟩
/-- `OPTIONS`. -/
def options : Method := ⟨"OPTIONS"⟩
/-- `TRACE`. -/
def trace : Method := ⟨"TRACE"⟩
/-- `CONNECT`. -/
def connect : Method := ⟨"CONNECT"⟩
/-- `QUERY`. -/
def query : Method := ⟨"QUERY"⟩
/-- `PURGE`. -/
def purge : Method := ⟨"PURGE"⟩
/-- `BAN`. -/
def ban : Method := ⟨"BAN"⟩
/-- `COPY`. -/
def copy : Method := ⟨"COPY"⟩
/-- `LOCK`. -/
def lock : Method := ⟨"LOCK"⟩
/-- `UNLOCK`. -/
def unlock : Method := ⟨"UNLOCK"⟩
/-- `MKCOL`. -/
def mkcol : Method := ⟨"MKCOL"⟩
/-- `MOVE`. -/
def move : Method := ⟨"MOVE"⟩
/-- `PROPFIND`. -/
def propfind : Method := ⟨"PROPFIND"⟩
/-- `PROPPATCH`. -/
def proppatch : Method := ⟨"PROPPATCH"⟩
/-- `SEARCH`. -/
def search : Method := ⟨"SEARCH"⟩
/-- `ACL`. -/
def acl : Method := ⟨"ACL"⟩
/-- `REPORT`. -/
def report : Method := ⟨"REPORT"⟩
/-- `MKACTIVITY`. -/
def mkactivity : Method := ⟨"MKACTIVITY"⟩
/-- `CHECKOUT`. -/
def checkout : Method := ⟨"CHECKOUT"⟩
/-- `MERGE`. -/
def merge : Method := ⟨"MERGE"⟩
/-- `M-SEARCH`. -/
def msearch : Method := ⟨"M-SEARCH"⟩
/-- `NOTIFY`. -/
def notify : Method := ⟨"NOTIFY"⟩
/-- `SUBSCRIBE`. -/
def subscribe : Method := ⟨"SUBSCRIBE"⟩
/-- `UNSUBSCRIBE`. -/
def unsubscribe : Method := ⟨"UNSUBSCRIBE"⟩
end Method

/-- The status of a response, from 100 to 999, and the text beside it; where it is sent or printed, an empty text stands for the
usual one. -/
structure Status where
  /-- The number. -/
  code : Nat
  /-- The text beside it. -/
  reason : String := ""
  deriving DecidableEq, Repr, Inhabited, Hashable

namespace Status
instance : ToString Status := ⟨fun status => if status.reason.isEmpty then toString status.code
  else s!"{status.code} {status.reason}"⟩
/-- 200. -/
def ok : Status := { code := 200 }
/-- 201. -/
def created : Status := { code := 201 }
/-- 204. -/
def noContent : Status := { code := 204 }
/-- 400. -/
def badRequest : Status := { code := 400 }
/-- 404. -/
def notFound : Status := { code := 404 }
/-- 405. -/
def methodNotAllowed : Status := { code := 405 }
/-- 500. -/
def internalServerError : Status := { code := 500 }
/-- Whether the number is from 200 to 299. -/
def isSuccess (status : Status) : Bool := 200 ≤ status.code && status.code < 300
end Status

/--
The headers of a message, in order. Names compare without regard to case and keep their spelling. What cannot be sent,
such as a value with a line break, is refused where it is sent: `invalidArgument`. Bytes of a received value that are not
UTF-8 read as U+FFFD. (HTTP-07, HTTP-08, HTTP-09, HTTP-11)
-/
structure Headers where
  /-- Names and values. -/
  fields : Array (String × String) := #[]
  deriving DecidableEq, Repr, Inhabited

namespace Headers

/-- Whether two names are of the same header. -/
def sameName (one other : String) : Bool := one.toLower == other.toLower

/-- Every value of a header. (HTTP-08) -/
def getAll (headers : Headers) (name : String) : Array String :=
  headers.fields.foldl (init := #[]) fun values field => if sameName field.1 name then values.push field.2 else values

/-- The value of a header; several are one, with a comma and a space between them. Of several `Set-Cookie` it is the first.
(HTTP-07, HTTP-08) -/
def get? (headers : Headers) (name : String) : Option String :=
  let values := headers.getAll name
  if values.isEmpty then none
  else if sameName name "set-cookie" then values[0]?
  else some (", ".intercalate values.toList)

/-- The items of a header whose value is a list, without the blanks around them; empty ones are left out. -/
def items (headers : Headers) (name : String) : Array String :=
  (headers.getAll name).flatMap fun value =>
    ((value.splitOn ",").map fun item => item.trimAscii.toString).toArray.filter (!·.isEmpty)

/-- Whether a request asks for a WebSocket; says nothing about the rest of the handshake. (HTTP-12) -/
def isWebSocket (headers : Headers) : Bool := (headers.items "upgrade").any (sameName · "websocket")

/-- Whether there is such a header. -/
def contains (headers : Headers) (name : String) : Bool := headers.fields.any fun field => sameName field.1 name

/-- With one more value. (HTTP-08) -/
def append (headers : Headers) (name value : String) : Headers := { fields := headers.fields.push (name, value) }

/-- Without a header. (HTTP-07) -/
def remove (headers : Headers) (name : String) : Headers :=
  { fields := headers.fields.foldl (init := #[]) fun kept field =>
      if sameName field.1 name then kept else kept.push field }

/-- With this as the only value of a header. (HTTP-07) -/
def set (headers : Headers) (name value : String) : Headers := (headers.remove name).append name value

/-- From a list of names and values. -/
def ofList (fields : List (String × String)) : Headers := { fields := fields.toArray }

/-- How many fields there are. (HTTP-09) -/
def size (headers : Headers) : Nat := headers.fields.size

/-- As the library takes them. Errors: `invalidArgument` for what cannot be sent. -/
protected def native (headers : Headers) : IO Native.HttpHeaders := do
  let native ← Native.HttpHeaders.new
  for field in headers.fields do native.append field.1 field.2
  return native

end Headers

/-- A length that may be unknown. -/
protected def lengthOf (length : UInt64) : Option Nat := if length + 1 == 0 then none else some length.toNat

/-- The same as the library takes it. -/
protected def lengthTo : Option Nat → UInt64
  | none => 0 - 1
  | some length => length.toUInt64

/-- A limit of time as the library takes it; no time is the least, a nanosecond. -/
protected def timeLimit : Option Duration → Nat
  | none => UInt64.size - 1
  | some limit => max 1 limit.nanos.toInt.toNat

/-- A limit as the library takes it: 0 would be the default, so it is the least, 1. -/
protected def limit : Option Nat → Nat
  | none => UInt64.size - 1
  | some 0 => 1
  | some limit => min limit (UInt64.size - 1)

end KjAsync.Http
