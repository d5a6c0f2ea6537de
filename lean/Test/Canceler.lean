import Test.Check

open Test KjAsync

-- parity: CANC-01, CANC-07
test "what a canceler wraps has the same outcome" := inBoth fun runtime => do
  let canceler ← Canceler.new runtime
  check (← canceler.isEmpty) "not empty"
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  let wrapped ← canceler.wrap promise
  check (!(← canceler.isEmpty)) "empty"
  fulfiller.fulfill 4
  checkEq (← wrapped.await) 4
  check (← canceler.isEmpty) "not empty at the end"
  discard <| fails .busy (← canceler.wrap (← PromiseRef.fail (α := Nat) runtime (Error.ofKind .busy "busy"))).await

-- parity: CANC-02, CANC-03, CANC-04
test "a canceler ends all that it wrapped, at once" := inBoth fun runtime => do
  let canceler ← Canceler.new runtime
  let fds ← openFds
  let (client, server) ← connectedPair (m := IO) runtime
  -- Nothing else holds these, so that the socket goes with the last.
  let reading ← server.readStart
  let wrapped ← canceler.wrap reading
  let other ← canceler.wrap (← PromiseRef.never (α := Nat) runtime)
  reading.release
  let ran ← Counter.new
  let after ← wrapped.then fun _ => ran.add
  canceler.cancel (Error.ofKind .disconnected "the peer is said to be gone")
  check (← canceler.isEmpty) "not empty"
  let error ← fails .disconnected wrapped.await
  check (((toString error).splitOn "said to be gone").length == 2) s!"{error}"
  discard <| fails .disconnected other.await
  discard <| fails .disconnected after.await
  checkEq (← ran.get) 0
  -- It can be used again, and the connection too.
  client.write "on"
  checkEq (← (← (← canceler.wrap (← server.readStart)).await).toText) "on"
  let third ← canceler.wrap (← PromiseRef.never (α := Nat) runtime)
  canceler.cancel
  discard <| fails .canceled third.await
  client.close
  server.close
  eventually "sockets" (return (← openFds) == fds)

-- parity: CANC-05, CANC-08
test "canceler and promise may outlive one another" := inBoth fun runtime => do
  let gone ← Counter.new
  let wrap : IO (PromiseRef Nat) := do (← Canceler.new runtime).wrap (← pendingUntilGone runtime gone)
  let wrapped ← wrap
  discard <| fails .canceled wrapped.await
  letRest runtime
  checkEq (← gone.get) 1
  let canceler ← Canceler.new runtime
  let drop : IO Unit := do discard <| canceler.wrap (← pendingUntilGone runtime gone)
  drop
  letRest runtime
  checkEq (← gone.get) 2
  check (← canceler.isEmpty) "not empty"
  canceler.cancel

-- parity: CANC-06
test "what a canceler forgets goes on" := inBoth fun runtime => do
  let canceler ← Canceler.new runtime
  let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
  let wrapped ← canceler.wrap promise
  canceler.forget
  check (← canceler.isEmpty) "not empty"
  canceler.cancel
  fulfiller.fulfill 8
  checkEq (← wrapped.await) 8

test "a canceler ends async code, whose clean-up runs" := inBoth fun runtime => do
  let canceler ← Canceler.new runtime
  let ended ← Counter.new
  let wrapped ← canceler.wrap (← Async.start runtime (try Async.sleep (.ofHours 1) finally ended.add))
  letRest runtime
  canceler.cancel
  discard <| fails .canceled wrapped.await
  letRest runtime
  checkEq (← ended.get) 1
