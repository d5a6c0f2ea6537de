import Test.Check

open Test KjAsync

private def withScope (body : WaitScope → IO Unit) : IO Unit := do
  let scope ← WaitScope.init
  try body scope finally scope.shutdown

-- parity: LOOP-05, PROM-12
test "a wait scope turns inside its owner's calls only" := withScope fun scope => do
  let ran ← Counter.new
  let promise ← (← scope.runtime.yieldNowStart).then fun () => ran.add
  IO.sleep 2
  checkEq (← ran.get) 0
  scope.wait promise
  checkEq (← ran.get) 1
  checkEq (← loopThreads) 0 "threads"

-- parity: LOOP-08, PROM-13
test "poll runs what is ready and does not block" := withScope fun scope => do
  let ran ← Counter.new
  let soon ← (← scope.runtime.yieldNowStart).then fun () => ran.add
  let late ← scope.runtime.sleepNanosStart anHour
  check ((← scope.poll) > 0) "no turns"
  checkEq (← ran.get) 1
  check (← soon.isSettled) "not settled"
  check (!(← late.isSettled)) "settled"

test "pumping drives timers" := withScope fun scope => do
  let promise ← scope.runtime.sleepNanosStart millisecond
  discard <| scope.pumpNanos (5 * millisecond)
  check (← promise.isSettled) "not settled"
  -- Also if the thread comes to it too late.
  let late ← scope.runtime.sleepNanosStart millisecond
  IO.sleep 2
  discard <| scope.pumpNanos 0
  check (← late.isSettled) "not settled, late"

-- parity: PROM-38
test "another thread is refused" := withScope fun scope => do
  let promise ← PromiseRef.never (α := Nat) scope.runtime
  let elsewhere (action : IO Unit) : IO Unit := do
    discard <| fails .wrongThread (EIO.ofExcept (← IO.wait (← IO.asTask action .dedicated)))
  elsewhere (discard promise.await)
  elsewhere (discard scope.poll)
  elsewhere scope.runtime.yieldNow
  elsewhere scope.shutdown

test "async code runs in a wait scope" := withScope fun scope => do
  let result ← Async.run scope.runtime do
    Async.sleep (.ofMillis 1)
    return 3
  checkEq result 3

-- parity: LOOP-02, LLIO-14
test "a connection within one thread" := withScope fun scope => do
  let (client, server) ← connectedPair (m := IO) scope.runtime
  client.write "over and back"
  checkEq (← (← server.read).toText) "over and back"

-- parity: UNIX-15, UNIX-16
test "a scope's descriptor tells its host when to poll" := unless System.Platform.isOSX do
  withRuntime fun host => withScope fun scope => do
    let observer ← FdObserver.new host (← scope.pollableFd)
    let quiet ← observer.whenReadableStart
    letRest host
    check (!(← quiet.isSettled)) "there is something to do"
    -- A timer.
    let soon ← scope.runtime.sleepNanosStart millisecond
    repeat
      observer.whenReadable
      discard scope.poll
      if ← soon.isSettled then break
    -- What another thread does.
    let (fulfiller, promise) ← Fulfiller.new (α := Nat) scope.runtime
    let ran ← Counter.new
    let then_ ← promise.then fun _ => ran.add
    discard scope.poll
    discard <| IO.asTask (prio := .dedicated) (fulfiller.fulfill 1)
    repeat
      observer.whenReadable
      discard scope.poll
      if ← then_.isSettled then break
    checkEq (← ran.get) 1
    discard <| fails .invalidArgument host.native.pollableFd

-- parity: PROM-12, PROM-38, LLIO-14
test "a wait scope waits for its own promises only" := withScope fun scope => withScope fun other => do
  let theirs ← other.runtime.yieldNowStart
  discard <| fails .invalidArgument (scope.wait theirs)
  other.wait theirs
  -- Nothing has to turn for what has settled.
  scope.wait theirs
  -- What is built inside the loop is the loop's, whatever it waits for.
  let built ← (← scope.runtime.executor).execute do (← other.runtime.yieldNowStart).map fun () => 3
  discard <| fails .invalidArgument (other.wait built)

-- parity: LOOP-01
test "a wait scope with nothing to do waits for other threads" := withScope fun scope => do
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) scope.runtime
  let task ← IO.asTask (prio := .dedicated) (fulfiller.fulfill 5)
  checkEq (← scope.wait promise) 5
  EIO.ofExcept (← IO.wait task)
