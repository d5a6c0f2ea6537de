import Test.Check

open Test KjAsync

-- parity: PROM-33, FIBER-01
test "async code runs on the loop and returns its value" := inBoth fun runtime => do
  checkEq (← Async.run runtime (pure 5)) 5
  check (← Async.run runtime do (← Async.runtime).onLoop) "not on the loop"
  let later ← Async.start runtime do
    Async.sleep (.ofNanos 1000)
    Async.yield
    return "done"
  checkEq (← later.await) "done"

test "none of the code runs inside start" := withRuntime fun runtime => do
  let executor ← runtime.executor
  let ran ← Counter.new
  executor.execute do
    discard <| Async.start runtime (do ran.add : Async Unit)
    checkEq (← ran.get) 0

-- parity: PROM-33, FORK-05
test "what is awaited comes back with its value or its error" := onLoop do
  let runtime ← Async.runtime
  let value ← PromiseRef.pure runtime 1
  checkEq (← value.await) 1
  let later ← (← runtime.sleepNanosStart 1000).map fun () => 2
  checkEq (← later.await) 2
  checkEq (← later.await) 2
  let failing ← PromiseRef.fail (α := Nat) runtime (Error.ofKind .busy "busy")
  try
    discard failing.await
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .busy)

test "an error ends the code" := inBoth fun runtime => do
  let ran ← Counter.new
  discard <| fails .busy (Async.run runtime (do
    Async.yield
    discard (throw (Error.ofKind .busy "busy") : Async Unit)
    ran.add))
  discard <| fails .overloaded (Async.run runtime (do
    (throw (Error.ofKind .overloaded "from IO") : IO Unit)
    ran.add))
  checkEq (← ran.get) 0

test "catch sees errors from before and after a wait" := onLoop do
  for waits in [0, 1, 2] do
    let caught ← try
      for _ in [0:waits] do Async.yield
      throw (Error.ofKind .busy "busy")
    catch error => do
      Async.yield
      pure (Error.kind? error)
    checkEq caught (some .busy)
  let value ← tryCatch (do Async.yield; return 3) fun _ => return 4
  checkEq value 3
  let inner : Async String := tryCatch (throw (IO.userError "inner")) fun _ => do
    Async.yield
    throw (IO.userError "outer")
  let outer ← try inner catch error => pure (toString error)
  checkEq outer "outer"

test "early return, break and continue work across waits" := onLoop do
  let find (items : List Nat) (wanted : Nat) : Async (Option Nat) := do
    let mut index := 0
    for item in items do
      Async.yield
      if item == wanted then return some index
      index := index + 1
    return none
  checkEq (← find [3, 1, 4] 4) (some 2)
  checkEq (← find [3, 1, 4] 5) none
  let mut seen := #[]
  for n in [0:10:2] do
    if n == 2 then continue
    Async.yield
    if n == 8 then break
    seen := seen.push n
  checkEq seen #[0, 4, 6]

test "nested actions and transformers wait as well" := onLoop do
  let runtime ← Async.runtime
  checkEq ((← (← PromiseRef.pure runtime 1).await) + (← (do Async.yield; return 2))) 3
  let counting : StateT Nat Async Unit := do
    for _ in [0:3] do
      runtime.yieldNow
      modify (· + 1)
  checkEq (← counting.run 1).2 4
  let failing : ExceptT String Async Nat := do
    runtime.yieldNow
    throw "no"
  check ((← failing.run) matches .error "no") "ExceptT"

-- parity: PROM-33
test "fork runs at once, up to its first wait, and goes on by itself" := onLoop do
  let order ← IO.mkRef #[]
  let note (n : Nat) : Async Unit := order.modify (·.push n)
  let child ← Async.fork do
    note 1
    Async.yield
    note 3
    return 9
  note 2
  checkEq (← child.await) 9
  checkEq (← order.get) #[1, 2, 3]

-- parity: FIBER-01
test "blocking work leaves the loop free" := withRuntime fun runtime => do
  let go ← Gate.new
  let result ← Async.run runtime do
    let blocked ← Async.fork (Async.liftBlocking (do go.wait; return 4))
    Async.yield
    check (!(← blocked.isSettled)) "settled"
    go.pass
    blocked.await
  checkEq result 4
  discard <| fails .busy (Async.run runtime (Async.liftBlocking (throw (Error.ofKind .busy "busy") : IO Nat)))

-- parity: FIBER-02
test "blocking work is told that it was cancelled" := withRuntime fun runtime => do
  let begun ← Gate.new
  let ended ← Gate.new
  let promise ← Async.start runtime <| Async.liftBlocking do
    begun.pass
    repeat if ← IO.checkCanceled then break
    ended.pass
  begun.wait
  promise.cancel
  ended.wait

test "runMain makes the runtime" := do
  checkEq (← Async.runMain (do Async.sleep (.ofNanos 1); return 6)) 6
