import KjAsync.Connection
import KjAsync.Native.Compression

/-! Compression: of bytes in one call, piece by piece, and on their way through a connection. -/

namespace KjAsync

/-- A format of compressed bytes. -/
inductive CompressionFormat where
  /-- RFC 1952. Decompressed, members that follow one another are one. -/
  | gzip
  /-- RFC 1950. -/
  | zlib
  /-- RFC 1951, without header or checksum. -/
  | deflate
  /-- RFC 7932. -/
  | brotli
  deriving BEq, Repr, Inhabited

/-- What is done to bytes. (GZIP-01, GZIP-02, BROT-01, BROT-02) -/
inductive Coding where
  /-- They are compressed. The level is 0 to 9, of brotli to 11, by default 6, of brotli 5; the logarithm of the size of the window
  9 to 15, of brotli 10 to 24, by default 15, of brotli 19. -/
  | compress (format : CompressionFormat) (level : Option UInt8 := none) (windowBits : Option UInt8 := none)
  /-- They are decompressed. A window larger than this is refused; by default all of the format are accepted. `maxOutput` bounds what comes
  out altogether, `maxRatio` what comes out for each byte that went in, on the whole, once 64 KiB have come out; 0 is no limit. -/
  | decompress (format : CompressionFormat) (windowBits : Option UInt8 := none) (maxOutput : UInt64 := 0) (maxRatio : UInt32 := 0)
  deriving Repr, Inhabited

namespace Coding

private def numberOf : CompressionFormat → UInt32
  | .gzip => 1
  | .zlib => 2
  | .deflate => 3
  | .brotli => 4

/-- 0 stands for the default, so no window has it. -/
private def bitsOf : Option UInt8 → UInt32
  | none => 0
  | some 0 => 255
  | some bits => bits.toUInt32

private def levelOf : Option UInt8 → UInt32
  | none => 0
  | some 0 => 0xffffffff
  | some level => level.toUInt32

/-- Passes a coding to a foreign function. -/
@[inline] private def pass (coding : Option Coding)
    (to : UInt32 → UInt32 → UInt32 → UInt32 → UInt64 → UInt32 → α) : α :=
  match coding with
  | none => to 0 0 0 0 0 0
  | some (.compress format level windowBits) => to (numberOf format) 0 (levelOf level) (bitsOf windowBits) 0 0
  | some (.decompress format windowBits maxOutput maxRatio) =>
    to (numberOf format) 1 0 (bitsOf windowBits) maxOutput maxRatio

/-- Compresses or decompresses bytes that are all there. The calling thread does the work. Errors: `overloaded` for a result of more than
`limit` bytes or beyond a limit of the coding; `invalidArgument` for a level or a window that the format does not have;
decompressing, `failed` for bytes of another format and for bytes behind the end of one other than gzip, and `disconnected` for data that
end early, or that are no data at all. (GZIP-07, BROT-06) -/
protected def run (coding : Coding) (data : BytesRef) (limit : Nat := USize.size - 1) : IO BytesRef := do
  let run := pass (some coding) Native.codingRun
  return ⟨← run data.native (Native.usize limit)⟩

end Coding

/-- How far a coder is to go. -/
inductive CoderGoal where
  /-- The input has been used; a compressor may keep some of it. -/
  | inputUsed
  /-- All that can be made of the input so far has come out, up to the border of a byte. (GZIP-04, BROT-04) -/
  | flushed
  /-- The end; nothing can be added after it. (GZIP-05, BROT-04) -/
  | ended
  deriving BEq, Repr, Inhabited

/-- Compresses or decompresses piece by piece, without a loop. It belongs to no runtime. Any thread, one at a time.
(GZIP-07, BROT-06) -/
structure Coder where
  /-- Not for users: made by `Coder.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Coder

namespace Coder

/-- Errors: `invalidArgument` for a level or a window that the format does not have. -/
protected def new (coding : Coding) : IO Coder := return ⟨← Coding.pass (some coding) Native.Coder.new⟩

/-- What comes of a piece. Errors stay: as `Coding.run`; `failed` for input after the end; `busy` if another thread runs it. -/
def run (coder : Coder) (data : BytesRef) (goal : CoderGoal := .inputUsed) (limit : Nat := USize.size - 1) : IO ByteArray :=
  coder.native.run data.native (number goal) (Native.usize limit)
where
  number : CoderGoal → UInt32
    | .inputUsed => 0
    | .flushed => 1
    | .ended => 2

end Coder

namespace Connection

/-- A connection whose bytes are coded on their way: those that are read as `read` says, those that are written as `write` does; `none`
leaves a direction as it is. Nobody else reads or writes the connection below while this one lives; closing this one closes it too.
Never blocks.

A write settles when what has come of it is on its way. A compressor keeps some until `flush`, or until `shutdownWrite` ends the data;
dropped without that, they are cut off. With `keepBelowOpen` that end leaves the connection below open, for whoever uses it once this
one is dropped. What is *read* compressed is flushed whenever there is nothing more to be read below.

Errors: as `Coding.run`, from reads and writes, and from `shutdownWrite` for written data that end early. `busy` if a read of the
connection is pending; `overloaded` for more than 64 layers. (GZIP-01, GZIP-02, GZIP-03, GZIP-05, BROT-01, BROT-02, BROT-03, BROT-05) -/
def coded (connection : Connection) (read write : Option Coding := none) (keepBelowOpen : Bool := false) : IO Connection := do
  let ofRead := Coding.pass read connection.native.codingLayer
  let ofBoth := Coding.pass write ofRead
  return ⟨← ofBoth (if keepBelowOpen then 1 else 0), connection.runtime⟩

/-- Has all that the writes started so far have written reach the other side, also what a compressor would rather keep until it has more.
Never blocks. Cancellation: one that waits behind writes does nothing, one that has begun is finished by the next write, flush or
shutdown. (GZIP-04, BROT-04) -/
def flushStart (connection : Connection) : IO (PromiseRef Unit) :=
  return ⟨← connection.native.flushStart, connection.runtime, .unit⟩

/-- Flushes and waits until that is done; see `flushStart`. -/
@[inline] def flush [MonadAwait m] (connection : Connection) : m Unit := MonadAwait.awaitStarted connection.flushStart

end Connection
end KjAsync
