import Test.Check

open Test KjAsync

-- parity: PROM-05, PROM-11
test "then runs on a value and is skipped by an error" := inBoth fun runtime => do
  let ran ← Counter.new
  let value ← PromiseRef.pure runtime 1
  let error ← PromiseRef.fail (α := Nat) runtime (Error.ofKind .overloaded "full")
  checkEq (← (← value.then fun n => do ran.add; return n + 1).await) 2
  discard <| fails .overloaded (← error.then fun n => do ran.add; return n + 1).await
  checkEq (← (← value.map toString).await) "1"
  checkEq (← ran.get) 1
  checkEq (← value.await) 1 "the input"

-- parity: PROM-07
test "bind goes on as the promise that it gets" := inBoth fun runtime => do
  let promise ← PromiseRef.pure runtime 1
  let later ← promise.bind fun n => do (← runtime.sleepNanosStart millisecond).map fun () => n + 1
  checkEq (← later.await) 2
  let timer ← promise.bind fun _ => runtime.sleepNanosStart 1
  checkEq (← timer.await) ()
  let kept ← PromiseRef.pure runtime "kept"
  checkEq (← (← promise.bind fun _ => return kept).await) "kept"
  checkEq (← kept.await) "kept"
  let failing ← promise.bind fun _ => PromiseRef.fail (α := Nat) runtime (Error.ofKind .busy "busy")
  discard <| fails .busy failing.await

-- parity: PROM-06, PROM-10
test "catch runs on an error and lets a value pass" := inBoth fun runtime => do
  let ran ← Counter.new
  let value ← PromiseRef.pure runtime 1
  let error ← PromiseRef.fail (α := Nat) runtime (Error.ofKind .disconnected "gone")
  let handler (_ : IO.Error) : IO Nat := do ran.add; return 100
  checkEq (← (← value.catch handler).await) 1
  checkEq (← (← error.catch handler).await) 100
  checkEq (← (← error.catchKind .disconnected handler).await) 100
  discard <| fails .disconnected (← error.catchKind .overloaded handler).await
  checkEq (← ran.get) 2
  let again ← error.catch fun error => throw (IO.userError s!"wrapped {error}")
  discard <| fails .failed again.await

test "what a closure throws is the error of its promise" := inBoth fun runtime => do
  let promise ← PromiseRef.pure runtime 1
  let thrown := Error.ofKind .unimplemented "not here"
  discard <| fails .unimplemented (← promise.then fun _ => (throw thrown : IO Nat)).await
  discard <| fails .unimplemented (← promise.bind fun _ => (throw thrown : IO (PromiseRef Nat))).await
  discard <| fails .unimplemented (← promise.finally (throw thrown)).await
  let failing ← PromiseRef.fail (α := Nat) runtime (IO.userError "first")
  discard <| fails .unimplemented (← failing.catch fun _ => throw thrown).await
  checkEq (← (← promise.map (· + 1)).await) 2 "the runtime afterwards"

-- parity: PROM-02
test "a closure is never run by the call that adds it" := inBoth fun runtime => do
  let executor ← runtime.executor
  let promise ← PromiseRef.pure runtime 1
  let inside ← executor.executeStart do
    let ran ← Counter.new
    let after ← promise.then fun _ => ran.add
    checkEq (← ran.get) 0
    return after
  (← inside.bind fun after => return after).await

test "finally runs once, however it ends" := inBoth fun runtime => do
  let ran ← Counter.new
  let value ← (← PromiseRef.pure runtime 9).finally ran.add
  checkEq (← value.await) 9
  let error ← (← PromiseRef.fail (α := Nat) runtime (Error.ofKind .busy "busy")).finally ran.add
  discard <| fails .busy error.await
  checkEq (← ran.get) 2
  let never ← (← PromiseRef.never (α := Nat) runtime).finally ran.add
  never.cancel
  runtime.yieldNow
  checkEq (← ran.get) 3
  discard <| (← PromiseRef.never (α := Nat) runtime).finally ran.add
  runtime.yieldNow
  checkEq (← ran.get) 4

-- parity: PROM-31
test "all gives the values in order" := inBoth fun runtime => do
  let slow ← (← runtime.sleepNanosStart millisecond).map fun () => 1
  let fast ← PromiseRef.pure runtime 2
  checkEq (← (← PromiseRef.all runtime #[slow, fast, slow]).await) #[1, 2, 1]
  checkEq (← (← PromiseRef.all (α := Nat) runtime #[]).await) #[]

-- parity: PROM-31
test "all fails with the first error and drops the others" := inBoth fun runtime => do
  let gone ← Counter.new
  let others ← (List.range 3).mapM fun _ => do (← PromiseRef.never (α := Nat) runtime).finally gone.add
  let error ← PromiseRef.fail (α := Nat) runtime (Error.ofKind .overloaded "full")
  let joined ← PromiseRef.all runtime (others.toArray.push error)
  discard <| fails .overloaded joined.await
  checkEq (← gone.get) 0 "still held"
  for other in others do other.release
  runtime.yieldNow
  checkEq (← gone.get) 3

-- parity: PROM-16
test "race gives the first to settle, value or error" := inBoth fun runtime => do
  let never ← PromiseRef.never (α := Nat) runtime
  let soon ← (← runtime.sleepNanosStart millisecond).map fun () => 4
  checkEq (← (← PromiseRef.race runtime #[never, soon]).await) 4
  let error ← PromiseRef.fail (α := Nat) runtime (Error.ofKind .busy "busy")
  discard <| fails .busy (← PromiseRef.race runtime #[never, error]).await
  discard <| fails .invalidArgument (PromiseRef.race (α := Nat) runtime #[])

-- parity: TIME-04
test "timeout cancels what takes too long" := inBoth fun runtime => do
  let ended ← Counter.new
  let late ← (← (← PromiseRef.never (α := Nat) runtime).finally ended.add).timeout (.ofMillis 1)
  discard <| fails .timedOut late.await
  runtime.yieldNow
  checkEq (← ended.get) 1
  checkEq (← (← (← PromiseRef.pure runtime 1).timeout (.ofHours 1)).await) 1
  let never ← PromiseRef.never (α := Nat) runtime
  discard <| fails .timedOut (← never.deadline ⟨0⟩).await
  discard <| fails .timedOut (← never.deadline ((← MonoTime.now) + Duration.ofMillis 1)).await
  check (!(← never.isSettled)) "a promise that is held goes on"

-- parity: FORK-01, FORK-03, PROM-14
test "branches are cancelled one by one" := inBoth fun runtime => do
  let ended ← Counter.new
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  let source ← promise.finally ended.add
  let first ← source.fork
  let second ← source.fork
  first.cancel
  discard <| fails .canceled first.await
  source.release
  runtime.yieldNow
  checkEq (← ended.get) 0
  fulfiller.fulfill 3
  checkEq (← second.await) 3
  checkEq (← ended.get) 1

-- parity: PROM-17
test "an attachment lives until the promise has settled or is gone" := inBoth fun runtime => do
  let before ← Native.handleCount
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  let attached ← promise.attach (← PromiseRef.pure runtime "a handle to count")
  checkEq (← Native.handleCount) (before + 4)
  fulfiller.fulfill 1
  checkEq (← attached.await) 1
  eventually "attachment" (return (← Native.handleCount) == before + 3)
  attached.release
  promise.release
  check (!(← fulfiller.isWaiting)) "waiting"

-- parity: PROM-19
test "a detached promise runs to its end and reports its error" := inBoth fun runtime => do
  let ran ← Counter.new
  let heard ← IO.mkRef none
  (← (← runtime.sleepNanosStart 1).then fun () => ran.add).detach fun _ => throw (IO.userError "not called")
  (← (← runtime.sleepNanosStart 1).then fun () => (throw (Error.ofKind .busy "busy") : IO Unit)).detach fun error => do
    heard.set (Error.kind? error)
    throw (IO.userError "nobody hears this")
  eventually "both" (do runtime.yieldNow; return (← ran.get) == 1 && (← heard.get) == some .busy)

-- parity: PROM-07
test "a long chain costs no stack and keeps nothing" := inBoth fun runtime => do
  let mut promise ← PromiseRef.pure runtime 0
  for _ in [0:100000] do promise ← promise.map (· + 1)
  checkEq (← promise.await) 100000

-- parity: PROM-06, PROM-07
test "one handler for value and error does not see what it throws itself" := inBoth fun runtime => do
  let calls ← Counter.new
  let handler (outcome : Except IO.Error Nat) : IO String := do
    calls.add
    match outcome with
    | .ok 0 => throw (Error.ofKind .busy "its own")
    | .ok n => return toString n
    | .error error => return toString (Error.kind? error == some .overloaded)
  let failed ← PromiseRef.fail (α := Nat) runtime (Error.ofKind .overloaded "full")
  checkEq (← (← (← PromiseRef.pure runtime 7).handleBoth handler).await) "7"
  checkEq (← (← failed.handleBoth handler).await) "true"
  discard <| fails .busy (← (← PromiseRef.pure runtime 0).handleBoth handler).await
  checkEq (← calls.get) 3
  -- It passes on all of an error that it throws again.
  let whole := (ErrorRef.ofKind .overloaded "full").withDetail 7 "seven"
  let again ← (← PromiseRef.fail (α := Nat) runtime whole).handleBoth fun outcome => do
    match outcome with
    | .ok n => return n
    | .error (error : IO.Error) => throw error
  discard <| fails .overloaded again.await
  checkEq ((← again.error?).map (·.detailIds)) (some #[7])
  -- Both may return promises.
  let flat ← (← failed.handleBoth fun (_ : Except IO.Error Nat) => PromiseRef.pure runtime "later").flatten
  checkEq (← flat.await) "later"
