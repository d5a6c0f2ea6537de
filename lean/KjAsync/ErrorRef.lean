import KjAsync.Bytes
import KjAsync.Error

/-!
Errors with all that they carry. An `IO.Error` has a kind, an OS error number and a text; an `ErrorRef` also has the places that
the error passed and details for programs. (EXC-02, EXC-04, EXC-07)

*Who keeps what.* Whatever passes an error on by itself passes all of it on: promises, combinators, `Async` code that does not
catch it, `finally`, `retry`, tasks. So does code that catches an error as an `IO.Error` and throws the same one again, be it
in `try ... catch` of `Async` or in the handler of a promise. Code that is to look at more than an `IO.Error` has takes the
error as an `ErrorRef`: see `ErrorForm`.
-/

namespace KjAsync

/-- An error with all that it carries. It does not change and outlives every runtime. Any thread; nothing here blocks.
(EXC-02, EXC-03) -/
inductive ErrorRef where
  /-- Not for users: one that Lean code made, exactly as it is; see `ErrorRef.ofError`. -/
  | ofLean (error : IO.Error)
  /-- Not for users: one of the library's. -/
  | ofNative (native : Native.Error)

namespace ErrorRef

instance : Inhabited ErrorRef := ⟨.ofLean default⟩

/-- An error that carries nothing more than this one. (EXC-08) -/
def ofError (error : IO.Error) : ErrorRef := .ofLean error

/-- An error of this kind with this text. (EXC-02) -/
def ofKind (kind : ErrorKind) (text : String) : ErrorRef := .ofLean (Error.ofKind kind text)

-- A handle is not to be kept for ever as a constant of the program: hence `never_extract`.

/-- Its native form. Not for users. -/
@[never_extract]
def native : ErrorRef → Native.Error
  | .ofLean error =>
    let (kind, os, text) := Error.toNative error
    .new kind os text
  | .ofNative native => native

/-- The `IO.Error` with the same kind, OS error number and text. -/
def toError : ErrorRef → IO.Error
  | .ofLean error => error
  | .ofNative native => native.toIOError

/-- The kind; `failed` for what has none. (EXC-01) -/
def kind (error : ErrorRef) : ErrorKind := (Error.kind? error.toError).getD .failed

/-- The OS error number (`errno`) behind it, if there is one. -/
def osCode? (error : ErrorRef) : Option UInt32 := Error.osCode? error.toError

/-- The text. (EXC-02) -/
def text (error : ErrorRef) : String := Error.text error.toError

/-- The same error with one more place on its way: a file, a line, and what was being done there. (EXC-04) -/
@[never_extract]
def withContext (error : ErrorRef) (text : String) (file : String := "") (line : UInt32 := 0) : ErrorRef :=
  .ofNative (error.native.withContext file line text)

/-- The places that it passed, a line `file:line: text` for each, the latest first. (EXC-04) -/
def context : ErrorRef → String
  | .ofLean _ => ""
  | .ofNative native => native.context

/-- The same error with these bytes, copied, under this id, in place of what was there. (EXC-07) -/
@[never_extract]
def withDetail (error : ErrorRef) (id : UInt64) (data : BytesRef) : ErrorRef :=
  .ofNative (error.native.withDetail id data.native)

/-- The same error without what is under this id. (EXC-07) -/
def withoutDetail (error : ErrorRef) (id : UInt64) : ErrorRef :=
  match error with
  | .ofLean _ => error
  | .ofNative native => .ofNative (native.withoutDetail id)

/-- The bytes under this id, if there are any. (EXC-07) -/
def detail? (error : ErrorRef) (id : UInt64) : Option BytesRef :=
  match error with
  | .ofLean _ => none
  | .ofNative native => (native.detail id).map .ofNative

/-- The ids under which there are bytes, in the order in which they were set. (EXC-07) -/
def detailIds : ErrorRef → Array UInt64
  | .ofLean _ => #[]
  | .ofNative native => native.detailIds

instance : ToString ErrorRef := ⟨fun error => toString error.toError⟩

/-- Is this `IO.Error` what code sees of the error? -/
private def looksLike (error : ErrorRef) (seen : IO.Error) : Bool := Error.same error.toError seen

/-- The error behind the calling thread's latest call of this library that failed, if one has: for code that has just caught
its `IO.Error` and wants the rest. -/
def last? : BaseIO (Option ErrorRef) := return (← Native.Error.last).map .ofNative

/-- What code threw that had caught these errors: one of them, if it threw the `IO.Error` that it had seen. Not for users. -/
def rethrown (caught : List ErrorRef) (thrown : IO.Error) : ErrorRef :=
  (caught.find? (·.looksLike thrown)).getD (.ofError thrown)

/-- What an action threw just now, on this thread, inside handlers that had caught these errors: one of those, or the error of
the call that failed, if it was one of this library's. Not for users. -/
def thrown (error : IO.Error) (caught : List ErrorRef := []) : BaseIO ErrorRef := do
  match rethrown caught error with
  | .ofLean error =>
    match ← last? with
    | some last => return rethrown [last] error
    | none => return .ofError error
  | error => return error

/-- What an action gives, or all of the error that it throws. -/
def attempt (action : IO α) : BaseIO (Except ErrorRef α) := do
  match ← action.toBaseIO with
  | .ok value => return .ok value
  | .error error => return .error (← thrown error)

end ErrorRef

/--
The two forms of an error. What is given an error takes either, and what hands out an error hands out the one that is asked
for: an `IO.Error` if nothing else is said, or the whole of it:

    promise.catch fun (error : ErrorRef) => ...
-/
class ErrorForm (ε : Type) where
  /-- The error in this form. -/
  ofRef : ErrorRef → ε
  /-- All of the error. -/
  toRef : ε → ErrorRef

@[default_instance]
instance : ErrorForm IO.Error := ⟨ErrorRef.toError, ErrorRef.ofError⟩

instance : ErrorForm ErrorRef := ⟨id, id⟩

end KjAsync
