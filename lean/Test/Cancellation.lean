import Test.Check

open Test KjAsync

-- parity: CANC-04, PROM-01
test "when cancel returns the socket is gone" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let fds ← openFds
  for _ in [0:20] do
    let connecting ← address.connectStart
    let reading ← connecting.bind (·.readStart)
    connecting.release
    reading.cancel
    discard <| fails .canceled reading.await
    eventually "sockets" (return (← openFds) == fds)
  listener.close

-- parity: CANC-04
test "after cancel returned no closure begins" := withRuntime fun runtime => do
  for _ in [0:200] do
    let ran ← IO.mkRef false
    let promise ← (← runtime.yieldNowStart).then fun () => ran.set true
    promise.cancel
    let then_ ← ran.get
    runtime.yieldNow
    checkEq (← ran.get) then_

-- parity: PROM-01
test "dropping the last reference cancels the whole chain" := inBoth fun runtime => do
  let ended ← Counter.new
  let ran ← Counter.new
  let start : IO Unit := do
    let source ← (← PromiseRef.never (α := Nat) runtime).finally ended.add
    discard <| (← source.then fun _ => ran.add).map fun () => 1
  start
  runtime.yieldNow
  checkEq (← ended.get) 1
  checkEq (← ran.get) 0

test "a drop does not wait for a closure that is running" := withRuntime fun runtime => do
  let begun ← Gate.new
  let go ← Gate.new
  let ended ← Counter.new
  let executor ← runtime.executor
  let dropWhileRunning : IO Unit := do
    let running ← executor.executeStart do begun.pass; go.wait; ended.add
    begun.wait
    check (!(← running.isSettled)) "settled"
  dropWhileRunning
  go.pass
  letRest runtime
  checkEq (← ended.get) 1

-- parity: STRM-01, CANC-04
test "a cancelled read loses nothing and leaves the connection usable" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  for _ in [0:50] do
    let reading ← server.readStart
    reading.cancel
    client.write "after"
    checkEq (← (← server.read (min := 5)).toText) "after"

-- parity: CANC-04
test "a cancelled write gives its bytes back" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let before ← Native.handleCount
  let data : ByteArray := ⟨Array.replicate 20000000 1⟩
  let writing ← client.writeStart data
  check (!(← writing.isSettled)) "all of it was taken"
  writing.cancel
  discard <| fails .canceled writing.await
  writing.release
  checkEq (← Native.handleCount) before
  client.close
  server.close

test "a settled promise stays as it is" := inBoth fun runtime => do
  let promise ← PromiseRef.pure runtime 6
  promise.cancel
  promise.cancel
  checkEq (← promise.await) 6

-- parity: PROM-39
test "code may cancel its own promise" := inBoth fun runtime => do
  let own : IO.Ref (Option (PromiseRef Unit)) ← IO.mkRef none
  let after ← Counter.new
  let (fulfiller, first) ← Fulfiller.new (α := Unit) runtime
  let promise ← first.then fun () => do
    if let some promise ← own.get then promise.cancel
    after.add
  own.set (some promise)
  fulfiller.fulfill ()
  discard <| fails .canceled promise.await
  checkEq (← after.get) 1
  own.set none

test "async code that is cancelled stops at its wait" := inBoth fun runtime => do
  let steps ← Counter.new
  let begun ← Counter.new
  let promise ← Async.start runtime do
    begun.add
    try
      repeat
        Async.sleep (.ofNanos 100_000)
        steps.add
    catch _ => steps.set 1000
  eventually "begin" (do runtime.yieldNow; return (← begun.get) == 1)
  runtime.sleepNanos millisecond
  promise.cancel
  let seen ← steps.get
  runtime.sleepNanos (2 * millisecond)
  checkEq (← steps.get) seen
  check (seen < 1000) "a catch saw the cancellation"
  discard <| fails .canceled promise.await

test "cancelling from another thread while the code runs" := withRuntime fun runtime => do
  for round in [0:200] do
    let ended ← Counter.new
    let promise ← Async.start runtime do
      try
        repeat Async.yield
      finally ended.add
    for _ in [0:round % 7] do runtime.yieldNow
    let tasks ← (List.range 2).mapM fun _ => IO.asTask (prio := .default) promise.cancel
    for task in tasks do EIO.ofExcept (← IO.wait task)
    runtime.yieldNow
    check ((← ended.get) ≤ 1) "twice"
    discard <| fails .canceled promise.await

test "a promise inside the code is cancelled with it" := inBoth fun runtime => do
  let fds ← openFds
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let reading ← Counter.new
  let promise ← Async.start runtime do
    let client ← address.connect
    let server ← listener.accept
    reading.add
    discard server.read
    client.close
  eventually "read" (do runtime.yieldNow; return (← reading.get) == 1)
  check ((← openFds) ≥ fds + 2) "no connection"
  promise.cancel
  listener.close
  -- What the code holds is freed on its loop, which turns in its owner's calls.
  eventually "sockets" (do runtime.yieldNow; return (← openFds) == fds)

test "cancelling one waiter leaves the others" := inBoth fun runtime => do
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  let first ← Async.start runtime promise.await
  let second ← Async.start runtime promise.await
  runtime.yieldNow
  first.cancel
  fulfiller.fulfill 4
  checkEq (← second.await) 4

-- parity: FULF-09, CANC-04, PROM-17
test "an action that is attached has run when the promise has been ended" := inBoth fun runtime => do
  let ways : List (String × (PromiseRef Nat → IO Unit)) := [
    ("cancel", fun promise => promise.cancel),
    ("release", fun promise => promise.release),
    ("dropped", fun promise => do promise.release),
    ("cancelled on another thread", fun promise => do
      EIO.ofExcept (← IO.wait (← IO.asTask promise.cancel .dedicated))),
    ("lost a race", fun promise => do
      let won ← PromiseRef.race runtime #[promise, ← PromiseRef.pure runtime 1]
      promise.release
      discard won.await),
    ("canceler", fun promise => do
      let canceler ← Canceler.new runtime
      let wrapped ← canceler.wrap promise
      promise.release
      canceler.cancel
      discard wrapped.await.toBaseIO)]
  for (name, way) in ways do
    for _ in [0:20] do
      let ended ← Counter.new
      -- As the answer of another library would be.
      let (fulfiller, answer) ← Fulfiller.new (α := Nat) runtime
      let operation ← answer.attachAction ended.add
      answer.release
      checkEq (← ended.get) 0 name
      way operation
      checkEq (← ended.get) 1 name
      fulfiller.fulfill 1

-- parity: FULF-09, PROM-17
test "an action that is attached runs once, after the operation, and may end others" := inBoth fun runtime => do
  let order ← IO.mkRef #[]
  let note (n : Nat) : BaseIO Unit := order.modify (·.push n)
  let (fulfiller, answer) ← Fulfiller.new (α := Nat) runtime
  let operation ← (← answer.attachAction (note 1)).attachAction (note 2)
  fulfiller.fulfill 3
  checkEq (← operation.await) 3
  checkEq (← order.get) #[1, 2]
  let other ← PromiseRef.never (α := Nat) runtime
  let ending ← (← PromiseRef.never (α := Nat) runtime).attachAction do discard other.cancel.toBaseIO
  ending.cancel
  discard <| fails .canceled other.await
  operation.cancel
  checkEq (← order.get) #[1, 2]
  answer.release
  discard <| fails .badHandle (answer.attachAction (note 4))
  checkEq (← order.get) #[1, 2, 4] "a call that throws has run it"
  let left ← (← PromiseRef.never (α := Nat) runtime).attachAction (note 5)
  runtime.shutdown
  checkEq (← order.get) #[1, 2, 4, 5] "shutdown"
  check (← left.isSettled) "pending"
