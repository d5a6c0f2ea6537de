import Test.Ends

open Test KjAsync

private def parsed (network : Network) (text : String) (port : UInt16 := 80) : IO Address := network.parse text port

private def peers : List String :=
  ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "10.1.1.1", "172.31.0.1", "192.168.0.1", "100.64.0.1",
   "169.254.0.1", "fd00::1", "fe80::1", "8.8.8.8", "2600::1", "224.0.0.1", "ff02::1", "255.255.255.255", "unix:/x"]

-- parity: NET-05, NET-06, NET-07, NET-08, NET-09, LLIO-11
test "rules allow what they say" := inBoth fun runtime => do
  let system ← Network.system runtime
  -- A letter for each peer: y where it is allowed.
  for (allow, deny, expected) in
      [(#[], #[], "------------------"), (#["local"], #[], "yyyyy-------------"),
       (#["private"], #[], "yyyyyyyyyyyy------"), (#["network"], #[], "-----yyyyyyyyy----"),
       (#["public"], #[], "------------yy----"), (#["network", "local"], #["private"], "yyyyy-------yy----"),
       (#["private"], #["local"], "-----yyyyyyy------"), (#["unix"], #[], "-----------------y"),
       (#["unix-abstract"], #[], "------------------"), (#["10.1.1.0/24"], #["10.1.0.0/16"], "-----y------------"),
       (#["10.0.0.0/8"], #["10.1.0.0/16"], "------------------"), (#["127.0.0.0/8"], #[], "y---y-------------")] do
    let network ← system.restrict allow deny
    let letters ← peers.mapM fun peer => do
      return if ← network.allows (← parsed network peer) then 'y' else '-'
    checkEq (String.ofList letters) expected s!"{allow} but {deny}"

-- parity: NET-06, NET-08
test "rules that are none are refused" := inBoth fun runtime => do
  let system ← Network.system runtime
  for (allow, deny) in [(#[], #["public"]), (#[], #["network"]), (#["Local"], #[]), (#["10.0.0.1"], #[]),
      (#[], #["nobody"]), (#["10.0.0.0/33"], #[])] do
    discard <| fails .invalidArgument (system.restrict allow deny)

-- parity: NET-05, NET-10, NET-21
test "a forbidden address is parsed, and refused when it is used" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let outer ← (← Network.system runtime).restrict #["private"]
  let inner ← outer.restrict #["network"]
  checkEq (← inner.allows (← parsed inner "10.1.1.1")) true
  checkEq (← inner.allows (← parsed inner "8.8.8.8")) false
  let port ← address.port
  for host in ["127.0.0.1", "::ffff:127.0.0.1"] do
    discard <| fails .failed ((← parsed inner host port).connect : IO Connection)
  let accepting ← listener.acceptStart
  let client ← (← parsed outer "127.0.0.1" port).connect (m := IO)
  let server ← accepting.await
  client.write "hi"
  reads server "hi"
  discard <| fails .invalidArgument (parsed inner "a b")

-- parity: NET-10
test "forbidden peers are dropped and the accept goes on" := inBoth fun runtime => do
  if System.Platform.isOSX then return
  let network ← (← Network.system runtime).restrict #["unix"]
  withFolder fun folder => do
    let listener ← (← parsed network s!"unix:{folder}/socket" 0).listen
    let address ← listener.localAddress
    let accepting ← listener.acceptStart
    let client ← address.connect (m := IO)
    discard accepting.await
    client.close
  discard <| fails .failed (do (← parsed ((← (← Network.system runtime).restrict #[])) "127.0.0.1" 0).listen)
  let network ← (← Network.system runtime).restrict #["127.0.0.2/32"]
  let listener ← (← parsed network "127.0.0.1:0" 0).listen
  let accepting ← listener.acceptStart
  let client ← runtime.connect (m := IO) s!"127.0.0.1:{← listener.port}"
  match ← (client.read : IO BytesRef).toBaseIO with
  | .ok bytes => checkEq bytes.size 0
  | .error error => checkEq (Error.kind? error) (some .disconnected)
  checkEq (← accepting.isSettled) false

-- parity: NET-01, NET-02, NET-03, NET-15
test "addresses tell their family and the addresses behind them" := inBoth fun runtime => do
  for (text, family) in [("127.0.0.1:80", AddressFamily.ipv4), ("[::1]:80", .ipv6), ("*:80", .ipv6), ("unix:/x", .unix)] do
    let address : Address ← Address.parse runtime text
    checkEq (← address.family) family text
    checkEq (← address.count) 1 text
    checkEq (← (← address.get 0).text) text
    checkEq (← (← Address.parse (m := IO) runtime (← address.text)).text) text
    discard <| fails .invalidArgument (address.get 1)
  unless System.Platform.isOSX do
    let address : Address ← Address.parse runtime "unix-abstract:name"
    checkEq (← address.family) .unixAbstract
  let several : Address ← Address.parse runtime "127.0.0.1:1,[::1]:2"
  checkEq (← several.count) 2
  checkEq ((← (← several.all).mapM (·.text)).toList) ["127.0.0.1:1", "[::1]:2"]
  let service : Address ← Address.parse runtime "127.0.0.1:http"
  checkEq (← service.port) 80

-- parity: NET-04, STRM-18
test "addresses are made from the system's form, and give it" := inBoth fun runtime => do
  for text in ["127.0.0.1:80", "[::1]:80", "unix:/x"] do
    let address : Address ← Address.parse runtime text
    checkEq (← (← Address.ofSockaddr runtime (← address.sockaddr)).text) text
  let bytes ← (← Address.parse (m := IO) runtime "127.0.0.1:80").sockaddr
  discard <| fails .invalidArgument (Address.ofSockaddr runtime (bytes.extract 0 5))
  discard <| fails .invalidArgument (Address.ofSockaddr runtime .empty)
  discard <| fails .unimplemented (Address.ofSockaddr runtime (bytes.set! 0 99))
  let outside ← (← Network.system runtime).restrict #["public"]
  discard <| fails .failed (outside.ofSockaddr bytes)
  let loopback ← (← Network.system runtime).restrict #["local"]
  checkEq (← (← loopback.ofSockaddr bytes).text) "127.0.0.1:80"

-- parity: NET-11, NET-13
test "of several addresses those that answer are used" := inBoth fun runtime => do
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let (closed, refusing) ← listenOnLoopback (m := IO) runtime
  closed.close
  let both : Address ← Address.parse runtime s!"{← refusing.text},{← address.text}"
  let client ← both.connect (m := IO)
  checkEq (← (← client.peerAddress).text) (← address.text)
  discard <| fails .invalidArgument ((← Address.parse (m := IO) runtime "127.0.0.1").connect : IO Connection)
  let listening ← (← Address.parse (m := IO) runtime "127.0.0.1:0,[::1]:0").listen { backlog := 5 }
  for host in ["127.0.0.1", "[::1]"] do
    let accepting ← listening.acceptStart
    let client ← runtime.connect (m := IO) s!"{host}:{← listening.port}"
    let server ← accepting.await
    client.write "hi"
    reads server "hi"
  listener.close

-- parity: NET-18, NET-20, NET-23
test "an aggregate accepts from any of its listeners" := inBoth fun runtime => do
  let (one, ofOne) ← listenOnLoopback (m := IO) runtime
  let (other, ofOther) ← listenOnLoopback (m := IO) runtime
  let all ← Listener.aggregate #[one, other]
  checkEq (← all.port) (← one.port)
  checkEq (← one.port) (← ofOne.port)
  let accepts ← (Array.range 2).mapM fun _ => all.acceptStart
  for address in [ofOther, ofOne], accepting in accepts do
    let client ← address.connect (m := IO)
    let server ← accepting.await
    checkEq (← (← server.localAddress).text) (← address.text)
    client.close
  let accepting ← other.acceptStart
  let client ← ofOther.connect (m := IO)
  discard accepting.await
  client.close
  all.close
  discard <| fails .disconnected (ofOne.connect : IO Connection)
  discard <| fails .invalidArgument (Listener.aggregate #[])

-- parity: STRM-17, NET-19, NET-20
test "socket options are read and set" := inBoth fun runtime => do
  if System.Platform.isOSX then return
  let (client, _) ← connectedPair (m := IO) runtime
  -- SOL_SOCKET, SO_KEEPALIVE.
  checkEq (SocketOption.toInt? (← client.getsockopt 1 9)) (some 0)
  client.setsockopt 1 9 (SocketOption.ofInt 1)
  checkEq (SocketOption.toInt? (← client.getsockopt 1 9)) (some 1)
  checkEq (← client.getsockopt 1 9 (capacity := 2)).size 2
  match ← (client.setsockopt 12345 1 .empty).toBaseIO with
  | .ok () => throw (IO.userError "an option of nothing")
  | .error error => check (Error.osCode? error).isSome s!"no number in {error}"
  let (reader, _) ← runtime.newTwoWayPipe
  discard <| fails .unimplemented (reader.getsockopt 1 9)
  discard <| fails .unimplemented (reader.setsockopt 1 9 (SocketOption.ofInt 1))
  let (one, _) ← listenOnLoopback (m := IO) runtime
  let (other, _) ← listenOnLoopback (m := IO) runtime
  -- SO_ACCEPTCONN, SO_KEEPALIVE.
  checkEq (SocketOption.toInt? (← one.getsockopt 1 30)) (some 1)
  (← Listener.aggregate #[one, other]).setsockopt 1 9 (SocketOption.ofInt 1)
  checkEq (SocketOption.toInt? (← other.getsockopt 1 9)) (some 1)
  checkEq (SocketOption.toInt? (SocketOption.ofInt (-7))) (some (-7))
  checkEq (SocketOption.toInt? ⟨#[1, 2, 3]⟩) none

-- parity: NET-01, NET-05, NET-11
test "code on the loop is handed a network" := onLoop do
  let runtime ← Async.runtime
  let network ← (← Network.system runtime).restrict #["local"]
  let listener ← (← network.parse "127.0.0.1:0").listen
  let accepting ← listener.acceptStart
  let client ← (← network.parse "127.0.0.1" (← listener.port)).connect
  let server ← accepting.await
  client.write "hi"
  checkEq (← (← server.readExactly 2).toText) "hi"
