import Test.Check

open Test KjAsync

-- parity: NET-01, NET-02, NET-15
test "addresses are parsed and printed" := inBoth fun runtime => do
  for (text, port, printed) in
      [("127.0.0.1:80", 0, "127.0.0.1:80"), ("127.0.0.1", 81, "127.0.0.1:81"), ("[::1]:80", 0, "[::1]:80")] do
    let address : Address ← Address.parse runtime text port
    checkEq (← address.text) printed text
  checkEq (← (← Address.parse runtime "127.0.0.1:65535").port) 65535
  checkEq (← (← Address.parse runtime "*:7").port) 7

-- parity: NET-02
test "what is no address is refused" := inBoth fun runtime => do
  for text in ["127.0.0.1:65536", "[::1", "[::1]x", "a b", "a\u0000b"] do
    discard <| fails .invalidArgument (Address.parse runtime text 80)

-- parity: NET-03
test "a name that is none does not resolve" := withRuntime fun runtime => do
  discard <| fails .failed (Address.parse runtime "no-such-host.invalid:80")
  discard <| fails .failed (Address.parse runtime "127.0.0.1:no-such-service")

-- parity: NET-03
test "localhost resolves" := withRuntime fun runtime => do
  let address : Address ← Address.parse runtime "localhost:5"
  checkEq (← address.port) 5
