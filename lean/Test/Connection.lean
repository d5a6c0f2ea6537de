import Test.Check

open Test KjAsync

-- parity: STRM-01, STRM-10
test "what is written is read" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  client.write "hello"
  checkEq (← (← server.read (min := 5)).toText) "hello"
  server.write ("a string" : String)
  server.write (ByteArray.mk #[33])
  server.write (("and a part" : BytesRef).slice 3 5)
  checkEq (← (← client.read (min := 11) (max := 11)).toText) "a string! a"
  client.write ""

-- parity: STRM-01
test "a read takes at most what it asks for" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  client.write "abcdef"
  checkEq (← (← server.read (min := 2) (max := 2)).toText) "ab"
  checkEq (← (← server.read (min := 1) (max := 3)).toText) "cde"
  checkEq (← (← server.read).toText) "f"
  discard <| fails .invalidArgument (server.read (max := 0))
  discard <| fails .invalidArgument (server.read (min := 5) (max := 4))

-- parity: STRM-02, STRM-03
test "an exact read is complete or an error" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  client.write "123"
  client.write "45"
  checkEq (← (← server.readExactly 4).toText) "1234"
  checkEq (← server.readExactly 0).size 0
  client.shutdownWrite
  discard <| fails .disconnected (server.readExactly 2)

-- parity: STRM-11
test "pieces go out as one" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let whole : BytesRef := "in the middle"
  client.writev #["one ", ByteArray.mk #[], whole.slice 3 6, ByteArray.mk #[33]]
  checkEq (← (← server.read (min := 8)).toText) "one the!"
  client.writev #[]

-- parity: STRM-24
test "a second read at the same time is refused" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let reading ← server.readStart
  discard <| fails .busy server.read
  discard <| fails .busy server.readAll
  discard <| fails .busy (server.pumpTo client : IO UInt64)
  client.write "x"
  checkEq (← (← reading.await).toText) "x"

test "reads and writes go on side by side, and writes in order" := withRuntime fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let chunk (n : Nat) : ByteArray := ⟨Array.replicate 100000 n.toUInt8⟩
  let reading ← server.readAllStart
  let writes ← (Array.range 40).mapM fun n => client.writeStart (chunk n)
  discard (← PromiseRef.all runtime writes).await
  client.shutdownWrite
  let all : ByteArray := (← reading.await).toByteArray
  checkEq all.size 4000000
  for n in [0:40] do
    check (all.get! (n * 100000) == n.toUInt8 && all.get! (n * 100000 + 99999) == n.toUInt8) s!"chunk {n}"

-- parity: STRM-07
test "readAll reads to the end, up to its limit" := inBoth fun runtime => do
  for limit in [4, 5, 6] do
    let (client, server) ← connectedPair (m := IO) runtime
    client.write "12345"
    client.shutdownWrite
    if limit < 5 then discard <| fails .overloaded (server.readAll limit)
    else checkEq (← (← server.readAll limit).toText) "12345"

-- parity: STRM-05
test "a pump moves bytes from one connection to another" := withRuntime fun runtime => do
  let (source, middleIn) ← connectedPair (m := IO) runtime
  let (middleOut, target) ← connectedPair (m := IO) runtime
  let pumping ← middleIn.pumpToStart middleOut
  let reading ← target.readAllStart
  source.write (ByteArray.mk (Array.replicate 300000 7))
  source.shutdownWrite
  checkEq (← pumping.await) 300000
  middleOut.shutdownWrite
  checkEq (← reading.await).size 300000

-- parity: STRM-05, STRM-06
test "a pump stops at its limit and when it is cancelled" := inBoth fun runtime => do
  let (source, middleIn) ← connectedPair (m := IO) runtime
  let (middleOut, target) ← connectedPair (m := IO) runtime
  source.write "0123456789"
  checkEq (← (middleIn.pumpTo middleOut 4 : IO UInt64)) 4
  checkEq (← (← target.read (min := 4)).toText) "0123"
  checkEq (← (← middleIn.read (min := 6)).toText) "456789"
  let pumping ← middleIn.pumpToStart middleOut
  pumping.cancel
  source.write "after"
  checkEq (← (← middleIn.read (min := 5)).toText) "after"

-- parity: STRM-18
test "both ends know their addresses" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  checkEq (← (← client.localAddress).text) (← (← server.peerAddress).text)
  checkEq (← (← client.peerAddress).text) (← (← server.localAddress).text)
  client.setNodelay false
  client.setNodelay true
