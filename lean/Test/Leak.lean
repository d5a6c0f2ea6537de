import Test.Check

open Test KjAsync

/-- One conversation, with everything that a program may leave lying about. -/
private def conversation (runtime : Runtime) (listener : Listener) (address : Address) : IO Unit := do
  let server ← Async.start runtime do
    let connection ← listener.accept
    repeat
      let bytes ← connection.read
      if bytes.isEmpty then break
      connection.write bytes
  let client ← address.connect (m := IO)
  discard <| Async.run runtime (Async.timeout (.ofHours 1) (do client.write "over"; client.readExactly 4))
  discard client.readStart
  discard <| (← PromiseRef.never (α := Nat) runtime).map (· + 1)
  discard <| fails .timedOut (Async.run runtime (Async.timeout (.ofNanos 1000) (Async.sleep (.ofHours 1))))
  client.close
  server.await

test "many conversations leave nothing behind" := withRuntime fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  conversation runtime listener address
  let handles ← Native.handleCount
  let fds ← openFds
  leaksNothing do for _ in [0:300] do conversation runtime listener address
  eventually "handles" (return (← Native.handleCount) == handles)
  eventually "sockets" (return (← openFds) == fds)
  checkEq (← (← listener.localAddress).text) (← address.text)

test "many runtimes leave nothing behind" := do
  let once : IO Unit := Runtime.withRuntime fun runtime => do
    let (client, server) ← connectedPair (m := IO) runtime
    discard <| Async.start runtime (do discard server.read)
    client.write "x"
    discard <| runtime.sleepNanosStart anHour
  leaksNothing do for _ in [0:50] do once

/-- Everything that coordinates, used and left lying about. -/
private def coordination (runtime : Runtime) : IO Unit := do
  let tasks ← TaskSet.new runtime fun _ => return
  let canceler ← Canceler.new runtime
  let queue ← Queue.new runtime 2
  let mutex ← Mutex.new runtime "state"
  let event ← Event.new runtime
  let error := (ErrorRef.ofKind .busy "busy").withDetail 1 "detail"
  queue.push "value"
  let waiting ← canceler.wrap (← event.waitStart)
  tasks.add (← Async.start runtime (mutex.lock fun _ => do
    discard queue.pop
    discard queue.pop))
  tasks.add (← (← PromiseRef.fail (α := Nat) runtime error).mapError (·.withContext "here"))
  letRest runtime
  discard <| waiting.map fun () => 1
  queue.push "left"
  queue.push "left"
  if (← tasks.size) > 5 then canceler.cancel

test "what coordinates leaves nothing behind" := inBoth fun runtime => do
  let handles ← Native.handleCount
  leaksNothing do for _ in [0:500] do coordination runtime
  eventually "handles" (do letRest runtime; return (← Native.handleCount) == handles)
  eventually "promises" (do letRest runtime; return (← runtime.stats).promises ≤ 1)
