import KjAsync.Connection
import KjAsync.Native.Pipe

/-! More ways to read from a connection. -/

namespace KjAsync.Connection

/--
A promise of at least `min` and at most `max` bytes, of which the end of the stream before `min` is an error. The kernel
or the writer fills memory of the right size, which the `BytesRef` keeps: no copy after that.

Never blocks. Errors: `disconnected` if the stream ends before; what came of it is lost. Otherwise, and for cancellation,
as `readStart`. (STRM-02, STRM-03)
-/
def readRequiredStart (connection : Connection) (min : Nat := 1) (max : Nat := 65536) : IO (PromiseRef BytesRef) :=
  return ⟨← connection.native.readRequiredStart (Native.usize min) (Native.usize max), connection.runtime, .bytes⟩

/-- Waits for at least `min` and at most `max` bytes; see `readRequiredStart`. -/
@[inline] def readRequired [MonadAwait m] (connection : Connection) (min : Nat := 1) (max : Nat := 65536) : m BytesRef :=
  MonadAwait.awaitStarted (connection.readRequiredStart min max)

private def intoReader (buffer : Native.Buffer) : Reader (ByteArray × Nat) where
  ofPromise _ promise := do
    let count ← promise.u64
    return (← buffer.take, count.toNat)
  ofCall _ call := do
    let count ← call.u64
    return (← buffer.take, count.toNat)

/--
Reads at least `min` bytes into the array, from position `start` up to, not including, `stop`. The promise gives the array
back, of the same size, with the number of bytes that were read; the rest of it is as it was.

*Copies.* None: the bytes go to the memory of the array, if nothing else refers to it, so that a loop which hands the array
on from read to read allocates nothing. An array that is shared is copied once, and the copy is read into. Code that holds
the array while it waits for something else, and every closure that has it, shares it with other threads in Lean's eyes.

*Ownership.* The array is given away and comes back once: a second `await` of the promise throws `failed`.

Never blocks. Errors: as `readStart`, `invalidArgument` also for a range without room; the array is lost then.
Cancellation: as `readStart`, and the array is lost. (STRM-01)
-/
def readIntoStart (connection : Connection) (array : ByteArray) (min : Nat := 1) (start : Nat := 0)
    (stop : Nat := array.size) : IO (PromiseRef (ByteArray × Nat)) := do
  let (native, buffer) ←
    connection.native.readIntoStart array (Native.usize start) (Native.usize stop) (Native.usize min)
  return ⟨native, connection.runtime, intoReader buffer⟩

/-- Reads at least `min` bytes into the array and waits for them; see `readIntoStart`. -/
@[inline] def readInto [MonadAwait m] (connection : Connection) (array : ByteArray) (min : Nat := 1) (start : Nat := 0)
    (stop : Nat := array.size) : m (ByteArray × Nat) :=
  MonadAwait.awaitStarted (connection.readIntoStart array min start stop)

/-- How many bytes are left to read, if that is known: of a file, of a pipe with a length, of nothing. Never blocks.
(STRM-04) -/
def length? (connection : Connection) : IO (Option UInt64) := Error.noneIf .unimplemented connection.native.length

end KjAsync.Connection
