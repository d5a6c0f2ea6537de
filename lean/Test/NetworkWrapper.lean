import Test.Ends

open Test KjAsync

/-- Each end says who it is before anything else. -/
private def greet (connection : Connection) (own wanted : String) : Async Connection := do
  connection.write own
  unless (← (← connection.readExactly 1).toText) == wanted do throw (IO.userError "no greeting")
  return connection

/-- A wrapper that has both ends greet, the names that its clients expected, and the errors of accepted connections. -/
private structure Greeter where
  wrapper : NetworkWrapper
  hosts : IO.Ref (Array String)
  failures : IO.Ref (Array (Option ErrorKind))

private def Greeter.new (runtime : Runtime) (options : NetworkWrapper.Options := {}) : IO Greeter := do
  let hosts ← IO.mkRef #[]
  let failures ← IO.mkRef #[]
  let client := fun connection host => do
    hosts.modify (·.push host)
    greet connection "c" "s"
  let onAcceptError := fun (error : ErrorRef) => failures.modify (·.push (some error.kind))
  let wrapper ← NetworkWrapper.new runtime client (greet · "s" "c") { options with onAcceptError }
  return { wrapper, hosts, failures }

/-- Fails the test unless what is written at one end is read at the other. -/
private def joined (one other : Connection) : IO Unit := do
  one.write "on"
  reads other "on"
  other.write "back"
  reads one "back"

-- parity: NET-22, TLS-12
test "both ends of a connection are wrapped" := inBoth fun runtime => do
  let greeter ← Greeter.new runtime
  let (client, server) ← connectedPair (m := IO) runtime
  let wrapping ← greeter.wrapper.wrapClientStart client "example.org"
  discard <| fails .badHandle (client.write "x")
  letRest runtime
  checkEq (← wrapping.isSettled) false
  let server ← greeter.wrapper.wrapServer (m := IO) server
  joined (← wrapping.await) server
  checkEq (← greeter.hosts.get).toList ["example.org"]

-- parity: NET-22
test "a handshake that fails gives no connection" := inBoth fun runtime => do
  let greeter ← Greeter.new runtime
  let (client, server) ← connectedPair (m := IO) runtime
  let wrapping ← greeter.wrapper.wrapClientStart client ""
  server.write "x"
  discard <| fails .failed wrapping.await
  reads server "c"
  ended server
  let refusing ← NetworkWrapper.new runtime (fun _ _ => throw (Error.ofKind .overloaded "no")) fun c => return c
  let (client, server) ← connectedPair (m := IO) runtime
  discard <| fails .overloaded (refusing.wrapClient client "" : IO Connection)
  ended server
  let (client, server) ← connectedPair (m := IO) runtime
  joined client (← refusing.wrapServer (m := IO) server)

-- parity: NET-22
test "a cancelled handshake closes the connection" := inBoth fun runtime => do
  let greeter ← Greeter.new runtime
  let (client, server) ← connectedPair (m := IO) runtime
  let wrapping ← greeter.wrapper.wrapClientStart client ""
  reads server "c"
  wrapping.cancel
  ended server

-- parity: NET-22, TLS-11, TLS-14
test "a peer that stalls holds up nobody, and one that fails is told" := inBoth fun runtime => do
  let greeter ← Greeter.new runtime
  let (inner, address) ← listenOnLoopback (m := IO) runtime
  let listener ← greeter.wrapper.wrapListener inner
  checkEq (← listener.port) (← inner.port)
  let first ← listener.acceptStart
  let second ← listener.acceptStart
  let slow ← address.connect (m := IO)
  let wrong ← address.connect (m := IO)
  wrong.write "x"
  let quick ← greeter.wrapper.wrapAddress address "quick"
  let client ← quick.connect (m := IO)
  joined client (← first.await)
  reads wrong "s"
  ended wrong
  eventually "told" (do letRest runtime; return (← greeter.failures.get).size == 1)
  checkEq (← greeter.failures.get).toList [some .failed]
  checkEq (← second.isSettled) false
  slow.write "c"
  reads slow "s"
  joined slow (← second.await)

-- parity: NET-22, TLS-14
test "a handshake has a time limit" := inVirtualTime fun runtime => do
  for (acceptTimeout, failures) in [(10_000_000_000, [some ErrorKind.timedOut]), ((0 : UInt64), [])] do
    let greeter ← Greeter.new runtime { acceptTimeout }
    let (inner, address) ← listenOnLoopback (m := IO) runtime
    let listener ← greeter.wrapper.wrapListener inner
    let accepting ← listener.acceptStart
    let slow ← address.connect (m := IO)
    reads slow "s"
    letPass runtime 9_999_999_999
    checkEq (← greeter.failures.get).toList []
    letPass runtime 1
    checkEq (← greeter.failures.get).toList failures
    checkEq (← accepting.isSettled) false
    if failures.isEmpty then
      slow.write "c"
      joined slow (← accepting.await)
    else
      ended slow

-- parity: NET-22, TLS-14
test "handshakes are bounded, and a cancelled accept loses no connection" := inBoth fun runtime => do
  let greeter ← Greeter.new runtime { maxHandshakes := 1 }
  let (inner, address) ← listenOnLoopback (m := IO) runtime
  let listener ← greeter.wrapper.wrapListener inner
  let accepting ← listener.acceptStart
  let first ← address.connect (m := IO)
  reads first "s"
  let second ← address.connect (m := IO)
  second.write "c"
  letRest runtime
  checkEq (← accepting.isSettled) false
  accepting.cancel
  first.write "c"
  joined first (← listener.accept (m := IO))
  let server ← listener.accept (m := IO)
  reads second "s"
  joined second server

-- parity: NET-22, NET-23
test "closing a wrapped listener ends its handshakes" := inBoth fun runtime => do
  let greeter ← Greeter.new runtime
  let (inner, address) ← listenOnLoopback (m := IO) runtime
  let listener ← greeter.wrapper.wrapListener inner
  let accepting ← listener.acceptStart
  let slow ← address.connect (m := IO)
  reads slow "s"
  listener.close
  ended slow
  discard <| fails .canceled accepting.await
  discard <| fails .canceled (inner.accept : IO Connection)
  checkEq (← greeter.failures.get).size 0

-- parity: NET-22, TLS-15, TLS-16
test "addresses and networks are wrapped" := inBoth fun runtime => do
  let greeter ← Greeter.new runtime { name := "hello" }
  let system ← Network.system runtime
  let network ← greeter.wrapper.wrapNetwork (← system.restrict #["127.0.0.0/8"])
  let listener ← (← network.parse (m := IO) "127.0.0.1:0").listen
  let port ← listener.port
  let accepting ← listener.acceptStart
  let address ← network.parse (m := IO) "127.0.0.1" port
  checkEq (← address.text) s!"hello:127.0.0.1:{port}"
  let client ← address.connect (m := IO)
  joined client (← accepting.await)
  checkEq (← greeter.hosts.get).toList ["127.0.0.1"]
  discard <| fails .invalidArgument (network.parse "unix:/x" : IO Address)
  discard <| fails .invalidArgument (network.parse "127.0.0.1:1,127.0.0.2:1" : IO Address)
  discard <| fails .unimplemented (do network.ofSockaddr (← address.sockaddr))
  discard <| fails .invalidArgument (Address.parse (m := IO) runtime (← address.text))
  discard <| fails .unimplemented address.bindDatagram
  let narrower ← network.restrict #["10.0.0.0/8"]
  discard <| fails .failed (do (← narrower.parse (m := IO) "127.0.0.1" port).connect : IO Connection)

-- parity: NET-22
test "code on the loop wraps" := onLoop do
  let runtime ← Async.runtime
  let greeter ← Greeter.new runtime
  let (inner, found) ← listenOnLoopback runtime
  let listener ← greeter.wrapper.wrapListener inner
  let serving ← Async.fork do
    let server ← listener.accept
    server.write (← server.readExactly 2)
  let client ← (← greeter.wrapper.wrapAddress found "host").connect
  client.write "hi"
  checkEq (← (← client.readExactly 2).toText) "hi"
  serving.await
  let (client, server) ← connectedPair runtime
  let wrapping ← greeter.wrapper.wrapClientStart client "other"
  let server ← greeter.wrapper.wrapServer server
  let client ← wrapping.await
  client.write "hi"
  checkEq (← (← server.readExactly 2).toText) "hi"
  checkEq (← greeter.hosts.get).toList ["host", "other"]
