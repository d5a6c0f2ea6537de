import Test.Check

open Test KjAsync

-- parity: TIME-06, LLIO-13, TIME-01
test "virtual time begins at zero and moves when it is told to" := inVirtualTime fun runtime => do
  checkEq (← runtime.now) ⟨0⟩
  let timer ← runtime.sleepNanosStart (Duration.ofHours 1)
  letPass runtime (Duration.ofMinutes 59)
  check (!(← timer.isSettled)) "early"
  letPass runtime (Duration.ofMinutes 1)
  timer.await
  checkEq (← runtime.now) ⟨anHour⟩

-- parity: TIME-06
test "real time cannot be moved" := inBoth fun runtime => do
  discard <| fails .invalidArgument (runtime.advance 1)
  let before ← monoNanosNow
  let now ← runtime.now
  check (before ≤ now && now ≤ (← monoNanosNow)) "another clock"

-- parity: TIME-02, TIME-03
test "virtual timers go off by time and then by age" := inVirtualTime fun runtime => do
  letPass runtime 100
  let order ← IO.mkRef #[]
  let mut noted := #[]
  for (name, start) in [(3, runtime.sleepNanosStart 20), (1, runtime.sleepUntilMonoNanosStart 110),
      (2, runtime.sleepNanosStart 10), (0, runtime.sleepUntilMonoNanosStart 5)] do
    noted := noted.push (← (← start).then fun () => order.modify (·.push name))
  letRest runtime
  letPass runtime 19
  checkEq (← order.get) #[0, 1, 2]
  letPass runtime 1
  checkEq (← order.get) #[0, 1, 2, 3]
  for promise in noted do promise.await

-- parity: TIME-07, TIME-08
test "the next timer is known, and how long it takes" := inVirtualTime fun runtime => do
  checkEq (← runtime.nextTimer?) none
  checkEq (← runtime.timeoutToNextTimer 1 77) 77
  letPass runtime 500
  let late ← runtime.sleepNanosStart 3001
  let early ← runtime.sleepNanosStart 2001
  checkEq (← runtime.nextTimer?) (some ⟨2501⟩)
  checkEq (← runtime.timeoutToNextTimer 1000 5000) 3
  checkEq (← runtime.timeoutToNextTimer 1000 2) 2
  discard <| fails .invalidArgument (runtime.timeoutToNextTimer 0 2)
  checkEq (← runtime.stats).timers 2
  early.release
  checkEq (← runtime.nextTimer?) (some ⟨3501⟩)
  late.cancel
  checkEq (← runtime.nextTimer?) none
  checkEq (← runtime.stats).timers 0

-- parity: TIME-04
test "timeouts and deadlines go by virtual time" := inVirtualTime fun runtime => do
  letPass runtime 100
  let gone ← Counter.new
  let slow ← pendingUntilGone runtime gone
  let timeout ← slow.timeout (.ofNanos 1000)
  let deadline ← slow.deadline ⟨1100⟩
  let moment := (← runtime.now) + Duration.ofNanos 1000
  let same ← slow.deadline moment
  slow.release
  letPass runtime 999
  check (!(← timeout.isSettled) && !(← deadline.isSettled) && !(← same.isSettled)) "early"
  checkEq (← gone.get) 0
  letPass runtime 1
  for promise in [timeout, deadline, same] do discard <| fails .timedOut promise.await
  letRest runtime
  checkEq (← gone.get) 1

-- parity: TIME-06
test "a wait scope stops at each timer on the way" := do
  let scope ← WaitScope.init { virtualTime := true }
  let seen ← IO.mkRef #[]
  let promise ← Async.start scope.runtime do
    for _ in [0:8] do
      seen.modify (·.push (← scope.runtime.now).nanos)
      Async.sleep (.ofNanos 10)
  discard <| scope.pumpNanos 75
  checkEq (← seen.get) #[0, 10, 20, 30, 40, 50, 60, 70]
  checkEq (← scope.runtime.now) ⟨75⟩
  scope.runtime.advance 5
  scope.wait promise
  scope.shutdown

test "async code waits by virtual time" := inVirtualTime fun runtime => do
  let ticks ← Counter.new
  let code ← Async.start runtime do
    try
      Async.timeout (Duration.ofSeconds 10) do
        repeat
          Async.sleep (Duration.ofSeconds 3)
          ticks.add
    catch error => checkEq (Error.kind? error) (some .timedOut)
    return (← runtime.now).nanos
  letRest runtime
  for _ in [0:11] do letPass runtime (Duration.ofSeconds 1)
  checkEq (← code.await) 10_000_000_000
  checkEq (← ticks.get) 3

test "retries wait by virtual time" := inVirtualTime fun runtime => do
  let at_ ← IO.mkRef #[]
  let promise ← PromiseRef.retry runtime (do
    at_.modify (·.push (← runtime.now).nanos)
    PromiseRef.fail (α := Nat) runtime (Error.ofKind .disconnected "gone"))
    { attempts := 5, delay := .ofNanos 10, maxDelay := .ofNanos 40 }
  letRest runtime
  for _ in [0:12] do letPass runtime 10
  discard <| fails .disconnected promise.await
  checkEq (← at_.get) #[0, 10, 30, 70, 110]
