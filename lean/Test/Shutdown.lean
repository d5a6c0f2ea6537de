import Test.Check

open Test KjAsync

-- parity: LOOP-06, EXEC-08
test "shutdown rejects what is pending and ends every wait" := do
  let runtime ← Runtime.init
  let promise ← PromiseRef.never (α := Nat) runtime
  let begun ← Gate.new
  let waiting ← IO.asTask (prio := .dedicated) do begun.pass; promise.await (m := IO)
  begun.wait
  runtime.shutdown
  match ← IO.wait waiting with
  | .ok _ => throw (IO.userError "a wait succeeded")
  | .error error =>
    check (Error.kind? error == some .shutdown || Error.kind? error == some .badHandle) s!"{error}"
  -- It has been joined, which the system notes a moment before it takes it from its list.
  eventually "thread" (return (← loopThreads) == 0)

test "after a shutdown every call is an error" := do
  let runtime ← Runtime.init
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let (client, server) ← connectedPair (m := IO) runtime
  let promise ← PromiseRef.pure runtime 1
  let (fulfiller, _) ← Fulfiller.new (α := Nat) runtime
  runtime.shutdown
  runtime.shutdown
  check (!(← runtime.isAlive)) "alive"
  discard <| fails .shutdown (PromiseRef.pure runtime 1)
  discard <| fails .shutdown runtime.yieldNow
  discard <| fails .shutdown (runtime.sleepNanosStart 1)
  discard <| fails .shutdown (Fulfiller.new (α := Nat) runtime)
  discard <| fails .shutdown (Address.parse runtime "127.0.0.1:1")
  discard <| fails .shutdown (Async.run runtime (pure ()))
  discard <| fails .badHandle promise.await
  discard <| fails .badHandle (fulfiller.fulfill 1)
  discard <| fails .badHandle listener.accept
  discard <| fails .badHandle listener.close
  discard <| fails .badHandle address.connect
  discard <| fails .badHandle address.text
  discard <| fails .badHandle client.read
  discard <| fails .badHandle (server.write "x")
  discard <| fails .badHandle client.localAddress
  discard <| fails .badHandle client.close

test "bytes outlive the runtime" := do
  let runtime ← Runtime.init
  let (client, server) ← connectedPair (m := IO) runtime
  client.write "kept"
  let bytes ← server.read (min := 4)
  runtime.shutdown
  checkEq (← bytes.toText) "kept"

test "shutdown runs the finally blocks of what was running" := do
  let runtime ← Runtime.init
  let ran ← Counter.new
  let begun ← Gate.new
  let promise ← Async.start runtime do
    try
      try
        begun.pass
        Async.sleep (.ofHours 1)
      finally ran.add
    finally
      ran.add
      -- Nothing can be waited for any more; the block ends here.
      Async.sleep (.ofHours 1)
      ran.add
  begun.wait
  runtime.shutdown
  checkEq (← ran.get) 2
  discard <| fails .badHandle promise.await

test "shutdown waits for a callback as long as it may" := do
  let runtime ← Runtime.init { shutdownNanos := 20 * millisecond }
  let begun ← Gate.new
  let go ← Gate.new
  let holding ← (← runtime.executor).executeStart do begun.pass; go.wait
  begun.wait
  let before ← monoNanosNow
  discard <| fails .timedOut runtime.shutdown
  check ((← monoNanosNow) - before ≥ 20 * millisecond) "too early"
  go.pass
  eventually "the end" (return (← runtime.shutdown.toBaseIO) matches .ok _)
  discard <| fails .badHandle holding.await

test "threads may shut down a runtime all at once" := do
  for _ in [0:20] do
    let runtime ← Runtime.init
    discard <| Async.start runtime (Async.sleep (.ofHours 1))
    let tasks ← (List.range 4).mapM fun _ => IO.asTask (prio := .dedicated) runtime.shutdown
    for task in tasks do EIO.ofExcept (← IO.wait task)
    check (!(← runtime.isAlive)) "alive"
