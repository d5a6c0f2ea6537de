import Test.Check

open Test KjAsync

-- parity: LOOP-05
test "many runtimes live side by side" := do
  let runtimes ← (List.range 8).mapM fun _ => Runtime.init
  for runtime in runtimes do runtime.yieldNow
  checkEq (← loopThreads) 8
  for runtime in runtimes do runtime.shutdown

test "a runtime that looks and one that does not do the same" := do
  for lookNanos in [0, 1, 1_000_000] do
    Runtime.withRuntime (options := { lookNanos }) fun runtime => do
      runtime.yieldNow
      runtime.sleepNanos 1

test "withRuntime shuts down after an error too" := do
  discard <| fails .busy (Runtime.withRuntime fun _ => (throw (Error.ofKind .busy "busy") : IO Unit))
  eventually "thread" (return (← loopThreads) == 0)

-- parity: LOOP-06
test "dropping the last reference ends the runtime" := do
  let before ← Native.handleCount
  let ended ← Gate.new
  let start : IO Unit := do
    let runtime ← Runtime.init
    runtime.yieldNow
    (← (← PromiseRef.never (α := Unit) runtime).finally ended.pass).detach fun _ => return
  start
  ended.wait
  eventually "handles" (return (← Native.handleCount) == before)
  eventually "thread" (return (← loopThreads) == 0)

test "a runtime may be dropped by code on its own loop" := do
  for _ in [0:50] do
    let start : IO Unit := do
      let runtime ← Runtime.init
      -- The closure holds the runtime; the loop drops the closure.
      (← (← runtime.sleepNanosStart 10_000).then fun () => discard runtime.isAlive).detach fun _ => return
    start
  eventually "threads" (return (← loopThreads) == 0)

test "a runtime may be dropped by code on another loop" := withRuntime fun other => do
  let executor ← other.executor
  executor.execute do
    let runtime ← Runtime.init
    discard <| runtime.isAlive
  eventually "thread" (return (← loopThreads) == 1)

test "a wait scope may be dropped on another thread" := do
  let runtime ← Runtime.init { mode := .waitScope }
  runtime.yieldNow
  let task ← IO.asTask (prio := .dedicated) (discard runtime.isAlive)
  EIO.ofExcept (← IO.wait task)
