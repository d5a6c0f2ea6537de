import KjAsync.Bytes
import KjAsync.Async.Loop

/-!
Streams: what can be read from and written to. `Connection` is one; a type of your own becomes one by an instance.
-/

namespace KjAsync.Stream

/-- What a stream of a user's says of what it does not have. -/
private def unable (what : String) : IO.Error := Error.ofKind .unimplemented s!"this stream has no {what}"

/-- A type whose values give bytes. (STRM-01) -/
class ReadableRef (σ : Type) where
  /-- A promise of at least `min` and at most `max` bytes, fewer than `min` only at the end of the stream, none if it
  has ended. One read at a time: `busy`. Cancelling leaves the stream usable. -/
  readStart (stream : σ) (min : Nat := 1) (max : Nat := 65536) : IO (PromiseRef BytesRef)
  /-- Ends reading for good: a pending read and all later ones see the end of the stream. -/
  abortRead (stream : σ) : IO Unit
  /-- How many bytes are left to read, if the stream knows. Never blocks. (STRM-04) -/
  length? (_stream : σ) : IO (Option UInt64) := return none
  /-- Gives up what the stream reads from. -/
  closeRead (stream : σ) : IO Unit := abortRead stream

/-- A type whose values take bytes. (STRM-10) -/
class WritableRef (σ : Type) where
  /-- A promise that is fulfilled when all bytes are taken. Writes go out in the order in which they were started.
  Cancelling leaves an unknown part written. -/
  writeStart (stream : σ) (bytes : BytesRef) : IO (PromiseRef Unit)
  /-- Tells the reader, after the writes started so far, that nothing more will come. -/
  shutdownWriteStart (stream : σ) : IO (PromiseRef Unit)
  /-- Ends writing for good, since the rest cannot be said: pending and later writes fail with this error, and so does the
  reader where an error can reach it. (STRM-14) -/
  abortWrite (_stream : σ) (_error : ErrorRef) : IO Unit := throw (unable "abortWrite")
  /-- A promise that is fulfilled when nobody is left to read. (STRM-13) -/
  whenWriteDisconnectedStart (_stream : σ) : IO (PromiseRef Unit) := throw (unable "whenWriteDisconnected")
  /-- Gives up what the stream writes to, without saying that it was all. -/
  closeWrite (stream : σ) : IO Unit := abortWrite stream (.ofKind .canceled "the stream was closed")

/-- Waits for at least `min` and at most `max` bytes; see `ReadableRef.readStart`. -/
@[inline] def read [ReadableRef σ] [MonadAwait m] (stream : σ) (min : Nat := 1) (max : Nat := 65536) : m BytesRef :=
  MonadAwait.awaitStarted (ReadableRef.readStart stream min max)

/-- Waits until all bytes are taken; see `WritableRef.writeStart`. -/
@[inline] def write [WritableRef σ] [MonadAwait m] (stream : σ) (bytes : BytesRef) : m Unit :=
  MonadAwait.awaitStarted (WritableRef.writeStart stream bytes)

/-- Waits until nobody is left to read; see `WritableRef.whenWriteDisconnectedStart`. -/
@[inline] def whenWriteDisconnected [WritableRef σ] [MonadAwait m] (stream : σ) : m Unit :=
  MonadAwait.awaitStarted (WritableRef.whenWriteDisconnectedStart stream)

/--
Moves bytes from any stream to any other, until the first one ends or `limit` bytes have gone over; gives their
number. Neither end is shut down. It reads no faster than it can write.

Errors: those of the streams. Cancellation: bytes that were read and not yet written are lost. Between two
connections `Connection.pumpTo` is faster. (STRM-05, STRM-06, STRM-23)
-/
def pumpTo [ReadableRef σ] [WritableRef τ] (source : σ) (target : τ) (limit : Nat := USize.size) : Async Nat := do
  let mut moved := 0
  while moved < limit do
    let bytes ← read source (max := min 65536 (limit - moved))
    if bytes.isEmpty then break
    write target bytes
    moved := moved + bytes.size
  return moved

end KjAsync.Stream
