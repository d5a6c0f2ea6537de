import Test.Check

open Test KjAsync

/-- Made by an initializer, which knows no library. -/
initialize counters : RuntimeLocal (IO.Ref Nat) ← RuntimeLocal.new fun _ => IO.mkRef 0

private def bump : Async Nat := do
  let counter ← counters.get
  counter.modify (· + 1)
  counter.get

-- parity: LOOP-16
test "each runtime has a value of its own" := do
  inBoth fun runtime => do
    for n in [1:4] do checkEq (← Async.run runtime bump) n
    Runtime.withRuntime fun other => do checkEq (← Async.run other bump) 1
    checkEq (← Async.run runtime bump) 4

-- parity: LOOP-16
test "a value of a runtime is freed with it" := do
  let before ← Native.handleCount
  let made ← Counter.new
  let own ← RuntimeLocal.new fun runtime => do
    made.add
    if (← made.get) == 1 then throw (Error.ofKind .busy "not yet")
    PromiseRef.never (α := Nat) runtime
  Runtime.withRuntime fun runtime => do
    discard <| fails .busy (Async.run runtime (discard own.get))
    for _ in [0:3] do Async.run runtime do check (!(← (← own.get).isSettled)) "settled"
  checkEq (← made.get) 2
  eventually "handles" (return (← Native.handleCount) == before)
