import KjAsync.Promise.Basic

/-!
What code on the loop amounts to when it returns: an end, or something it waits for.

Code that waits leaves the promise it waits for and a continuation that takes it up again. Binding further code
to it only wraps that continuation; a native continuation is made once per wait, when the outcome reaches the
loop, however deep the code was.
-/

namespace KjAsync

private opaque ResumePointed (α : Type) : NonemptyType.{0}
/-- Takes code up again when what it waits for has settled: a function from `Native.Call` to an `Outcome α`, which
Lean does not accept as a field of `Outcome` itself. -/
def Resume (α : Type) : Type := (ResumePointed α).type
instance : Nonempty (Resume α) := (ResumePointed α).property

/-- What code on the loop gives back. Not for users, who have `Async`. -/
inductive Outcome (α : Type) where
  /-- It succeeded. -/
  | ok (value : α)
  /-- It failed. -/
  | error (error : ErrorRef)
  /-- It goes on as this promise. -/
  | pending (promise : PromiseRef α)
  /-- It goes on when this promise has settled. -/
  | suspended (promise : Native.Promise) (resume : Resume α)

instance : Inhabited (Outcome α) := ⟨.error default⟩

namespace Resume

@[inline] private unsafe def ofFunImpl (run : Native.Call → BaseIO (Outcome α)) : Resume α := unsafeCast run
/-- A continuation. It runs at most once. -/
@[implemented_by ofFunImpl]
opaque ofFun (run : Native.Call → BaseIO (Outcome α)) : Resume α

@[inline] private unsafe def runImpl (resume : Resume α) (call : Native.Call) : BaseIO (Outcome α) :=
  (unsafeCast resume : Native.Call → BaseIO (Outcome α)) call
/-- Goes on inside a call, whose input is the outcome of what was waited for. -/
@[implemented_by runImpl]
opaque run (resume : Resume α) (call : Native.Call) : BaseIO (Outcome α)

end Resume

namespace Outcome

/-- What a settled promise amounts to. -/
@[inline] def ofExcept : Except ErrorRef α → Outcome α
  | .ok value => .ok value
  | .error e => .error e

/-- What an action amounts to. -/
@[inline] def ofIO (action : IO α) : BaseIO (Outcome α) := do
  match ← action.toBaseIO with
  | .ok value => return .ok value
  | .error e => return .error (← ErrorRef.thrown e)

private def readThen (runtime : Runtime) (reader : Reader α) (next : Except ErrorRef α → BaseIO (Outcome β))
    (call : Native.Call) : BaseIO (Outcome β) := do
  next (← reader.input runtime call)

mutual
/-- Goes on with the value or the error of code that had to wait. -/
partial def waitThen (outcome : Outcome α) (next : Except ErrorRef α → BaseIO (Outcome β)) :
    BaseIO (Outcome β) := do
  match outcome with
  | .ok value => next (.ok value)
  | .error e => next (.error e)
  | .pending { native, runtime, reader } => return .suspended native (.ofFun (readThen runtime reader next))
  | .suspended promise resume => return .suspended promise (.ofFun (resumeThen resume next))

private partial def resumeThen (resume : Resume α) (next : Except ErrorRef α → BaseIO (Outcome β))
    (call : Native.Call) : BaseIO (Outcome β) := do
  waitThen (← resume.run call) next
end

/-- Goes on with the value. -/
@[inline] def andThen (outcome : Outcome α) (next : α → BaseIO (Outcome β)) : BaseIO (Outcome β) :=
  match outcome with
  | .ok value => next value
  | .error e => return .error e
  | waiting => waiting.waitThen fun
    | .ok value => next value
    | .error e => return .error e

/-- Goes on with the error. -/
@[inline] def orElse (outcome : Outcome α) (handler : ErrorRef → BaseIO (Outcome α)) : BaseIO (Outcome α) :=
  match outcome with
  | .ok value => return .ok value
  | .error e => handler e
  | waiting => waiting.waitThen fun
    | .ok value => return .ok value
    | .error e => handler e

/-- Leaves an error as the result of the running call. -/
def rejectCall (call : Native.Call) (e : ErrorRef) : BaseIO Unit := call.returnErrorObject e.native

/-- Does the rest of a call; what it throws is the result of the call. -/
def orReject (call : Native.Call) (rest : IO Unit) : BaseIO Unit := do
  match ← rest.toBaseIO with
  | .ok () => return
  | .error e => rejectCall call (.ofError e)

end Outcome

namespace PromiseRef

/-- The native promise in a form whose value is a Lean object, so that it can stand in for any other. -/
def asObject (promise : PromiseRef α) : IO Native.Promise := do
  if promise.reader.isObject then return promise.native
  let { native, runtime, reader } := promise
  native.onValue fun call => do
    match ← reader.input runtime call with
    | .ok value => call.returnObject value
    | .error e => Outcome.rejectCall call e

end PromiseRef

namespace Outcome

mutual
/-- Leaves an outcome as the result of the running call. -/
partial def deliver (call : Native.Call) (outcome : Outcome α) : BaseIO Unit := do
  match outcome with
  | .ok value => call.returnObject value
  | .error e => rejectCall call e
  | .pending promise => orReject call (promise.asObject >>= call.returnPromise)
  | .suspended promise resume => orReject call (promise.handleBoth (takeUp resume) >>= call.returnPromise)

/-- The callback that takes code up again. -/
private partial def takeUp (resume : Resume α) (call : Native.Call) : BaseIO Unit := do
  deliver call (← resume.run call)
end

/-- Lets the outcome go on as a promise. -/
def toPromise (runtime : Runtime) : Outcome α → IO (PromiseRef α)
  | .ok value => PromiseRef.pure runtime value
  | .error e => PromiseRef.fail runtime e
  | .pending promise => return promise
  | .suspended promise resume => return ⟨← promise.handleBoth (takeUp resume), runtime, .object⟩

end Outcome

namespace PromiseRef

/-- Goes on with the value, on the loop. Errors pass by. Not for users, who have `map`, `then` and `bind`. -/
@[inline] def onValue (promise : PromiseRef α) (next : α → BaseIO (Outcome β)) : IO (PromiseRef β) := do
  let { native, runtime, reader } := promise
  let native ← native.onValue fun call => do
    match ← reader.input runtime call with
    | .ok value => Outcome.deliver call (← next value)
    | .error e => Outcome.rejectCall call e
  return ⟨native, runtime, .object⟩

/-- Goes on with the value or the error, on the loop. Not for users, who have `catch`. -/
@[inline] def onSettled (promise : PromiseRef α) (next : Except ErrorRef α → BaseIO (Outcome β)) :
    IO (PromiseRef β) := do
  let { native, runtime, reader } := promise
  let native ← native.handleBoth fun call => do
    Outcome.deliver call (← next (← reader.input runtime call))
  return ⟨native, runtime, .object⟩

end PromiseRef
end KjAsync
