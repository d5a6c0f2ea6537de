import Test.Ends

open Test KjAsync

-- parity: PIPE-09
test "both branches of a tee get the same" := inBoth fun runtime => do
  for (_, source, writer) in ← everyKind runtime do
    let (one, other) ← source.tee
    let readings ← [one, other].mapM (·.readAllStart)
    writer.write "for both"
    writer.shutdownWrite
    for reading in readings do checkEq (← (← reading.await).toText) "for both"

-- parity: PIPE-09
test "a branch keeps what the other has read, up to the limit" := inBoth fun runtime => do
  let (source, writer) ← runtime.newOsSocketPair
  let (one, other) ← source.tee (limit := 4)
  writer.write "abcd"
  reads one "abcd"
  reads other "abcd"
  writer.write "efghi"
  discard <| fails .overloaded (do discard (one.read (min := 5) : IO _); discard (one.read : IO _))
  discard <| fails .overloaded (do discard (other.read (min := 5) : IO _); discard (other.read : IO _))
  discard <| fails .invalidArgument (writer.tee (limit := 0))

-- parity: PIPE-10
test "two pumps go in lockstep" := withRuntime fun runtime => do
  let (source, writer) ← runtime.newOneWayPipe
  let (one, other) ← source.tee (limit := 1)
  let (sink, into) ← runtime.newOneWayPipe
  let (slow, intoSlow) ← runtime.newOneWayPipe
  let pumps ← [one.pumpToStart into, other.pumpToStart intoSlow].mapM id
  let reading ← sink.readAllStart
  let writing ← writer.writeStart (megabytes 1)
  letRest runtime
  check (!(← writing.isSettled)) "nobody waits for the slow one"
  let slowly ← slow.readAllStart
  writing.await
  writer.shutdownWrite
  for pump in pumps do checkEq (← pump.await) 1048576
  into.shutdownWrite
  intoSlow.shutdownWrite
  checkEq (← reading.await).size 1048576
  checkEq (← slowly.await).size 1048576

-- parity: PIPE-11, STRM-21
test "a branch that is dropped keeps nothing, and the source goes with the last" := inBoth fun runtime => do
  let (source, writer) ← runtime.newOneWayPipe
  let (one, other) ← source.tee (limit := 4)
  one.close
  let writing ← writer.writeStart "more than four"
  reads other "more than four"
  writing.await
  other.close
  source.close
  discard <| fails .disconnected (writer.write "x")

-- parity: STRM-04, PIPE-09
test "each branch knows its own length" := inBoth fun runtime => do
  let (source, writer) ← runtime.newOneWayPipe (some 4)
  let (one, other) ← source.tee
  let writing ← writer.writeStart "abcd"
  reads one "abcd"
  writing.await
  checkEq (← one.length?) (some 0)
  checkEq (← other.length?) (some 4)

-- parity: PIPE-09
test "code on the loop reads both branches" := onLoop do
  let runtime ← Async.runtime
  let (source, writer) ← runtime.newTwoWayPipe
  let (one, other) ← source.tee
  let readings ← [one, other].mapM fun branch => Async.fork do branch.readAll
  writer.write "twice"
  writer.shutdownWrite
  for reading in readings do checkEq (← (← reading.await).toText) "twice"
