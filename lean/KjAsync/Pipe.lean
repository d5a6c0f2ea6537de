import KjAsync.Connection.End
import KjAsync.Connection.Read

/-!
Pipes, and connections that are made from something else. All are `Connection`s, to be read, written and ended like any
other, and streams to `Stream.pumpTo`. What is written to a pipe in this process is copied once, to memory of the reader's;
between two pumps not at all.
-/

namespace KjAsync

private def both (runtime : Runtime) (ends : Native.Connection × Native.Connection) : Connection × Connection :=
  (⟨ends.1, runtime⟩, ⟨ends.2, runtime⟩)

/--
A pipe in this process without a buffer, the end to read from and the end to write to: what is written waits until it is
read. With `expectedLength`, in bytes, the reader can ask how many are left, an early end is `disconnected`, and no more than
that can be written.

Never blocks. After the reading end is closed or dropped, writes fail with `disconnected`; after the writing end is, the
reader sees the end. Reading from the end to write to, and the reverse, is `unimplemented`. (PIPE-01, PIPE-03, PIPE-04)
-/
def Runtime.newOneWayPipe (runtime : Runtime) (expectedLength : Option UInt64 := none) :
    IO (Connection × Connection) :=
  return both runtime (← runtime.native.newOneWayPipe (expectedLength.getD 0xFFFF_FFFF_FFFF_FFFF))

/-- Two connections in this process, each of which reads what is written to the other, without a buffer. Never blocks.
(PIPE-02) -/
def Runtime.newTwoWayPipe (runtime : Runtime) : IO (Connection × Connection) :=
  return both runtime (← runtime.native.newTwoWayPipe)

/-- A pipe of the system's: the end to read from and the end to write to. Never blocks. Errors: `overloaded` without
descriptors. (PIPE-06) -/
def Runtime.newOsPipe (runtime : Runtime) : IO (Connection × Connection) :=
  return both runtime (← runtime.native.newOsPipe)

/-- A pair of connected sockets of the system's, which also carry descriptors and connections that have one. Never blocks.
Errors: `overloaded` without descriptors. (PIPE-07, PIPE-08, CAPS-08) -/
def Runtime.newOsSocketPair (runtime : Runtime) : IO (Connection × Connection) :=
  return both runtime (← runtime.native.newOsSocketPair)

/-- Two connections in this process, as `newTwoWayPipe` makes them, that also carry descriptors and connections of any kind.
What was sent as a connection is received as one, and a descriptor as a descriptor. Never blocks. (CAPS-07) -/
def Runtime.newCapabilityPipe (runtime : Runtime) : IO (Connection × Connection) :=
  return both runtime (← runtime.native.newCapabilityPipe)

namespace Connection

/--
Two connections that both read what `source` has. Each keeps what the other has read first, `limit` bytes at most: beyond
that both fail with `overloaded` once they have drained. A branch that is being pumped sets the pace.

Never blocks. Nobody else may read from `source`, which is dropped with the last branch. What a branch has kept is freed
with it. Errors: `invalidArgument` for a limit of 0. (PIPE-09, PIPE-10, PIPE-11, STRM-09)
-/
def tee (source : Connection) (limit : Nat := 1048576) : IO (Connection × Connection) := do
  if limit == 0 then throw (Error.ofKind .invalidArgument "a tee that keeps nothing")
  return both source.runtime (← source.native.tee (Native.usize limit))

/-- The native promise of the native connection, of one that may carry it in a Lean object. Not for users. -/
def _root_.KjAsync.PromiseRef.asConnection (promise : PromiseRef Connection) : IO Native.Promise := do
  unless promise.reader.isObject do return promise.native
  promise.native.onValue fun call => do
    match ← promise.reader.input promise.runtime call with
    | .ok connection => discard (call.returnConnection connection.native).toBaseIO
    | .error error => Outcome.rejectCall call error

/-- A connection that passes everything on to the one that the promise will carry. Until then reads and writes wait; ending
and aborting are done when it comes. If the promise fails they fail with its error. It holds the promise. Never blocks.
(STRM-27) -/
def promised (promise : PromiseRef Connection) : IO Connection :=
  return ⟨← Native.Connection.promised (← promise.asConnection), promise.runtime⟩

/-- A connection that takes every write and is at its end for every read; its length is 0. Never blocks. (STRM-22) -/
def null (runtime : Runtime) : IO Connection := return ⟨← Native.Connection.null runtime.native, runtime⟩

end Connection
end KjAsync
