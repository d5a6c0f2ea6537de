import KjAsync.Bytes
import KjAsync.Native.Error
import KjAsync.Promise.Fulfiller

/-!
Errors with all that they carry. An `IO.Error` has a kind, an OS error number and a text; an `ErrorRef` also has the
places that the error passed and details for programs. Both cross promises unchanged. What a closure throws is an
`IO.Error`, so what it got as one and throws again has lost the rest: `PromiseRef.mapError` keeps it.
-/

namespace KjAsync

/-- An error that also tells where it has been, and carries bytes under ids of the program's own. It does not change and
outlives every runtime. Any thread. (EXC-02, EXC-03) -/
structure ErrorRef where
  /-- Not for users: made by `ErrorRef.ofError`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Error

namespace ErrorRef

/-- An error with the kind, OS error number and text of this one. (EXC-08) -/
def ofError (error : IO.Error) : ErrorRef :=
  let (kind, os, text) := Error.toNative error
  ⟨Native.Error.new kind os text⟩

/-- The `IO.Error` with the same kind, OS error number and text. -/
def toError (error : ErrorRef) : IO.Error := error.native.toIOError

/-- The kind. (EXC-01) -/
def kind (error : ErrorRef) : ErrorKind :=
  (ErrorKind.all.find? (·.code == error.native.kind)).getD .failed

/-- The OS error number (`errno`) behind it, if there is one. -/
def osCode? (error : ErrorRef) : Option UInt32 :=
  let code := error.native.osError
  if code == 0 then none else some code

/-- The text, without the name of the kind. (EXC-02) -/
def text (error : ErrorRef) : String := error.native.text

/-- The same error with one more place on its way: a file, a line, and what was being done there. (EXC-04) -/
def withContext (error : ErrorRef) (text : String) (file : String := "") (line : UInt32 := 0) : ErrorRef :=
  ⟨error.native.withContext file line text⟩

/-- The places that it passed, a line `file:line: text` for each, the latest first. (EXC-04) -/
def context (error : ErrorRef) : String := error.native.context

/-- The same error with these bytes, copied, under this id, in place of what was there. (EXC-07) -/
def withDetail (error : ErrorRef) (id : UInt64) (data : BytesRef) : ErrorRef := ⟨error.native.withDetail id data.native⟩

/-- The same error without what is under this id. (EXC-07) -/
def withoutDetail (error : ErrorRef) (id : UInt64) : ErrorRef := ⟨error.native.withoutDetail id⟩

/-- The bytes under this id, if there are any. (EXC-07) -/
def detail? (error : ErrorRef) (id : UInt64) : Option BytesRef := (error.native.detail id).map .ofNative

/-- The ids under which there are bytes, in the order in which they were set. (EXC-07) -/
def detailIds (error : ErrorRef) : Array UInt64 := error.native.detailIds

instance : ToString ErrorRef := ⟨fun error => toString error.toError⟩

end ErrorRef

namespace PromiseRef

/-- A promise that is rejected already. Never blocks. Errors: `shutdown`. (PROM-03) -/
def failWith (runtime : Runtime) (error : ErrorRef) : IO (PromiseRef α) :=
  return ⟨← Native.Promise.newErrorObject runtime.native error.native, runtime, .object⟩

/-- The error of a promise that has failed; `none` if it is pending or has a value. Never blocks. Errors: `badHandle`. -/
def error? (promise : PromiseRef α) : IO (Option ErrorRef) :=
  return (← promise.native.errorObject).map .ofNative

/-- The value, or another error in place of this one: to say where it passed or to add details. It runs on the loop.
(EXC-04, PROM-10) -/
def mapError (promise : PromiseRef α) (f : ErrorRef → ErrorRef) : IO (PromiseRef α) := do
  let native ← promise.native.onError fun call => do
    match ← call.errorObject.toBaseIO with
    | .ok error => call.returnErrorObject (f ⟨error⟩).native
    | .error error => Outcome.rejectCall call error
  return { promise with native }

end PromiseRef

/-- Settles the promise with an error and all that it carries. Errors: `badHandle` after shutdown. (FULF-02) -/
def Fulfiller.rejectWith (fulfiller : Fulfiller α) (error : ErrorRef) : IO Unit := fulfiller.native.errorObject error.native

end KjAsync
