import Test.Check

open Test KjAsync

private def after (nanos : Nat) (value : α) : Async α := do Async.sleep (.ofNanos nanos); return value
private def never : Async α := do Async.sleep (.ofHours 1); throw (IO.userError "an hour has passed")

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
  let (begun, ended) := (← Counter.new, ← Counter.new)
  let loser : Async Nat := do begun.add; try never finally ended.add
  let winner : Async Nat := do
    while (← begun.get) < 2 do Async.yield
    return 7
  checkEq (← Async.race #[loser, winner, loser]) 7
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
    Async.timeout (.ofMillis 1) (try never finally ended.add)
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .timedOut)
  checkEq (← ended.get) 1
  checkEq (← Async.timeout (.ofHours 1) (after 1 5)) 5
  checkEq (← Async.timeout 0 (pure 6)) 6

-- parity: TIME-04
test "a limit that has passed is told from one inside" := onLoop do
  checkEq (← Async.timeout? (.ofHours 1) (after 1 5)) (some 5)
  checkEq (← Async.timeout? (.ofMillis 1) (never (α := Nat))) none
  checkEq (← Async.timeout? 0 (pure 6)) (some 6)
  let inner : Async Nat := Async.timeout (.ofNanos 1000) never
  try
    discard <| Async.timeout? (.ofHours 1) inner
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .timedOut)
  checkEq (← Async.timeout? (.ofMillis 1) (Async.timeout (.ofHours 1) (never (α := Nat)))) none

-- parity: PROM-32
test "any gives the first success, or the last error" := onLoop do
  let ended ← Counter.new
  let loser : Async Nat := try never finally ended.add
  let fail (kind : ErrorKind) (waits : Nat) : Async Nat := do
    for _ in [0:waits] do Async.yield
    throw (Error.ofKind kind "failed")
  checkEq (← Async.any #[fail .busy 0, loser, after 1000 7, fail .overloaded 2]) 7
  checkEq (← ended.get) 1
  try
    discard <| Async.any #[fail .busy 3, fail .overloaded 0]
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .busy)
  try
    discard <| Async.any (α := Nat) #[]
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .invalidArgument)

-- parity: PROM-30, PROM-31
test "both gives both values, and allSettled all outcomes" := onLoop do
  checkEq (← Async.both (after 1000 1) (after 1 "two")) (1, "two")
  let ended ← Counter.new
  try
    discard <| Async.both (try never (α := Nat) finally ended.add) (throw (Error.ofKind .busy "busy") : Async Nat)
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .busy)
  checkEq (← ended.get) 1
  let outcomes ← Async.allSettled #[after 1000 1, throw (Error.ofKind .busy "busy"), pure 3]
  checkEq (outcomes.map fun outcome => match outcome with
    | .ok value => some value
    | .error (error : ErrorRef) => if error.kind == .busy then none else some 0) #[some 1, none, some 3]

test "a map runs as many at a time as it may" := onLoop do
  let running ← Counter.new
  let most ← Counter.new
  let work (item : Nat) : Async Nat := do
    running.add
    most.set (max (← most.get) (← running.get))
    for _ in [0:item % 4] do Async.yield
    running.modify (· - 1)
    return item * 2
  checkEq (← Async.mapConcurrently 3 (Array.range 50) work) ((Array.range 50).map (· * 2))
  checkEq (← most.get) 3
  checkEq (← Async.mapConcurrently 3 (#[] : Array Nat) work) #[]
  checkEq (← Async.mapConcurrently 0 #[1, 2] work) #[2, 4]
  let ended ← Counter.new
  try
    discard <| Async.mapConcurrently 2 #[1, 2, 3] fun item => do
      if item == 2 then
        Async.yield
        throw (Error.ofKind .busy "busy")
      try never (α := Nat) finally ended.add
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .busy)
  checkEq (← ended.get) 1

-- parity: PROM-10, EXC-01
test "errors of one kind can be caught" := onLoop do
  let fail (kind : ErrorKind) : Async Nat := do
    Async.yield
    throwThe ErrorRef ((ErrorRef.ofKind kind "failed").withDetail 7 "kept")
  checkEq (← (fail .busy).catchKind .busy fun (error : ErrorRef) => return (error.detail? 7).elim 0 (·.size)) 4
  try
    discard <| (fail .overloaded).catchKind .busy fun (_ : IO.Error) => return 0
    throw (IO.userError "succeeded")
  catch error : ErrorRef =>
    checkEq error.kind .overloaded
    check (error.detail? 7).isSome "its details are lost"

-- parity: TIME-02, PROM-21
test "code waits until a moment, or for ever" := inVirtualTime fun runtime => do
  let promise ← Async.start runtime do
    Async.sleepUntil ⟨5000⟩
    return (← (← Async.runtime).now).nanos
  let ended ← Counter.new
  let never ← Async.start runtime (try Async.never (α := Unit) finally ended.add)
  letPass runtime 5000
  checkEq (← promise.await) 5000
  check (!(← never.isSettled)) "settled"
  never.cancelAndWait
  checkEq (← ended.get) 1
