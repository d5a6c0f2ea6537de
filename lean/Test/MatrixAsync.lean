import Test.Matrix

/-! The rows of the cancellation matrix for code: ended at each of its waits, in each way. -/

open Test KjAsync Test.Matrix

/-- Waits that only a cancellation ends, each of them for something else. -/
private def waits (runtime : Runtime) : IO (Array (String × Async Unit)) := do
  let (client, server) ← connectedPair (m := IO) runtime
  let (listener, _) ← listenOnLoopback (m := IO) runtime
  let queue ← Queue.new (α := Nat) runtime 1
  let semaphore ← Semaphore.new runtime 1
  let held ← semaphore.acquire
  let event ← Event.new runtime
  let never ← PromiseRef.never (α := Unit) runtime
  -- An event that nobody holds can happen no more, and ends who waits for it.
  let waitFor (event : Event) : Async Unit := do event.wait; discard event.isSet
  return #[
    ("sleep", Async.sleep (.ofHours 2)), ("read", do discard server.read; client.close), ("accept", discard listener.accept),
    ("pop", discard queue.pop), ("acquire", do discard semaphore.acquire; held.release), ("event", waitFor event),
    ("await", never.await), ("all", discard (Async.all #[never.await, Async.sleep (.ofHours 2)])),
    ("race", Async.race #[never.await, waitFor event]), ("scope", Async.withCancel fun scope => do
      discard <| scope.spawn (do discard queue.pop)
      waitFor event)]

/-- Three blocks, each of which waits where it is told to, and notes when it is cleaned up. The innermost clean-up waits
as well, by `pause`. -/
private def code (order : IO.Ref (Array Nat)) (at_ : Nat) (wait pause : Async Unit) : Async Unit := do
  let waitAt (n : Nat) : Async Unit := if n == at_ then wait else Async.yield
  let note (n : Nat) : IO Unit := order.modify (·.push n)
  try
    waitAt 0
    try
      waitAt 1
      try
        waitAt 2
        note 100
      finally
        pause
        note 1
      note 200
    finally note 2
    note 300
  finally note 3

private def endIt (runtime : Runtime) (way : Way) (promise : PromiseRef Unit) (canceler : Canceler) : IO Unit := do
  match way with
  | .here => promise.cancel
  | .otherThread => EIO.ofExcept (← IO.wait (← IO.asTask (prio := .dedicated) promise.cancel))
  | .onLoop => (← runtime.executor).execute promise.cancel
  | .timeout => letPass runtime anHour
  | .shutdown => runtime.shutdown
  | .canceler => canceler.cancel
  | .drop | .otherSide => return

private def cell (index at_ : Nat) (way : Way) : IO Unit := do
  let handles ← Native.handleCount
  let order ← IO.mkRef #[]
  Runtime.withRuntime (options := { virtualTime := true }) fun runtime => do
    let body : IO Unit := do
      let some (_, wait) := (← waits runtime)[index]? | throw (IO.userError "no such wait")
      let canceler ← Canceler.new runtime
      -- A pause that would soon be over might be so before the shutdown comes to it.
      let pause := if way == .shutdown then Async.sleep (.ofHours 2) else Async.yield
      let promise ← Async.start runtime (code order at_ wait pause)
      let promise ← match way with
        | .timeout => promise.timeout (.ofHours 1)
        | .canceler => canceler.wrap promise
        | _ => pure promise
      letRest runtime
      check (!(← promise.isSettled)) "not pending"
      checkEq (← order.get) #[] "before"
      endIt runtime way promise canceler
    body
    if way != .shutdown then
      letRest runtime
      eventually "promises left" (return (← runtime.stats).promises == 0)
      checkEq (← runtime.stats).timers 0 "timers"
  -- A shutdown ends what the innermost clean-up waits for.
  let expected := match at_ with
    | 0 => #[3]
    | 1 => #[2, 3]
    | _ => if way == .shutdown then #[2, 3] else #[1, 2, 3]
  checkEq (← order.get) expected "clean-ups"
  eventually "handles left" (return (← Native.handleCount) == handles)

-- parity: PROM-33, FIBER-02, PROM-01, CANC-04
test "cancellation matrix: code at each of its waits" := do
  let mut failed := #[]
  let names ← Runtime.withRuntime fun runtime => return (← waits runtime).map (·.1)
  for index in [0:names.size] do
    let mut cells := 0
    for at_ in [0:3] do
      for way in Way.all do
        if way == .otherSide then continue
        cells := cells + 1
        if let .error error ← (cell index at_ way).toBaseIO then
          failed := failed.push s!"{names[index]?}, wait {at_}, {way}: {error}"
    IO.println s!"code, {(names[index]?).getD ""}: {cells} cells"
  unless failed.isEmpty do throw (IO.userError s!"{failed.size} cells:\n  {"\n  ".intercalate failed.toList}")
