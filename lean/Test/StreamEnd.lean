import Test.Ends

open Test KjAsync

-- parity: STRM-14
test "abortWrite fails pending and later writes, with its error" := inBoth fun runtime => do
  for (_, reader, writer) in ← everyKind runtime do
    let writing ← writer.writeStart (megabytes 16)
    let ending ← writer.shutdownWriteStart
    writer.abortWrite (Error.ofKind .overloaded "too much")
    for failed in [writing.await, ending.await, writer.write "x"] do
      let error ← fails .overloaded (failed : IO Unit)
      check ((toString error).splitOn "too much" |>.length |> (· > 1)) s!"another text: {error}"
    reader.close

-- parity: STRM-14
test "the reader in this process gets the error of an aborted write" := inBoth fun runtime => do
  for pipe in [runtime.newOneWayPipe, runtime.newTwoWayPipe, runtime.newCapabilityPipe] do
    let (reader, writer) ← pipe
    let reading ← reader.readStart
    writer.abortWrite (IO.userError "no more")
    checkEq (toString (← fails .failed reading.await)) "no more"
    discard <| fails .failed reader.read

-- parity: STRM-14
test "reading goes on after abortWrite, and the peer of a socket sees a reset" := inBoth fun runtime => do
  for (kind, one, other) in ← everyTwoWay runtime do
    one.abortWrite (IO.userError "no more")
    let reading ← one.readStart (min := 2)
    other.write "on"
    checkEq (← (← reading.await).toText) "on" kind
  let (client, server) ← connectedPair (m := IO) runtime
  client.abortWrite (IO.userError "no more")
  client.close
  discard <| fails .disconnected server.read

-- parity: STRM-13
test "everyone who asked learns that the reader has gone" := inBoth fun runtime => do
  for (kind, reader, writer) in ← everyKind runtime do
    let watching ← (Array.range 3).mapM fun _ => writer.whenWriteDisconnectedStart
    letRest runtime
    for promise in watching do check (!(← promise.isSettled)) s!"{kind}: gone too early"
    -- TCP tells a peer that has gone from one that has ended its writing only when it answers with a reset.
    if kind == "TCP" then writer.write "unread"
    reader.close
    for promise in watching do promise.await
    writer.whenWriteDisconnected

-- parity: STRM-13, STRM-15
test "a peer that has only ended its writing has not gone" := inBoth fun runtime => do
  for (kind, one, other) in ← everyTwoWay runtime do
    let watching ← one.whenWriteDisconnectedStart
    other.shutdownWrite
    ended one
    letRest runtime
    check (!(← watching.isSettled)) s!"{kind}: taken for gone"
    one.close
    discard <| fails .canceled watching.await

-- parity: STRM-13
test "code on the loop races work against the peer going away" := onLoop do
  let runtime ← Async.runtime
  let (reader, writer) ← runtime.newOsSocketPair
  let watching ← Async.fork writer.whenWriteDisconnected
  Async.yield
  checkEq (← watching.isSettled) false
  reader.close
  watching.await

-- parity: STRM-16
test "abortRead ends reading of every kind, and the writer learns of it" := inBoth fun runtime => do
  for (_, reader, writer) in ← everyKind runtime do
    let reading ← reader.readStart
    reader.abortRead
    checkEq (← reading.await).size 0
    ended reader
    writer.close
  for pipe in [runtime.newOneWayPipe, runtime.newTwoWayPipe, runtime.newOsPipe] do
    let (reader, writer) ← pipe
    reader.abortRead
    discard <| fails .disconnected (writer.write (megabytes 1))

-- parity: STRM-21
test "close ends every kind of connection and what is pending on it" := inBoth fun runtime => do
  let fds ← openFds
  let kinds ← everyKind runtime
  for (_, reader, writer) in kinds do
    let reading ← reader.readStart
    reader.close
    reader.close
    discard <| fails .canceled reading.await
    writer.close
  eventually "sockets" (return (← openFds) ≤ fds + 1)

-- parity: STRM-02, STRM-03
test "a required read is whole or an error" := inBoth fun runtime => do
  for (kind, reader, writer) in ← everyKind runtime do
    let reading ← reader.readRequiredStart (min := 4) (max := 4)
    writer.write "four"
    checkEq (← (← reading.await).toText) "four" kind
    let reading ← reader.readRequiredStart (min := 4)
    let writing ← writer.writeStart "two"
    discard writing.await
    writer.close
    discard <| fails .disconnected reading.await
    discard <| fails .invalidArgument (reader.readRequired (min := 5) (max := 4))

-- parity: STRM-04
test "only some connections know their length" := inBoth fun runtime => do
  for (kind, reader, _) in ← everyKind runtime do checkEq (← reader.length?) none kind
  let null ← Connection.null runtime
  checkEq (← null.length?) (some 0)

-- parity: STRM-22, STRM-04, STRM-07
test "the null connection takes all and gives nothing" := inBoth fun runtime => do
  let null ← Connection.null runtime
  null.write (megabytes 1)
  ended null
  checkEq (← null.readAll (m := IO)).size 0
  null.shutdownWrite
