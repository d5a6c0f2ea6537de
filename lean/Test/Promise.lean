import Test.Check

open Test KjAsync

-- parity: PROM-02, PROM-12
test "a value comes back as it was" := inBoth fun runtime => do
  checkEq (← (← PromiseRef.pure runtime (1, "two", [3])).await) (1, "two", [3])
  checkEq (← (← PromiseRef.pure runtime ()).await) ()
  checkEq (← (← PromiseRef.pure runtime (0xFFFF_FFFF_FFFF_FFFF : UInt64)).await) 0xFFFF_FFFF_FFFF_FFFF
  let function ← (← PromiseRef.pure runtime (fun (n : Nat) => n + 1)).await
  checkEq (function 2) 3

-- parity: PROM-03
test "a failed promise throws, as often as it is asked" := inBoth fun runtime => do
  let promise ← PromiseRef.fail (α := Unit) runtime (IO.userError "no")
  for _ in [0:3] do checkEq (toString (← fails .failed promise.await)) "no"

-- parity: PROM-21
test "a promise that never settles is pending until it is cancelled" := inBoth fun runtime => do
  let promise ← PromiseRef.never (α := Nat) runtime
  checkEq (← promise.awaitFor? 1000) none
  check (!(← promise.isSettled)) "settled"
  promise.cancel
  check (← promise.isSettled) "not settled"
  discard <| fails .canceled promise.await

-- parity: PROM-12
test "an error of any kind has settled the promise" := inBoth fun runtime => do
  for kind in ErrorKind.all do
    let promise ← PromiseRef.fail (α := Nat) runtime (Error.ofKind kind "of its own")
    check (← promise.isSettled) s!"{kind} counts as pending"
    discard <| fails kind (promise.awaitFor? 1)
    check (← promise.error?).isSome s!"{kind} is no error"

test "many threads await one promise at once" := withRuntime fun runtime => do
  let (fulfiller, promise) ← Fulfiller.new runtime
  let waiting ← (List.range 8).mapM fun _ => (promise.await : IO Nat).asTask .dedicated
  fulfiller.fulfill 7
  for task in waiting do checkEq (← EIO.ofExcept (← IO.wait task)) 7

test "awaits of many threads do not hold each other up" := withRuntime fun runtime => do
  let slow ← PromiseRef.never (α := Nat) runtime
  let waiting ← (List.range 4).mapM fun _ => (slow.await : IO Nat).asTask .dedicated
  checkEq (← (← PromiseRef.pure runtime 1).await) 1
  runtime.sleepNanos millisecond
  slow.cancel
  for task in waiting do discard <| fails .canceled (EIO.ofExcept (← IO.wait task))

-- parity: PROM-12, FIBER-07
test "blocking on the loop is refused" := withRuntime fun runtime => do
  let executor ← runtime.executor
  let pending ← PromiseRef.never (α := Nat) runtime
  discard <| fails .wouldDeadlock (executor.execute pending.await)
  discard <| fails .wouldDeadlock (executor.execute (runtime.sleepNanos anHour : IO Unit))
  discard <| fails .wouldDeadlock (executor.execute runtime.shutdown)
  discard <| fails .wouldDeadlock (Async.run runtime (pending.await (m := IO)))
  checkEq (← executor.execute (do (← PromiseRef.pure runtime 1).await)) 1

test "the loop turns while nobody is in a call" := withRuntime fun runtime => do
  let gate ← Gate.new
  let promise ← (← runtime.sleepNanosStart millisecond).then fun () => gate.pass
  gate.wait
  promise.await

test "a wait for a while ends when the promise settles" := withRuntime fun runtime => do
  let promise ← (← runtime.sleepNanosStart millisecond).map fun () => 5
  checkEq (← promise.awaitFor? anHour) (some 5)
  let failing ← PromiseRef.fail (α := Nat) runtime (Error.ofKind .timedOut "by itself")
  discard <| fails .timedOut (failing.awaitFor? anHour)
