import Test.Check

open Test KjAsync

test "a released promise is an error, also when released twice" := withRuntime fun runtime => do
  let promise ← PromiseRef.pure runtime 5
  promise.release
  discard <| fails .badHandle promise.release
  discard <| fails .badHandle promise.cancel
  discard <| fails .badHandle promise.await
  discard <| fails .badHandle (promise.map (· + 1))
  discard <| fails .badHandle (promise.timeout (.ofNanos 1))
  discard <| fails .badHandle promise.fork
  discard <| fails .badHandle (PromiseRef.all runtime #[promise])
  check (← promise.isSettled) "a stale promise is not pending"

test "a detached promise is consumed" := withRuntime fun runtime => do
  let promise ← runtime.yieldNowStart
  promise.detach fun _ => return
  discard <| fails .badHandle promise.await

test "dropping the last reference releases the handle" := withRuntime fun runtime => do
  let before ← Native.handleCount
  for _ in [0:100] do
    discard <| PromiseRef.pure runtime "value"
    discard <| PromiseRef.never (α := Unit) runtime
    discard <| Fulfiller.new (α := Nat) runtime
    discard runtime.executor
  checkEq (← Native.handleCount) before

test "a stale handle of another runtime is an error as well" := withRuntime fun runtime => do
  let other ← Runtime.init
  let foreign ← PromiseRef.pure other 1
  other.shutdown
  discard <| fails .badHandle (PromiseRef.all runtime #[foreign])
  discard <| fails .badHandle (PromiseRef.race runtime #[foreign])
  discard <| fails .badHandle (PromiseRef.bind foreign fun _ => PromiseRef.pure runtime 1)
