import Test.Check

namespace Test.Http
open KjAsync

private def at_ (listener : Listener) (path : String) : IO String := return s!"http://127.0.0.1:{← (← listener.localAddress).port}{path}"

/-- Runs a server and a client in one piece of code. -/
private def scene (handler : Http.Request → Async Http.Response)
    (body : Http.Server → Http.Client → Listener → Async Unit) (options : Http.ServerOptions := {}) : IO Unit := inBoth fun runtime => Async.run runtime do
  let listener ← runtime.listen "127.0.0.1:0"
  let server ← Http.Server.new runtime handler options
  let listening ← server.listenStart listener
  let client ← Http.Client.new (← Network.system runtime)
  body server client listener
  listening.cancel
  server.close

-- parity: HTTP-07, HTTP-08, HTTP-09
test "headers are values" := do
  let headers : Http.Headers := .ofList [("A", "1"), ("b", "2"), ("a", "3"), ("Set-Cookie", "x"), ("set-cookie", "y")]
  checkEq (headers.get? "a") (some "1, 3")
  checkEq (headers.get? "SET-COOKIE") (some "x")
  checkEq (headers.get? "c") none
  checkEq ((headers.set "A" "4").getAll "a") #["4"]
  checkEq (headers.remove "a").size 3
  check (decide ((headers.remove "c") = headers)) "removing nothing changes nothing"

-- parity: HSRV-01, HSRV-02, HSRV-06, HSRV-08, HCLI-01, HCLI-03, HCLI-07, HCLI-08
test "a handler answers requests by URL" := scene
  (handler := fun request => do
    let body ← request.readAll
    let asked := (request.headers.get? "x-ask").getD "-"
    return { Http.Response.text s!"{request.method} {request.path} {← body.toText}" with
      headers := .ofList [("X-Asked", asked)] })
  fun server client listener => do
    for _ in [0:3] do
      let response ← client.post (← at_ listener "/a?b") "hello" (.ofList [("X-Ask", "what")])
      checkEq response.status.code 200
      checkEq (response.headers.get? "x-asked") (some "what")
      checkEq (← response.text) "POST /a hello"
    checkEq (← server.connections) 1
    let response ← Http.get (← at_ listener "/b")
    checkEq (← response.text) "GET /b "

-- parity: HSRV-02, HTTP-20, HTTP-21
test "bodies are streams" := scene
  (handler := fun request => return .stream fun out => do
    let body ← request.body
    discard <| Stream.pumpTo body out
    Stream.write out "!")
  fun _ client listener => do
    for length? in [some 6, none] do
      let (asked, out) ← client.requestStreamStart .put (← at_ listener "/") (length? := length?)
      Stream.write out "abc"
      Stream.write out "def"
      out.connection.shutdownWrite
      let response ← asked.await
      checkEq (← response.text) "abcdef!"

-- parity: HSRV-18
test "what a handler throws is the answer by its kind" := scene
  (handler := fun request => do
    if request.path == "/full" then throw (Error.ofKind .overloaded "secret")
    throw (Error.ofKind .failed "secret"))
  fun _ client listener => do
    checkEq (← client.get (← at_ listener "/full")).status.code 503
    let response ← client.get (← at_ listener "/")
    checkEq response.status.code 500
    checkEq (← response.text) "Internal Server Error\n"

-- parity: HSRV-15
test "a client that gives up cancels the handler, whose clean-up runs" := inBoth fun runtime => Async.run runtime do
  let cleaned ← Event.new runtime
  let begun ← Event.new runtime
  let listener ← runtime.listen "127.0.0.1:0"
  let server ← Http.Server.new runtime fun _ => do
    begun.set
    try
      Async.sleep (.ofNanos 3_600_000_000_000)
    finally
      cleaned.set
    return .text "never"
  let listening ← server.listenStart listener
  let connection ← (← listener.localAddress).connect
  connection.write "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
  begun.wait
  connection.abortWrite (Error.ofKind .failed "gone")
  connection.close
  cleaned.wait
  listening.cancel
  server.close

-- parity: HSRV-11
test "a drained server lets requests finish" := inBoth fun runtime => Async.run runtime do
  let begun ← Event.new runtime
  let listener ← runtime.listen "127.0.0.1:0"
  let server ← Http.Server.new runtime fun request => do
    begun.set
    return .text (← (← request.readAll).toText)
  let listening ← server.listenStart listener
  let client ← Http.Client.new (← Network.system runtime)
  let (asked, out) ← client.requestStreamStart .post (← at_ listener "/")
  Stream.write out "ab"
  begun.wait
  let drained ← server.drainStart
  Stream.write out "cd"
  out.connection.shutdownWrite
  checkEq (← (← asked.await).text) "abcd"
  drained.await
  listening.await
  server.close

-- parity: HSRV-09
test "a connection that came another way is served" := inBoth fun runtime => Async.run runtime do
  let server ← Http.Server.new runtime fun _ => return .text "hello"
  let (client, connection) ← runtime.newTwoWayPipe
  let serving ← server.serveStart connection
  client.write "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
  let answer ← (← client.readAll).toText
  check (answer.startsWith "HTTP/1.1 200 " && answer.endsWith "hello") answer
  serving.await
  server.close

-- parity: HTTP-11, HCLI-01
test "what cannot be sent is refused" := inBoth fun runtime => do
  let client ← Http.Client.new (← Network.system runtime)
  discard <| fails .invalidArgument (client.requestStart .get "http://h/" (.ofList [("A", "x\r\nB: y")]))
  discard <| fails .invalidArgument (client.requestStart .get "http://h/" (.ofList [("A b", "x")]))
  discard <| fails .invalidArgument (client.requestStart ⟨"G T"⟩ "http://h/")
  discard <| fails .invalidArgument (client.requestStart .get "/a")

end Test.Http
