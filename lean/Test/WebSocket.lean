import Test.Check

namespace Test.WebSocket
open KjAsync

private def urlOf (listener : Listener) (path : String) : IO String :=
  return s!"ws://127.0.0.1:{← (← listener.localAddress).port}{path}"

/-- Runs a server with this handler and code that talks to it. -/
private def scene (handler : Http.Request → Async Http.Response) (body : Http.Client → Listener → Async Unit) : IO Unit :=
  inBoth fun runtime => Async.run runtime do
    let listener ← runtime.listen "127.0.0.1:0"
    let server ← Http.Server.new runtime handler
    let listening ← server.listenStart listener
    let client ← Http.Client.new (← Network.system runtime)
    body client listener
    listening.cancel
    server.close

private def compressed : WebSocketOptions := { compress := true, compressFrom := 1 }

/-- Sends every message back. -/
private def echo (request : Http.Request) : Async Http.Response := do
  if request.path != "/echo" then return .text "elsewhere" { code := 404 }
  let chosen := if (request.headers.get? "sec-websocket-protocol").isSome then .ofList [("Sec-WebSocket-Protocol", "b")] else {}
  let socket ← request.acceptWebSocket chosen compressed
  for message in socket do
    socket.send message
  return .answered

private def expectText (message : WebSocketMessage) (expected : String) : IO Unit := do
  match message with
  | .text text => checkEq text expected
  | .binary _ => throw (IO.userError "bytes instead of a text")
  | .close code _ => throw (IO.userError s!"closed with {code}")

-- parity: HCLI-06, HCLI-13, HSRV-04, HSRV-22, WS-01, WS-02, WS-17, WS-18, WS-19, WS-22
test "a client and a server talk in texts and bytes" := scene echo fun client listener => do
  for options in [{}, compressed] do
    let socket ← client.webSocket (← urlOf listener "/echo") (.ofList [("Sec-WebSocket-Protocol", "a, b")]) options
    checkEq (← socket.protocol?) (some "b")
    checkEq (← socket.extensions) (if options.compress then "permessage-deflate" else "")
    for text in ["", "hello", "κόσμε", "".pushn 'x' 100000] do
      socket.send text
      expectText (← socket.receive) text
    let bytes := ByteArray.mk #[1, 2, 255]
    socket.send bytes
    match ← socket.receive with
    | .binary came => checkEq came.toByteArray.data bytes.data
    | _ => throw (IO.userError "not bytes")
    socket.finish
  let socket ← Http.webSocket (← urlOf listener "/echo")
  check (← socket.sendNow "now") "there is room"
  expectText (← socket.receive) "now"

-- parity: HCLI-06
test "a server that grants no WebSocket says so" := scene echo fun client listener => do
  let asked ← client.webSocketAnswerStart (← urlOf listener "/other")
  match ← asked.await with
  | .socket _ => throw (IO.userError "granted")
  | .response response =>
    checkEq response.status.code 404
    checkEq (← response.text) "elsewhere"
  let refused ← client.webSocketStart (← urlOf listener "/other")
  try
    discard refused.await
    throw (IO.userError "granted")
  catch error => check (Error.kind? error == some .failed) s!"{error}"

/-- The two ends of one socket. -/
private def ends (runtime : Runtime) (extensions : String := "") (options : WebSocketOptions := {}) :
    Async (WebSocket × WebSocket) := do
  let listener ← runtime.listen "127.0.0.1:0"
  let accepting ← listener.acceptStart
  let client ← (← listener.localAddress).connect
  let server ← accepting.await
  return (← WebSocket.ofClient client extensions options, ← WebSocket.ofServer server extensions options)

-- parity: WS-01, WS-10, WS-11, WS-14, WS-15
test "a message goes in pieces, with a ping between" := inBoth fun runtime => Async.run runtime do
  let (client, server) ← ends runtime
  let (sent, body) ← client.sendStreamStart .text
  body.write "one "
  let piece ← server.receivePiece
  check (piece.kind? == some .text && !piece.isLast) "a piece"
  checkEq (← piece.bytes.toText) "one "
  let pong ← client.pingStart "?"
  let back ← client.receiveStart
  body.write "two"
  let rest ← server.receiveStart
  body.shutdownWrite
  expectText (← rest.await) "two"
  sent.await
  pong.await
  server.send "back"
  expectText (← back.await) "back"
  checkEq (← client.sentBytes) (← server.receivedBytes)
  (← server.pongStart).await

-- parity: WS-03, WS-07, WS-21
test "a close ends the loop, and goes through a pump" := inBoth fun runtime => Async.run runtime do
  let (client, middle) ← ends runtime
  let (far, server) ← ends runtime
  let pumped ← middle.pumpStart far
  client.send "1"
  client.send "2"
  let closing ← client.closeStart 4000 "enough"
  let mut came := #[]
  repeat
    match ← server.receive with
    | .text text => came := came.push text
    | .binary _ => throw (IO.userError "not a text")
    | .close code reason =>
      checkEq (code, reason) (4000, "enough")
      break
  checkEq came #["1", "2"]
  closing.await
  pumped.await
  let (client, server) ← ends runtime
  let counted ← server.receiveEachStart fun message => do
    if message.isClose then return none
    return if (match message with | .text text => text == "stop" | _ => false) then some 7 else none
  for text in ["go", "stop", "after"] do client.send text
  checkEq (← counted.await) (some 7)
  expectText (← server.receive) "after"

-- parity: WS-08, WS-09
test "a pump passes messages as they are" := inBoth fun runtime => Async.run runtime do
  let extensions := "permessage-deflate; client_no_context_takeover; server_max_window_bits=10"
  let (client, middle) ← ends runtime extensions
  let (far, server) ← ends runtime extensions
  let pumping ← middle.pumpStart far
  client.send (String.ofList (List.replicate 500 'a'))
  expectText (← server.receive) (String.ofList (List.replicate 500 'a'))
  checkEq (← far.sentBytes) (← client.sentBytes)
  pumping.cancel
  let options ← far.matchingOptions { maxMessage := 7 }
  checkEq (options.compress, options.clientNoContextTakeover, options.serverNoContextTakeover) (true, true, false)
  checkEq (options.serverMaxWindowBits, options.clientMaxWindowBits, options.maxMessage) (10, 15, 7)

-- parity: WS-16
test "a pipe has no buffer" := inBoth fun runtime => Async.run runtime do
  let (one, other) ← WebSocket.pipe runtime
  let first ← one.sendStart "first"
  let second ← one.sendStart "second"
  expectText (← other.receive) "first"
  first.await
  check (!(← second.isSettled)) "nothing is read ahead"
  expectText (← other.receive) "second"
  second.await

-- parity: WS-04, WS-05, WS-06, WS-12
test "what ends badly says so" := inBoth fun runtime => Async.run runtime do
  let (client, server) ← ends runtime
  client.disconnect
  try
    discard <| (server.receive : Async WebSocketMessage)
    throw (IO.userError "received")
  catch error => check (Error.kind? error == some .disconnected) s!"{error}"
  let (client, server) ← ends runtime
  let gone ← server.whenAbortedStart
  let receiving ← client.receiveStart
  client.abort
  try
    discard receiving.await
    throw (IO.userError "received")
  catch error => check (Error.kind? error == some .canceled) s!"{error}"
  gone.cancel
  try
    client.send (.close 1000 "")
    throw (IO.userError "sent")
  catch error => check (Error.kind? error == some .invalidArgument) s!"{error}"

end Test.WebSocket
