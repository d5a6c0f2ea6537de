import Test.Check

open Test KjAsync

test "a promise becomes a task without a blocked thread" := withRuntime fun runtime => do
  let (fulfiller, promise) ← Fulfiller.new runtime
  let tasks ← (List.range 200).mapM fun _ => promise.toTask
  fulfiller.fulfill 5
  for task in tasks do checkEq (← EIO.ofExcept (← IO.wait task)) 5
  let failing ← (← PromiseRef.fail (α := Nat) runtime (Error.ofKind .busy "busy")).toTask
  discard <| fails .busy (EIO.ofExcept (← IO.wait failing))

test "a cancelled promise resolves its task" := withRuntime fun runtime => do
  let promise ← PromiseRef.never (α := Nat) runtime
  let task ← promise.toTask
  promise.cancel
  discard <| fails .canceled (EIO.ofExcept (← IO.wait task))

test "a shutdown resolves the tasks" := withRuntime fun runtime => do
  let task ← (← PromiseRef.never (α := Nat) runtime).toTask
  runtime.shutdown
  discard <| fails .shutdown (EIO.ofExcept (← IO.wait task))

test "a task becomes a promise without a blocked thread" := inBoth fun runtime => do
  let result ← IO.Promise.new (α := Except IO.Error Nat)
  let promise ← PromiseRef.ofTask runtime (result.resultD (.error (IO.userError "dropped")))
  check (!(← promise.isSettled)) "settled"
  result.resolve (.ok 8)
  checkEq (← promise.await) 8
  let failing ← PromiseRef.ofTask (α := Nat) runtime (Task.pure (.error (Error.ofKind .busy "busy")))
  discard <| fails .busy failing.await

test "a task may outlive the runtime of its promise" := withRuntime fun runtime => do
  let result ← IO.Promise.new (α := Except IO.Error Nat)
  let promise ← PromiseRef.ofTask runtime (result.resultD (.error (IO.userError "dropped")))
  runtime.shutdown
  result.resolve (.ok 8)
  discard <| fails .badHandle promise.await
