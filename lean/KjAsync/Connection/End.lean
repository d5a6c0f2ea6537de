import KjAsync.Connection
import KjAsync.Native.Pipe

/-!
The ends of a connection. There are four ways to end one, each with one meaning for every kind of connection:

- `shutdownWrite`: I have nothing more to say. The other side reads the end of the stream after what was written; reading
  goes on.
- `abortWrite`: I cannot say the rest. Pending and later writes fail, and so does the other side where an error can reach it.
- `abortRead`: I do not listen any more. Pending and later reads see the end of the stream; writing goes on.
- `close`, or dropping the last reference: all of it is over. The descriptor is gone.
-/

namespace KjAsync.Connection

/--
Fails pending and later writes with this error. Whoever reads from the other end of a pipe in this process gets the error
too; the peer of a socket sees a reset when the connection is closed. Reading goes on. Never blocks. (STRM-14)
-/
def abortWrite [ErrorForm ε] (connection : Connection) (error : ε) : IO Unit :=
  connection.native.abortWrite (ErrorForm.toRef error).native

/--
A promise that is fulfilled once writing would fail because the other side has gone. It may be asked for many times, and
keeps the connection. A peer that has only ended its own writing has not gone.

Never blocks. Errors: `canceled` if the connection is closed. Cancellation: nothing is lost. (STRM-13)
-/
def whenWriteDisconnectedStart (connection : Connection) : IO (PromiseRef Unit) :=
  return ⟨← connection.native.whenWriteDisconnectedStart, connection.runtime, .unit⟩

/-- Waits until the other side has gone; see `whenWriteDisconnectedStart`. -/
@[inline] def whenWriteDisconnected [MonadAwait m] (connection : Connection) : m Unit :=
  MonadAwait.awaitStarted connection.whenWriteDisconnectedStart

end KjAsync.Connection
