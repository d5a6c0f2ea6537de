import Test.Check

open Test KjAsync

/-- A stream of Lean's own: gives some chunks, and keeps what it takes. -/
private structure Memory where
  runtime : Runtime
  chunks : IO.Ref (List String)
  taken : IO.Ref String

private instance : Stream.ReadableRef Memory where
  readStart memory _ max := do
    match ← memory.chunks.get with
    | [] => PromiseRef.pure memory.runtime .empty
    | chunk :: rest =>
      memory.chunks.set rest
      PromiseRef.pure memory.runtime ((chunk : BytesRef).slice 0 max)
  abortRead memory := memory.chunks.set []

private instance : Stream.WritableRef Memory where
  writeStart memory bytes := do
    (← memory.runtime.yieldNowStart).then fun () => do
      memory.taken.set ((← memory.taken.get) ++ (← bytes.toText))
  shutdownWriteStart memory := PromiseRef.pure memory.runtime ()

private def memory (runtime : Runtime) (chunks : List String) : IO Memory :=
  return ⟨runtime, ← IO.mkRef chunks, ← IO.mkRef ""⟩

-- parity: STRM-23
test "any stream is pumped to any other" := inBoth fun runtime => do
  let source ← memory runtime ["one", " two", " three"]
  let target ← memory runtime []
  checkEq (← Async.run runtime (Stream.pumpTo source target)) 13
  checkEq (← target.taken.get) "one two three"
  let source ← memory runtime ["one", " two"]
  checkEq (← Async.run runtime (Stream.pumpTo source target (limit := 5))) 5
  checkEq (← target.taken.get) "one two threeone t"

test "a connection is a stream" := inBoth fun runtime => do
  let (client, server) ← connectedPair (m := IO) runtime
  let source ← memory runtime ["over", " there"]
  let target ← memory runtime []
  let pumped ← Async.run runtime do
    discard <| Stream.pumpTo source client
    Stream.WritableRef.shutdownWriteStart client >>= (·.await)
    Stream.pumpTo server target
  checkEq pumped 10
  checkEq (← target.taken.get) "over there"
  Stream.write server "back"
  checkEq (← (← Stream.read client (min := 4)).toText) "back"
  Stream.ReadableRef.abortRead client
  checkEq (← Stream.read (m := IO) client).size 0

-- parity: STRM-04, STRM-13, STRM-14
test "streams of every type have lengths and ends" := inBoth fun runtime => do
  let plain ← memory runtime ["one"]
  checkEq (← Stream.ReadableRef.length? plain) none
  discard <| fails .unimplemented (Stream.WritableRef.abortWrite plain (.ofKind .overloaded "full"))
  discard <| fails .unimplemented (Stream.whenWriteDisconnected (m := IO) plain)
  let (reader, writer) ← runtime.newOneWayPipe (some 3)
  checkEq (← Stream.ReadableRef.length? reader) (some 3)
  let waiting ← Stream.WritableRef.whenWriteDisconnectedStart writer
  let reading ← Stream.ReadableRef.readStart reader
  Stream.WritableRef.abortWrite writer (.ofKind .overloaded "full")
  discard <| fails .overloaded reading.await
  Stream.ReadableRef.closeRead reader
  discard waiting.await.toBaseIO
  Stream.WritableRef.closeWrite writer
  discard <| fails .overloaded (Stream.write (m := IO) writer "x")
