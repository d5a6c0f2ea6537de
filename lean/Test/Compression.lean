import Test.Ends

/-! Compression. -/

namespace Test.Compression
open KjAsync

private def formats : List CompressionFormat := [.gzip, .zlib, .deflate, .brotli]

private def block (size : Nat) : ByteArray := Id.run do
  let mut data := ByteArray.emptyWithCapacity size
  for at_ in [0:size] do data := data.push (at_ * 31 >>> 3).toUInt8
  return data

private def same (got : ByteArray) (text : String) : IO Unit := check (got == text.toUTF8) s!"got {got}, expected {text}"

-- parity: GZIP-01, GZIP-02, GZIP-07, BROT-01, BROT-02, BROT-06
test "bytes are compressed and decompressed" := do
  for format in formats do
    for data in [ByteArray.empty, "a".toUTF8, block 100000] do
      let small ← (Coding.compress format).run data
      checkEq ((← (Coding.decompress format).run small).toByteArray == data) true s!"{repr format}"
      let small ← (Coding.compress format (level := some 0) (windowBits := some 12)).run data
      checkEq ((← (Coding.decompress format).run small).toByteArray == data) true s!"{repr format} at level 0"

-- parity: GZIP-01, BROT-05
test "bad data, early ends and bombs are told apart" := do
  for format in formats do
    let bomb ← (Coding.compress format).run (block 16 ++ (⟨Array.replicate 200000 0⟩ : ByteArray))
    discard <| fails .disconnected ((Coding.decompress format).run (bomb.slice 0 (bomb.size - 1)))
    discard <| fails .failed ((Coding.decompress format).run (⟨#[0xff, 0xff, 0xff, 0xff]⟩ : ByteArray))
    discard <| fails .overloaded ((Coding.decompress format).run bomb (limit := 200000))
    discard <| fails .overloaded ((Coding.decompress format (maxOutput := 200000)).run bomb)
    discard <| fails .overloaded ((Coding.decompress format (maxRatio := 10)).run bomb)
    discard <| fails .invalidArgument ((Coding.compress format (level := some 12)).run bomb)
    discard <| fails .invalidArgument ((Coding.compress format (windowBits := some 0)).run bomb)

-- parity: GZIP-04, GZIP-05, BROT-04
test "a coder goes piece by piece" := do
  for format in formats do
    let (small, large) := (← Coder.new (.compress format), ← Coder.new (.decompress format))
    let first ← small.run "hello "
    let flushed ← small.run "world" .flushed
    same (← large.run (first ++ flushed)) "hello world"
    let last ← small.run "!" .ended
    same (← large.run last .ended) "!"
    discard <| fails .failed (small.run "x")
    let bomb ← (Coding.compress format).run (block 50000)
    discard <| fails .overloaded ((← Coder.new (.decompress format)).run bomb (limit := 40000))

-- parity: GZIP-01, GZIP-02, GZIP-04, BROT-04
test "both ends of a connection compress what they write" := inBoth fun runtime => do
  for format in formats do
    let (near, far) ← connectedPair (m := IO) runtime
    let near ← near.coded (read := some (.decompress format)) (write := some (.compress format))
    let far ← far.coded (read := some (.decompress format)) (write := some (.compress format))
    let reading ← far.readStart 5 5
    near.write "hello"
    letRest runtime
    check (!(← reading.isSettled)) "it came without a flush"
    near.flush
    same (← reading.await).toByteArray "hello"
    far.write (block 50000)
    far.shutdownWrite
    checkEq ((← near.readAll 60000).toByteArray == block 50000) true

-- parity: GZIP-03, GZIP-05, BROT-03
test "a layer decompresses what is written and leaves open what is below" := inBoth fun runtime => do
  for format in formats do
    let (near, far) ← connectedPair (m := IO) runtime
    let over ← near.coded (write := some (.decompress format)) (keepBelowOpen := true)
    over.write (← (Coding.compress format).run "compressed")
    over.shutdownWrite
    reads far "compressed"
    let over ← far.coded (write := some (.decompress format))
    discard <| fails .disconnected over.shutdownWrite

end Test.Compression
