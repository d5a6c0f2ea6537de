import Test.Ends

open Test KjAsync

/-- What a stream was asked for. -/
private structure Counts where
  reads : IO.Ref Nat
  writes : IO.Ref Nat
  aborts : IO.Ref (Array String)

private def Counts.new : BaseIO Counts := return ⟨← IO.mkRef 0, ← IO.mkRef 0, ← IO.mkRef #[]⟩

/-- Passes everything on to a connection, changed: letters come out as the next ones, and go in as those before. -/
private structure Shifted where
  inner : Connection
  counts : Counts

private def shift (bytes : BytesRef) (by_ : UInt8) : BytesRef := (bytes.toByteArray.toList.map (· + by_)).toByteArray

private instance : Stream.ReadableRef Shifted where
  readStart stream min max := do
    stream.counts.reads.modify (· + 1)
    (← stream.inner.readStart min max).then fun bytes => return shift bytes 1
  abortRead stream := do
    stream.counts.aborts.modify (·.push "read")
    stream.inner.abortRead
  length? _ := return some 7

private instance : Stream.WritableRef Shifted where
  writeStart stream bytes := do
    stream.counts.writes.modify (· + 1)
    stream.inner.writeStart (shift bytes 255)
  shutdownWriteStart stream := stream.inner.shutdownWriteStart
  abortWrite stream error := do
    stream.counts.aborts.modify (·.push error.text)
    Stream.WritableRef.abortWrite stream.inner error
  whenWriteDisconnectedStart stream := Stream.WritableRef.whenWriteDisconnectedStart stream.inner

private def shifted (runtime : Runtime) (inner : Connection) (below : Option Connection := none) :
    IO (Connection × Counts) := do
  let counts ← Counts.new
  return (← Connection.ofStream runtime { inner, counts : Shifted } below, counts)

-- parity: LLIO-13, STRM-01, STRM-10, STRM-15
test "a stream of the program's own is a connection" := inBoth fun runtime => do
  let (inner, other) ← connectedPair (m := IO) runtime
  let (own, counts) ← shifted runtime inner
  own.write "bcd"
  reads other "abc"
  other.write "abc"
  reads own "bcd"
  let writing ← own.writeStart (megabytes 1)
  checkEq (← other.readExactly (m := IO) 1048576).size 1048576
  writing.await
  check ((← counts.writes.get) ≥ 17) "a large write comes in pieces"
  checkEq (← own.length?) (some 7)
  own.shutdownWrite
  ended other
  other.write "xy"
  other.shutdownWrite
  checkEq (← (← own.readAll (m := IO)).toText) "yz"
  ended own

-- parity: LLIO-13, STRM-05, PIPE-09
test "a connection of the program's own stream is pumped and teed" := inBoth fun runtime => do
  let (source, writer) ← connectedPair (m := IO) runtime
  let (target, reader) ← connectedPair (m := IO) runtime
  let (own, _) ← shifted runtime source
  let pumping ← own.pumpToStart target
  writer.write "HAL"
  reads reader "IBM"
  writer.shutdownWrite
  checkEq (← pumping.await) 3
  let (own, _) ← shifted runtime target
  let (one, two) ← own.tee
  reader.write "HAL"
  reads one "IBM"
  reads two "IBM"

-- parity: LLIO-13, CANC-04
test "an operation that is cancelled cancels what the stream has left" := inBoth fun runtime => do
  let (inner, other) ← runtime.newTwoWayPipe
  let (own, counts) ← shifted runtime inner
  let reading ← own.readStart
  let writing ← own.writeStart "bcd"
  letRest runtime
  discard <| fails .busy (inner.read (m := IO))
  reading.cancel
  writing.cancel
  -- The stream below is free, and nobody is left who writes.
  let back ← other.writeStart "x"
  reads inner "x"
  back.await
  let reading ← other.readStart
  letRest runtime
  checkEq (← reading.isSettled) false
  let writing ← own.writeStart "e"
  checkEq (← (← reading.await).toText) "d"
  writing.await
  checkEq (← counts.reads.get) 1
  -- Nor is anybody after a close.
  let reading ← own.readStart
  letRest runtime
  own.close
  discard <| fails .canceled reading.await
  let back ← other.writeStart "y"
  reads inner "y"
  back.await

-- parity: LLIO-13, STRM-13, STRM-14, STRM-16
test "aborts and ends are told to a stream of the program's own" := inBoth fun runtime => do
  let (inner, other) ← runtime.newTwoWayPipe
  let (own, counts) ← shifted runtime inner
  let gone ← Stream.WritableRef.whenWriteDisconnectedStart own
  let reading ← own.readStart
  letRest runtime
  own.abortRead
  checkEq (← reading.await).size 0
  letRest runtime
  Stream.WritableRef.abortWrite own (.ofKind .overloaded "enough")
  letRest runtime
  checkEq (← counts.aborts.get) #["read", "enough"]
  discard <| fails .overloaded (own.write (m := IO) "x")
  discard <| fails .overloaded (other.read (m := IO))
  checkEq (← gone.isSettled) false
  other.close
  gone.await

/-- Gives more than it is asked for, cannot write, and cannot tell when nobody reads. -/
private structure Wrong where
  runtime : Runtime

private instance : Stream.ReadableRef Wrong where
  readStart wrong _ max := PromiseRef.pure wrong.runtime (.ofByteArray ⟨Array.replicate (max + 1) 46⟩)
  abortRead _ := return

private instance : Stream.WritableRef Wrong where
  writeStart wrong _ := PromiseRef.fail wrong.runtime (ErrorRef.ofKind .disconnected "nobody there")
  shutdownWriteStart _ := throw (Error.ofKind .unimplemented "no end")

-- parity: LLIO-13
test "what a stream does wrong fails the operation, with its error" := inBoth fun runtime => do
  let own ← Connection.ofStream runtime (Wrong.mk runtime)
  for _ in [0:2] do
    discard <| fails .failed (own.readInto (m := IO) ⟨#[0, 0, 0]⟩)
    let error ← fails .disconnected (own.write (m := IO) "x")
    check (((toString error).splitOn "nobody there").length > 1) (toString error)
  checkEq (← own.length?) none
  let gone ← Stream.WritableRef.whenWriteDisconnectedStart own
  letRest runtime
  checkEq (← gone.isSettled) false
  discard <| fails .unimplemented (own.shutdownWrite (m := IO))
  own.close
  discard <| fails .canceled gone.await

-- parity: LLIO-13, STRM-17, STRM-18
test "what is below tells names, and counts among what stands on top of each other" := inBoth fun runtime => do
  let (inner, _other) ← connectedPair (m := IO) runtime
  let (own, _) ← shifted runtime inner
  discard <| fails .unimplemented own.peerAddress
  let (own, _) ← shifted runtime inner (below := some inner)
  checkEq (← (← own.peerAddress).text) (← (← inner.peerAddress).text)
  let mut top ← Connection.null runtime
  for _ in [1:64] do
    top := (← shifted runtime top (below := some top)).1
  let highest := top
  discard <| fails .overloaded (do discard <| shifted runtime highest (below := some highest))

test "streams that the program gives up leave nothing behind" := withRuntime fun runtime => do
  leaksNothing do
    for _ in [0:50] do
      let (inner, other) ← runtime.newTwoWayPipe
      let (own, _) ← shifted runtime inner
      let reading ← own.readStart
      let writing ← other.writeStart "abc"
      checkEq (← (← reading.await).toText) "bcd"
      writing.await

-- parity: LLIO-13, NET-17
test "a listener and an address are made of code" := inBoth fun runtime => Async.run runtime do
  let waiting ← Queue.new (α := Connection) runtime 10
  let connect : Async Connection := do
    let (ours, theirs) ← runtime.newTwoWayPipe
    waiting.push (← shifted runtime theirs).1
    return ours
  let address ← Address.ofConnect runtime connect (accept := some waiting.pop) (text := "hub")
  checkEq (← address.text) "hub"
  let listening ← address.listen
  for listener in [listening, ← Listener.ofAccept runtime waiting.pop] do
    let given ← listener.acceptStart
    Async.yield
    given.cancel
    let client ← address.connect
    let server ← listener.accept
    let writing ← client.writeStart "HAL"
    checkEq (← (← server.readExactly 3).toText) "IBM"
    writing.await
  let accepting ← listening.acceptStart
  listening.close
  try
    discard accepting.await
    check false "it was accepted"
  catch error => checkEq (Error.kind? error) (some .canceled)
  let deaf ← Address.ofConnect runtime (throw (Error.ofKind .overloaded "full"))
  try
    discard deaf.connect
    check false "it connected"
  catch error => checkEq (Error.kind? error) (some .overloaded)
  try
    discard deaf.listen
    check false "somebody listens"
  catch error => checkEq (Error.kind? error) (some .unimplemented)

-- parity: LLIO-13, HCLI-01, HSRV-01
test "HTTP goes over a network of the program's own" := inBoth fun runtime => Async.run runtime do
  let waiting ← Queue.new (α := Connection) runtime 10
  let texts ← IO.mkRef #[]
  let connect : Async Connection := do
    let (ours, theirs) ← runtime.newTwoWayPipe
    waiting.push (← Connection.ofStream runtime theirs)
    Connection.ofStream runtime ours
  let network ← Network.ofParse runtime fun text _ => do
    texts.modify (·.push text)
    Async.yield
    Address.ofConnect runtime connect
  let server ← Http.Server.new runtime fun request => return .text s!"{request.method} {request.path}"
  let listening ← server.listenStart (← Listener.ofAccept runtime waiting.pop)
  let client ← Http.Client.new network
  for path in ["/one", "/two"] do
    checkEq (← (← client.get s!"http://nowhere.else{path}").text) s!"GET {path}"
  checkEq (← texts.get).size 1
  listening.cancel
  server.close
