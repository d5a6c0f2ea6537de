import KjAsync.Promise.Combinators
import KjAsync.Promise.Fulfiller

/-! Promises as Lean tasks and the other way round, with no thread blocked in between. -/

namespace KjAsync.PromiseRef

/--
A task that the loop resolves when the promise settles. Never blocks.

The task holds the promise: it runs on when this reference is dropped. `cancel` on the promise resolves the task
with kind `canceled`, a shutdown with kind `shutdown`. Cancelling the task has no effect.
-/
def toTask [ErrorForm ε] (promise : PromiseRef α) : IO (Task (Except ε α)) := do
  let shutdown : Except ε α := .error (ErrorForm.ofRef (.ofKind .shutdown "the runtime was shut down"))
  have : Nonempty (Except ε α) := ⟨shutdown⟩
  let result ← IO.Promise.new (α := Except ε α)
  let settled : PromiseRef Unit ← promise.onSettled fun _ outcome => result.resolve (outcome.mapError ErrorForm.ofRef)
  settled.detach fun (_ : IO.Error) => return
  return result.result?.map (sync := true) (·.getD shutdown)

/--
A promise that settles when the task is done. Never blocks. Dropping the promise does not cancel the task.
Errors: `shutdown`.
-/
def ofTask [ErrorForm ε] (runtime : Runtime) (task : Task (Except ε α)) : IO (PromiseRef α) := do
  let (fulfiller, promise) ← Fulfiller.new runtime
  BaseIO.chainTask (sync := true) task fun
    | .ok value => discard (fulfiller.fulfill value).toBaseIO
    | .error error => discard (fulfiller.reject error).toBaseIO
  return promise

end KjAsync.PromiseRef
