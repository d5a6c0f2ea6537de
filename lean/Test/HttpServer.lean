import Test.Check

/-! What a program decides of an HTTP server beside its requests, as a client sees it that sends and expects exact bytes. -/

namespace Test.HttpServer
open KjAsync

private def pair (runtime : Runtime) : Async (Connection × Connection) := do
  let listener ← runtime.listen "127.0.0.1:0"
  let accepted ← listener.acceptStart
  let client ← (← listener.localAddress).connect
  return (client, ← accepted.await)

private def expect (client : Connection) (text : String) : Async Unit := do
  checkEq (← (← client.readExactly text.utf8ByteSize).toText) text

private def quiet : Http.ServerOptions := { date := false }

private def get (target : String) : String := s!"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"

-- parity: HSRV-07
test "each connection has a handler of its own" := inBoth fun runtime => Async.run runtime do
  let made ← IO.mkRef 0
  let server ← Http.Server.new runtime (fun _ => return .text "nobody's") quiet
    { onConnection? := some fun connection => do
        discard connection.peer
        made.modify (· + 1)
        let number ← made.get
        if number == 3 then throw (Error.ofKind .overloaded "no third")
        return fun _ => return .bytes (.ofString (toString number)) }
  for number in [1, 2] do
    let (client, connection) ← pair runtime
    let serving ← server.serveStart connection
    for _ in [0:2] do
      client.write (get "/")
      expect client s!"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 1\r\n\r\n{number}"
    serving.cancel
  let (client, connection) ← pair runtime
  let serving ← server.serveStart connection
  checkEq (← client.read).size 0
  try
    serving.await
    check false "it was served"
  catch error => checkEq (Error.kind? error) (some .overloaded)
  server.close

-- parity: HSRV-17, HSRV-18, HSRV-19, HSRV-21
test "hooks hear of failures, answer and close" := inBoth fun runtime => Async.run runtime do
  let log ← IO.mkRef #[]
  let server ← Http.Server.new runtime
    (fun request => do
      if request.path == "/none" then return .answered
      if request.path == "/last" then return { body := .bytes (.ofString "last") }
      throw (Error.ofKind .failed "mine"))
    quiet
    { onHandlerError? := some fun _ error => return some { status := ⟨502, ""⟩, body := .bytes (.ofString error.text) }
      onNoAnswer? := some fun _ => return some { status := .notFound }
      onProtocolError? := some fun _ => return some { status := ⟨499, "Odd"⟩ }
      shouldClose? := some fun request => return request.path == "/last"
      onRequestEnd? := some fun request summary => log.modify (·.push (request.target, summary.status?, summary.sent, summary.whole)) }
  let (client, connection) ← pair runtime
  let serving ← server.serveStart connection
  client.write (get "/" ++ get "/none" ++ get "/last")
  expect client "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 4\r\n\r\nmine"
  expect client "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
  expect client "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nlast"
  serving.await
  checkEq (← log.get) #[("/", some 502, 4, true), ("/none", some 404, 0, true), ("/last", some 200, 4, true)]
  let (client, connection) ← pair runtime
  let serving ← server.serveStart connection
  client.write "GET / HTTP/3.0\r\n\r\n"
  expect client "HTTP/1.1 499 Odd\r\nconnection: close\r\n"
  serving.await
  server.close

-- parity: HSRV-20
test "a hook hears of connections that fail" := inBoth fun runtime => Async.run runtime do
  let failed ← Event.new runtime
  let server ← Http.Server.new runtime (fun request => return .bytes (← request.readAll)) quiet
    { onConnectionError? := some fun _ => failed.set }
  let listener ← runtime.listen "127.0.0.1:0"
  let listening ← server.listenStart listener
  let client ← (← listener.localAddress).connect
  client.write "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nshort"
  client.close
  failed.wait
  listening.cancel
  server.close

-- parity: HSRV-23, HSRV-24
test "a suspended request goes on in another server" := inBoth fun runtime => Async.run runtime do
  let suspended ← IO.mkRef none
  let first ← Http.Server.new runtime (fun request => do
    suspended.set (some (← request.suspend))
    return .answered) quiet
  let second ← Http.Server.new runtime (fun request => return { body := .bytes (← request.readAll) }) quiet
  let (client, connection) ← pair runtime
  client.write "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"
  check (← first.serveUntilDrained connection).isNone "nothing is handed on"
  let some connection ← suspended.get | throw (IO.userError "it was not suspended")
  let serving ← second.serveStart connection
  client.write "llo\r\n0\r\n\r\n"
  expect client "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
  serving.cancel
  first.close
  second.close

-- parity: HSRV-10
test "a connection is handed on between two requests" := inBoth fun runtime => Async.run runtime do
  let first ← Http.Server.new runtime (fun _ => return { body := .bytes (.ofString "one") }) quiet
  let second ← Http.Server.new runtime (fun _ => return { body := .bytes (.ofString "two") }) quiet
  let (client, connection) ← pair runtime
  let serving ← first.serveUntilDrainedStart connection
  client.write (get "/")
  expect client "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none"
  first.drain
  let some connection ← serving.await | throw (IO.userError "it was not handed on")
  let serving ← second.serveStart connection
  client.write (get "/")
  expect client "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo"
  serving.cancel
  first.close
  second.close

-- parity: HSRV-11
test "a drain has a deadline" := inBoth fun runtime => Async.run runtime do
  let begun ← Event.new runtime
  let server ← Http.Server.new runtime (fun _ => do
    begun.set
    Async.sleep (.ofNanos 3_600_000_000_000)
    return .text "never") quiet
  let listener ← runtime.listen "127.0.0.1:0"
  let listening ← server.listenStart listener
  let client ← (← listener.localAddress).connect
  client.write (get "/")
  begun.wait
  checkEq (← server.drainFor (.ofNanos 1_000_000)) false "whether nothing was left"
  checkEq (← client.read).size 0
  listening.await

-- parity: HSRV-14
test "an unread body is read to keep the connection if it is short" := inBoth fun runtime => Async.run runtime do
  let server ← Http.Server.new runtime (fun _ => return { status := .noContent }) { quiet with unreadBytes := 10 }
  let (client, connection) ← pair runtime
  let serving ← server.serveStart connection
  for _ in [0:2] do
    client.write "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123456789"
    expect client "HTTP/1.1 204 No Content\r\n\r\n"
  client.write s!"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{get "/"}"
  expect client "HTTP/1.1 204 No Content\r\n\r\n"
  checkEq (← client.read).size 0
  discard serving.cancel
  server.close

-- parity: CONN-04, CONN-05, CONN-06, CONN-07, CONN-08
test "a tunnel is accepted, refused, or not decided on" := inBoth fun runtime => Async.run runtime do
  let server ← Http.Server.new runtime (fun request => do
    match request.target with
    | "yes:1" => do
      let tunnel ← request.acceptTunnel
      discard (tunnel.pumpTo tunnel)
      return .answered
    | "no:1" => return { status := ⟨403, ""⟩, body := .bytes (.ofString "no") }
    | "undecided:1" => return .answered
    | _ => return .text "a page") quiet
  let connect (host header : String) := s!"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{header}\r\n"
  for (request, answer) in [
      (connect "yes:1" "" ++ "early", "HTTP/1.1 200 OK\r\n\r\nearly"),
      (connect "no:1" "" ++ get "/", "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno"),
      (connect "undecided:1" "" ++ get "/", ""),
      (connect "page:1" "", "HTTP/1.1 501 Not Implemented\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
        ++ "content-length: 16\r\n\r\nNot Implemented\n")] do
    let (client, connection) ← pair runtime
    let serving ← server.serveStart connection
    client.write request
    if request.endsWith "early" then client.shutdownWrite
    checkEq (← (← client.readAll).toText) answer
    serving.cancel
  let (client, connection) ← pair runtime
  let serving ← server.serveStart connection
  client.write (connect "yes:1" "Content-Length: 0\r\n")
  expect client "HTTP/1.1 400 Bad Request\r\n"
  serving.await
  server.close

test "a request knows who sent it and where it came to" := inBoth fun runtime => Async.run runtime do
  let seen ← IO.mkRef ("", "")
  let server ← Http.Server.new runtime (fun request => do
    seen.set (toString (← (← request.localAddress).port), ← (← request.peer).text)
    return { status := .noContent }) quiet
  let (client, connection) ← pair runtime
  let serving ← server.serveStart connection
  client.write (get "/")
  expect client "HTTP/1.1 204 No Content\r\n\r\n"
  checkEq (← seen.get).1 (toString (← (← client.peerAddress).port))
  check ((← seen.get).2.startsWith "127.0.0.1") "it says who"
  serving.cancel
  server.close

end Test.HttpServer
