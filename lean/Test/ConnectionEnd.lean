import Test.Check

open Test KjAsync

-- parity: STRM-15
test "half a close ends one direction" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  client.write "last words"
  client.shutdownWrite
  checkEq (← (← server.read (min := 100) (max := 100)).toText) "last words"
  checkEq (← server.read (m := IO)).size 0
  server.write "answer"
  checkEq (← (← client.read (min := 6)).toText) "answer"
  match ← (client.write "x" : IO Unit).toBaseIO with
  | .ok () => throw (IO.userError "wrote after the end")
  | .error _ => pure ()

-- parity: STRM-16
test "abortRead ends reading for good" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let reading ← server.readStart
  server.abortRead
  checkEq (← reading.await).size 0
  client.write "unread"
  checkEq (← server.read (m := IO)).size 0
  server.write "one way"
  checkEq (← (← client.read (min := 7)).toText) "one way"

-- parity: STRM-21
test "close ends the socket and what is pending" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let fds ← openFds
  let reading ← client.readStart
  client.close
  client.close
  checkEq (← openFds) (fds - 1)
  discard <| fails .canceled reading.await
  match ← (client.read : IO BytesRef).toBaseIO with
  | .ok bytes => check bytes.isEmpty "read from a closed connection"
  | .error _ => pure ()
  checkEq (← server.read (m := IO)).size 0

-- parity: STRM-21
test "dropping a connection closes it, once nothing is pending" := inBoth fun runtime => do
  let fds ← openFds
  let reading ← do
    let (client, server) ← connectedPair (m := IO) runtime
    let reading ← client.readStart
    server.write "still"
    pure reading
  checkEq (← (← reading.await).toText) "still"
  eventually "sockets" (return (← openFds) == fds)

-- parity: STRM-10, UNIX-04
test "writing to a peer that is gone is an error and no signal" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  server.close
  let mut result : Except IO.Error Unit := .ok ()
  -- The first bytes may still be taken: the peer's answer is on its way.
  for _ in [0:100000] do
    result ← (client.write "x" : IO Unit).toBaseIO
    if result matches .error _ then break
  discard <| fails .disconnected (EIO.ofExcept result)
