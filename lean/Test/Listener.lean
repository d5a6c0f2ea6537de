import Test.Check

open Test KjAsync

-- parity: NET-13, NET-18
test "a free port is chosen and told" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  check ((← address.port) != 0) "no port"
  let (other, otherAddress) ← listenOnLoopback (m := IO) runtime
  check ((← address.port) != (← otherAddress.port)) "the same port"
  listener.close
  other.close

-- parity: NET-13
test "a port in use is refused, with its number" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let error ← fails .failed (do address.listen)
  check (Error.osCode? error).isSome s!"no number in {error}"
  check (error matches .resourceBusy ..) s!"not busy: {error}"
  listener.close

-- parity: NET-16
test "pending accepts are served in order" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let accepts ← (Array.range 3).mapM fun _ => listener.acceptStart
  let clients ← (Array.range 3).mapM fun _ => (address.connect : IO Connection)
  let servers ← (← PromiseRef.all runtime accepts).await
  for client in clients, server in servers do
    checkEq (← (← server.peerAddress).text) (← (← client.localAddress).text)

-- parity: NET-16
test "a cancelled accept leaves the connection to the next" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  for _ in [0:10] do
    let accepting ← listener.acceptStart
    accepting.cancel
    discard <| fails .canceled accepting.await
    let client ← address.connect (m := IO)
    let server ← listener.accept (m := IO)
    server.write "hello"
    checkEq (← (← client.read (min := 5)).toText) "hello"

-- parity: NET-23
test "a closed listener rejects what is pending and refuses the rest" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let (client, server) ← do
    let accepting ← listener.acceptStart
    pure (← address.connect (m := IO), ← accepting.await (m := IO))
  let accepting ← listener.acceptStart
  listener.close
  listener.close
  discard <| fails .canceled accepting.await
  discard <| fails .disconnected (address.connect : IO Connection)
  match ← (listener.accept : IO Connection).toBaseIO with
  | .ok _ => throw (IO.userError "accepted")
  | .error _ => pure ()
  client.write "still"
  checkEq (← (← server.read (min := 5)).toText) "still"

-- parity: NET-11
test "a refused connection says so" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  listener.close
  let error ← fails .disconnected (runtime.connect (← address.text) : IO Connection)
  check (Error.osCode? error).isSome s!"no number in {error}"

-- parity: NET-16
test "each connection has its code run until a value ends it" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let greeted ← IO.mkRef 0
  let serving ← listener.acceptEachStart fun connection => do
    greeted.modify (· + 1)
    connection.write s!"hi {← greeted.get}"
    connection.shutdownWrite
    return if (← greeted.get) == 3 then some "enough" else none
  for n in [1:4] do
    let client ← address.connect (m := IO)
    checkEq (← (← client.readAll).toText) s!"hi {n}"
  checkEq (← serving.await) (some "enough")
  let serving : PromiseRef (Option Unit) ← listener.acceptEachStart fun _ => return none
  -- What nobody keeps is closed.
  checkEq (← (← (← address.connect (m := IO)).readAll).toText) ""
  listener.close
  discard <| fails .canceled serving.await
