import Test.Ends

open Test KjAsync

-- parity: NET-12, NET-17, PEER-01, PEER-02, PEER-06
test "a TCP peer is its address, and outlives the connection" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let address ← (← client.localAddress).text
  let peer ← server.peer
  client.close
  server.close
  checkEq (← peer.text) address
  match peer with
  | .network found => checkEq (← found.text) address
  | _ => throw (IO.userError "no network peer")

/-- Fails the test unless the peer is this process. -/
private def isSelf (peer : Peer) : IO Unit := do
  match peer with
  | .process pid uid gid =>
    checkEq pid (some (← IO.Process.getPID)) "pid"
    let status ← IO.FS.readFile "/proc/self/status"
    for (name, id) in [("Uid:", uid), ("Gid:", gid)] do
      let some line := (status.splitOn "\n").find? (·.startsWith name) | throw (IO.userError "no status")
      -- The numbers are the real one, the effective one, and others.
      checkEq (id.map toString) (line.splitOn "\t")[2]? name
  | _ => throw (IO.userError "no local peer")

-- parity: NET-12, NET-17, PEER-01, PEER-03, PEER-06
test "a local peer is a process" := inBoth fun runtime => withFolder fun folder => do
  if System.Platform.isOSX then return
  let listener ← runtime.listen (m := IO) s!"unix:{folder}/socket"
  let accepting ← listener.acceptStart
  let client ← (← listener.localAddress).connect (m := IO)
  let server ← accepting.await
  isSelf (← client.peer)
  let peer ← server.peer
  isSelf peer
  check ((← peer.text) != "") "no text"

-- parity: NET-12, PEER-04
test "what is no socket has an unknown peer" := inBoth fun runtime => do
  for pipe in [runtime.newTwoWayPipe, runtime.newOsPipe] do
    let (one, _) ← pipe
    match ← one.peer with
    | .unknown => pure ()
    | _ => throw (IO.userError "known")

-- parity: PEER-01, PEER-04, PEER-05
test "peers are made by hand" := inBoth fun runtime => do
  checkEq (← (Peer.network (← Address.parse (m := IO) runtime "[::1]:80")).text) "[::1]:80"
  checkEq (← Peer.unknown.text) "(unknown peer)"
  let text ← (Peer.process (some 12) (some 34) none).text
  check ((text.splitOn "12").length > 1 && (text.splitOn "34").length > 1) text
  check ((← (Peer.process none none none).text) != "") "no text"

-- parity: NET-17, PEER-02
test "code on the loop asks who connected" := onLoop do
  let (client, server) ← connectedPair (m := Async) (← Async.runtime)
  match ← server.peer with
  | .network address => checkEq (← address.text) (← (← client.localAddress).text)
  | _ => throw (IO.userError "no network peer")
