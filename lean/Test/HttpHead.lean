import Test.Check

open Test KjAsync

namespace Test.HttpHead
open Http (RequestHead ResponseHead Headers HeadLimits BodyLength ProtocolError ByteRange Ranges)

/-- The action says that bytes are no message, which is to be answered with this status. -/
private def isRefused (action : IO α) (status : Nat) (raw? : Option String := none) : IO Unit := do
  match ← ProtocolError.attempt action with
  | .ok _ => throw (IO.userError s!"succeeded, expected {status}")
  | .error error =>
    checkEq error.status.code status error.description
    check (!error.description.isEmpty && !(error.description.contains "secret")) error.description
    if let some raw := raw? then checkEq error.raw.data raw.toUTF8.data "raw bytes"

-- parity: HTTP-01, HTTP-02, HTTP-03, HTTP-04, HTTP-05, HTTP-10, HTTP-13, HTTP-14
test "a request is read and printed" := do
  let head ← RequestHead.parse "PROPFIND /a?b=%20 HTTP/1.1\r\nhost:x\r\nX-Odd:\tspaced \t\r\nHost: y\r\n\r\n"
  let expected : RequestHead := {
    method := .propfind, target := "/a?b=%20", headers := .ofList [("host", "x"), ("X-Odd", "spaced"), ("Host", "y")] }
  checkEq head expected
  check (decide (head = expected)) "equality is decidable"
  checkEq (head.headers.get? "HOST") (some "x, y")
  checkEq (head.headers.get? "x-odd") (some "spaced")
  checkEq (head.headers.get? "never-heard-of") none
  checkEq (← (← head.toBytes).toText) "PROPFIND /a?b=%20 HTTP/1.1\r\nhost: x\r\nX-Odd: spaced\r\nHost: y\r\n\r\n"
  let tunnel ← RequestHead.parse "CONNECT example.com:443 HTTP/1.0\r\n\r\n"
  checkEq tunnel { method := .connect, target := "example.com:443", version := .http10 }
  checkEq (← RequestHead.parse "get / HTTP/1.1\r\n\r\n").method ⟨"get"⟩
  checkEq (Http.Method.ofName? "X-MINE") (some ⟨"X-MINE"⟩)
  for name in ["", "G T", "GET\r\n", "é", "a:"] do checkEq (Http.Method.ofName? name) none name
  for (method, target) in [(⟨"G T"⟩, "/"), (.get, ""), (.get, "/ HTTP/1.1\r\nA: b")] do
    discard <| fails .invalidArgument ({ method, target : RequestHead }).toBytes
  discard <| fails .invalidArgument ({ method := .get, target := "/", headers := .ofList [("A", "b\r\nc")] : RequestHead }).toBytes

-- parity: HTTP-13, HTTP-14, HTTP-22
test "a response and fields alone are read and printed" := do
  let head ← ResponseHead.parse "HTTP/1.0 404 Not There\r\nA: b\r\n\r\n"
  checkEq head { status := { code := 404, reason := "Not There" }, version := .http10, headers := .ofList [("A", "b")] }
  checkEq (← (← head.toBytes).toText) "HTTP/1.0 404 Not There\r\nA: b\r\n\r\n"
  checkEq (← (← ({ status := .notFound : ResponseHead }).toBytes).toText) "HTTP/1.1 404 Not Found\r\n\r\n"
  for code in [0, 99, 1000, 65736, 4294967396] do
    discard <| fails .invalidArgument ({ status := { code } : ResponseHead }).toBytes
  let fields ← Headers.parse "Content-Length: 20\r\nContent-Type: x\r\n\r\n"
  checkEq fields (.ofList [("Content-Length", "20"), ("Content-Type", "x")])
  checkEq (← (← fields.toBytes).toText) "Content-Length: 20\r\nContent-Type: x\r\n\r\n"

-- parity: HTTP-13, HTTP-15, HTTP-16
test "what is no head says what to answer" := do
  for (text, status) in
      [("GET /secret HTTP/1.1\nA: b\r\n\r\n", 400), ("GET /secret HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
       ("GET /secret HTTP/1.1\r\nA : b\r\n\r\n", 400), ("GET /secret HTTP/2.0\r\n\r\n", 505), ("", 400)] do
    isRefused (RequestHead.parse text) status text
  isRefused (ResponseHead.parse "HTTP/1.1 20 secret\r\n\r\n") 400 "HTTP/1.1 20 secret\r\n\r\n"
  isRefused (Headers.parse "secret\r\n\r\n") 400 "secret\r\n\r\n"
  let text := "GET /12345678 HTTP/1.1\r\na: 1\r\nb: 2\r\n\r\n"
  let limits : HeadLimits := { maxHead? := some text.length, maxHeaders? := some 2, maxTarget? := some 9 }
  discard <| RequestHead.parse text limits
  isRefused (RequestHead.parse text { limits with maxHead? := some (text.length - 1) }) 431
  isRefused (RequestHead.parse text { limits with maxHeaders? := some 1 }) 431
  isRefused (RequestHead.parse text { limits with maxTarget? := some 8 }) 414
  checkEq (← Http.headLength? (text ++ "body")) (some text.length)
  checkEq (← Http.headLength? (text.dropEnd 1).toString) none
  isRefused (Http.headLength? text { maxHead? := some 10 }) 431
  -- Any other error is thrown.
  match ← (ProtocolError.attempt (throw (IO.userError "other") : IO Unit)).toBaseIO with
  | .ok _ => throw (IO.userError "no error")
  | .error error => checkEq (toString error) "other"

-- parity: HTTP-18, HTTP-19, HTTP-20
test "a head says how its body ends" := do
  let request (lines : String) : IO BodyLength := do (← RequestHead.parse s!"POST / HTTP/1.1\r\n{lines}\r\n").bodyLength
  checkEq (← request "") (.exactly 0)
  checkEq (← request "Content-Length: 5\r\n") (.exactly 5)
  checkEq (← request "Transfer-Encoding: chunked\r\n") .chunked
  isRefused (request "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") 400
  isRefused (request "Transfer-Encoding: gzip, chunked\r\n") 501
  isRefused (request "Content-Length: 5\r\nContent-Length: 6\r\n") 400
  let response ← ResponseHead.parse "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
  checkEq (← response.bodyLength) (.exactly 5)
  checkEq (← response.bodyLength .head) (.exactly 0)
  checkEq (← { response with headers := {} }.bodyLength) .untilClose

-- parity: HTTP-12
test "an upgrade to a WebSocket is seen" := do
  for (value, expected) in [("websocket", true), ("h2c , WebSocket", true), ("websockets", false), ("", false)] do
    checkEq (Headers.ofList [("Upgrade", value)]).isWebSocket expected value
  checkEq ({} : Headers).isWebSocket false

-- parity: HTTP-17, HTTP-26
test "ranges are read against a length and printed" := do
  let some (ranges : List (Nat × Nat)) : Ranges := .some (ranges.map fun (start, stop) => { start, stop }).toArray
  for (value, expected) in
      [("bytes=0-9", some [(0, 9)]), ("bytes=90-, -5,100-", some [(90, 99), (95, 99)]), ("bytes=5-6,0-", .everything),
       ("bytes=1-2,x", .unsatisfiable), ("items=0-1", .unsatisfiable), ("bytes=100-", .unsatisfiable), ("", .unsatisfiable)] do
    checkEq (← Ranges.parse value 100) expected value
  checkEq (toString ({ start := 3, stop := 7 } : ByteRange)) "3-7"
  checkEq ({ start := 3, stop := 7 } : ByteRange).size 5

end Test.HttpHead
