import Test.Ends

open Test KjAsync

/-- Two ports on the loopback, each with its address. -/
private def twoPorts [MonadAwait m] [Monad m] [MonadLiftT IO m] (runtime : Runtime) :
    m ((DatagramPort × Address) × (DatagramPort × Address)) := do
  let where_ ← Address.parse runtime "127.0.0.1:0"
  let one ← liftM (m := IO) where_.bindDatagram
  let other ← liftM (m := IO) where_.bindDatagram
  return ((one, ← liftM (m := IO) one.localAddress), (other, ← liftM (m := IO) other.localAddress))

/-- Fails the test unless the message has this text. -/
private def says (message : Message) (text : String) : IO Unit := do
  checkEq (← (← message.content).toText) text "datagram"

-- parity: NET-14, DGRAM-01, DGRAM-03, DGRAM-04, DGRAM-06, DGRAM-08
test "a datagram arrives whole, with its source" := inBoth fun runtime => do
  let ((one, ofOne), (other, ofOther)) ← twoPorts (m := IO) runtime
  let receiving ← other.receiveStart
  checkEq (← (one.send "hello" ofOther : IO UInt64)) 5
  let message ← receiving.await
  says message "hello"
  checkEq (← message.isTruncated) false
  match ← message.source? with
  | none => throw (IO.userError "no source")
  | some source =>
    checkEq (← source.text) (← ofOne.text)
    discard (other.send "back" source : IO UInt64)
    says (← one.receive) "back"
  discard (one.send "" ofOther : IO UInt64)
  says (← other.receive) ""
  check ((← ofOne.port) != 0) "no port"

-- parity: DGRAM-01
test "pieces go as one datagram" := inBoth fun runtime => do
  let ((one, _), (other, ofOther)) ← twoPorts (m := IO) runtime
  checkEq (← (one.sendMany #["one ", "", "datagram"] ofOther : IO UInt64)) 12
  says (← other.receive) "one datagram"
  checkEq (← (one.sendMany #[] ofOther : IO UInt64)) 0
  says (← other.receive) ""

-- parity: DGRAM-02, DGRAM-04
test "what does not fit is cut, and said to be" := inBoth fun runtime => do
  let ((one, _), (other, ofOther)) ← twoPorts (m := IO) runtime
  let largest : ByteArray := ⟨Array.replicate 65507 7⟩
  for (room, taken) in [(65507, 65507), (65506, 65506), (0, 8192), (1, 1)] do
    checkEq (← (one.send largest ofOther : IO UInt64)) 65507
    let message ← other.receive (m := IO) { capacity := room }
    checkEq (← message.content).size taken
    checkEq (← message.isTruncated) (taken < 65507)

-- parity: DGRAM-01
test "what cannot be sent is an error, and the port goes on" := inBoth fun runtime => do
  let ((one, _), (other, ofOther)) ← twoPorts (m := IO) runtime
  let tooLong ← fails .failed (one.send (⟨Array.replicate 70000 0⟩ : ByteArray) ofOther : IO UInt64)
  let noWhere ← fails .failed (one.send "x" : IO UInt64)
  check ((Error.osCode? tooLong).isSome && (Error.osCode? noWhere).isSome) "no number"
  discard (one.send "fits" ofOther : IO UInt64)
  says (← other.receive) "fits"

-- parity: NET-14
test "a port in use is an error, and one port serves both families" := inBoth fun runtime => do
  let ((one, ofOne), _) ← twoPorts (m := IO) runtime
  check (Error.osCode? (← fails .failed ofOne.bindDatagram)).isSome "no number"
  one.close
  let both ← (← Address.parse (m := IO) runtime "*:0").bindDatagram
  let port ← (← both.localAddress).port
  for host in ["127.0.0.1", "[::1]"] do
    let from_ ← (← Address.parse (m := IO) runtime s!"{host}:0").bindDatagram
    discard (from_.send host (some (← Address.parse runtime s!"{host}:{port}")) : IO UInt64)
    says (← both.receive) host

-- parity: DGRAM-01, DGRAM-03
test "a connected port hears its peer only, and learns that it has gone" := inBoth fun runtime => do
  let ((one, ofOne), (other, ofOther)) ← twoPorts (m := IO) runtime
  let ((stranger, _), _) ← twoPorts (m := IO) runtime
  one.connect ofOther
  discard (stranger.send "not heard" ofOne : IO UInt64)
  discard (other.send "heard" ofOne : IO UInt64)
  says (← one.receive) "heard"
  discard (one.send "no address" : IO UInt64)
  says (← other.receive) "no address"
  other.close
  let receiving ← one.receiveStart
  discard (one.send "into the void" : IO UInt64)
  check (Error.osCode? (← fails .disconnected receiving.await)).isSome "no number"

-- parity: DGRAM-03
test "receives are served in order, and a cancelled one takes nothing" := inBoth fun runtime => do
  let ((one, _), (other, ofOther)) ← twoPorts (m := IO) runtime
  let first ← other.receiveStart
  let second ← other.receiveStart
  let third ← other.receiveStart
  first.cancel
  discard (one.send "1" ofOther : IO UInt64)
  discard (one.send "2" ofOther : IO UInt64)
  says (← third.await) "2"
  says (← second.await) "1"

-- parity: DGRAM-03
test "many are received at once" := inBoth fun runtime => do
  let ((one, _), (other, ofOther)) ← twoPorts (m := IO) runtime
  let texts := ["a", "", "ccc", "dd", "e"]
  for text in texts do discard (one.send text ofOther : IO UInt64)
  let mut got := #[]
  while got.size < 5 do
    let messages ← other.receiveMany (m := IO) (max := 3)
    check (1 ≤ messages.size && messages.size ≤ 3) s!"{messages.size} at once"
    for message in messages do got := got.push (← (← message.content).toText)
  checkEq got.toList texts
  discard <| fails .invalidArgument (other.receiveMany (max := 0))

-- parity: DGRAM-02, DGRAM-05, DGRAM-07, DGRAM-08
test "control messages are seen, and said to be cut without room" := inBoth fun runtime => do
  if System.Platform.isOSX then return
  let ((one, ofOne), _) ← twoPorts (m := IO) runtime
  -- SOL_SOCKET, SO_TIMESTAMP; IPPROTO_IP, IP_PKTINFO.
  one.setsockopt 1 29 (SocketOption.ofInt 1)
  one.setsockopt 0 8 (SocketOption.ofInt 1)
  checkEq (SocketOption.toInt? (← one.getsockopt 1 29)) (some 1)
  discard (one.send "timed" ofOne : IO UInt64)
  let message ← one.receive (m := IO) { controlCapacity := 256 }
  says message "timed"
  checkEq (← message.isControlTruncated) false
  let controls ← message.controlMessages
  checkEq (controls.map fun it => (it.level, it.type)).toList [(1, 29), (0, 8)]
  if let [time, info] := controls.toList then
    checkEq time.data.size 16
    checkEq time.ints.size 4
    checkEq info.ints.size 3
    checkEq (info.int? 2) (some 0x0100007F) "127.0.0.1"
    checkEq (info.int? 3) none
    let cut := { info with data := info.data.extract 0 7 }
    checkEq cut.ints.size 1
    checkEq (cut.int? 1) none
  checkEq (← message.fdCount) 0
  discard (one.send "timed" ofOne : IO UInt64)
  let message ← one.receive (m := IO)
  checkEq (← message.isControlTruncated) true
  checkEq (← message.controlMessages).size 0
  match ← (one.getsockopt 12345 1 : IO ByteArray).toBaseIO with
  | .ok _ => throw (IO.userError "an option of nothing")
  | .error error => check (Error.osCode? error).isSome s!"no number in {error}"

test "close ends what is pending on a port" := inBoth fun runtime => do
  let ((one, ofOne), _) ← twoPorts (m := IO) runtime
  let fds ← openFds
  let receiving ← one.receiveStart
  one.close
  one.close
  checkEq (← openFds) (fds - 1)
  discard <| fails .canceled receiving.await
  discard <| fails .canceled (one.send "x" ofOne : IO UInt64)
  discard <| fails .canceled (one.receive : IO Message)

-- parity: NET-10, LLIO-11
test "datagrams of forbidden peers are not heard" := inBoth fun runtime => do
  if System.Platform.isOSX then return
  let network ← (← Network.system runtime).restrict #["127.0.0.2/32"]
  let port ← (← network.parse (m := IO) "127.0.0.1:0").bindDatagram
  let to ← Address.parse (m := IO) runtime s!"127.0.0.1:{← (← port.localAddress).port}"
  for host in ["127.0.0.1:0", "127.0.0.2:0"] do
    let from_ ← (← Address.parse (m := IO) runtime host).bindDatagram
    discard (from_.send host to : IO UInt64)
  says (← port.receive) "127.0.0.2:0"

-- parity: DGRAM-01, DGRAM-03
test "code on the loop exchanges datagrams" := onLoop do
  let runtime ← Async.runtime
  let ((one, ofOne), (other, ofOther)) ← twoPorts (m := Async) runtime
  let echoing ← Async.fork do
    for _ in [0:100] do
      let message ← other.receive
      discard (other.send (← message.content) (← message.source?))
  for n in [0:100] do
    discard (one.send (toString n) ofOther)
    let messages ← one.receiveMany
    for message in messages do says message (toString n)
  echoing.await
  checkEq (← (← one.localAddress).text) (← ofOne.text)

-- parity: LLIO-09, LLIO-10
test "a datagram socket that was made elsewhere becomes a port" := inBoth fun runtime => do
  let loopback ← Address.parse (m := IO) runtime "127.0.0.1:0"
  let (made, fd) ← withItsFd loopback.bindDatagram
  let address ← made.localAddress
  let borrowed ← runtime.wrapDatagramSocketFd fd
  let taken ← runtime.wrapDatagramSocketFdTake (← (← OwnFd.dup fd).take)
  made.close
  let sender ← loopback.bindDatagram
  for port in [borrowed, taken] do
    discard (sender.send "wrapped" address : IO UInt64)
    says (← port.receive) "wrapped"
    checkEq (← (← port.localAddress).text) (← address.text)
  let (one, _) ← runtime.newOsSocketPair
  let some stream ← one.dupFd? | throw (IO.userError "no descriptor")
  discard <| fails .invalidArgument (stream.withNumber runtime.wrapDatagramSocketFd)
