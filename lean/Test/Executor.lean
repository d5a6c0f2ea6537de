import Test.Check

open Test KjAsync

-- parity: EXEC-01, EXEC-04, EXEC-07
test "code runs on the loop and its result comes back" := inBoth fun runtime => do
  let executor ← runtime.executor
  check (← executor.isLive) "not live"
  check (!(← runtime.onLoop)) "on the loop"
  check (← (← executor.executeStart runtime.onLoop).await) "executeStart ran elsewhere"
  check (← executor.execute runtime.onLoop) "execute ran elsewhere"
  discard <| fails .busy (executor.execute (throw (Error.ofKind .busy "busy") : IO Nat))
  discard <| fails .busy (← executor.executeStart (throw (Error.ofKind .busy "busy") : IO Nat)).await

-- parity: EXEC-07
test "on the loop itself the code runs at once" := inBoth fun runtime => do
  let executor ← runtime.executor
  checkEq (← executor.execute (return 1 + (← executor.execute (pure 2)))) 3

-- parity: EXEC-09
test "calls of one thread start in their order" := withRuntime fun runtime => do
  let executor ← runtime.executor
  let seen ← IO.mkRef #[]
  let calls ← (Array.range 1000).mapM fun n => executor.executeStart (seen.modify (·.push n))
  discard (← PromiseRef.all runtime calls).await
  checkEq (← seen.get) (Array.range 1000)

-- parity: EXEC-05
test "code that was cancelled before it began never runs" := withRuntime fun runtime => do
  let executor ← runtime.executor
  let ran ← Counter.new
  let busy ← Gate.new
  let go ← Gate.new
  let holding ← executor.executeStart do busy.pass; go.wait
  busy.wait
  let waiting ← executor.executeStart ran.add
  waiting.cancel
  let dropped ← executor.executeStart ran.add
  dropped.release
  go.pass
  holding.await
  runtime.yieldNow
  checkEq (← ran.get) 0

-- parity: EXEC-03, EXEC-08
test "an executor whose loop is gone says so" := do
  let runtime ← Runtime.init
  let executor ← runtime.executor
  runtime.shutdown
  check (!(← executor.isLive)) "live"
  discard <| fails .shutdown (executor.executeStart (pure 1))
  discard <| fails .shutdown (executor.execute (pure 1))

test "many threads call in at once" := withRuntime fun runtime => do
  let executor ← runtime.executor
  let sum ← IO.mkRef 0
  let tasks ← (List.range 4).mapM fun _ => IO.asTask (prio := .dedicated) do
    for _ in [0:500] do executor.execute (sum.modify (· + 1))
  for task in tasks do EIO.ofExcept (← IO.wait task)
  checkEq (← sum.get) 2000

-- parity: EXEC-02
test "an executor does not keep its loop alive" := do
  let runtime ← Runtime.init
  let executor ← runtime.executor
  let promise ← executor.executeStart (pure 1)
  discard promise.await
  runtime.yieldNow
  -- The last use of the runtime is behind us.
  eventually "the loop has ended" (return !(← executor.isLive))
  discard <| fails .shutdown (executor.executeStart (pure 1))
  discard <| fails .badHandle promise.await

-- parity: EXEC-04, EXEC-07
test "an action that returns a promise is waited for" := inBoth fun runtime => do
  let executor ← runtime.executor
  let soon : IO (PromiseRef Nat) := do (← runtime.sleepNanosStart millisecond).map fun () => 4
  checkEq (← executor.executeBind (m := IO) soon) 4
  checkEq (← (← executor.executeBindStart soon).await) 4
  checkEq (← (← (← executor.executeStart soon).flatten).await) 4
  discard <| fails .busy (executor.executeBind (m := IO) (α := Nat) (throw (Error.ofKind .busy "busy")))
  let gone ← Counter.new
  let waiting ← executor.executeBindStart (pendingUntilGone runtime gone)
  letRest runtime
  waiting.cancel
  letRest runtime
  checkEq (← gone.get) 1

@[noinline] private def executeHolding (executor : Executor) (held : PromiseRef String) : IO Bool :=
  executor.execute held.isSettled

-- parity: EXEC-06
test "what an action holds is dropped once it has run" := inBoth fun runtime => do
  let executor ← runtime.executor
  let before ← Native.handleCount
  check (← executeHolding executor (← PromiseRef.pure runtime "a handle to count")) "pending"
  let call ← executor.executeStart do return 1
  checkEq (← call.await) 1
  call.release
  eventually "the handle" (return (← Native.handleCount) == before && (← executor.isLive))

-- parity: EXEC-10
test "a call goes on though the loop that made it has ended" := withRuntime fun runtime => do
  let executor ← runtime.executor
  let busy ← Gate.new
  let go ← Gate.new
  let caller ← Runtime.init
  let call ← (← caller.executor).execute (executor.executeStart do busy.pass; go.wait; return 3)
  busy.wait
  caller.shutdown
  go.pass
  checkEq (← call.await) 3
