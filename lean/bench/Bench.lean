import KjAsync

/-! What things cost, in nanoseconds for each; only those whose names contain an argument, if there is one. Run by hand:
`benches/run_lean`. -/

open KjAsync

/-- Runs `action`, which does the thing `count` times, three times over, and prints the best. -/
def time (wanted : List String) (name : String) (count : Nat) (action : IO Unit) : IO Unit := do
  unless wanted.isEmpty || wanted.any (fun part => (name.splitOn part).length > 1) do return
  let mut best := 0
  for round in [0:3] do
    let before ← monoNanosNow
    action
    let nanos := ((← monoNanosNow) - before).toNat
    if round == 0 || nanos < best then best := nanos
  IO.println s!"{name}: {best / count} ns"
  (← IO.getStdout).flush

/-- A step that the compiler does not see through. -/
@[noinline] def step (n : Nat) : Async Nat := return n + 1

def main (wanted : List String) : IO Unit := Runtime.withRuntime fun runtime => do
  let time := time wanted
  let executor ← runtime.executor
  let n := 1_000_000
  time "Async: bind" n <| Async.run runtime do
    let mut value := 0
    for _ in [0:n] do value ← step value
    if value != n then throw (IO.userError "wrong")
  let n := 200_000
  time "Async: await a settled promise" n <| Async.run runtime do
    let promise ← PromiseRef.pure runtime 1
    for _ in [0:n] do discard promise.await
  time "Async: suspend and resume" n <| Async.run runtime do for _ in [0:n] do Async.yield
  time "Async: a finally that does not wait" n <| Async.run runtime do for _ in [0:n] do try pure () finally pure ()
  time "PromiseRef: pure and drop" n do for _ in [0:n] do discard <| PromiseRef.pure runtime 1
  time "PromiseRef: then" n <| executor.execute (do
    let mut promise ← PromiseRef.pure runtime 0
    for _ in [0:n] do promise ← promise.then fun value => return value + 1
    return promise) >>= fun promise => discard promise.await
  time "PromiseRef: await a settled promise" n do
    let promise ← PromiseRef.pure runtime 1
    for _ in [0:n] do discard promise.await
  time "fulfil and await on one thread" n do
    for _ in [0:n] do
      let (fulfiller, promise) ← Fulfiller.new runtime
      fulfiller.fulfill 1
      discard promise.await
  let n := 50_000
  time "Executor: execute" n do for _ in [0:n] do discard <| executor.execute (pure 1)
  time "Executor: execute in a wait scope" n <| Runtime.withRuntime (options := { mode := .waitScope }) fun scope => do
    let executor ← scope.executor
    for _ in [0:n] do discard <| executor.execute (pure 1)
  time "Executor: executeStart, await" n do for _ in [0:n] do discard (← executor.executeStart (pure 1)).await
  time "Async: run" n do for _ in [0:n] do discard <| Async.run runtime (pure 1)
  time "Queue: push and pop" n do
    let queue ← Queue.new runtime 16
    for _ in [0:n] do
      queue.push 1
      discard queue.pop
  time "Mutex: lock" n do
    let mutex ← Mutex.new runtime 0
    for _ in [0:n] do mutex.lock fun state => state.modify (· + 1)
