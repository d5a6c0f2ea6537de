import Test.Ends

open Test KjAsync

-- parity: STRM-19
test "a connection shows and copies its descriptor" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let some number ← client.fd? | throw (IO.userError "no descriptor")
  let some copy ← client.dupFd? | throw (IO.userError "no descriptor")
  check ((← copy.number) != number) "the same number"
  client.close
  let again ← runtime.wrapSocketFdTake (← copy.take)
  again.write "copy"
  reads server "copy"
  let (inside, _) ← runtime.newTwoWayPipe
  checkEq (← inside.fd?) none
  checkEq (← inside.dupFd?).isNone true
  discard <| fails .canceled client.fd?

-- parity: LLIO-10
test "a descriptor is closed with its owner, once" := inBoth fun runtime => do
  let (one, other) ← runtime.newOsSocketPair
  let fds ← openFds
  do
    let some copy ← one.dupFd? | throw (IO.userError "no descriptor")
    let second ← copy.withNumber OwnFd.dup
    checkEq (← openFds) (fds + 2)
    copy.close
    copy.close
    check (Error.osCode? (← fails .failed copy.number) == some 9) "not EBADF"
    discard <| fails .failed copy.take
    checkEq (← openFds) (fds + 1)
    discard second.number
  eventually "descriptors" (return (← openFds) == fds)
  discard <| fails .failed (OwnFd.dup 1000000)
  one.close
  other.close

-- parity: LLIO-01, LLIO-02, LLIO-03, LLIO-05, LLIO-06, LLIO-10
test "a socket is lent or given away" := inBoth fun runtime => do
  for options in [{}, { alreadyCloexec := true, alreadyNonblock := true : FdOptions }] do
    let (one, other) ← runtime.newOsSocketPair
    let some owned ← one.dupFd? | throw (IO.userError "no descriptor")
    one.close
    let fds ← openFds
    let lent ← owned.withNumber (runtime.wrapSocketFd · options)
    checkEq (← openFds) (fds + 1)
    lent.write "lent"
    reads other "lent"
    lent.close
    let number ← owned.number
    let given ← runtime.wrapSocketFdTake (← owned.take) options
    checkEq (← given.fd?) (some number)
    checkEq (← openFds) fds
    -- A unix socket carries descriptors.
    let receiving ← other.receiveFdStart
    given.sendFd number
    discard receiving.await
    given.close
    ended other

-- parity: LLIO-04
test "an end of a pipe goes in one direction" := inBoth fun runtime => do
  let (reader, writer) ← runtime.newOsPipe
  let some reading ← reader.dupFd? | throw (IO.userError "no descriptor")
  let some writing ← writer.dupFd? | throw (IO.userError "no descriptor")
  let source ← runtime.wrapSocketFdTake (← reading.take)
  let target ← runtime.wrapSocketFdTake (← writing.take)
  target.write "pipe"
  reads source "pipe"
  match ← (source.write "x" : IO Unit).toBaseIO with
  | .ok () => throw (IO.userError "written to the end to read from")
  | .error _ => pure ()

-- parity: LLIO-01, LLIO-05, LLIO-08
test "descriptors of the wrong kind are refused, and what was taken is closed" := inBoth fun runtime => withFolder fun folder => do
  let loopback ← Address.parse (m := IO) runtime "127.0.0.1:0"
  let (port, datagrams) ← withItsFd loopback.bindDatagram
  let (listener, listening) ← withItsFd loopback.listen
  IO.FS.writeFile (folder / "file") "text"
  let file ← OwnFd.openFile (folder / "file")
  let fds ← openFds
  discard <| fails .invalidArgument (runtime.wrapSocketFd datagrams)
  discard <| fails .invalidArgument (runtime.wrapSocketFd listening)
  discard <| fails .invalidArgument (runtime.wrapListenSocketFd datagrams)
  discard <| fails .unimplemented (file.withNumber (runtime.wrapSocketFd ·))
  discard <| fails .failed (runtime.wrapSocketFd 1000000)
  discard <| fails .failed (runtime.wrapSocketFdTake 1000000)
  discard <| fails .invalidArgument (runtime.wrapSocketFd 0xFFFF_FFFF)
  discard <| fails .invalidArgument (runtime.wrapSocketFdTake (← (← OwnFd.dup datagrams).take))
  discard <| fails .invalidArgument (runtime.wrapListenSocketFdTake (← (← OwnFd.dup datagrams).take))
  discard <| fails .invalidArgument
    (runtime.wrapConnectingSocketFdTake (← (← OwnFd.dup datagrams).take) loopback : IO Connection)
  checkEq (← openFds) fds
  file.close
  port.close
  listener.close

-- parity: LLIO-08, LLIO-10
test "a listening socket becomes a listener" := inBoth fun runtime => do
  let ((made, address), fd) ← withItsFd (listenOnLoopback (m := IO) runtime)
  let lent ← runtime.wrapListenSocketFd fd
  let given ← runtime.wrapListenSocketFdTake (← (← OwnFd.dup fd).take)
  made.close
  for listener in [lent, given] do
    checkEq (← listener.port) (← address.port)
    let accepting ← listener.acceptStart
    let client ← address.connect (m := IO)
    let server ← accepting.await
    client.write "hi"
    reads server "hi"

-- parity: LLIO-08, LLIO-09
test "a network's rules decide who is accepted and heard" := inBoth fun runtime => do
  let all ← Network.system runtime
  let elsewhere ← all.restrict #["10.0.0.0/8"]
  let here ← all.restrict #["local"]
  let ((made, address), fd) ← withItsFd (listenOnLoopback (m := IO) runtime)
  let strict ← elsewhere.wrapListenSocketFd fd
  let lax ← here.wrapListenSocketFdTake (← (← OwnFd.dup fd).take)
  discard <| fails .invalidArgument (here.wrapDatagramSocketFd fd)
  made.close
  let accepting ← strict.acceptStart
  let client ← address.connect (m := IO)
  -- Dropped, as anybody from here.
  check (← client.read (m := IO)).isEmpty "not dropped"
  check (!(← accepting.isSettled)) "accepted"
  accepting.cancel
  let accepting ← lax.acceptStart
  discard (address.connect (m := IO))
  discard accepting.await

/-- Another process that sends three unconnected TCP sockets over the unix socket with this path. -/
private def sendSockets (path : System.FilePath) : IO.Process.SpawnArgs where
  cmd := "python3"
  args := #["-c", "import socket, sys\nto = socket.socket(socket.AF_UNIX)\nto.connect(sys.argv[1])\n" ++
    "for _ in range(3):\n    made = socket.socket()\n    socket.send_fds(to, [b'x'], [made.fileno()])\n", path.toString]

-- parity: LLIO-07, CAPS-05
test "a socket of another process connects to an address" := inBoth fun runtime => withFolder fun folder => do
  let path := folder / "socket"
  let sockets ← runtime.listen (m := IO) s!"unix:{path}"
  let sending ← IO.Process.spawn (sendSockets path)
  let source ← sockets.accept (m := IO)
  let (listener, address) ← listenOnLoopback (m := IO) runtime
  let one ← source.receiveFd (m := IO)
  let accepting ← listener.acceptStart
  let client ← (← one.withNumber (runtime.wrapConnectingSocketFdStart · address)).await (m := IO)
  let server ← accepting.await
  client.write "made elsewhere"
  reads server "made elsewhere"
  listener.close
  let refused ← (← source.receiveFd (m := IO)).withNumber fun fd =>
    fails .disconnected (runtime.wrapConnectingSocketFd fd address : IO Connection)
  check (Error.osCode? refused).isSome s!"no number in {refused}"
  let other ← source.receiveFd (m := IO)
  let error ← fails .disconnected (runtime.wrapConnectingSocketFdTake (← other.take) address : IO Connection)
  check (Error.osCode? error).isSome s!"no number in {error}"
  checkEq (← sending.wait) 0

-- parity: LLIO-05, STRM-19
test "code on the loop wraps descriptors" := onLoop do
  let runtime ← Async.runtime
  let (one, other) ← runtime.newOsSocketPair
  let some copy ← one.dupFd? | throw (IO.userError "no descriptor")
  let wrapped ← runtime.wrapSocketFdTake (← copy.take)
  wrapped.write "hi"
  checkEq (← (← other.readExactly 2).toText) "hi"
