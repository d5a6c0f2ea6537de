import Test.Check

open Test KjAsync

private def never : Async Unit := do Async.sleep (.ofHours 1)

test "finally runs once after a value and after an error" := onLoop do
  let ran ← Counter.new
  for waits in [0, 1] do
    let value ← try
      for _ in [0:waits] do Async.yield
      pure 5
    finally ran.add
    checkEq value 5
    try
      try
        for _ in [0:waits] do Async.yield
        throw (Error.ofKind .busy "busy")
      finally ran.add
    catch error => checkEq (Error.kind? error) (some .busy)
  checkEq (← ran.get) 4

test "finally runs once when the code is cancelled, innermost first" := inBoth fun runtime => do
  let order ← IO.mkRef #[]
  let promise ← Async.start runtime do
    try
      try
        try never finally order.modify (·.push 1)
        order.modify (·.push 100)
      finally order.modify (·.push 2)
    finally order.modify (·.push 3)
  runtime.yieldNow
  promise.cancel
  for _ in [0:4] do runtime.yieldNow
  checkEq (← order.get) #[1, 2, 3]
  discard <| fails .canceled promise.await

test "a clean-up may wait, and runs to its end" := inBoth fun runtime => do
  let ran ← Counter.new
  let cleanup : Async Unit := do
    ran.add
    Async.sleep (.ofNanos 1000)
    ran.add
  Async.run runtime (try Async.yield finally cleanup)
  checkEq (← ran.get) 2
  Async.run runtime (try pure () finally cleanup)
  checkEq (← ran.get) 4
  -- Cancelled while the code waits: the clean-up runs afterwards.
  let promise ← Async.start runtime (try never finally cleanup)
  runtime.yieldNow
  promise.cancel
  eventually "clean-up" (do runtime.yieldNow; return (← ran.get) == 6)
  -- Cancelled while the clean-up waits: it goes on.
  for body in [(pure () : Async Unit), Async.yield] do
    let before ← ran.get
    let begun ← Counter.new
    let promise ← Async.start runtime (try body finally do begun.add; cleanup)
    eventually "begin of the clean-up" (do runtime.yieldNow; return (← begun.get) == 1)
    promise.cancel
    eventually "end of the clean-up" (do runtime.yieldNow; return (← ran.get) == before + 2)

test "an error of the clean-up takes the place of the outcome" := onLoop do
  for waits in [0, 1] do
    try
      try
        for _ in [0:waits] do Async.yield
      finally
        for _ in [0:waits] do Async.yield
        (throw (Error.ofKind .overloaded "clean-up") : Async Unit)
    catch error => checkEq (Error.kind? error) (some .overloaded)

private def waitsFor (waits : Nat) : Async Nat := do
  for _ in [0:waits] do Async.yield
  return waits

test "a clean-up sees the value" := onLoop do
  let seen ← IO.mkRef none
  for waits in [0, 1] do
    let (value, result) ← tryFinally' (waitsFor waits) fun value => do
      seen.set value
      return "cleaned"
    checkEq value waits
    checkEq result "cleaned"
    checkEq (← seen.get) (some waits)

test "cancelling code that has not begun runs nothing of it" := withRuntime fun runtime => do
  let ran ← Counter.new
  let busy ← Gate.new
  let go ← Gate.new
  let holding ← (← runtime.executor).executeStart do busy.pass; go.wait
  busy.wait
  let promise ← Async.start runtime (try ran.add finally ran.add : Async Unit)
  promise.cancel
  go.pass
  holding.await
  runtime.yieldNow
  checkEq (← ran.get) 0

test "a clean-up begins after those inside it have ended" := inBoth fun runtime => do
  let order ← IO.mkRef #[]
  let note (n : Nat) : Async Unit := do
    Async.sleep (.ofNanos 200_000)
    order.modify (·.push n)
  let code (work : Async Unit) : Async Unit := do
    try
      try
        try work finally note 1
      finally note 2
    finally order.modify (·.push 3)
  -- By being cancelled.
  let promise ← Async.start runtime (code never)
  runtime.yieldNow
  promise.cancel
  eventually "clean-ups" (do runtime.yieldNow; return (← order.get).size == 3)
  checkEq (← order.get) #[1, 2, 3]
  -- By a deadline inside.
  order.set #[]
  discard <| fails .timedOut (Async.run runtime
    (try Async.timeout (.ofNanos 1000) (code never) finally order.modify (·.push 4)))
  checkEq (← order.get) #[1, 2, 3, 4]
  -- By losing a race.
  order.set #[]
  Async.run runtime (try Async.race #[code never, code never, Async.yield] finally order.modify (·.push 4))
  checkEq ((← order.get).size, (← order.get).back?) (7, some 4)

test "a shutdown keeps the order of clean-ups" := do
  for _ in [0:20] do
    let runtime ← Runtime.init
    let order ← IO.mkRef #[]
    let begun ← Gate.new
    let promise ← Async.start runtime do
      try
        try
          begun.pass
          never
        finally
          order.modify (·.push 1)
          Async.yield
          order.modify (·.push 100)
      finally order.modify (·.push 2)
    begun.wait
    runtime.shutdown
    checkEq (← order.get) #[1, 2]
    discard <| fails .badHandle promise.await
