import Test.Ends

open Test KjAsync

/-- Both kinds of connection that carry descriptors. -/
private def carriers (runtime : Runtime) : IO (List (Connection × Connection)) :=
  return [← runtime.newOsSocketPair, ← runtime.newCapabilityPipe]

/-- A pipe of the system's, with a descriptor of its own for each end. -/
private def pipeFds (runtime : Runtime) : IO (OwnFd × OwnFd) := do
  let (reader, writer) ← runtime.newOsPipe
  match ← reader.dupFd?, ← writer.dupFd? with
  | some reading, some writing => return (reading, writing)
  | _, _ => throw (IO.userError "no descriptor")

/-- Fails the test unless what is written to one descriptor can be read from the other. -/
private def joined (runtime : Runtime) (reading writing : OwnFd) : IO Unit := do
  let reader ← runtime.wrapSocketFdTake (← reading.take)
  let writer ← runtime.wrapSocketFdTake (← writing.take)
  writer.write "joined"
  reads reader "joined"

-- parity: CAPS-01, CAPS-02, CAPS-07, CAPS-08
test "descriptors of several writes are put together" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    let (reading, writing) ← pipeFds runtime
    let receiving ← other.readWithFdsStart (min := 4)
    reading.withNumber fun fd => one.writeWithFds "ab" #[fd]
    reading.close
    writing.withNumber fun fd => one.writeWithFds "cd" #[fd]
    let message ← receiving.await
    checkEq (← (← message.content).toText) "abcd"
    checkEq (← message.fdCount) 2
    if let [first, second] := (← message.takeFds).toList then joined runtime first second
    discard <| fails .failed message.takeFd
    discard <| fails .invalidArgument (message.takeFd 2)

-- parity: CAPS-02
test "descriptors beyond the limit are closed, and so are those that nobody takes" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    let (reading, writing) ← pipeFds runtime
    let fds ← openFds
    let receiving ← other.readWithFdsStart (min := 3) (maxFds := 1)
    reading.withNumber fun first => writing.withNumber fun second => one.writeWithFds "abc" #[first, second]
    do
      let message ← receiving.await
      checkEq (← message.fdCount) 1
      receiving.release
    eventually "descriptors" (return (← openFds) == fds)
    for fd in [reading, writing] do fd.close
    for connection in [one, other] do connection.close

-- parity: CAPS-03
test "plain reads close what came" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    let (reading, writing) ← pipeFds runtime
    let fds ← openFds
    let receiving ← other.readStart (min := 2)
    reading.withNumber fun fd => one.writeWithFds "ab" #[fd]
    checkEq (← (← receiving.await).toText) "ab"
    eventually "descriptors" (return (← openFds) == fds)
    for fd in [reading, writing] do fd.close
    for connection in [one, other] do connection.close

-- parity: CAPS-01
test "what cannot be sent is refused" := inBoth fun runtime => do
  let (one, _) ← runtime.newOsSocketPair
  let (reading, _) ← pipeFds runtime
  discard <| fails .invalidArgument (reading.withNumber fun fd => one.writeWithFds "" #[fd])
  discard <| fails .invalidArgument (reading.withNumber fun fd => one.writeWithFds "x" (Array.replicate 254 fd))
  discard <| fails .failed (one.writeWithFds "x" #[1000000])
  let (client, server) ← connectedPair (m := IO) runtime
  discard <| fails .unimplemented (reading.withNumber fun fd => client.writeWithFds "x" #[fd])
  discard <| fails .unimplemented (server.readWithFds : IO Message)
  discard <| fails .unimplemented (server.receiveFd : IO OwnFd)

-- parity: CAPS-05
test "one descriptor is sent and received" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    let (reading, writing) ← pipeFds runtime
    let receiving ← other.receiveFdStart
    reading.withNumber fun fd => one.sendFd fd
    let first ← receiving.await
    discard <| fails .failed receiving.await
    let receiving ← other.receiveFdStart?
    writing.withNumber fun fd => one.sendFd fd
    match ← receiving.await with
    | some second => joined runtime first second
    | none => throw (IO.userError "none came")
    let receiving ← other.receiveFdStart
    one.write "x"
    discard <| fails .failed receiving.await
    one.shutdownWrite
    checkEq (← other.receiveFd? (m := IO)).isNone true
    discard <| fails .disconnected (other.receiveFd : IO OwnFd)

-- parity: CAPS-06
test "a connection moves" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    for _ in [0:2] do
      let (near, far) ← runtime.newOsSocketPair
      let receiving ← other.receiveConnectionStart
      one.sendConnection near
      let moved ← receiving.await
      discard <| fails .badHandle (near.write "x")
      moved.write "moved"
      reads far "moved"
    let (near, far) ← runtime.newOsSocketPair
    let receiving ← other.receiveConnectionStart?
    one.sendConnection near
    match ← receiving.await with
    | some moved =>
      far.write "back"
      reads moved "back"
    | none => throw (IO.userError "none came")
    one.shutdownWrite
    checkEq (← other.receiveConnection? (m := IO)).isNone true
    discard <| fails .disconnected (other.receiveConnection : IO Connection)

-- parity: CAPS-04, CAPS-07
test "connections of any kind pass through a pipe in this process" := inBoth fun runtime => do
  let (one, other) ← runtime.newCapabilityPipe
  let (reader, writer) ← runtime.newOneWayPipe
  let (near, far) ← connectedPair (m := IO) runtime
  let receiving ← other.readWithConnectionsStart (min := 3)
  one.writeWithConnections "two" #[reader, near]
  let message ← receiving.await
  checkEq (← (← message.content).toText) "two"
  checkEq (← message.connectionCount) 2
  checkEq (← message.fdCount) 0
  if let [movedReader, movedNear] := (← message.takeConnections).toList then
    let writing ← writer.writeStart "in process"
    reads movedReader "in process"
    writing.await
    movedNear.write "tcp"
    reads far "tcp"
  discard <| fails .failed message.takeConnection

-- parity: CAPS-04
test "an error of any kind is told from the end of the stream" := inBoth fun runtime => do
  for kind in ErrorKind.all do
    let (one, other) ← runtime.newCapabilityPipe
    one.abortWrite (Error.ofKind kind "of its own")
    discard <| fails kind (other.receiveConnection? : IO (Option Connection))
    discard <| fails kind (Async.run runtime other.receiveConnection?)
    discard <| fails kind (Async.run runtime other.receiveFd?)
    let (one, other) ← runtime.newCapabilityPipe
    let receiving ← other.receiveConnectionStart?
    one.abortWrite (Error.ofKind kind "of its own")
    discard <| fails kind (Async.run runtime receiving.await)

test "connections go over a socket as descriptors" := inBoth fun runtime => do
  let (one, other) ← runtime.newOsSocketPair
  let (near, far) ← connectedPair (m := IO) runtime
  let receiving ← other.readWithConnectionsStart
  one.writeWithConnections "x" #[near]
  let moved ← (← receiving.await).takeConnection
  moved.write "tcp"
  reads far "tcp"
  let (inside, _) ← runtime.newTwoWayPipe
  discard <| fails .unimplemented (one.writeWithConnections "x" #[inside])

-- parity: CAPS-07
test "a pipe in this process turns neither into the other" := inBoth fun runtime => do
  let (one, other) ← runtime.newCapabilityPipe
  let (near, _) ← runtime.newOsSocketPair
  let receiving ← other.readWithFdsStart
  one.sendConnection near
  discard <| fails .failed receiving.await
  let (one, other) ← runtime.newCapabilityPipe
  let (reading, _) ← pipeFds runtime
  let receiving ← other.readWithConnectionsStart
  reading.withNumber fun fd => one.sendFd fd
  discard <| fails .failed receiving.await

-- parity: CAPS-02, CAPS-05
test "a cancelled receive takes nothing" := inBoth fun runtime => do
  for (one, other) in ← carriers runtime do
    let receiving ← other.receiveFdStart
    receiving.cancel
    let (reading, writing) ← pipeFds runtime
    let receiving ← other.receiveFdStart
    reading.withNumber fun fd => one.sendFd fd
    joined runtime (← receiving.await) writing

-- parity: STRM-08
test "reads keep control messages when asked to" := inBoth fun runtime => do
  let (one, other) ← runtime.newOsSocketPair
  let (reading, writing) ← pipeFds runtime
  -- SOL_SOCKET, SO_PASSCRED; SCM_CREDENTIALS.
  unless System.Platform.isOSX do other.setsockopt 1 16 (SocketOption.ofInt 1)
  let receiving ← other.readWithControlStart (min := 5)
  reading.withNumber fun fd => one.sendFd fd
  one.write "more"
  let message ← receiving.await
  checkEq (← message.content).size 5
  checkEq (← message.source?).isNone true
  checkEq (← message.isControlTruncated) false
  joined runtime (← message.takeFd) writing
  unless System.Platform.isOSX do
    let some who := (← message.controlMessages)[0]? | throw (IO.userError "no credentials")
    checkEq (who.level, who.type) (1, 2)
    checkEq (who.int? 0) (some (← IO.Process.getPID).toInt32)
  let (reader, _) ← runtime.newTwoWayPipe
  discard <| fails .unimplemented (reader.readWithControl : IO Message)

-- parity: CAPS-02, CAPS-05, CAPS-06
test "code on the loop passes descriptors and connections" := onLoop do
  let runtime ← Async.runtime
  for (one, other) in ← carriers runtime do
    let receiving ← Async.fork do
      let fd ← other.receiveFd
      let connection ← other.receiveConnection
      let message ← other.readWithFds
      let last ← other.receiveConnection?
      return (fd, connection, (← message.takeFds).size, last.isNone)
    let (reading, writing) ← pipeFds runtime
    let (near, far) ← runtime.newOsSocketPair
    (← reading.withNumber (one.sendFdStart ·)).await
    one.sendConnection near
    (← writing.withNumber fun fd => one.writeWithFdsStart "x" #[fd]).await
    one.shutdownWrite
    let (fd, connection, count, ended) ← receiving.await
    checkEq (count, ended) (1, true)
    far.write "hi"
    checkEq (← (← connection.readExactly 2).toText) "hi"
    let reader ← runtime.wrapSocketFdTake (← fd.take)
    let writer ← writing.withNumber (runtime.wrapSocketFd ·)
    writer.write "pipe"
    checkEq (← (← reader.readExactly 4).toText) "pipe"

-- parity: PIPE-08, PIPE-12
test "a second runtime gets one end of a socket pair" := withRuntime fun runtime => withRuntime fun other => do
  let (here, there) ← runtime.newOsSocketPair
  let some copy ← there.dupFd? | throw (IO.userError "no descriptor")
  there.close
  let there ← other.wrapSocketFdTake (← copy.take)
  here.write "over"
  checkEq (← (← there.read (min := 4)).toText) "over"
  there.write "back"
  checkEq (← (← here.read (min := 4)).toText) "back"
  other.shutdown
  checkEq (← here.read (m := IO)).size 0
