import Test.Check

/-! Requests that a server leaves to a client, trailers, and limits of time. -/

namespace Test.HttpForward
open KjAsync

private def pair (runtime : Runtime) : Async (Connection × Connection) := do
  let listener ← runtime.listen "127.0.0.1:0"
  let accepted ← listener.acceptStart
  let client ← (← listener.localAddress).connect
  return (client, ← accepted.await)

private def expect (client : Connection) (text : String) : Async Unit := do
  checkEq (← (← client.readExactly text.utf8ByteSize).toText) text

private def quiet : Http.ServerOptions := { date := false }

-- parity: HCLI-21
test "a request is forwarded both ways at once" := inBoth fun runtime => Async.run runtime do
  let (ours, back) ← runtime.newTwoWayPipe
  let client ← Http.Client.over ours
  let server ← Http.Server.new runtime (client.forward ·) quiet
  let (front, connection) ← pair runtime
  let serving ← server.serveStart connection
  front.write "POST /a HTTP/1.1\r\nHost: x\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-End: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
  expect back "POST /a HTTP/1.1\r\nhost: x\r\nx-end: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"
  back.write "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n"
  expect front "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n"
  front.write "0\r\n\r\n"
  expect back "0\r\n\r\n"
  back.write "0\r\n\r\n"
  expect front "0\r\n\r\n"
  -- The client goes, and the other side hears of it.
  front.write "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"
  expect back "PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na"
  front.close
  try
    discard back.read
    check false "it goes on"
  catch error => checkEq (Error.kind? error) (some .disconnected)
  serving.cancel
  server.close

-- parity: HCLI-21
test "a forwarded request may be changed, and a handler may catch what fails" := inBoth fun runtime => Async.run runtime do
  let back ← Http.Server.new runtime (fun request => do
    if request.path == "/fails" then throw (Error.ofKind .disconnected "gone")
    return .text s!"{request.target} {(request.headers.get? "x-mine").getD "-"}") quiet
  let client ← Http.Client.toServer back
  let server ← Http.Server.new runtime (fun request => do
    try client.forward request (url? := some ("/b" ++ request.target)) (headers? := some (.ofList [("X-Mine", "1")]))
    catch error =>
      if request.path == "/caught" then return .text s!"{Error.kind? error == some .disconnected}" else throw error) quiet
  let asker ← Http.Client.toServer server
  checkEq (← (← asker.get "/a?x").text) "/b/a?x 1"
  let failing ← Http.Server.new runtime (fun request => do
    try client.forward request (url? := some "/fails")
    catch error => if request.path == "/caught" then return .text "caught" else throw error) quiet
  let (front, connection) ← pair runtime
  let serving ← failing.serveStart connection
  front.write "GET /caught HTTP/1.1\r\nHost: x\r\n\r\n"
  expect front "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 6\r\n\r\ncaught"
  front.write "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
  expect front "HTTP/1.1 502 Bad Gateway\r\n"
  serving.cancel
  failing.close

-- parity: HCLI-21, CONN-12
test "a tunnel is forwarded" := inBoth fun runtime => Async.run runtime do
  let back ← Http.Server.new runtime (fun request => do
    let tunnel ← request.acceptTunnel
    discard <| Stream.pumpTo tunnel tunnel
    return .answered) quiet
  let client ← Http.Client.toServer back
  let server ← Http.Server.new runtime (client.forward ·) quiet
  let (front, connection) ← pair runtime
  let serving ← server.serveStart connection
  front.write "CONNECT far:1 HTTP/1.1\r\nHost: far:1\r\n\r\nhello"
  expect front "HTTP/1.1 200 OK\r\n\r\nhello"
  front.shutdownWrite
  checkEq (← front.read).size 0
  serving.cancel
  server.close

-- parity: HTTP-21
test "trailers come behind a body in chunks" := inBoth fun runtime => Async.run runtime do
  let server ← Http.Server.new runtime (fun request => return .stream (headers := .ofList [("Trailer", "X-Sum")]) fun body => do
    Stream.write body "ab"
    request.setTrailers (.ofList [("X-Sum", "9")])) quiet
  let (client, connection) ← pair runtime
  let serving ← server.serveStart connection
  client.write "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
  expect client "HTTP/1.1 200 OK\r\ntrailer: X-Sum\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-sum: 9\r\n\r\n"
  serving.cancel
  server.close

-- parity: HSRV-12
test "a head, a body and a request have limits of time" := inBoth fun runtime => Async.run runtime do
  let limits : Http.ServerOptions := { quiet with
    headTimeout? := some (.ofMillis 30), bodyTimeout? := some (.ofMillis 30), requestTimeout? := some (.ofSeconds 20) }
  let server ← Http.Server.new runtime (fun request => return .bytes (← request.readAll)) limits
  for (sent, answer) in [("GET / HT", "408 Request Timeout"),
      ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nslow", "408 Request Timeout")] do
    let (client, connection) ← pair runtime
    let serving ← server.serveStart connection
    client.write sent
    expect client s!"HTTP/1.1 {answer}\r\n"
    serving.cancel
  server.close

private def site (runtime : Runtime) (handler : Http.Request → Async Http.Response) : Async (Http.Server × PromiseRef Unit × String) := do
  let listener ← runtime.listen "127.0.0.1:0"
  let server ← Http.Server.new runtime handler quiet
  let listening ← server.listenStart listener
  return (server, listening, s!"http://127.0.0.1:{← (← listener.localAddress).port}")

-- parity: HCLI-22
test "a client follows redirects and decompresses if asked to" := inBoth fun runtime => Async.run runtime do
  let long := "".pushn 'x' 10000
  let (server, listening, url) ← site runtime fun request => do
    match request.path with
    | "/moved" => return { status := ⟨303, ""⟩, headers := .ofList [("Location", "/here?a")] }
    | "/round" => return { status := ⟨302, ""⟩, headers := .ofList [("Location", "/round")] }
    | "/long" => return { Http.Response.text long with compress := true }
    | "/stream" => return { Http.Response.stream (fun body => Stream.write body long) with compress := true }
    | _ => return .text s!"{request.method} {request.target}"
  let network ← Network.system runtime
  let plain ← Http.Client.new network
  let client ← Http.Client.new network { maxRedirects := 3, decompress := true, totalTimeout? := some (.ofSeconds 20) }
  checkEq (← plain.get (url ++ "/moved")).status.code 303
  checkEq (← (← client.post (url ++ "/moved") (.ofString "body")).text) "GET /here?a"
  try
    discard <| client.get (url ++ "/round")
    check false "it goes round"
  catch error => checkEq (Error.kind? error) (some .failed)
  for path in ["/long", "/stream"] do
    let response ← client.get (url ++ path)
    checkEq (response.headers.get? "content-encoding") none
    checkEq (← response.text) long
    let response ← plain.get (url ++ path) (headers := .ofList [("Accept-Encoding", "gzip")])
    checkEq (response.headers.get? "content-encoding") (some "gzip")
    check ((← response.readAll).size < 1000) "it is short"
  listening.cancel
  server.close

test "a client goes through a proxy if asked to" := inBoth fun runtime => Async.run runtime do
  let listener ← runtime.listen "127.0.0.1:0"
  let proxy := s!"http://me:pw@127.0.0.1:{← (← listener.localAddress).port}"
  let client ← Http.Client.new (← Network.system runtime) { proxy? := some proxy, noProxy? := some "127.0.0.1, .inner" }
  let asked ← client.requestStart .get "http://example.com/a"
  let connection ← listener.accept
  expect connection "GET http://example.com/a HTTP/1.1\r\nhost: example.com\r\nproxy-authorization: Basic bWU6cHc=\r\n\r\n"
  connection.write "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
  checkEq (← (← asked.await).text) "ok"
  let (server, listening, url) ← site runtime fun _ => return .text "direct"
  checkEq (← (← client.get url).text) "direct"
  listening.cancel
  server.close

end Test.HttpForward
