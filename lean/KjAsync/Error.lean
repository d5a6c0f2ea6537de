import KjAsync.Native.Error

/-!
Errors. Every failure is an `IO.Error`, and `KjAsync.Error.kind?` says what to do next. The constructor follows from the
kind; an error of the operating system that is of no other kind than `failed` has the constructor that Lean gives its
number, such as `noSuchThing` for a name that does not resolve.

*How an `IO.Error` carries its kind.* In its error code, never in its text, so that nobody's text is taken for a kind:

- A plain `IO.userError` is `failed`.
- A code below 10,000 is a number of the system's (`errno`) and has the kind that goes with it, such as `disconnected` for
  ECONNRESET. This also gives errors of Lean's own files and sockets a kind.
- Any other code is 10,000 times the number of the kind (`ErrorKind.code`) plus the number of the system's, if there is one:
  110,000 for `timedOut`.
- Anything else, code 0 among them, has no kind.
-/

namespace KjAsync

/-- What went wrong, as far as the next step depends on it. The first four are KJ's. (EXC-01) -/
inductive ErrorKind where
  /-- A bug, bad input, or an error nobody classified. -/
  | failed
  /-- Out of space, descriptors or time; do not retry at once. -/
  | overloaded
  /-- The peer is gone; reconnect, then retry. -/
  | disconnected
  /-- Not available here; fall back to another way. -/
  | unimplemented
  /-- The operation was cancelled. -/
  | canceled
  /-- A deadline passed. -/
  | timedOut
  /-- The runtime was shut down. -/
  | shutdown
  /-- The handle was released, or its runtime was shut down. -/
  | badHandle
  /-- Only the thread that made the wait scope may do this. -/
  | wrongThread
  /-- Blocking here would stop the loop that has to make progress. -/
  | wouldDeadlock
  /-- An argument is malformed or out of range. -/
  | invalidArgument
  /-- The value of the promise has another type. -/
  | wrongType
  /-- The promise has not settled. -/
  | pending
  /-- The object is doing this already and can do it only once at a time. -/
  | busy
  /-- The library failed inside. -/
  | panic
  deriving BEq, DecidableEq, Repr, Inhabited

namespace ErrorKind

/-- Every kind. -/
def all : List ErrorKind :=
  [failed, overloaded, disconnected, unimplemented, canceled, timedOut, shutdown, badHandle, wrongThread,
   wouldDeadlock, invalidArgument, wrongType, pending, busy, panic]

/-- The number of the kind in `kjasync.h`. -/
def code : ErrorKind → UInt32
  | failed => 1
  | overloaded => 2
  | disconnected => 3
  | unimplemented => 4
  | canceled => 10
  | timedOut => 11
  | shutdown => 12
  | badHandle => 20
  | wrongThread => 21
  | wouldDeadlock => 22
  | invalidArgument => 23
  | wrongType => 24
  | pending => 25
  | busy => 26
  | panic => 30

/-- The name of the kind in `kjasync.h`. -/
protected def toString : ErrorKind → String
  | failed => "FAILED"
  | overloaded => "OVERLOADED"
  | disconnected => "DISCONNECTED"
  | unimplemented => "UNIMPLEMENTED"
  | canceled => "CANCELED"
  | timedOut => "TIMED_OUT"
  | shutdown => "SHUTDOWN"
  | badHandle => "BAD_HANDLE"
  | wrongThread => "WRONG_THREAD"
  | wouldDeadlock => "WOULD_DEADLOCK"
  | invalidArgument => "INVALID_ARGUMENT"
  | wrongType => "WRONG_TYPE"
  | pending => "PENDING"
  | busy => "BUSY"
  | panic => "PANIC"

instance : ToString ErrorKind := ⟨ErrorKind.toString⟩

end ErrorKind

namespace Error

/-- The code, or 0, and the text of an error, without the words `toString` puts around it. -/
private def codeAndText : IO.Error → UInt32 × String
  | .otherError code text | .resourceBusy code text | .resourceVanished code text
  | .unsupportedOperation code text | .hardwareFault code text | .unsatisfiedConstraints code text
  | .illegalOperation code text | .protocolError code text | .timeExpired code text => (code, text)
  | .alreadyExists file code text | .invalidArgument file code text | .permissionDenied file code text
  | .resourceExhausted file code text | .inappropriateType file code text | .noSuchThing file code text =>
    (code, match file with | some file => s!"{file}: {text}" | none => text)
  | .interrupted _ code text | .noFileOrDirectory _ code text => (code, text)
  | .unexpectedEof => (0, "end of file")
  | .userError text => (0, text)

/-- The text of an error, without the words that `toString` puts around it. -/
def text (error : IO.Error) : String := (codeAndText error).2

/-- Do the two say the same in every respect? -/
def same (left right : IO.Error) : Bool :=
  codeAndText left == codeAndText right && toString left == toString right

/-- From here on a code says which kind an error is of. -/
private def codesPerKind : UInt32 := 10_000

/-- The kind with this number. -/
private def kindOfCode? (code : UInt32) : Option ErrorKind := ErrorKind.all.find? (·.code == code)

/-- The kind and the OS error number (0 for none) behind the code of an error. -/
private def split? (code : UInt32) : Option (ErrorKind × UInt32) :=
  if code == 0 then none
  else if code < codesPerKind then (kindOfCode? (Native.Error.kindOfOs code)).map (·, code)
  else (kindOfCode? (code / codesPerKind)).map (·, code % codesPerKind)

/--
The kind of an error: of every error that this library made, of one with a number of the system's, and `failed` for a plain
`IO.userError`; `none` for any other error of Lean's. The kind survives every way an error takes: through closures, promises
and tasks, with an OS error number and without. It is never read out of a text.
-/
def kind? (error : IO.Error) : Option ErrorKind :=
  match error with
  | .userError _ => some .failed
  | error => (split? (codeAndText error).1).map (·.1)

/-- The OS error number (`errno`) behind an error, if there is one. -/
def osCode? (error : IO.Error) : Option UInt32 :=
  let (code, _) := codeAndText error
  let os := match split? code with
    | some (_, os) => os
    | none => code
  if os == 0 then none else some os

/-- Makes an error of this kind, for a closure to throw or a fulfiller to reject with. -/
def ofKind (kind : ErrorKind) (text : String) : IO.Error :=
  let code := kind.code * codesPerKind
  match kind with
  | .failed => .userError text
  | .overloaded => .resourceExhausted none code text
  | .disconnected => .resourceVanished code text
  | .unimplemented => .unsupportedOperation code text
  | .timedOut => .timeExpired code text
  | .busy => .resourceBusy code text
  | .badHandle | .wrongThread | .wouldDeadlock | .pending => .illegalOperation code text
  | .invalidArgument | .wrongType => .invalidArgument none code text
  | .canceled | .shutdown | .panic => .otherError code text

/-- What the action gives; `none` if it fails with an error of this kind. -/
def noneIf (kind : ErrorKind) (action : IO α) : IO (Option α) := do
  match ← action.toBaseIO with
  | .ok value => return some value
  | .error error => if kind? error == some kind then return none else throw error

/-- How an error crosses into native code: kind, OS error number or 0, text. What has no kind is FAILED. -/
def toNative (error : IO.Error) : UInt32 × UInt32 × String :=
  let (code, text) := codeAndText error
  match split? code with
  | some (kind, os) => (kind.code, os, text)
  | none => (ErrorKind.failed.code, code, text)

end Error
end KjAsync
