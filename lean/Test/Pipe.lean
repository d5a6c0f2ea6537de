import Test.Ends

open Test KjAsync

-- parity: PIPE-01, PIPE-02, PIPE-06, PIPE-07, STRM-01, STRM-10, STRM-11
test "what is written to any kind of connection is read" := inBoth fun runtime => do
  for (kind, reader, writer) in ← everyKind runtime do
    let reading ← reader.readStart (min := 9)
    writer.write "a string"
    writer.writev #["!", ""]
    checkEq (← (← reading.await).toText) "a string!" kind
    let reading ← reader.readAllStart
    writer.write "last words"
    writer.shutdownWrite
    checkEq (← (← reading.await).toText) "last words" kind

-- parity: PIPE-01
test "a pipe has no buffer: a write waits until it is read" := inBoth fun runtime => do
  for pipe in [runtime.newOneWayPipe, runtime.newTwoWayPipe, runtime.newCapabilityPipe] do
    let (reader, writer) ← pipe
    let writing ← writer.writeStart "abc"
    letRest runtime
    check (!(← writing.isSettled)) "written, and nobody has read"
    reads reader "ab"
    check (!(← writing.isSettled)) "written, and not all is read"
    reads reader "c"
    writing.await

-- parity: PIPE-01, STRM-04
test "a pipe with a length counts down and holds to it" := inBoth fun runtime => do
  let (reader, writer) ← runtime.newOneWayPipe (some 5)
  checkEq (← reader.length?) (some 5)
  let writing ← writer.writeStart "abc"
  reads reader "abc"
  writing.await
  checkEq (← reader.length?) (some 2)
  let writing ← writer.writeStart "de"
  reads reader "de"
  writing.await
  ended reader
  discard <| fails .disconnected (writer.write "f")
  let (reader, writer) ← runtime.newOneWayPipe (some 5)
  writer.close
  discard <| fails .disconnected reader.read
  let (reader, _) ← runtime.newOneWayPipe (some 0)
  ended reader
  let (reader, _) ← runtime.newOneWayPipe
  checkEq (← reader.length?) none

-- parity: PIPE-02, STRM-15
test "each direction ends on its own" := inBoth fun runtime => do
  for (kind, one, other) in ← everyTwoWay runtime do
    one.shutdownWrite
    ended other
    let reading ← one.readStart (min := 5)
    other.write "still"
    checkEq (← (← reading.await).toText) "still" kind
    match ← (one.write "x" : IO Unit).toBaseIO with
    | .ok () => throw (IO.userError s!"{kind}: wrote after the end")
    | .error _ => pure ()

-- parity: PIPE-03, PIPE-04, STRM-21
test "without a reader writes fail, without a writer there is the end" := inBoth fun runtime => do
  for pipe in [runtime.newOneWayPipe, runtime.newTwoWayPipe, runtime.newCapabilityPipe, runtime.newOsPipe,
      runtime.newOsSocketPair] do
    let (reader, writer) ← pipe
    reader.close
    discard <| fails .disconnected (writer.write (megabytes 1))
    let (reader, writer) ← pipe
    let reading ← reader.readStart (min := 100)
    let writing ← writer.writeStart "some"
    discard writing.await
    writer.close
    checkEq (← (← reading.await).toText) "some"
    ended reader

-- parity: PIPE-04, STRM-21
test "dropping the writing end is the end" := inBoth fun runtime => do
  for pipe in [runtime.newOneWayPipe, runtime.newTwoWayPipe, runtime.newOsPipe] do
    let reader ← do
      let (reader, writer) ← pipe
      let reading ← reader.readStart (min := 3)
      writer.write "abc"
      checkEq (← reading.await).size 3
      pure reader
    ended reader

-- parity: STRM-24
test "a second read of any kind of connection is refused" := inBoth fun runtime => do
  for (_, reader, writer) in ← everyKind runtime do
    let reading ← reader.readStart
    discard <| fails .busy reader.read
    discard <| fails .busy (reader.readInto ⟨#[0]⟩)
    discard <| fails .busy reader.readRequired
    writer.write "x"
    checkEq (← reading.await).size 1

-- parity: PIPE-02
test "the wrong direction of a pipe is not there" := inBoth fun runtime => do
  let (reader, writer) ← runtime.newOneWayPipe
  discard <| fails .unimplemented (reader.write "x")
  discard <| fails .unimplemented writer.read

-- parity: STRM-05, STRM-23, PIPE-05
test "any connection is pumped to any other" := withRuntime fun runtime => do
  for turn in [0:6] do
    let targets := (← everyKind runtime).toList
    for (kind, reader, source) in ← everyKind runtime, (other, sink, writer) in targets.drop turn ++ targets.take turn do
      let pumping ← reader.pumpToStart writer (if turn % 2 == 0 then 0xFFFF_FFFF_FFFF_FFFF else 9)
      let reading ← sink.readAllStart
      source.write "nine more"
      source.shutdownWrite
      checkEq (← pumping.await) 9 s!"{kind} to {other}"
      writer.shutdownWrite
      checkEq (← (← reading.await).toText) "nine more" s!"{kind} to {other}"

-- parity: PIPE-01, PIPE-04, STRM-01
test "code on the loop reads and writes a pipe" := onLoop do
  let runtime ← Async.runtime
  let (reader, writer) ← runtime.newOneWayPipe
  let writing ← Async.fork do
    for _ in [0:1000] do writer.write "ten bytes!"
    writer.shutdownWrite
  let mut count := 0
  repeat
    let bytes ← reader.read (max := 7)
    if bytes.isEmpty then break
    count := count + bytes.size
  writing.await
  checkEq count 10000

-- parity: STRM-01, STRM-05, STRM-10, STRM-23
test "every kind of connection is a stream" := withRuntime fun runtime => do
  for (kind, reader, source) in ← everyKind runtime, (_, sink, target) in (← everyKind runtime).reverse do
    let moved ← Async.run runtime do
      let pumping ← Async.fork (Stream.pumpTo reader target (limit := 8))
      Stream.write source "a stream"
      let bytes ← Stream.read sink (min := 8)
      return (← pumping.await, ← bytes.toText)
    checkEq moved (8, "a stream") kind
    Stream.ReadableRef.abortRead reader

-- parity: STRM-01, STRM-10
test "a cancelled read or write of a pipe leaves it usable" := inBoth fun runtime => do
  let (reader, writer) ← runtime.newTwoWayPipe
  let reading ← reader.readStart
  reading.cancel
  let writing ← writer.writeStart "gone"
  writing.cancel
  discard <| fails .canceled writing.await
  let reading ← reader.readStart (min := 4)
  writer.write "here"
  checkEq (← (← reading.await).toText) "here"

-- parity: LOOP-06
test "a shutdown ends what waits on a pipe" := do
  let runtime ← Runtime.init
  let (reader, writer) ← runtime.newOneWayPipe
  let reading ← reader.readStart
  let task ← reading.toTask
  runtime.shutdown
  match ← IO.wait task with
  | .ok _ => throw (IO.userError "read from nothing")
  | .error error => checkEq (Error.kind? error) (some .shutdown)
  discard <| fails .badHandle (writer.write "x")
