import Test.Check

/-! Signals. The tests send them to this process. -/

namespace Test.Signal
open KjAsync

private def send (signal : SignalName) : IO Unit := do signal.send (← IO.Process.getPID)

-- parity: UNIX-01
test "signals that cannot be handled are refused" := inBoth fun runtime => do
  for refused in [SignalName.kill, .stop, .child, .segmentation, .other 0, .other 4096] do
    discard <| fails .invalidArgument (Signal.subscribe runtime #[refused])
  discard <| fails .invalidArgument (Signal.subscribe runtime #[])

-- parity: UNIX-01, UNIX-02
test "a signal comes to everyone who subscribes, with its sender" := inBoth fun runtime => do
  let one ← Signal.subscribe runtime #[.user1, .user2]
  let other ← Signal.subscribe runtime #[.user1]
  let waiting ← one.nextStart
  send .user1
  let info ← waiting.await
  checkEq info.name .user1
  checkEq info.pid (← IO.Process.getPID)
  checkEq info.merged 0
  check (info.bytes.size ≥ 64) "no siginfo"
  checkEq (← other.next).name .user1
  send .user2
  checkEq (← one.next).number SignalName.user2.number
  let none ← other.nextStart
  letRest runtime
  check (!(← none.isSettled)) "a signal that was not subscribed to"

-- parity: UNIX-02
test "what comes between two waits is kept" := inBoth fun runtime => Async.run runtime do
  let signal ← Signal.subscribe runtime #[.user1, .user2]
  -- One at a time: the system puts those of a kind together that it has not delivered.
  for _ in [0:5] do
    send .user1
    send .user2
    let first ← signal.next
    let second ← signal.next
    check ([first.name, second.name] == [.user1, .user2] || [first.name, second.name] == [.user2, .user1]) "others came"

-- parity: UNIX-02
test "code runs for each signal" := inBoth fun runtime => do
  let signal ← Signal.subscribe runtime #[.user1]
  let seen ← Counter.new
  let each ← signal.eachStart fun info => do
    checkEq info.name .user1
    seen.add
    if (← seen.get) == 3 then return some "enough"
    send .user1
    return none
  send .user1
  checkEq (← each.await) (some "enough")
  checkEq (← seen.get) 3
  let looping ← Async.start runtime do
    for info in signal do
      if info.name == .user1 then return "one"
    return "none"
  send .user1
  checkEq (← looping.await) "one"

test "closing ends the waits" := inBoth fun runtime => do
  let signal ← Signal.subscribe runtime #[.user1]
  let waiting ← signal.nextStart
  signal.close
  signal.close
  discard <| fails .canceled waiting.await
  discard <| fails .canceled (signal.next : IO SignalInfo)

test "an interrupt ends what waits for it" := inBoth fun runtime => do
  for signal in [SignalName.interrupt, .terminate] do
    let waiting ← Signal.interruptStart runtime
    letRest runtime
    send signal
    checkEq (← waiting.await).name signal

test "a server stops when it is interrupted, and finishes what it has begun" := inBoth fun runtime => do
  let (began, begun) ← Fulfiller.new (α := Unit) runtime
  let (goOn, mayGoOn) ← Fulfiller.new (α := Unit) runtime
  Async.run runtime do
    let server ← Http.Server.new runtime fun request => do
      began.fulfill ()
      mayGoOn.await
      return .text request.path
    let listener ← runtime.listen "127.0.0.1:0"
    let serving ← server.listenStart listener
    let client ← Http.Client.new (← Network.system runtime)
    let asking ← Async.start runtime do
      (← client.get s!"http://127.0.0.1:{← (← listener.localAddress).port}/slow").text
    begun.await
    let interrupt ← Signal.interruptStart runtime
    send .interrupt
    discard interrupt.await
    let draining ← server.drainStart
    goOn.fulfill ()
    draining.await
    serving.await
    checkEq (← asking.await) "/slow"
    server.close

end Test.Signal
