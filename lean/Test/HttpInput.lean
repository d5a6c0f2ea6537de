import Test.Check

open Test KjAsync

namespace Test.HttpInput

-- parity: HTTP-22, HTTP-23, HTTP-24
test "messages without a first line follow each other" := onLoop do
  let runtime ← Async.runtime
  let (reader, writer) ← runtime.newOsPipe
  let input ← Http.Input.new reader
  let waiting ← input.whenNextStart
  discard <| fails .busy input.readFieldsStart
  waiting.cancel
  writer.write "Content-Length: 5\r\n\r\nhelloContent-Length: 2\r\nA: b\r\n\r\nyo"
  writer.shutdownWrite
  let mut heard := #[]
  while ← input.whenNext do
    let message ← input.readFields
    heard := heard.push (message.head.get? "a", ← message.bodyLength?, ← message.text)
  checkEq heard #[(none, some 5, "hello"), (some "b", some 2, "yo")]

-- parity: HTTP-20, HTTP-21, HTTP-22
test "requests and responses are read with their bodies" := onLoop do
  let runtime ← Async.runtime
  let (reader, writer) ← runtime.newOsPipe
  let input ← Http.Input.new reader
  writer.write ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n" ++
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell")
  writer.shutdownWrite
  let request ← input.readRequest
  checkEq (request.head.method, request.head.target) (.post, "/a")
  checkEq (← request.text) "abc"
  checkEq (← request.trailers) (.ofList [("T", "u")])
  let first ← input.readResponse .head
  checkEq (← first.text) ""
  let second ← input.readResponse
  checkEq second.head.status { code := 200, reason := "OK" }
  match ← ErrorRef.attempt (do discard <| (← (← second.body).readAllStart).await) with
  | .ok _ => throw (IO.userError "the body is whole")
  | .error error => checkEq error.kind .disconnected

end Test.HttpInput
