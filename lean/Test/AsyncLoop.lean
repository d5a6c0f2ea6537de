import Test.Check

open Test KjAsync

private def million : Nat := 1_000_000

private def constantMemory (body : Async Unit) : IO Unit := withRuntime fun runtime => do
  leaksNothing (Async.run runtime body)

@[noinline] private def step (n : Nat) : Async Nat := return n + 1

-- parity: FIBER-01
test "a million steps that are ready" := constantMemory do
  let mut n := 0
  while n < million do n ← step n
  checkEq n million

test "a million turns of every kind of loop" := constantMemory do
  let mut n := 0
  for _ in [0:million] do n ← step n
  for _ in List.range 1000 do
    for _ in Array.range 1000 do n ← step n
  for _ in Array.range 1000 do
    for _ in List.range 1000 do n ← step n
  repeat
    n ← step n
    if n == 4 * million then break
  checkEq n (4 * million)

test "a million steps that wait" := constantMemory do
  let mut n := 0
  while n < million do
    Async.yield
    n := n + 1
  checkEq n million

test "a million waits for what has settled" := constantMemory do
  let promise ← PromiseRef.pure (← Async.runtime) 1
  let mut n := 0
  for _ in [0:million] do n := n + (← promise.await)
  checkEq n million

private def count : Nat → Nat → Async Nat
  | 0, n => return n
  | left + 1, n => do count left (← step n)

private def countWaiting : Nat → Nat → Async Nat
  | 0, n => return n
  | left + 1, n => do Async.yield; countWaiting left (n + 1)

test "a recursion a million deep" := constantMemory do
  checkEq (← count million 0) million
  checkEq (← countWaiting (million / 4) 0) (million / 4)

private def nested : Nat → Async Nat
  | 0 => do Async.yield; return 0
  | depth + 1 => do return (← nested depth) + 1

test "code that waits deep inside" := onLoop do
  for _ in [0:20] do checkEq (← nested 1000) 1000

-- parity: PROM-09
test "code that never has to wait still lets others have a turn" := onLoop do
  let promise ← PromiseRef.pure (← Async.runtime) ()
  let turns ← Counter.new
  let other ← Async.fork do
    repeat
      Async.yield
      turns.add
  for _ in [0:10000] do promise.await
  other.cancel
  check ((← turns.get) ≥ 50) s!"{← turns.get} turns"
