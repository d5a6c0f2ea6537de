import KjAsync.Promise.Basic
import KjAsync.Native.Coroutine

/-!
What code on the loop amounts to when it returns: an end, or something it waits for.

Code that waits leaves the promise it waits for and a continuation that takes it up again. Binding further code
to it only wraps that continuation. However deep the code was, the coroutine that it runs in gets one closure for each wait,
which stays in Lean's hands and on the loop's thread: see `Native.Rest`.
-/

namespace KjAsync

private opaque ResumePointed (α : Type) : NonemptyType.{0}
/-- Takes code up again when what it waits for has settled; a function to `Outcome α`, which Lean does not accept as a
field of `Outcome` itself. -/
def Resume (α : Type) : Type := (ResumePointed α).type
instance : Nonempty (Resume α) := (ResumePointed α).property

/-- What code on the loop gives back. Not for users, who have `Async`. -/
inductive Outcome (α : Type) where
  /-- It succeeded. -/
  | ok (value : α)
  /-- It failed. -/
  | error (error : ErrorRef)
  /-- It was cancelled, and has cleaned up. No handler sees that. -/
  | canceled
  /-- It goes on when this promise has settled. A wait that is shielded goes on though the code be cancelled. -/
  | suspended (promise : Native.Promise) (shielded : Bool) (resume : Resume α)

instance : Nonempty (Outcome α) := ⟨.canceled⟩

/-- How code has ended. -/
inductive Ended (α : Type) where
  /-- It succeeded. -/
  | ok (value : α)
  /-- It failed. -/
  | error (error : ErrorRef)
  /-- It was cancelled. -/
  | canceled

namespace Resume

/-- How code is taken up: inside a call, whose input is the outcome of what was waited for; or with the reason why there
was nothing to wait for, and then the call means nothing. -/
abbrev Run (α : Type) := Native.Call → Option ErrorRef → BaseIO (Outcome α)

@[inline] private unsafe def ofFunImpl (run : Run α) : Resume α := unsafeCast run
/-- A continuation. It runs at most once. -/
@[implemented_by ofFunImpl]
opaque ofFun (run : Run α) : Resume α

@[inline] private unsafe def runImpl (resume : Resume α) (call : Native.Call) (why : Option ErrorRef) :
    BaseIO (Outcome α) := (unsafeCast resume : Run α) call why
/-- Takes the code up. -/
@[implemented_by runImpl]
opaque run (resume : Resume α) (call : Native.Call) (why : Option ErrorRef) : BaseIO (Outcome α)

end Resume

namespace Outcome

/-- What a finished action amounts to. -/
@[inline] def ofExcept : Except ErrorRef α → Outcome α
  | .ok value => .ok value
  | .error e => .error e

/-- What an action amounts to. -/
@[inline] def ofIO (action : IO α) : BaseIO (Outcome α) := return .ofExcept (← ErrorRef.attempt action)

/-- What code that has ended amounts to. -/
@[inline] def ofEnded : Ended α → Outcome α
  | .ok value => .ok value
  | .error e => .error e
  | .canceled => .canceled

/-- Goes on once the code has ended. -/
partial def whenEnded (outcome : Outcome α) (next : Ended α → BaseIO (Outcome β)) : BaseIO (Outcome β) := do
  match outcome with
  | .ok value => next (.ok value)
  | .error e => next (.error e)
  | .canceled => next .canceled
  | .suspended promise shielded resume =>
    return .suspended promise shielded (.ofFun fun call why => do whenEnded (← resume.run call why) next)

/-- Goes on with the value. -/
@[inline] def andThen (outcome : Outcome α) (next : α → BaseIO (Outcome β)) : BaseIO (Outcome β) :=
  match outcome with
  | .ok value => next value
  | .error e => return .error e
  | .canceled => return .canceled
  | waiting => waiting.whenEnded fun
    | .ok value => next value
    | .error e => return .error e
    | .canceled => return .canceled

/-- Goes on with the error. -/
@[inline] def orElse (outcome : Outcome α) (handler : ErrorRef → BaseIO (Outcome α)) : BaseIO (Outcome α) :=
  match outcome with
  | .error e => handler e
  | .ok value => return .ok value
  | .canceled => return .canceled
  | waiting => waiting.whenEnded fun
    | .error e => handler e
    | .ok value => return .ok value
    | .canceled => return .canceled

/-- How code leaves its result with the call in which it ends. -/
abbrev Leave (α : Type) := Native.Call → Except ErrorRef α → BaseIO Unit

/-- Leaves an error as the result of the running call. -/
def rejectCall (call : Native.Call) (e : ErrorRef) : BaseIO Unit := call.returnErrorObject e.native

/-- Does the rest of a call; what it throws is the result of the call. -/
def orReject (call : Native.Call) (rest : IO Unit) : BaseIO Unit := do
  if let .error e ← ErrorRef.attempt rest then rejectCall call e

/-- Leaves the native promise that an action gives as the result of the running call. -/
def returnNative (call : Native.Call) (promise : IO Native.Promise) : BaseIO Unit :=
  orReject call do call.returnPromise (← promise)

/-- Leaves a result that is a Lean object. -/
def leaveObject : Leave α := fun call result => do
  match result with
  | .ok value => call.returnObject value
  | .error e => rejectCall call e

/-- Inside a call of a coroutine: leaves the outcome as its result, or has it wait. Gives what is left of it. -/
partial def goOn (leave : Leave α) (call : Native.Call) (outcome : Outcome α) : BaseIO Native.Rest := do
  match outcome with
  | .ok value =>
    leave call (.ok value)
    return .nothing
  | .error e =>
    leave call (.error e)
    return .nothing
  -- Nobody is left to hear of it.
  | .canceled => return .nothing
  | .suspended promise shielded resume =>
    match ← ErrorRef.attempt (call.await promise shielded) with
    | .ok () => return .ofFun fun call => do goOn leave call (← resume.run call none)
    | .error e => goOn leave call (← resume.run call (some e))

/-- On the loop: lets code that waits go on as a coroutine. Code that has ended is given back. -/
partial def toCoroutine (runtime : Runtime) (leave : Leave α) (outcome : Outcome α) :
    BaseIO (Except (Ended α) Native.Promise) := do
  match outcome with
  | .ok value => return .error (.ok value)
  | .error e => return .error (.error e)
  | .canceled => return .error .canceled
  | .suspended promise shielded resume =>
    let rest : Native.Rest := .ofFun fun call => do goOn leave call (← resume.run call none)
    match ← ErrorRef.attempt (Native.Coroutine.goOn runtime.native promise shielded rest) with
    | .ok native => return .ok native
    -- What has begun runs to its end, here if there is no loop for it any more.
    | .error e => toCoroutine runtime leave (← resume.run .none (some e))

/-- The error that stands for a cancellation where nobody else tells of it. -/
def canceledError : ErrorRef := .ofKind .canceled "the operation was canceled"

/-- On the loop: leaves the outcome as the result of a call that is not a coroutine's, as a promise if it waits. -/
def deliver (runtime : Runtime) (leave : Leave α) (call : Native.Call) (outcome : Outcome α) : BaseIO Unit := do
  match ← outcome.toCoroutine runtime leave with
  | .ok promise => orReject call (call.returnPromise promise)
  | .error (.ok value) => leave call (.ok value)
  | .error (.error e) => leave call (.error e)
  | .error .canceled => leave call (.error canceledError)

/-- On the loop: lets the outcome go on as a promise. -/
def toPromise (runtime : Runtime) (outcome : Outcome α) : IO (PromiseRef α) := do
  match ← outcome.toCoroutine runtime leaveObject with
  | .ok native => return ⟨native, runtime, .object⟩
  | .error (.ok value) => PromiseRef.pure runtime value
  | .error (.error e) => PromiseRef.fail runtime e
  | .error .canceled => PromiseRef.fail runtime canceledError

end Outcome

namespace PromiseRef

/-- The native promise in a form whose value is a Lean object, so that it can stand in for any other. -/
def asObject (promise : PromiseRef α) : IO Native.Promise := do
  if promise.reader.isObject then return promise.native
  let { native, runtime, reader } := promise
  native.onValue fun call => do Outcome.leaveObject call (← reader.input runtime call)

/-- Goes on with the value, on the loop; what `next` leaves is the result. Errors pass by. Not for users, who have `map`,
`then` and `bind`. -/
@[inline] def onValue (promise : PromiseRef α) (next : Native.Call → α → BaseIO Unit) : IO (PromiseRef β) := do
  let { native, runtime, reader } := promise
  let native ← native.onValue fun call => do
    match ← reader.input runtime call with
    | .ok value => next call value
    | .error e => Outcome.rejectCall call e
  return ⟨native, runtime, .object⟩

/-- Goes on with the value or the error, on the loop; what `next` leaves is the result. Not for users, who have `catch`. -/
@[inline] def onSettled (promise : PromiseRef α) (next : Native.Call → Except ErrorRef α → BaseIO Unit) :
    IO (PromiseRef β) := do
  let { native, runtime, reader } := promise
  let native ← native.handleBoth fun call => do next call (← reader.input runtime call)
  return ⟨native, runtime, .object⟩

end PromiseRef
end KjAsync
