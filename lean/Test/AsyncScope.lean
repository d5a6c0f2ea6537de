import Test.Check

open Test KjAsync

private def never : Async α := do Async.sleep anHour; throw (IO.userError "an hour has passed")

test "a scope cancels what it started" := onLoop do
  let ended ← Counter.new
  let result ← Async.withCancel fun scope => do
    for _ in [0:5] do discard <| scope.spawn (try never (α := Unit) finally ended.add)
    discard <| scope.spawn (pure ())
    Async.yield
    checkEq (← scope.size) 5
    return 3
  checkEq result 3
  checkEq (← ended.get) 5

test "a scope ends after an error and after a cancel" := inBoth fun runtime => do
  let ended ← Counter.new
  let body (fail : Bool) : Async Unit := Async.withCancel fun scope => do
    discard <| scope.spawn (try never (α := Unit) finally ended.add)
    if fail then throw (Error.ofKind .busy "busy")
    never
  discard <| fails .busy (Async.run runtime (body true))
  checkEq (← ended.get) 1
  let promise ← Async.start runtime (body false)
  runtime.yieldNow
  promise.cancel
  runtime.yieldNow
  checkEq (← ended.get) 2

test "a member's result can be awaited, and its failure is heard of" := onLoop do
  Async.withCancel fun scope => do
    let heard ← IO.mkRef none
    let child ← scope.spawn (do Async.yield; return 5)
    let failing ← scope.spawn (α := Unit) (throw (Error.ofKind .busy "busy")) fun error => heard.set (Error.kind? error)
    checkEq (← child.await) 5
    try failing.await catch error => checkEq (Error.kind? error) (some .busy)
    Async.yield
    checkEq (← heard.get) (some .busy)
    checkEq (← scope.size) 0

test "a scope that has ended takes nobody" := onLoop do
  let scope ← Async.withCancel pure
  check (← scope.hasEnded) "not ended"
  let ran ← Counter.new
  try
    discard <| scope.spawn (do ran.add : Async Unit)
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .canceled)
  checkEq (← ran.get) 0

test "a scope holds no more than its members" := withRuntime fun runtime => do
  Async.run runtime <| Async.withCancel fun scope => do
    for n in [0:20000] do
      discard <| scope.spawn Async.yield
      if n % 10 == 0 then Async.yield
    Async.timeout (10_000 * millisecond) do while (← scope.size) > 0 do Async.yield
    check ((← Native.handleCount) < 20) s!"{← Native.handleCount} handles"

-- parity: PROM-19
test "background code runs by itself and its error is heard of" := onLoop do
  let ran ← Counter.new
  let heard ← IO.mkRef none
  Async.background (do Async.yield; ran.add) fun _ => return
  Async.background (do Async.yield; throw (Error.ofKind .busy "busy")) fun error => heard.set (Error.kind? error)
  Async.timeout (10_000 * millisecond) do
    while (← ran.get) == 0 || (← heard.get).isNone do Async.yield
  checkEq (← ran.get) 1
  checkEq (← heard.get) (some .busy)

test "a scope ends after the clean-ups of its members" := inBoth fun runtime => do
  let order ← IO.mkRef #[]
  let member : Async Unit := do
    try never finally
      Async.sleep 200_000
      order.modify (·.push 1)
  let code (work : Async.Scope → Async Unit) : Async Unit := do
    try
      Async.withCancel fun scope => do
        discard <| scope.spawn member
        discard <| scope.spawn member
        work scope
    finally order.modify (·.push 2)
  Async.run runtime (code fun _ => pure ())
  checkEq (← order.get) #[1, 1, 2]
  order.set #[]
  let promise ← Async.start runtime (code fun _ => never)
  runtime.yieldNow
  promise.cancel
  eventually "clean-ups" (do runtime.yieldNow; return (← order.get).size == 3)
  checkEq (← order.get) #[1, 1, 2]
