import Test.Check

open Test KjAsync

-- parity: QUEUE-03, QUEUE-04
test "values come out in their order, to who waits in theirs" := inBoth fun runtime => do
  let queue ← Queue.new (α := String) runtime 3
  for text in ["a", "b", "c"] do queue.push text
  checkEq (← queue.size) 3
  checkEq (← queue.pop) "a"
  checkEq (← queue.pop) "b"
  checkEq (← queue.pop) "c"
  let first ← queue.popStart
  let second ← queue.popStart
  queue.push "d"
  check (← queue.tryPush "e") "no room"
  checkEq (← second.await) "e"
  checkEq (← first.await) "d"
  checkEq (← queue.size) 0

-- parity: QUEUE-03
test "a full queue makes who adds wait" := inBoth fun runtime => do
  let queue ← Queue.new (α := Nat) runtime 1
  queue.push 1
  check (!(← queue.tryPush 2)) "room"
  let waiting ← queue.pushStart 3
  check (!(← waiting.isSettled)) "added"
  checkEq (← queue.pop) 1
  waiting.await
  checkEq (← queue.pop) 3

-- parity: QUEUE-04, CANC-04
test "a cancelled pop takes nothing and a cancelled push adds nothing" := inBoth fun runtime => do
  let queue ← Queue.new (α := Nat) runtime 1
  let gone ← queue.popStart
  let next ← queue.popStart
  gone.cancel
  queue.push 1
  checkEq (← next.await) 1
  queue.push 2
  let adding ← queue.pushStart 3
  adding.cancel
  checkEq (← queue.pop) 2
  checkEq (← queue.size) 0

/-- Begins a pop and forgets it, as code does that fails in between. -/
private def popUnseen (queue : Queue Nat) : IO Unit := discard queue.popStart

-- parity: QUEUE-01, QUEUE-04
test "a value that nobody saw goes back to the front" := inBoth fun runtime => do
  let queue ← Queue.new (α := Nat) runtime 2
  queue.push 1
  queue.push 2
  popUnseen queue
  checkEq (← queue.size) 2
  checkEq (← queue.pop) 1
  checkEq (← queue.pop) 2

-- parity: QUEUE-01, QUEUE-05
test "who waits can be rejected, what is stored stays" := inBoth fun runtime => do
  let queue ← Queue.new (α := Nat) runtime 2
  let first ← queue.popStart
  let second ← queue.popStart
  let third ← queue.popStart
  queue.rejectOldest (Error.ofKind .busy "one")
  discard <| fails .busy first.await
  check (!(← second.isSettled)) "rejected"
  queue.rejectAll (Error.ofKind .overloaded "all")
  discard <| fails .overloaded second.await
  discard <| fails .overloaded third.await
  discard <| fails .failed (queue.rejectOldest (Error.ofKind .busy "nobody"))
  queue.push 7
  queue.rejectAll (Error.ofKind .overloaded "all")
  checkEq (← queue.pop) 7

-- parity: QUEUE-02
test "a closed queue gives what it has" := inBoth fun runtime => do
  let queue ← Queue.new (α := Nat) runtime 1
  queue.push 1
  let adding ← queue.pushStart 2
  queue.close
  discard <| fails .disconnected adding.await
  discard <| fails .disconnected (queue.push 3)
  discard <| fails .disconnected (queue.tryPush 3)
  checkEq (← queue.pop) 1
  discard <| fails .disconnected queue.pop

test "a queue frees the values that nobody takes" := inBoth fun runtime => do
  let before ← Native.handleCount
  let fill : IO Unit := do
    let queue ← Queue.new runtime 4
    for _ in [0:4] do queue.push (← PromiseRef.never (α := Nat) runtime)
    checkEq (← Native.handleCount) (before + 5)
    discard <| queue.popStart
  fill
  eventually "handles" (return (← Native.handleCount) == before)

test "code on the loop and threads meet in a queue" := withRuntime fun runtime => do
  let queue ← Queue.new (α := Nat) runtime 8
  let sum ← Async.start runtime do
    let mut sum := 0
    for _ in [0:4000] do sum := sum + (← queue.pop)
    return sum
  let tasks ← (List.range 4).mapM fun _ => IO.asTask (prio := .dedicated) do
    for n in [0:1000] do queue.push n
  for task in tasks do EIO.ofExcept (← IO.wait task)
  checkEq (← sum.await) (4 * 499500)
  checkEq (← queue.size) 0

-- parity: QUEUE-04
test "a loop over a queue ends when it is closed and empty" := inBoth fun runtime => do
  let queue ← Queue.new (α := Nat) runtime 8
  for value in [1, 2, 3] do queue.push value
  let working ← Async.start runtime do
    let mut seen := #[]
    for value in queue do seen := seen.push value
    return seen
  runtime.yieldNow
  queue.push 4
  queue.close
  checkEq (← working.await) #[1, 2, 3, 4]
  checkEq (← queue.pop?) none
  let failing ← Queue.new (α := Nat) runtime 8
  let waiting ← Async.start runtime failing.pop?
  runtime.yieldNow
  failing.rejectAll (Error.ofKind .busy "busy")
  discard <| fails .busy waiting.await
