import Test.Check

open Test KjAsync

private def withScope (body : WaitScope → IO Unit) (options : Runtime.Options := {}) : IO Unit := do
  let scope ← WaitScope.init options
  try body scope finally scope.shutdown

-- parity: LOOP-03, LOOP-04
test "turn runs what is queued, so many at a time" := withScope fun scope => do
  let executor ← scope.runtime.executor
  let ran ← Counter.new
  check (!(← scope.runtime.isRunnable)) "runnable"
  checkEq (← scope.turn) 0
  let queued ← (List.range 5).mapM fun _ => executor.executeStart ran.add
  check (← scope.runtime.isRunnable) "not runnable"
  checkEq (← scope.turn (most := 2)) 2
  checkEq (← ran.get) 2
  discard scope.turn
  checkEq (← ran.get) 5
  check (!(← scope.runtime.isRunnable)) "runnable at the end"
  for promise in queued do promise.await

-- parity: LOOP-08, LOOP-12
test "poll may be bounded" := withScope fun scope => do
  let executor ← scope.runtime.executor
  let ran ← Counter.new
  let queued ← (List.range 5).mapM fun _ => executor.executeStart ran.add
  checkEq (← scope.poll (most := 3)) 3
  checkEq (← ran.get) 3
  discard scope.poll
  checkEq (← ran.get) 5
  for promise in queued do promise.await

-- parity: LOOP-11, LOOP-14
test "a wake ends pumping early, also beforehand" := withScope fun scope => do
  scope.wake
  discard <| scope.pumpNanos anHour
  let pumping ← Gate.new
  let waking ← IO.asTask (prio := .dedicated) do pumping.wait; scope.wake
  (← (← scope.runtime.executor).executeStart pumping.pass).detach fun _ => return
  discard <| scope.pumpNanos anHour
  EIO.ofExcept (← IO.wait waking)

-- parity: LOOP-07
test "detached promises can be cancelled together" := inBoth fun runtime => do
  let gone ← Counter.new
  for _ in [0:3] do (← pendingUntilGone runtime gone).detach fun _ => return
  checkEq (← runtime.stats).detached 3
  runtime.cancelDetached
  letRest runtime
  checkEq (← runtime.stats).detached 0
  checkEq (← gone.get) 3

-- parity: LOOP-15
test "the figures of a runtime" := inVirtualTime fun runtime => do
  let before ← runtime.stats
  let timer ← runtime.sleepNanosStart 5
  let never ← PromiseRef.never (α := Nat) runtime
  let during ← runtime.stats
  checkEq (during.promises, during.timers, during.detached) (before.promises + 2, 1, 0)
  timer.release
  never.release
  letRest runtime
  eventually "promises" (return (← runtime.stats).promises == before.promises)
  let after ← runtime.stats
  checkEq after.timers 0
  check (after.turns > before.turns) "no turns"
  checkEq after.longestTurnNanos 0
  runtime.shutdown
  checkEq (← runtime.stats).promises 0

-- parity: LOOP-15
test "a slow turn is reported" := do
  let heard ← IO.mkRef 0
  let options : Runtime.Options :=
    { slowTurnNanos := millisecond, onSlowTurn := some fun nanos => do heard.set nanos; throw (IO.userError "lost") }
  Runtime.withRuntime (options := options) fun runtime => do
    (← runtime.executor).execute (IO.sleep 3)
    runtime.yieldNow
    check ((← heard.get) ≥ 3 * millisecond) s!"{← heard.get}"
    check ((← runtime.stats).longestTurnNanos ≥ 3 * millisecond) "not in the figures"

-- parity: LOOP-13
test "the host of a scope hears that there is something to do" := do
  let heard ← Gate.new
  withScope (options := { onRunnable := some heard.pass, lookNanos := 0 }) fun scope => do
    let (fulfiller, promise) ← Fulfiller.new (α := Nat) scope.runtime
    let waiting ← promise.map (· + 1)
    discard scope.poll
    let elsewhere ← IO.asTask (prio := .dedicated) (fulfiller.fulfill 1)
    heard.wait
    EIO.ofExcept (← IO.wait elsewhere)
    discard scope.poll
    check (← waiting.isSettled) "not settled"

-- parity: LOOP-09
test "sockets get a look between many turns" := withScope (options := { turnsPerLook := 4 }) fun scope => do
  let (client, server) ← connectedPair (m := IO) scope.runtime
  let reading ← server.readStart
  let turns ← Counter.new
  let spinning ← Async.start scope.runtime do
    repeat
      turns.add
      Async.yield
      if (← reading.isSettled) || (← turns.get) > 100000 then break
  client.write "x"
  scope.wait spinning
  check ((← turns.get) < 1000) s!"{← turns.get} turns"
  checkEq (← (← reading.await).toText) "x"

-- parity: PROM-28
test "the loop would sleep when no socket is ready" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let (fulfiller, go) ← Fulfiller.new (α := Unit) runtime
  let reading ← go.bind fun () => server.readStart
  client.write "x"
  fulfiller.fulfill ()
  runtime.yieldUntilWouldSleep
  check (← reading.isSettled) "a ready socket was not looked at"
