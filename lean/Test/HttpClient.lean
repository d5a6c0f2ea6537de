import Test.Check

namespace Test.HttpClient
open KjAsync

/-- Grants a tunnel to `echo:1`, through which everything comes back, and refuses any other. -/
private def gateKeeper (request : Http.Request) : Async Http.Response := do
  if request.method != .connect then
    if request.path == "/fails" then throw (Error.ofKind .overloaded "no room")
    return .text s!"{request.method} {request.path}"
  if request.target != "echo:1" then return .text "not there" (status := { code := 403 })
  let tunnel ← request.acceptTunnel
  discard <| Stream.pumpTo tunnel tunnel
  return .answered

private def expectTunnels (client : Http.Client) : IO Unit := do
  let (asked, tunnel) ← client.connectStart "echo:1"
  -- Before anyone has answered.
  tunnel.write "hello"
  checkEq (← (← tunnel.read 5 5).toText) "hello"
  checkEq (← asked.await).status.code 200
  tunnel.close
  let tunnel ← client.connect "echo:1"
  tunnel.write "more"
  checkEq (← (← tunnel.read 4 4).toText) "more"
  tunnel.close
  let (asked, tunnel) ← client.connectStart "other:1"
  let response ← asked.await
  checkEq response.status.code 403
  checkEq (← response.text) "not there"
  discard <| fails .failed (tunnel.read 1 1)
  discard <| fails .failed (client.connect "other:1")
  discard <| fails .invalidArgument (client.connect "echo")

-- parity: HCLI-08, CONN-01, CONN-02
test "one address is asked, and tunnels lead through it" := inBoth fun runtime => do
  let listener ← runtime.listen "127.0.0.1:0"
  let server ← Http.Server.new runtime gateKeeper
  let client ← Http.Client.toAddress (← listener.localAddress) { maxPerHost? := some 1, maxWaitingPerHost := 1 }
  let first ← client.requestStart .get "/a"
  let second ← client.requestStart .get "http://example.com/b"
  discard <| fails .overloaded (client.get "/c")
  let listening ← server.listenStart listener
  checkEq (← (← first.await).text) "GET /a"
  checkEq (← (← second.await).text) "GET /b"
  expectTunnels client
  listening.cancel
  server.close

-- parity: HCLI-05, HCLI-09
test "one connection carries requests until one is given up" := inBoth fun runtime => do
  let (ours, theirs) ← runtime.newTwoWayPipe
  let client ← Http.Client.over ours
  let first ← client.requestStart .get "/1"
  let second ← client.requestStart .get "/2"
  let third ← client.requestStart .get "/3"
  discard <| theirs.read 26 26
  theirs.write "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
  checkEq (← (← first.await).text) "ab"
  discard <| theirs.read 26 26
  second.cancel
  discard <| fails .disconnected (third.await)
  discard <| fails .disconnected (client.get "/4")

-- parity: HCLI-20, CONN-12
test "a handler is asked in this process" := inBoth fun runtime => do
  let client ← Http.Client.toServer (← Http.Server.new runtime gateKeeper)
  for _ in [0:2] do checkEq (← (← client.get "/a").text) "GET /a"
  discard <| fails .overloaded (client.get "/fails")
  expectTunnels client

-- parity: CONN-03
test "a client of a network connects to the host of a tunnel" := inBoth fun runtime => do
  let listener ← runtime.listen "127.0.0.1:0"
  let client ← Http.Client.new (← Network.system runtime)
  let tunnel ← client.connect s!"127.0.0.1:{← (← listener.localAddress).port}"
  let peer ← listener.accept
  tunnel.write "hi"
  checkEq (← (← peer.read 2 2).toText) "hi"

-- parity: HCLI-16, HCLI-17, HCLI-18, HCLI-19
test "a limited client runs a number of requests at once" := inBoth fun runtime => do
  let (ours, theirs) ← runtime.newTwoWayPipe
  let whole ← Http.Client.over ours
  let (fulfiller, told) ← Fulfiller.new (α := Unit) runtime
  let client ← whole.limited (maxRunning := 1) (maxWaiting := 1) (untilHead := true) fun running waiting => do
    if (running, waiting) == (1, 1) then fulfiller.fulfill ()
  let first ← client.requestStart .get "/1"
  let second ← client.requestStart .get "/2"
  discard <| fails .overloaded (client.get "/3")
  told.await
  discard <| theirs.read 26 26
  second.cancel
  checkEq (← client.counts) (1, 0)
  theirs.write "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
  let response ← first.await
  checkEq (← client.counts) (0, 0)
  checkEq (← response.text) ""
  discard <| fails .invalidArgument (whole.counts)

end Test.HttpClient
