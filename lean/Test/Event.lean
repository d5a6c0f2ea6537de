import Test.Check

open Test KjAsync

test "who waits before or after learns of an event" := inBoth fun runtime => do
  let event ← Event.new runtime
  let before ← event.waitStart
  let onLoop ← Async.start runtime (do event.wait; return 3)
  letRest runtime
  check (!(← event.isSet)) "set"
  check (!(← before.isSettled)) "settled"
  event.set
  event.set
  check (← event.isSet) "not set"
  before.await
  checkEq (← onLoop.await) 3
  event.wait

test "a waiter that leaves leaves the others" := inBoth fun runtime => do
  let event ← Event.new runtime
  let gone ← event.waitStart
  let other ← event.waitStart
  gone.cancel
  check (!(← other.isSettled)) "settled"
  event.set
  other.await
  discard <| fails .canceled gone.await

test "an event that is dropped rejects who waits" := inBoth fun runtime => do
  let wait : IO (PromiseRef Unit) := do (← Event.new runtime).waitStart
  discard <| fails .failed (← wait).await

test "threads wait for one event" := withRuntime fun runtime => do
  let event ← Event.new runtime
  let tasks ← (List.range 4).mapM fun _ => IO.asTask (prio := .dedicated) event.wait
  event.set
  for task in tasks do EIO.ofExcept (← IO.wait task)
