import Test.Matrix

/-! The rows of the cancellation matrix. -/

open Test KjAsync Test.Matrix

/-- Between the time after which a cell is ended and that of its combinator. -/
private def aWhile : UInt64 := anHour + anHour / 2

private def timer : Source where
  name := "timer"
  start runtime := return {
    promise := ← runtime.sleepNanosStart aWhile
    close := some (runtime.advance aWhile) }

private def read : Source where
  name := "read"
  start runtime := do
    let (client, server) ← connectedPair (m := IO) runtime
    return {
      promise := erased (← server.readStart)
      close := some client.close
      usable := do
        client.write "on"
        checkEq (← (← server.read (min := 2)).toText) "on" }

/-- Of a stream that the program provides. -/
private def providedRead : Source where
  name := "read of a stream of the program's own"
  start runtime := do
    let (client, server) ← connectedPair (m := IO) runtime
    let own ← Connection.ofStream runtime server
    return {
      promise := erased (← own.readStart)
      close := some client.close
      usable := do
        client.write "on"
        checkEq (← (← own.read (min := 2)).toText) "on" }

private def readEach : Source where
  name := "read each"
  start runtime := do
    let (client, server) ← connectedPair (m := IO) runtime
    let reading : PromiseRef (Option Unit) ← server.readEachStart fun _ => return none
    return {
      promise := erased reading
      close := some client.close
      usable := do
        client.write "on"
        checkEq (← (← server.read (min := 2)).toText) "on" }

/-- More than the system takes at once. -/
private def muchData : ByteArray := ⟨Array.replicate 16_000_000 7⟩

private def write : Source where
  name := "write"
  start runtime := do
    let (client, server) ← connectedPair (m := IO) runtime
    return {
      promise := ← client.writeStart muchData
      close := some server.close
      usable := do
        server.write "other way"
        checkEq (← (← client.read (min := 9)).toText) "other way"
        let rest ← client.writeStart "on"
        repeat
          let bytes := (← server.read (max := 1_000_000)).toByteArray
          if bytes.size == 0 then throw (IO.userError "the end")
          if bytes[bytes.size - 1]! == 'n'.toNat.toUInt8 then break
        rest.await }

private def accept : Source where
  name := "accept"
  start runtime := do
    let (listener, address) ← listenOnLoopback (m := IO) runtime
    return {
      promise := erased (← listener.acceptStart)
      close := some listener.close
      usable := do
        let accepting ← listener.acceptStart
        discard (address.connect : IO Connection)
        discard accepting.await }

/-- To an address whose backlog is full, so that nobody answers. -/
private def connect : Source where
  name := "connect"
  start runtime := do
    let listener ← runtime.listen "127.0.0.1:0" { backlog := 1 }
    let address ← listener.localAddress
    let mut connected := #[]
    for _ in [0:64] do
      let connecting ← address.connectStart
      letRest runtime
      unless ← connecting.isSettled do
        return { promise := erased connecting, usable := discard listener.accept }
      connected := connected.push connecting
    throw (IO.userError s!"{connected.size} connections without an accept")

private def carriedAccept : Source where
  name := "accept on a connection"
  start runtime := do
    let (one, other) ← runtime.newOsSocketPair
    let listener ← Listener.ofConnection other
    return {
      promise := erased (← listener.acceptStart)
      close := some one.close
      usable := do
        let (near, _) ← runtime.newOsSocketPair
        one.sendConnection near
        discard listener.accept }

private def carriedConnect : Source where
  name := "connect over a connection"
  start runtime := do
    let (one, other) ← runtime.newCapabilityPipe
    let address ← Address.ofConnection one
    let listener ← Listener.ofConnection other
    return {
      promise := erased (← address.connectStart)
      close := some other.close
      usable := do
        let connecting ← address.connectStart
        discard listener.accept
        discard connecting.await }

/-- A wrapper that waits for one byte. -/
private def waiting (runtime : Runtime) : IO NetworkWrapper :=
  let one := fun (connection : Connection) => do
    discard (connection.readExactly (m := Async) 1)
    return connection
  NetworkWrapper.new runtime (fun connection _ => one connection) one { acceptTimeout := 0 }

private def handshake : Source where
  name := "handshake"
  start runtime := do
    let (client, server) ← connectedPair (m := IO) runtime
    return {
      promise := erased (← (← waiting runtime).wrapClientStart client "name")
      close := some server.close
      usable := do checkEq (← server.read (m := IO)).size 0 }

private def wrappedAccept : Source where
  name := "accept behind a wrapper"
  start runtime := do
    let (inner, address) ← listenOnLoopback (m := IO) runtime
    let listener ← (← waiting runtime).wrapListener inner
    let client ← address.connect (m := IO)
    return {
      promise := erased (← listener.acceptStart)
      close := some listener.close
      usable := do
        client.write "xon"
        let server ← listener.accept (m := IO)
        checkEq (← (← server.readExactly (m := IO) 2).toText) "on" }

private def fulfiller : Source where
  name := "fulfiller"
  start runtime := do
    let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
    return {
      promise := erased promise
      close := some do
        let fulfilling ← IO.asTask (prio := .dedicated) (fulfiller.fulfill 1)
        EIO.ofExcept (← IO.wait fulfilling)
      usable := do check (!(← fulfiller.isWaiting)) "somebody waits" }

private def droppedFulfiller : Source where
  name := "dropped fulfiller"
  start runtime := do
    let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
    let own ← IO.mkRef (some fulfiller)
    return {
      promise := erased promise
      close := some (own.set none)
      usable := do check (← own.get).isSome "dropped" }

private def call : Source where
  name := "executor call"
  start runtime := return {
    promise := ← (← (← runtime.executor).executeStart (runtime.sleepNanosStart aWhile)).bind pure
    close := some (runtime.advance aWhile) }

private def code : Source where
  name := "async code"
  start runtime := return {
    promise := ← Async.start runtime (Async.sleep (.ofMinutes 90))
    close := some (runtime.advance aWhile) }

private def pop : Source where
  name := "queue pop"
  start runtime := do
    let queue ← Queue.new (α := Nat) runtime 1
    return {
      promise := erased (← queue.popStart)
      close := some queue.close
      usable := do
        queue.push 1
        checkEq (← queue.pop) 1 }

private def push : Source where
  name := "queue push"
  start runtime := do
    let queue ← Queue.new runtime 1
    queue.push 1
    return {
      promise := ← queue.pushStart 2
      close := some queue.close
      usable := do
        checkEq (← queue.pop) 1
        checkEq (← queue.size) 0 }

private def acquire : Source where
  name := "semaphore acquire"
  start runtime := do
    let semaphore ← Semaphore.new runtime 1
    let held ← semaphore.acquire
    return {
      promise := erased (← semaphore.acquireStart)
      close := some held.release
      usable := do
        held.release
        checkEq (← semaphore.free) 1 }

private def event : Source where
  name := "event"
  start runtime := do
    let event ← Event.new runtime
    return {
      promise := ← event.waitStart
      close := some event.set
      usable := do check (!(← event.isSet)) "set" }

private def signal : Source where
  name := "signal"
  start runtime := do
    let signal ← Signal.subscribe runtime #[.windowChange]
    return {
      promise := erased (← signal.nextStart)
      close := some signal.close
      usable := do
        SignalName.windowChange.send (← IO.Process.getPID)
        checkEq (← signal.next).name .windowChange }

private def childExit : Source where
  name := "child exit"
  start runtime := do
    let process ← Process.spawn runtime "cat" #[] { stdin := .pipe, stdout := .null }
    let input ← process.stdin
    return {
      promise := erased (← process.waitStart)
      close := some input.close
      usable := do
        input.close
        checkEq (← process.wait) (.exited 0) }

private def readiness : Source where
  name := "readiness"
  start runtime := do
    let (reader, writer) ← OwnFd.pipe
    let observer ← reader.withNumber (FdObserver.new runtime)
    return {
      promise := ← observer.whenReadableStart
      close := some writer.close
      usable := do
        writer.close
        observer.whenReadable }

private def closure : Source where
  name := "then closure"
  start runtime := do
    let ran ← Counter.new
    let (fulfiller, promise) ← Fulfiller.new (α := Nat) runtime
    return {
      promise := ← promise.then fun _ => ran.add
      close := some (fulfiller.fulfill 1)
      usable := do
        fulfiller.fulfill 1
        letRest runtime
        checkEq (← ran.get) 0 "the closure" }

-- parity: PROM-01, CANC-04, TIME-05, TIME-04
test "cancellation matrix: timer" := row timer
-- parity: PROM-01, CANC-04, STRM-01
test "cancellation matrix: read" := row read
-- parity: PROM-01, CANC-04, STRM-01
test "cancellation matrix: read each" := row readEach
-- parity: PROM-01, CANC-04, LLIO-13
test "cancellation matrix: read of a stream of the program's own" := row providedRead
-- parity: PROM-01, CANC-04, STRM-10
test "cancellation matrix: write" := row write
-- parity: PROM-01, CANC-04, NET-16
test "cancellation matrix: accept" := row accept
-- parity: PROM-01, CANC-04, NET-11
test "cancellation matrix: connect" := row connect
-- parity: PROM-01, CANC-04, CAPS-09
test "cancellation matrix: accept on a connection" := row carriedAccept
-- parity: PROM-01, CANC-04, CAPS-10
test "cancellation matrix: connect over a connection" := row carriedConnect
-- parity: PROM-01, CANC-04, NET-22
test "cancellation matrix: handshake" := row handshake
-- parity: PROM-01, CANC-04, NET-22
test "cancellation matrix: accept behind a wrapper" := row wrappedAccept
-- parity: PROM-01, CANC-04, FULF-03, FULF-10
test "cancellation matrix: fulfiller" := row fulfiller
-- parity: PROM-01, CANC-04, FULF-04
test "cancellation matrix: dropped fulfiller" := row droppedFulfiller
-- parity: PROM-01, CANC-04, EXEC-05
test "cancellation matrix: executor call" := row call
-- parity: PROM-01, CANC-04, PROM-33
test "cancellation matrix: async code" := row code
-- parity: PROM-01, CANC-04, QUEUE-04
test "cancellation matrix: queue pop" := row pop
-- parity: PROM-01, CANC-04, QUEUE-03
test "cancellation matrix: queue push" := row push
-- parity: PROM-01, CANC-04
test "cancellation matrix: semaphore acquire" := row acquire
-- parity: PROM-01, CANC-04
test "cancellation matrix: event" := row event
-- parity: PROM-01, CANC-04, UNIX-02
test "cancellation matrix: signal" := row signal
-- parity: PROM-01, CANC-04, UNIX-07
test "cancellation matrix: child exit" := row childExit
-- parity: PROM-01, CANC-04, UNIX-10
test "cancellation matrix: readiness" := row readiness
-- parity: PROM-01, PROM-05, CANC-04
test "cancellation matrix: then closure" := row closure
