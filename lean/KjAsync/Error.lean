/-!
Errors. Every failure is an `IO.Error`; its constructor says what the operating system said, and
`KjAsync.Error.kind?` says what to do next.
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

/-- The name of the kind as it leads the text of an error. -/
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

/-- The OS error number, or 0, and the text of an error, without the words `toString` puts around it. -/
private def osCodeAndText : IO.Error → UInt32 × String
  | .otherError code text | .resourceBusy code text | .resourceVanished code text
  | .unsupportedOperation code text | .hardwareFault code text | .unsatisfiedConstraints code text
  | .illegalOperation code text | .protocolError code text | .timeExpired code text => (code, text)
  | .alreadyExists file code text | .invalidArgument file code text | .permissionDenied file code text
  | .resourceExhausted file code text | .inappropriateType file code text | .noSuchThing file code text =>
    (code, match file with | some file => s!"{file}: {text}" | none => text)
  | .interrupted _ code text | .noFileOrDirectory _ code text => (code, text)
  | .unexpectedEof => (0, "end of file")
  | .userError text => (0, text)

/-- The kind named at the head of a text, and the rest of the text. -/
private def splitKind (text : String) : Option (ErrorKind × String) :=
  match text.splitOn ": " with
  | name :: rest@(_ :: _) =>
    (ErrorKind.all.find? (·.toString == name)).map fun kind => (kind, ": ".intercalate rest)
  | _ => none

/--
The kind of an error that this library made, `failed` for a plain `IO.userError`, and `none` for any other
error of Lean's. The kind survives every way an error takes: through closures, promises and tasks, with an
OS error number and without.
-/
def kind? (error : IO.Error) : Option ErrorKind :=
  match error with
  | .userError _ => some .failed
  | error => (splitKind (osCodeAndText error).2).map (·.1)

/-- The OS error number (`errno`) behind an error, if there is one. -/
def osCode? (error : IO.Error) : Option UInt32 :=
  let code := (osCodeAndText error).1
  if code == 0 then none else some code

/-- Makes an error of this kind, for a closure to throw or a fulfiller to reject with. -/
def ofKind (kind : ErrorKind) (text : String) : IO.Error :=
  let details := s!"{kind}: {text}"
  match kind with
  | .failed => .userError text
  | .overloaded => .resourceExhausted none 0 details
  | .disconnected => .resourceVanished 0 details
  | .unimplemented => .unsupportedOperation 0 details
  | .timedOut => .timeExpired 0 details
  | .busy => .resourceBusy 0 details
  | .badHandle | .wrongThread | .wouldDeadlock | .pending => .illegalOperation 0 details
  | .invalidArgument | .wrongType => .invalidArgument none 0 details
  | .canceled | .shutdown | .panic => .otherError 0 details

/-- What the action gives; `none` if it fails with an error of this kind. -/
def noneIf (kind : ErrorKind) (action : IO α) : IO (Option α) := do
  match ← action.toBaseIO with
  | .ok value => return some value
  | .error error => if kind? error == some kind then return none else throw error

/-- How an error crosses into native code: kind, OS error number or 0, text. What has no kind is FAILED. -/
def toNative (error : IO.Error) : UInt32 × UInt32 × String :=
  let (os, text) := osCodeAndText error
  match error, splitKind text with
  | .userError _, _ | _, none => (ErrorKind.failed.code, os, text)
  | _, some (kind, text) => (kind.code, os, text)

end Error
end KjAsync
