import KjAsync.Promise
import KjAsync.Executor

/-!
`Async α`: code in direct style that runs on a loop. Where it waits for a promise it is suspended, and the loop goes
on with other things.
-/

namespace KjAsync

/-- The clean-ups that code inside a `finally` has still to do or is doing. Only code on the loop touches it. -/
structure Async.Cleanups where
  /-- How many there are, and what to do when there are none left. -/
  private state : IO.Ref (Nat × Option (BaseIO Unit))

namespace Async.Cleanups

/-- None. -/
protected def new : BaseIO Cleanups := return ⟨← IO.mkRef (0, none)⟩

/-- Are there none? -/
def isEmpty (cleanups : Cleanups) : BaseIO Bool := return (← cleanups.state.get).1 == 0

/-- One more. -/
def add (cleanups : Cleanups) : BaseIO Unit := cleanups.state.modify fun (count, next) => (count + 1, next)

/-- One less. -/
def remove (cleanups : Cleanups) : BaseIO Unit := do
  match ← cleanups.state.get with
  | (1, some next) =>
    cleanups.state.set (0, none)
    next
  | (count, next) => cleanups.state.set (count - 1, next)

/-- Runs `next` when there are none, at once or after the last; for one at a time. -/
def whenEmpty (cleanups : Cleanups) (next : BaseIO Unit) : BaseIO Unit := do
  let (count, _) ← cleanups.state.get
  if count == 0 then next else cleanups.state.set (count, some next)

end Async.Cleanups

/-- Where code runs. Not for users, who have `Async.runtime`. -/
structure Async.Context where
  /-- The runtime on whose loop it runs. -/
  runtime : Runtime
  /-- Where its clean-ups are counted: by the innermost `finally` or scope around it. -/
  cleanups : Option Async.Cleanups := none
  /-- Errors that the code around it has caught as an `IO.Error`, which may throw them again. -/
  caught : List ErrorRef := []

namespace Async.Context

/-- How many handlers inside one another remember what they have caught: few are nested, and a loop by recursion must not
remember more and more. -/
private def remembered : Nat := 8

/-- For the handler of an error. -/
def catching (context : Context) : ErrorRef → Context
  | .ofLean _ => context
  | error => { context with caught := error :: context.caught.take (remembered - 1) }

/-- What an action of `IO` amounts to. -/
@[inline] def ofIO (context : Context) (action : IO α) : BaseIO (Outcome α) := do
  match ← action.toBaseIO with
  | .ok value => return .ok value
  | .error error =>
    match ErrorRef.rethrown context.caught error with
    | .ofLean error => return .error (← ErrorRef.thrown error)
    | error => return .error error

end Async.Context

/--
Code that runs on the loop of a runtime and ends with an `α` or an `IO.Error`. Start it with `Async.start` or
`Async.run`; inside, `do`, `for`, `while`, `try`, `catch` and `finally` work as in `IO`, and everything that waits (`read`,
`accept`, `sleep`, `PromiseRef.await`) suspends instead of blocking. (PROM-33, FIBER-01)

*Threads.* All of it runs on the loop thread, one piece at a time, so that what only such code touches needs no lock.
It must not block or compute for long: `Async.liftBlocking` is for that.

*Cancellation.* Cancelling the promise that `Async.start` gave ends what the code waits for, there and then. The code
does not go on; its `finally` blocks run, each after those inside it have ended. Code that is running is stopped at
its next wait.

*Loops.* A loop runs in constant stack and memory, whether its steps wait or not. After some dozens of waits in
a row that were over at once the loop is given a turn, so that a busy connection does not starve others.
-/
def Async (α : Type) : Type := Async.Context → BaseIO (Outcome α)

namespace Async

instance : Nonempty (Async α) := ⟨fun _ => return .error default⟩
instance : Inhabited (Async α) := ⟨fun _ => return .error default⟩

@[always_inline]
instance : Monad Async where
  pure value := fun _ => return .ok value
  bind action next := fun context => do (← action context).andThen fun value => next value context
  map f action := fun context => do (← action context).andThen fun value => return .ok (f value)

/-- With `catch error : ErrorRef`, all that an error carries. -/
@[always_inline]
instance (priority := low) : MonadExceptOf ErrorRef Async where
  throw error := fun _ => return .error error
  tryCatch action handler := fun context => do (← action context).orElse fun error => handler error context

/-- A handler that throws what it has caught passes on all of it, also what an `IO.Error` does not show. -/
@[always_inline]
instance : MonadExceptOf IO.Error Async where
  throw error := fun context => return .error (.rethrown context.caught error)
  tryCatch action handler := fun context => do
    (← action context).orElse fun error => handler error.toError (context.catching error)

@[always_inline]
instance : MonadLift IO Async where
  monadLift action := fun context => context.ofIO action

@[always_inline]
instance : MonadLift BaseIO Async where
  monadLift action := fun _ => return .ok (← action)

/-- Starts an operation and suspends until it settles. One that has settled is not waited for, most of the time. -/
def awaitStarted (start : IO (PromiseRef α)) : Async α := fun context => do
  (← context.ofIO start).andThen fun promise => do
    if ← promise.native.isSettled then
      if ← context.runtime.mayGoOn then
        return .ofExcept (← promise.reader.result promise.runtime promise.native)
    return .pending promise

instance : MonadAwait Async := ⟨awaitStarted⟩

/-- The runtime on whose loop the code runs. -/
@[inline] protected def runtime : Async Runtime := fun context => return .ok context.runtime

/--
Starts the code on the loop, behind what is queued there, and gives a promise of its result. Any thread, never blocks;
none of the code runs inside this call. Errors: `shutdown`. Cancellation: see `Async`.
-/
def start (runtime : Runtime) (action : Async α) : IO (PromiseRef α) := do
  let native ← runtime.execute fun call => do Outcome.deliver call (← action { runtime })
  return ⟨native, runtime, .object⟩

/-- Runs the code on the loop and blocks until it is done. Errors: those of the code, and as `PromiseRef.await`. -/
def run (runtime : Runtime) (action : Async α) : IO α := do (← start runtime action).await

/-- Runs the code on a runtime made for it, which is shut down afterwards. Blocks. -/
def runMain (action : Async α) (options : Runtime.Options := {}) : IO α :=
  Runtime.withRuntime (run · action) options

/-- Starts the code at once, up to its first wait, and gives a promise of its result. The promise owns it: to drop
it is to cancel. -/
def fork (action : Async α) : Async (PromiseRef α) := fun { runtime, .. } => do
  Outcome.ofIO ((← action { runtime }).toPromise runtime)

/-- Suspends for `nanos` nanoseconds. -/
def sleep (nanos : UInt64) : Async Unit := do (← Async.runtime).sleepNanos nanos

/-- Gives the loop a turn: goes on after what is queued now. -/
def yield : Async Unit := do (← Async.runtime).yieldNow

end Async
end KjAsync
