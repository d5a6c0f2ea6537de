import KjAsync.Async.Each
import KjAsync.Connection.Read

/-! Reads that follow one another, and writes that make no promise: for loops that are to cost little. -/

namespace KjAsync.Connection

/--
Reads again and again, each time as `readStart`, and runs code on the loop for each read; the next one begins when that is
done, which holds the sender back. One promise serves them all. `none` goes on, `some` ends the reading with that value; at the
end of the stream the result is `none`. No more than 8 reads that need not wait come in one turn of the loop.

Never blocks. Errors: what the code throws, and as `readStart`; other reads are `busy` until it ends. Cancellation: as
`readStart`, and the code that runs ends at its next wait. (STRM-01)
-/
def readEachStart (connection : Connection) (run : BytesRef → Async (Option α)) (min : Nat := 1) (max : Nat := 65536) :
    IO (PromiseRef (Option α)) :=
  PromiseRef.ofSequence connection.runtime .bytes run (connection.native.readEachStart (Native.usize min) (Native.usize max))

/-- Runs code for each read until it gives a value or the stream ends; see `readEachStart`. -/
@[inline] def readEach [MonadAwait m] (connection : Connection) (run : BytesRef → Async (Option α)) (min : Nat := 1)
    (max : Nat := 65536) : m (Option α) :=
  MonadAwait.awaitStarted (connection.readEachStart run min max)

/--
Reads again and again into one array, each time at least `min` bytes from its beginning, and runs code for each read with the array
and how many bytes of it are new. The code gives the array back, that one or another, for the next read: `none` goes on, `some` ends
the reading with that value; at the end of the stream the result is `none`. The array that was given back last comes with it.

*Copies.* As `readInto`: none if the code holds no other reference to the array when it gives it back, so that a loop of any length
allocates no array.

Errors: what the code throws, and as `readInto`. Cancellation: as `readInto`; the array is lost. (STRM-01)
-/
@[inline] def readEachInto (connection : Connection) (array : ByteArray) (run : ByteArray → Nat → Async (ByteArray × Option α))
    (min : Nat := 1) : Async (ByteArray × Option α) :=
  -- Not `repeat`, whose state would refer to the array too.
  Async.iterate (state := (array, none)) fun (array, _) => do
    let (filled, count) ← connection.readInto array (min := min)
    if count == 0 then return .done (filled, none)
    let (next, result) ← run filled count
    return if result.isSome then .done (next, result) else .yield (next, none)

/-- Writes what the system takes at once, without a copy; how many bytes that was: less than all of them, even 0, if there is no
room or if another write is pending. The rest is for `write`. Any thread; never blocks. Errors: as `writeStart`. (STRM-10) -/
def writeNow (connection : Connection) (bytes : BytesRef) : IO Nat := connection.native.writeNow bytes.native

end KjAsync.Connection
