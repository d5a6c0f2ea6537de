import Test.Check

open Test KjAsync

private def failing (runtime : Runtime) (kind : ErrorKind) : IO (PromiseRef Nat) :=
  PromiseRef.fail runtime (Error.ofKind kind "failed")

-- parity: PROM-30
test "join waits for all and gives the first error in order" := inVirtualTime fun runtime => do
  let late ← (← runtime.sleepNanosStart 10).then fun () => (throw (Error.ofKind .overloaded "late") : IO Nat)
  let joined ← PromiseRef.join runtime #[← PromiseRef.pure runtime 1, late, ← failing runtime .busy]
  letRest runtime
  check (!(← joined.isSettled)) "did not wait"
  letPass runtime 10
  discard <| fails .overloaded joined.await
  let values ← PromiseRef.join runtime #[← (← runtime.sleepNanosStart 5).map fun () => 1, ← PromiseRef.pure runtime 2]
  letPass runtime 5
  checkEq (← values.await) #[1, 2]
  checkEq (← (← PromiseRef.join (α := Nat) runtime #[]).await) #[]

test "allSettled gives every outcome" := inVirtualTime fun runtime => do
  let late ← (← runtime.sleepNanosStart 10).map fun () => 7
  let settled ← PromiseRef.allSettled runtime #[← failing runtime .busy, late, ← PromiseRef.pure runtime 2]
  letRest runtime
  check (!(← settled.isSettled)) "did not wait"
  letPass runtime 10
  let outcomes := (← settled.await).map fun
    | .ok value => (some value, none)
    | .error error => (none, Error.kind? error)
  checkEq outcomes #[(none, some .busy), (some 7, none), (some 2, none)]
  checkEq (← (← PromiseRef.allSettled (α := Nat) runtime #[]).await).size 0

-- parity: PROM-32
test "any gives the first success and drops the others" := inBoth fun runtime => do
  let gone ← Counter.new
  let won ← PromiseRef.any runtime #[← failing runtime .busy, ← pendingUntilGone runtime gone, ← PromiseRef.pure runtime 3]
  checkEq (← won.await) 3
  letRest runtime
  checkEq (← gone.get) 1
  let (fulfiller, last) ← Fulfiller.new (α := Nat) runtime
  let none_ ← PromiseRef.any runtime #[last, ← failing runtime .busy]
  fulfiller.reject (Error.ofKind .overloaded "last")
  discard <| fails .overloaded none_.await
  discard <| fails .invalidArgument (PromiseRef.any (α := Nat) runtime #[])

-- parity: PROM-15, PROM-11
test "a pair is split, and a value forgotten" := inBoth fun runtime => do
  let (fulfiller, pair) ← Fulfiller.new (α := Nat × String) runtime
  let (number, text) ← pair.split
  let done ← pair.ignoreResult
  text.cancel
  fulfiller.fulfill (1, "one")
  checkEq (← number.await) 1
  done.await
  discard <| fails .canceled text.await
  discard <| fails .busy (← (← failing runtime .busy).ignoreResult).await

-- parity: PROM-24
test "evalNow runs at once and makes a promise of what is thrown" := inBoth fun runtime => do
  let ran ← Counter.new
  let promise ← PromiseRef.evalNow runtime (do ran.add; PromiseRef.pure runtime 1)
  checkEq (← ran.get) 1
  checkEq (← promise.await) 1
  discard <| fails .busy (← PromiseRef.evalNow (α := Nat) runtime (throw (Error.ofKind .busy "busy"))).await

-- parity: PROM-23
test "what is to run later runs in order and not if it is dropped" := inBoth fun runtime => do
  let executor ← runtime.executor
  let order ← IO.mkRef #[]
  executor.execute do
    let later ← (List.range 3).mapM fun n => executor.executeStart (order.modify (·.push n))
    let dropped ← executor.executeStart (order.modify (·.push 100))
    dropped.release
    checkEq (← order.get) #[]
    for promise in later do promise.detach fun _ => return
  letRest runtime
  checkEq (← order.get) #[0, 1, 2]

-- parity: PROM-25, PROM-27
test "the last comes when nothing else is queued" := inBoth fun runtime => do
  let executor ← runtime.executor
  let order ← IO.mkRef #[]
  let note (n : Nat) : IO Unit := order.modify (·.push n)
  executor.execute do
    for start in [executor.executeLastStart (note 3), executor.executeLastStart (note 2), executor.executeStart (note 1)] do
      (← start).detach fun _ => return
  letRest runtime
  checkEq (← order.get) #[1, 2, 3]
  checkEq (← executor.executeLast (return 5)) 5
  order.set #[]
  Async.run runtime do
    let queued ← Async.fork (do for n in [0:3] do Async.yield; note n)
    runtime.yieldUntilQueueEmpty
    queued.release
  checkEq (← order.get) #[0, 1, 2]

-- parity: PROM-20, PROM-36, EXC-05
test "a trace names what a promise waits for" := inVirtualTime fun runtime => do
  let timer ← runtime.sleepNanosStart 5
  let promise ← (← (← timer.then fun () => pure ()).finally (pure ())).timeout (.ofNanos 10)
  checkEq (← promise.trace) "timeout < finally < then < timer"
  letPass runtime 5
  checkEq (← promise.trace) ""

-- parity: FORK-02
test "a promise knows whether it has branches" := inBoth fun runtime => do
  let promise ← PromiseRef.never (α := Nat) runtime
  check (!(← promise.hasBranches)) "nobody else holds it"
  let branch ← promise.fork
  check (← promise.hasBranches) "a branch holds it"
  branch.release
  check (!(← promise.hasBranches)) "the branch has gone"

-- parity: PROM-31, PROM-30
test "promises of different types are joined" := inBoth fun runtime => do
  let soon ← (← runtime.sleepNanosStart millisecond).map fun () => "soon"
  checkEq (← (← PromiseRef.both (← PromiseRef.pure runtime 1) soon).await) (1, "soon")
  checkEq (← (← PromiseRef.joinBoth soon (← runtime.yieldNowStart)).await) ("soon", ())
  let gone ← Counter.new
  let failed ← PromiseRef.both (← pendingUntilGone runtime gone) (← PromiseRef.fail (α := String) runtime (Error.ofKind .busy "busy"))
  discard <| fails .busy failed.await
  letRest runtime
  checkEq (← gone.get) 1
  let (fulfiller, last) ← Fulfiller.new (α := String) runtime
  let joined ← PromiseRef.joinBoth (← failing runtime .busy) last
  letRest runtime
  check (!(← joined.isSettled)) "did not wait"
  fulfiller.reject (Error.ofKind .overloaded "last")
  discard <| fails .busy joined.await
