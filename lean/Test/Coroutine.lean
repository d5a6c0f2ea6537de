import Test.Check

open Test KjAsync

private def never : Async α := do Async.sleep (.ofHours 1); throw (IO.userError "an hour has passed")

-- parity: PROM-33
test "a shutdown lets a clean-up that has begun run to its end" := do
  for mode in [Runtime.Mode.thread, .waitScope] do
    let runtime ← Runtime.init { mode }
    let notes ← IO.mkRef #[]
    let promise ← Async.start runtime do
      try never (α := Unit)
      finally
        notes.modify (·.push "begin")
        try
          try never (α := Unit) catch error => notes.modify (·.push s!"{(Error.kind? error).map toString}")
          notes.modify (·.push "after the inner catch")
        finally notes.modify (·.push "inner finally")
        notes.modify (·.push "end")
    runtime.yieldNow
    promise.cancel
    eventually "begin of the clean-up" (do runtime.yieldNow; return (← notes.get).size == 1)
    runtime.shutdown
    checkEq (← notes.get) #["begin", "(some SHUTDOWN)", "after the inner catch", "inner finally", "end"]

test "what ends with the main code has cleaned up by then" := do
  let late : Async Unit := do
    Async.sleep (.ofNanos 1000)
    throw (Error.ofKind .timedOut "given up")
  let inScope (code : Async Unit) : Async Unit := Async.withCancel fun scope => do
    discard <| scope.spawn code
    late
  let ways : List (Async Unit → Async Unit) := [fun code => Async.timeout (.ofNanos 1000) code, fun code => discard <| Async.all #[code, late],
    fun code => Async.race #[code, late], inScope]
  for piece in ways do
    let cleaned ← Counter.new
    let code : Async Unit := try never finally
      Async.sleep (.ofNanos 200_000)
      cleaned.add
    discard <| fails .timedOut (Async.runMain (piece code))
    checkEq (← cleaned.get) 1 "with an error that nobody catches"
    Async.runMain do
      try piece code catch _ => pure ()
      checkEq (← cleaned.get) 2 "with an error that is caught"

test "a clean-up may use what its caller closes afterwards" := onLoop do
  let (one, other) ← (← Async.runtime).newOsSocketPair
  let said ← Counter.new
  let code : Async Unit := try never finally
    Async.sleep (.ofNanos 200_000)
    one.write "bye"
    said.add
  try Async.timeout (.ofNanos 1000) code catch _ => pure ()
  one.close
  checkEq (← said.get) 1
  checkEq (← (← other.readAll).toText) "bye"

-- parity: CANC-04
test "the end of what a cancel sets off can be waited for" := inBoth fun runtime => do
  let cleaned ← Counter.new
  let promise ← Async.start runtime <| (try never (α := Unit) finally
    Async.sleep (.ofNanos 200_000)
    cleaned.add)
  runtime.yieldNow
  promise.cancelAndWait
  checkEq (← cleaned.get) 1
  discard <| fails .canceled promise.await
  let settled ← PromiseRef.pure runtime 1
  settled.cancelAndWait
  checkEq (← settled.await) 1

-- parity: PROM-33, LOOP-16
test "code goes on on its own loop, whatever it awaits" := withRuntime fun other => inBoth fun runtime => do
  let own : RuntimeLocal Nat ← RuntimeLocal.new fun _ => return 5
  let inside ← Counter.new
  let piece : Async Unit := do
    for turn in [0:100] do
      let promise ← other.sleepNanosStart (if turn % 2 == 0 then 1000 else 100_000)
      promise.await
      inside.add
      checkEq (← inside.get) 1 "pieces that run at once"
      check (← runtime.onLoop) "not on its own loop"
      checkEq (← own.get) 5
      inside.modify (· - 1)
  Async.run runtime (discard <| Async.all #[piece, piece])

/-- Where an object is. -/
private unsafe def addressImpl {α : Type} (object : α) : BaseIO USize := return ptrAddrUnsafe object
@[implemented_by addressImpl]
private opaque address {α : Type} (object : α) : BaseIO USize

test "what code accumulates across waits grows in place" := onLoop do
  let mut items : Array Nat := #[]
  let mut place ← address items
  let mut moves := 0
  for item in [0:1000] do
    if item % 10 == 0 then Async.yield
    items := items.push item
    if item % 10 == 5 then Async.sleep (.ofNanos 1)
    let now ← address items
    if now != place then moves := moves + 1
    place := now
  checkEq items.size 1000
  -- It doubles its room when it is full, and else stays where it is.
  check (moves ≤ 12) s!"the array has been copied {moves} times"
  -- A copy at each step would take half a minute.
  let values ← Async.timeout (.ofMillis 20_000) <| (Array.range 100_000).mapM fun item => do
    Async.yield
    return item
  checkEq values.size 100_000
