import Test.Check

open Test KjAsync

-- parity: FULF-01, FULF-02, FULF-03, FULF-07
test "the first to settle wins" := inBoth fun runtime => do
  let (fulfiller, promise) ← Fulfiller.new runtime
  check (← fulfiller.isWaiting) "not waiting"
  fulfiller.fulfill "first"
  fulfiller.fulfill "second"
  fulfiller.reject (IO.userError "third")
  check (!(← fulfiller.isWaiting)) "still waiting"
  checkEq (← promise.await) "first"
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  fulfiller.reject (Error.ofKind .overloaded "full")
  fulfiller.fulfill 1
  discard <| fails .overloaded promise.await

-- parity: FULF-04, EXC-10
test "a fulfiller that is dropped rejects" := inBoth fun runtime => do
  let promise ← do
    let (_, promise) ← Fulfiller.new (α := Nat) runtime
    pure promise
  discard <| fails .failed promise.await

-- parity: FULF-03
test "nobody waits for a promise that is gone" := inBoth fun runtime => do
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  promise.release
  check (!(← fulfiller.isWaiting)) "waiting"
  fulfiller.fulfill 1

-- parity: FULF-08
test "a promise can be fulfilled with another one" := inBoth fun runtime => do
  let (fulfiller, promise) ← Fulfiller.new runtime
  fulfiller.fulfillWith (← (← runtime.sleepNanosStart millisecond).map fun () => 6)
  checkEq (← promise.await) 6
  let (fulfiller, promise) ← Fulfiller.new runtime
  fulfiller.fulfillWith (← runtime.sleepNanosStart millisecond)
  checkEq (← promise.await) ()
  let (fulfiller, promise) ← Fulfiller.new runtime
  let kept ← PromiseRef.pure runtime 1
  fulfiller.fulfillWith kept
  checkEq (← promise.await) 1
  checkEq (← kept.await) 1 "the one that was passed"

-- parity: FULF-10, FULF-11, FULF-13
test "other threads settle, in their order" := withRuntime fun runtime => do
  let seen ← IO.mkRef #[]
  let pairs ← (Array.range 100).mapM fun _ => Fulfiller.new (α := Nat) runtime
  let noted ← pairs.mapM fun (_, promise) => promise.then fun n => seen.modify (·.push n)
  let task ← IO.asTask (prio := .dedicated) do
    for (fulfiller, _) in pairs, n in Array.range 100 do fulfiller.fulfill n
  EIO.ofExcept (← IO.wait task)
  discard (← PromiseRef.all runtime noted).await
  checkEq (← seen.get) (Array.range 100)

-- parity: FULF-05
test "what an action throws may settle the promise" := inBoth fun runtime => do
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  check (← fulfiller.rejectIfThrows (pure ())) "threw"
  check (← fulfiller.isWaiting) "settled"
  check (!(← fulfiller.rejectIfThrows (throw (Error.ofKind .busy "busy")))) "did not throw"
  discard <| fails .busy promise.await

-- parity: FULF-06, FULF-05, FULF-03
test "who only rejects needs no type" := inBoth fun runtime => do
  let (fulfiller, number) ← Fulfiller.new (α := Nat) runtime
  let (other, text) ← Fulfiller.new (α := String) runtime
  let rejectors := #[fulfiller.rejector, other.rejector]
  check (!(← fulfiller.rejector.rejectIfThrows (throw (Error.ofKind .busy "busy")))) "did not throw"
  for rejector in rejectors do rejector.reject (Error.ofKind .overloaded "full")
  for rejector in rejectors do check (!(← rejector.isWaiting)) "waiting"
  discard <| fails .busy number.await
  discard <| fails .overloaded text.await

-- parity: FULF-12
test "a fulfiller of a loop that has ended says so" := withRuntime fun runtime => do
  let other ← Runtime.init
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) other
  let here ← PromiseRef.race runtime #[promise]
  other.shutdown
  discard <| fails .badHandle (fulfiller.fulfill 1)
  discard <| fails .shutdown here.await
