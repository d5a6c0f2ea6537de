import Test.Check

open Test KjAsync

-- parity: TIME-01, TIME-03, LLIO-12
test "a timer is never early" := inBoth fun runtime => do
  for nanos in [0, 1, 100_000, millisecond, 3 * millisecond] do
    let before ← monoNanosNow
    runtime.sleepNanos nanos
    check ((← monoNanosNow) - before ≥ nanos) s!"early for {nanos}"

-- parity: TIME-02
test "timers go off in the order of their times, then of their starts" := inVirtualTime fun runtime => do
  let order ← IO.mkRef #[]
  let mut noted := #[]
  for (name, deadline) in [(3, 3 * millisecond), (1, 2 * millisecond), (2, 2 * millisecond), (0, millisecond)] do
    noted := noted.push (← (← runtime.sleepUntilMonoNanosStart deadline).then fun () => order.modify (·.push name))
  letPass runtime (3 * millisecond)
  discard (← PromiseRef.all runtime noted).await
  checkEq (← order.get) #[0, 1, 2, 3]

-- parity: TIME-02
test "a time that has passed is now" := inBoth fun runtime => do
  runtime.sleepUntilMonoNanos 0
  let before ← monoNanosNow
  runtime.sleepUntilMonoNanos (before + millisecond)
  check ((← monoNanosNow) ≥ before + millisecond) "early"

-- parity: TIME-05
test "a cancelled timer never goes off" := inBoth fun runtime => do
  let fired ← Counter.new
  let timer ← runtime.sleepNanosStart (2 * millisecond)
  let noted ← timer.then fun () => fired.add
  timer.cancel
  discard <| fails .canceled noted.await
  runtime.sleepNanos (4 * millisecond)
  checkEq (← fired.get) 0

-- parity: PROM-26
test "yield goes behind what is queued" := inBoth fun runtime => do
  let order ← IO.mkRef #[]
  let first ← (← runtime.yieldNowStart).then fun () => order.modify (·.push 1)
  let second ← (← runtime.yieldNowStart).then fun () => order.modify (·.push 2)
  discard (← PromiseRef.all runtime #[first, second]).await
  checkEq (← order.get) #[1, 2]
  runtime.pumpNanos
  runtime.pumpNanos 1

test "a timer for ever does not keep the runtime from ending" := inBoth fun runtime => do
  let promise ← runtime.sleepNanosStart 0xFFFF_FFFF_FFFF_FFFF
  checkEq (← promise.awaitFor? 1) none
