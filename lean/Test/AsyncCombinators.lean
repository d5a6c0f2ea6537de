import Test.Check

open Test KjAsync

private def after (nanos : UInt64) (value : α) : Async α := do Async.sleep nanos; return value
private def never : Async α := do Async.sleep anHour; throw (IO.userError "an hour has passed")

-- parity: PROM-31
test "all runs its pieces side by side" := onLoop do
  checkEq (← Async.all #[after 1000 1, pure 2, after 1 3]) #[1, 2, 3]
  checkEq (← Async.all (α := Nat) #[]) #[]
  let arrived ← Counter.new
  discard <| Async.all <| Array.replicate 50 do
    arrived.add
    -- Each waits for all the others.
    while (← arrived.get) < 50 do Async.yield

-- parity: PROM-31
test "all ends with the first error and cancels the others" := onLoop do
  let ended ← Counter.new
  let member : Async Nat := try never finally ended.add
  try
    discard <| Async.all #[member, do Async.yield; throw (Error.ofKind .busy "busy"), member]
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .busy)
  checkEq (← ended.get) 2
  try discard <| Async.all #[member, throw (Error.ofKind .busy "at once"), member] catch _ => pure ()
  checkEq (← ended.get) 3 "a piece that was not to be started"

-- parity: PROM-16
test "race cancels the losers before it ends" := onLoop do
  let ended ← Counter.new
  let loser : Async Nat := try never finally ended.add
  checkEq (← Async.race #[loser, after 1000 7, loser]) 7
  checkEq (← ended.get) 2
  checkEq (← Async.race #[loser, pure 8]) 8
  checkEq (← ended.get) 3
  try
    discard <| Async.race #[loser, throw (Error.ofKind .busy "busy")]
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .busy)

-- parity: TIME-04
test "timeout cancels the code and says so" := onLoop do
  let ended ← Counter.new
  try
    Async.timeout millisecond (try never finally ended.add)
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .timedOut)
  checkEq (← ended.get) 1
  checkEq (← Async.timeout anHour (after 1 5)) 5
  checkEq (← Async.timeout 0 (pure 6)) 6
