import Test.Check

open Test KjAsync

private def never : Async α := do Async.sleep (.ofHours 1); throw (IO.userError "an hour has passed")

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
  promise.cancelAndWait
  checkEq (← ended.get) 2

test "a member's result can be awaited, and its failure is heard of" := onLoop do
  Async.withCancel fun scope => do
    let heard ← IO.mkRef none
    let child ← scope.spawn (do Async.yield; return 5)
    let failing ← scope.spawnCatching (α := Unit) (throw (Error.ofKind .busy "busy")) fun error =>
      heard.set (Error.kind? error)
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
    Async.timeout (.ofMillis 10_000) do while (← scope.size) > 0 do Async.yield
    check ((← Native.handleCount) < 20) s!"{← Native.handleCount} handles"

-- parity: PROM-19
test "background code runs by itself and its error is heard of" := onLoop do
  let ran ← Counter.new
  let heard ← IO.mkRef none
  Async.background (do Async.yield; ran.add) fun _ => return
  Async.background (do Async.yield; throw (Error.ofKind .busy "busy")) fun error => heard.set (Error.kind? error)
  Async.timeout (.ofMillis 10_000) do
    while (← ran.get) == 0 || (← heard.get).isNone do Async.yield
  checkEq (← ran.get) 1
  checkEq (← heard.get) (some .busy)

test "a scope ends after the clean-ups of its members" := inBoth fun runtime => do
  let order ← IO.mkRef #[]
  let member : Async Unit := do
    try never finally
      Async.sleep (.ofNanos 200_000)
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

test "a scope that waits ends when its members have" := inBoth fun runtime => do
  let ended ← Counter.new
  let member : Async Unit := do
    Async.sleep (.ofNanos 200_000)
    ended.add
  let value ← Async.run runtime <| Async.withScope fun scope => do
    for _ in [0:3] do discard <| scope.spawn member
    scope.wait
    checkEq (← ended.get) 3 "after a wait"
    for _ in [0:2] do discard <| scope.spawn do
      -- A member may start members.
      discard <| scope.spawn member
      member
    return 5
  checkEq value 5
  checkEq (← ended.get) 7

test "the first failure ends a scope, and is what it throws" := inBoth fun runtime => do
  let fail (waits : Nat) : Async Unit := do
    for _ in [0:waits] do Async.yield
    throwThe ErrorRef ((ErrorRef.ofKind .busy "busy").withDetail 7 "kept")
  let kinds : List ((Async.Scope → Async Nat) → Async Nat) := [Async.withScope, Async.withCancel]
  for withIt in kinds do
    for waits in [0, 1, 3] do
      let ended ← Counter.new
      let code : Async Nat := withIt fun scope => do
        discard <| scope.spawn (try never (α := Unit) finally
          Async.yield
          ended.add)
        discard <| scope.spawn (fail waits)
        try never finally ended.add
      let promise ← Async.start runtime code
      discard <| fails .busy promise.await
      checkEq (← ended.get) 2 s!"after {waits} waits"
      let some error ← promise.error? | throw (IO.userError "no error")
      check ((error.detail? 7).isSome) "its details are lost"

test "an error of the body comes before those that it causes" := onLoop do
  let ended ← Counter.new
  try
    Async.withScope fun scope => do
      discard <| scope.spawn (try never (α := Unit) finally
        ended.add
        (throw (Error.ofKind .overloaded "while it was cancelled") : Async Unit))
      Async.yield
      throw (Error.ofKind .busy "busy")
    throw (IO.userError "succeeded")
  catch error => checkEq (Error.kind? error) (some .busy)
  checkEq (← ended.get) 1

test "a scope can be cancelled, and failed, by anybody on its loop" := onLoop do
  let ended ← Counter.new
  let member : Async Unit := try never finally ended.add
  let value ← Async.withScope fun scope => do
    discard <| scope.spawn member
    discard <| scope.spawn do
      Async.yield
      scope.cancel
    scope.wait
    check (← scope.hasEnded) "it takes more"
    return 6
  checkEq value 6
  checkEq (← ended.get) 1
  try
    Async.withScope fun scope => do
      discard <| scope.spawn member
      scope.fail (Error.ofKind .overloaded "enough")
      never
  catch error => checkEq (Error.kind? error) (some .overloaded)
  checkEq (← ended.get) 2

test "a failure that is caught is nobody else's business" := onLoop do
  let heard ← Counter.new
  let value ← Async.withScope fun scope => do
    discard <| scope.spawnCatching (α := Unit) (do Async.yield; throw (Error.ofKind .busy "busy")) fun (error : ErrorRef) => do
      if error.kind == .busy then heard.add
      throw (IO.userError "of this nothing is heard")
    Async.sleep (.ofNanos 1000)
    return 3
  checkEq value 3
  checkEq (← heard.get) 1
