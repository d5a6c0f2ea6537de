import Test.Check

open Test KjAsync

private def unheard (error : IO.Error) : IO Unit := IO.eprintln s!"not to be heard of: {error}"

-- parity: TASK-01, TASK-04, TASK-05
test "a task runs to its end and leaves the set" := inVirtualTime fun runtime => do
  let tasks ← TaskSet.new runtime unheard
  check (← tasks.isEmpty) "not empty"
  tasks.onEmpty
  let ran ← Counter.new
  for n in [1:11] do
    let task ← (← runtime.sleepNanosStart n.toUInt64).then fun () => ran.add
    tasks.add task
    discard <| fails .badHandle task.await
  checkEq (← tasks.size) 10
  let empty ← tasks.onEmptyStart
  letPass runtime 4
  checkEq (← ran.get, ← tasks.size) (4, 6)
  check (!(← empty.isSettled)) "empty"
  letPass runtime 6
  checkEq (← ran.get, ← tasks.size) (10, 0)
  empty.await

-- parity: TASK-02
test "a failure is heard of and the others go on" := inBoth fun runtime => do
  let heard ← IO.mkRef #[]
  let gone ← Counter.new
  let tasks ← TaskSet.new runtime fun error => do
    heard.modify (·.push (Error.kind? error))
    throw (IO.userError "nobody hears this")
  tasks.add (← PromiseRef.fail (α := Nat) runtime (Error.ofKind .overloaded "one"))
  tasks.add (← pendingUntilGone runtime gone)
  tasks.add (← PromiseRef.fail (α := Nat) runtime (Error.ofKind .busy "two"))
  letRest runtime
  checkEq (← heard.get) #[some .overloaded, some .busy]
  checkEq (← tasks.size) 1
  tasks.clear
  letRest runtime
  checkEq ((← heard.get).size) 2
  checkEq (← gone.get) 1

-- parity: TASK-03, TASK-06
test "clearing or dropping a set ends every task" := inBoth fun runtime => do
  let gone ← Counter.new
  let tasks ← TaskSet.new runtime unheard
  for _ in [0:10] do tasks.add (← pendingUntilGone runtime gone)
  let empty ← tasks.onEmptyStart
  tasks.clear
  checkEq (← tasks.size) 0
  empty.await
  letRest runtime
  checkEq (← gone.get) 10
  tasks.add (← pendingUntilGone runtime gone)
  let drop : IO Unit := do
    let other ← TaskSet.new runtime unheard
    for _ in [0:10] do other.add (← pendingUntilGone runtime gone)
  drop
  letRest runtime
  checkEq (← gone.get) 20
  checkEq (← tasks.size) 1

-- parity: TASK-05
test "one at a time may wait for a set to be empty" := inBoth fun runtime => do
  let tasks ← TaskSet.new runtime unheard
  tasks.add (← PromiseRef.never (α := Nat) runtime)
  let empty ← tasks.onEmptyStart
  discard <| fails .busy tasks.onEmptyStart
  empty.release
  let again ← tasks.onEmptyStart
  tasks.clear
  again.await

test "a full set refuses, and the promise stays the caller's" := inBoth fun runtime => do
  let tasks ← TaskSet.new runtime unheard (limit := 1)
  let (fulfiller, first) ← Fulfiller.new (α := Nat) runtime
  tasks.add first
  let second ← PromiseRef.pure runtime 2
  discard <| fails .overloaded (tasks.add second)
  checkEq (← second.await) 2
  fulfiller.fulfill 1
  tasks.onEmpty
  tasks.add second

-- parity: TASK-06, TASK-08
test "tasks and the error handler may use their own set" := inBoth fun runtime => do
  let own : IO.Ref (Option TaskSet) ← IO.mkRef none
  let left ← IO.mkRef 100
  let again : IO Unit := do
    if (← left.get) == 0 then return
    left.modify (· - 1)
    if let some tasks ← own.get then
      tasks.add (← PromiseRef.fail (α := Nat) runtime (Error.ofKind .busy "again"))
  let tasks ← TaskSet.new runtime fun _ => again
  own.set (some tasks)
  tasks.add (← (← runtime.yieldNowStart).then fun () => again)
  letRest runtime
  checkEq (← left.get) 0
  checkEq (← tasks.size) 0
  let after ← Counter.new
  let gone ← Counter.new
  tasks.add (← pendingUntilGone runtime gone)
  tasks.add (← (← runtime.yieldNowStart).then fun () => do
    if let some tasks ← own.get then tasks.clear
    after.add)
  letRest runtime
  checkEq (← after.get, ← gone.get, ← tasks.size) (1, 1, 0)
  own.set none

-- parity: TASK-07
test "the trace of a set has a line for each task" := inVirtualTime fun runtime => do
  let tasks ← TaskSet.new runtime unheard
  checkEq (← tasks.trace) ""
  tasks.add (← runtime.sleepNanosStart 5)
  tasks.add (← (← runtime.sleepNanosStart 7).then fun () => pure ())
  let lines := (← tasks.trace).splitOn "\n"
  checkEq lines.length 2
  check (lines.all fun line => (line.splitOn "timer").length == 2) s!"{lines}"

test "async code may run as a task" := inVirtualTime fun runtime => do
  let heard ← IO.mkRef none
  let ended ← Counter.new
  let tasks ← TaskSet.new runtime fun error => heard.set (Error.kind? error)
  tasks.add (← Async.start runtime (do Async.sleep (.ofNanos 5); throw (Error.ofKind .disconnected "gone") : Async Unit))
  tasks.add (← Async.start runtime (try Async.sleep (.ofHours 1) finally ended.add))
  letRest runtime
  letPass runtime 5
  checkEq (← heard.get) (some .disconnected)
  tasks.clear
  letRest runtime
  checkEq (← ended.get) 1
