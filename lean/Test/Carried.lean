import Test.Ends

open Test KjAsync

/-- Both kinds of connection that carry others. -/
private def carriers (runtime : Runtime) : IO (List (Connection × Connection)) :=
  return [← runtime.newOsSocketPair, ← runtime.newCapabilityPipe]

/-- Fails the test unless what is written at one end is read at the other. -/
private def joined (one other : Connection) : IO Unit := do
  for (writer, reader) in [(one, other), (other, one)] do
    let reading ← reader.readStart (min := 2) (max := 2)
    writer.write "on"
    checkEq (← (← reading.await).toText) "on"

private def peerIsUnknown (connection : Connection) : IO Unit := do
  checkEq (← (← connection.peer).text) "(unknown peer)"

-- parity: CAPS-09
test "what is sent over a connection is accepted in order" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    let listener ← Listener.ofConnection other
    let accepts ← (Array.range 3).mapM fun _ => listener.acceptStart
    let dropped ← listener.acceptStart
    dropped.cancel
    for accepting in accepts do
      let (near, far) ← connectedPair (m := IO) runtime
      one.sendConnection near
      let moved ← accepting.await
      joined moved far
      peerIsUnknown moved
    let accepting ← listener.acceptStart
    one.close
    discard <| fails .disconnected accepting.await
    discard <| fails .disconnected (listener.accept : IO Connection)

-- parity: CAPS-09
test "a listener on a connection has no socket, and closing it closes the connection" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    let listener ← Listener.ofConnection other
    checkEq (← listener.port) 0
    discard <| fails .unimplemented listener.localAddress
    discard <| fails .unimplemented (listener.getsockopt 1 9)
    let accepting ← listener.acceptStart
    listener.close
    discard <| fails .canceled accepting.await
    ended one
  let (client, _) ← connectedPair (m := IO) runtime
  discard <| fails .unimplemented (Listener.ofConnection client)
  discard <| fails .unimplemented (Address.ofConnection client)

-- parity: CAPS-09, NET-20
test "an aggregate has a connection beside a socket" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    let (plain, address) ← listenOnLoopback (m := IO) runtime
    let all ← Listener.aggregate #[← Listener.ofConnection other, plain]
    let first ← all.acceptStart
    let second ← all.acceptStart
    let (near, far) ← runtime.newOsSocketPair
    one.sendConnection near
    joined (← first.await) far
    one.close
    let client ← address.connect (m := IO)
    joined client (← second.await)

-- parity: CAPS-10
test "connecting to a connection sends one end of a pair over it" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    let address ← Address.ofConnection one
    let listener ← (← Address.ofConnection other).listen
    let accepting ← listener.acceptStart
    let client ← address.connect (m := IO)
    let server ← accepting.await
    joined client server
    peerIsUnknown server
    -- What came over it carries as much.
    let inner ← (← Address.ofConnection server).listen
    let accepting ← inner.acceptStart
    let again ← (← Address.ofConnection client).connect (m := IO)
    joined again (← accepting.await)
    let cancelled ← address.connectStart
    cancelled.cancel
    let accepting ← listener.acceptStart
    if ← accepting.isSettled then ended (← accepting.await)
    other.close
    discard <| fails .disconnected (address.connect : IO Connection)

-- parity: CAPS-10
test "the address that is a connection is no socket address" := inBoth fun runtime => do
  let (one, _) ← runtime.newOsSocketPair
  let address ← Address.ofConnection one
  checkEq (← address.text) "<capability stream>"
  discard <| fails .invalidArgument (Address.parse (m := IO) runtime (← address.text))
  checkEq (← address.port) 0
  checkEq (← address.family) AddressFamily.other
  checkEq (← address.count) 0
  checkEq (← address.sockaddr).size 0
  discard <| fails .invalidArgument (address.get 0)
  discard <| fails .unimplemented address.bindDatagram
  let system ← Network.system runtime
  checkEq (← system.allows address) true
  checkEq (← (← system.restrict #["unix", "network"]).allows address) false

-- parity: CAPS-09, CAPS-10
test "code on the loop serves a connection" := onLoop do
  let runtime ← Async.runtime
  let (one, other) ← runtime.newCapabilityPipe
  let serving ← Async.fork do
    let server ← (← Listener.ofConnection other).accept
    server.write (← server.readExactly 2)
  let client ← (← Address.ofConnection one).connect
  client.write "hi"
  checkEq (← (← client.readExactly 2).toText) "hi"
  serving.await
