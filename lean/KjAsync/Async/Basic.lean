import KjAsync.Promise
import KjAsync.Executor
import KjAsync.Timer

/-!
`Async α`: code in direct style that runs on a loop. Where it waits for a promise it is suspended, and the loop goes
on with other things.
-/

namespace KjAsync

/-- Where code runs. Not for users, who have `Async.runtime`. -/
structure Async.Context where
  /-- The runtime on whose loop it runs. -/
  runtime : Runtime
  /-- It is inside a clean-up, which no cancellation ends. -/
  shielded : Bool := false
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
  | .error error => return .error (← ErrorRef.thrown error context.caught)

end Async.Context

/--
Code that runs on the loop of a runtime and ends with an `α` or an `IO.Error`. Start it with `Async.start` or
`Async.run`; inside, `do`, `for`, `while`, `try`, `catch` and `finally` work as in `IO`, and everything that waits (`read`,
`accept`, `sleep`, `PromiseRef.await`) suspends instead of blocking. (PROM-33, FIBER-01)

*Threads.* All of it runs on the loop thread, one piece at a time, so that what only such code touches needs no lock.
It must not block or compute for long: `Async.liftBlocking` is for that.

*Cancellation.* Cancelling the promise that `Async.start` gave ends what the code waits for, there and then. The code
does not go on, and no handler sees that; its `finally` blocks run, on the loop and from the inside out. Code that is running is
stopped at its next wait.

*Objects.* What only this code holds, such as a local array that grows across waits, is updated in place, as in any code
of one thread. What comes from outside (what the code was started with, results of promises, values of queues) may be shared
between threads, so the first change of it makes a copy.

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
  match ← start.toBaseIO with
  | .error error => failed context.runtime (← ErrorRef.thrown error context.caught)
  | .ok { native, runtime, reader } =>
    if ← native.isSettled then
      if ← Native.mayGoOn then
        match ← reader.result runtime native with
        | .ok value => return .ok value
        | .error error => return ← failed context.runtime error
    return .suspended native context.shielded (.ofFun (goOn context.runtime runtime reader))
where
  /-- A handle is stale once its runtime has been shut down, which is the better reason. -/
  failed (own : Runtime) (error : ErrorRef) : BaseIO (Outcome α) := do
    if error.kind == .badHandle && !(← own.isAlive) then
      return .error (.ofKind .shutdown "the runtime was shut down")
    return .error error
  goOn (own runtime : Runtime) (reader : Reader α) (call : Native.Call) (why : Option ErrorRef) :
      BaseIO (Outcome α) := do
    if let some error := why then return ← failed own error
    if ← call.isCanceled then return .canceled
    return .ofExcept (← reader.input runtime call)

instance : MonadAwait Async := ⟨awaitStarted⟩

/-- The runtime on whose loop the code runs. -/
@[inline] protected def runtime : Async Runtime := fun context => return .ok context.runtime

/--
Starts the code on the loop, behind what is queued there, and gives a promise of its result. Any thread, never blocks;
none of the code runs inside this call. Errors: `shutdown`. Cancellation: see `Async`.
-/
def start (runtime : Runtime) (action : Async α) : IO (PromiseRef α) := do
  let code : Native.Rest := .ofFun fun call => do Outcome.goOn Outcome.leaveObject call (← action { runtime })
  return ⟨← Native.Coroutine.start runtime.native code, runtime, .object⟩

/-- Runs the code on the loop and blocks until it is done. Errors: those of the code, and as `PromiseRef.await`. -/
def run (runtime : Runtime) (action : Async α) : IO α := do (← start runtime action).await

/-- Runs the code on a runtime made for it, which is shut down afterwards. Blocks. -/
def runMain (action : Async α) (options : Runtime.Options := {}) : IO α :=
  Runtime.withRuntime (run · action) options

/-- Starts the code at once, up to its first wait, and gives a promise of its result. The promise owns it: to drop
it is to cancel. -/
def fork (action : Async α) : Async (PromiseRef α) := fun { runtime, .. } => do
  Outcome.ofIO ((← action { runtime }).toPromise runtime)

/-- Suspends for this time, by the clock of the runtime. (TIME-03) -/
def sleep (span : Duration) : Async Unit := do (← Async.runtime).sleepNanos span

/-- Suspends until `Runtime.now` has reached this moment. (TIME-02) -/
def sleepUntil (moment : MonoTime) : Async Unit := do (← Async.runtime).sleepUntilMonoNanos moment

/-- Suspends for ever: only a cancellation or a shutdown ends it. (PROM-21) -/
def never : Async α := do awaitStarted (PromiseRef.never (← Async.runtime))

/-- The code, or what `handler` makes of an error of this kind. Other errors pass by, with all that they carry. (PROM-10, EXC-01) -/
def catchKind [ErrorForm ε] (action : Async α) (kind : ErrorKind) (handler : ε → Async α) : Async α :=
  fun context => do (← action context).orElse fun error =>
    if error.kind == kind then handler (ErrorForm.ofRef error) (context.catching error) else return .error error

/-- Gives the loop a turn: goes on after what is queued now. -/
def yield : Async Unit := do (← Async.runtime).yieldNow

end Async
end KjAsync
