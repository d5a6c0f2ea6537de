import Test.Ends

open Test KjAsync

private unsafe def addressImpl (array : ByteArray) : BaseIO USize := return ptrAddrUnsafe array
/-- Where an array is. Not pure, so that it is asked when it stands there. -/
@[implemented_by addressImpl]
private opaque addressOf (array : ByteArray) : BaseIO USize

private def filled (size : Nat) (byte : UInt8) : ByteArray := ⟨Array.replicate size byte⟩

-- parity: STRM-01
test "bytes are read into the array that is given away, which comes back" := inBoth fun runtime => do
  for (kind, reader, writer) in ← everyKind runtime do
    let mut array := filled (10 + (← IO.rand 0 0)) 46
    let place ← addressOf array
    for text in ["abc", "de", "0123456789"] do
      let reading ← reader.readIntoStart array (min := text.utf8ByteSize)
      array := .empty
      writer.write text
      let (back, count) ← reading.await
      array := back
      checkEq count text.utf8ByteSize kind
      checkEq array.size 10 kind
      checkEq (String.fromUTF8? (array.extract 0 count)) (some text) kind
    -- The promise itself holds no array that it has given back, so this is the only reference, and has always been.
    checkEq (← addressOf array) place s!"{kind}: the array was copied; address"

-- parity: STRM-01
test "reading into an array in a loop neither copies nor allocates" := onLoop do
  let runtime ← Async.runtime
  let (reader, writer) ← runtime.newOsSocketPair
  let mut array := filled (4096 + (← IO.rand 0 0)) 0
  let place ← addressOf array
  let writing ← Async.fork do
    for _ in [0:100] do
      writer.write "ping"
      Async.yield
  for _ in [0:100] do
    let (back, count) ← reader.readInto array (min := 4) (stop := 4)
    array := back
    checkEq count 4
  checkEq (← addressOf array) place "the array was copied; address"
  writing.await

-- parity: STRM-01
test "an array that is shared is copied and stays as it was" := inBoth fun runtime => do
  let (reader, writer) ← runtime.newOsSocketPair
  let array := filled (5 + (← IO.rand 0 0)) 46
  writer.write "new"
  let (read, count) ← reader.readInto (m := IO) array
  checkEq count 3
  checkEq (String.fromUTF8? read) (some "new..")
  checkEq (String.fromUTF8? array) (some ".....")

-- parity: STRM-01
test "a part of an array is read into" := inBoth fun runtime => do
  let (reader, writer) ← runtime.newTwoWayPipe
  let reading ← reader.readIntoStart (filled 6 46) (min := 2) (start := 1) (stop := 3)
  let writing ← writer.writeStart "abcd"
  let (array, count) ← reading.await
  checkEq (String.fromUTF8? array, count) (some ".ab...", 2)
  discard <| fails .failed reading.await
  let (array, count) ← reader.readInto (m := IO) array (start := 5) (stop := 100)
  checkEq (String.fromUTF8? array, count) (some ".ab..c", 1)
  writing.cancel

-- parity: STRM-01
test "an array without room is refused, and an end is told" := inBoth fun runtime => do
  let (reader, writer) ← runtime.newOsSocketPair
  discard <| fails .invalidArgument (reader.readInto .empty)
  discard <| fails .invalidArgument (reader.readInto (filled 4 0) (min := 5))
  discard <| fails .invalidArgument (reader.readInto (filled 4 0) (start := 9) (stop := 2))
  let reading ← reader.readIntoStart (filled 4 0)
  reading.cancel
  discard <| fails .canceled reading.await
  writer.write "ab"
  writer.shutdownWrite
  let (array, count) ← reader.readInto (m := IO) (filled 4 46) (min := 4)
  checkEq (String.fromUTF8? array, count) (some "ab..", 2)
  let (_, count) ← reader.readInto (m := IO) array
  checkEq count 0

test "arrays that are given away leave nothing behind" := withRuntime fun runtime => do
  let (reader, writer) ← runtime.newOsSocketPair
  leaksNothing do
    for _ in [0:50] do
      let reading ← reader.readIntoStart (filled 10000 0)
      reading.cancel
      writer.write "x"
      discard (reader.readInto (filled 10000 0) : IO _)

-- parity: STRM-01
test "a sequence of reads goes into one array, which is never copied" := onLoop do
  let runtime ← Async.runtime
  let (reader, writer) ← runtime.newOsSocketPair
  let array := filled (16 + (← IO.rand 0 0)) 0
  let place ← addressOf array
  let writing ← Async.fork do
    for _ in [0:100] do
      writer.write "ping"
      Async.yield
    writer.shutdownWrite
  let sum ← IO.mkRef 0
  let (back, value) ← reader.readEachInto (α := Nat) (min := 4) array fun array count => do
    sum.modify (· + count)
    check (count >= 4) "fewer bytes than were waited for"
    return (array, none)
  checkEq value none
  checkEq (← sum.get) 400
  checkEq (← addressOf back) place "the array was copied; address"
  writing.await

-- parity: STRM-01
test "a sequence of reads into an array ends with a value, an error or a cancel" := onLoop do
  let runtime ← Async.runtime
  let (reader, writer) ← runtime.newTwoWayPipe
  let writing ← Async.fork do
    writer.write "abc"
    writer.write "bcde"
  let (back, value) ← reader.readEachInto (filled 8 46) fun array count => do
    return (array, if array.get! 0 == 98 then some count else none)
  checkEq value (some 4)
  checkEq (String.fromUTF8? (back.extract 0 4)) (some "bcde")
  writing.await
  let writing ← writer.writeStart "x"
  try
    discard <| reader.readEachInto (α := Nat) back fun _ _ => throw (Error.ofKind .overloaded "enough")
    check false "it went on"
  catch error => checkEq (Error.kind? error) (some .overloaded)
  writing.await
  let reading ← Async.fork do
    discard <| reader.readEachInto (α := Nat) (filled 8 46) fun array _ => return (array, none)
  Async.yield
  reading.cancel
  let writing ← writer.writeStart "on"
  checkEq (← (← reader.read (min := 2)).toText) "on"
  writing.await
