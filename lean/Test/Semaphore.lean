import Test.Check

open Test KjAsync

test "permits are given out in order, and come back" := inBoth fun runtime => do
  let semaphore ← Semaphore.new runtime 2
  let first ← semaphore.acquire
  let second ← semaphore.acquire
  checkEq (← semaphore.free) 0
  check (← semaphore.tryAcquire?).isNone "free"
  let both ← semaphore.acquireStart 2
  let one ← semaphore.acquireStart
  first.release
  check (!(← both.isSettled)) "out of order"
  check (!(← one.isSettled)) "past the line"
  second.release
  let pair ← both.await
  both.release
  check (!(← one.isSettled)) "too many"
  pair.release
  (← one.await).release
  one.release
  checkEq (← semaphore.free) 2
  match ← semaphore.tryAcquire? 2 with
  | some permit => permit.release
  | none => throw (IO.userError "not free")
  discard <| fails .badHandle first.release
  discard <| fails .invalidArgument (semaphore.acquireStart 0)
  discard <| fails .invalidArgument (semaphore.acquireStart 3)

-- parity: CANC-04
test "who is cancelled leaves the line, and loses no permit" := inBoth fun runtime => do
  let semaphore ← Semaphore.new runtime 1
  let held ← semaphore.acquire
  let gone ← semaphore.acquireStart
  let next ← semaphore.acquireStart
  gone.cancel
  held.release
  (← next.await).release
  next.release
  -- Dropped with the permit that it carries.
  let drop : IO Unit := do check (← (← semaphore.acquireStart).isSettled) "not free"
  drop
  checkEq (← semaphore.free) 1

test "withPermit gives back after a value, an error and a cancel" := inBoth fun runtime => do
  let semaphore ← Semaphore.new runtime 1
  checkEq (← semaphore.withPermit (m := IO) do return (← semaphore.free)) 0
  checkEq (← semaphore.free) 1
  discard <| fails .busy (semaphore.withPermit (m := IO) (throw (Error.ofKind .busy "busy") : IO Unit))
  checkEq (← semaphore.free) 1
  let working ← Async.start runtime (semaphore.withPermit (Async.sleep (.ofHours 1)))
  let waiting ← Async.start runtime (semaphore.withPermit (Async.sleep (.ofHours 1)))
  letRest runtime
  checkEq (← semaphore.free) 0
  waiting.cancel
  working.cancel
  letRest runtime
  checkEq (← semaphore.free) 1

test "no more at a time than there are permits" := inVirtualTime fun runtime => do
  let semaphore ← Semaphore.new runtime 3
  let inside ← IO.mkRef 0
  let most ← IO.mkRef 0
  let worker : Async Unit := semaphore.withPermit do
    inside.modify (· + 1)
    most.set (max (← most.get) (← inside.get))
    Async.sleep (.ofNanos 10)
    inside.modify (· - 1)
  let all ← Async.start runtime (Async.all (Array.replicate 30 worker))
  letRest runtime
  for _ in [0:9] do letPass runtime 10
  check (!(← all.isSettled)) "too quick"
  letPass runtime 10
  discard all.await
  checkEq (← most.get) 3

test "a mutex keeps a state together across waits" := inBoth fun runtime => do
  let mutex ← Mutex.new runtime 0
  let worker : Async Unit := mutex.lock fun state => do
    let seen ← state.get
    Async.yield
    state.set (seen + 1)
  discard <| Async.run runtime (Async.all (Array.replicate 100 worker))
  checkEq (← mutex.lock (m := IO) (·.get)) 100
  let cancelled ← Async.start runtime (mutex.lock fun state => do state.set 5; Async.sleep (.ofHours 1))
  letRest runtime
  cancelled.cancel
  checkEq (← mutex.lock (m := IO) (·.get)) 5

test "threads and code on the loop share a mutex" := withRuntime fun runtime => do
  let mutex ← Mutex.new runtime 0
  let bump (state : IO.Ref Nat) : IO Unit := do state.set ((← state.get) + 1)
  let onLoop ← Async.start runtime do for _ in [0:500] do mutex.lock fun state => bump state
  let tasks ← (List.range 3).mapM fun _ => IO.asTask (prio := .dedicated) do
    for _ in [0:500] do mutex.lock bump
  for task in tasks do EIO.ofExcept (← IO.wait task)
  onLoop.await
  checkEq (← mutex.lock (m := IO) (·.get)) 2000
