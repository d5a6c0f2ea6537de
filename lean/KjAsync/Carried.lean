import KjAsync.Listener
import KjAsync.Native.Network

/-! Connections over which others are sent, as listeners and as addresses. Nothing here blocks. -/

namespace KjAsync

/--
A listener of a connection over which others are sent, as with `Connection.sendConnectionStart`. The connection stays usable
for everything but reading; the listener keeps it, and closing the listener closes it. Accepts are served in order. Of the peers
of accepted connections nothing is known: whoever sends a connection vouches for nothing. The port is 0; there is no local
address and there are no socket options (`unimplemented`). An aggregate may have it, and goes on when it ends.

An accept rejects with `disconnected` at the end of the stream, with `failed` for bytes that come without a connection, with
`busy` while somebody else reads. Cancelling one takes nothing. Errors: `unimplemented` if the connection is neither a unix socket
nor a capability pipe. (CAPS-09)
-/
def Listener.ofConnection (connection : Connection) : IO Listener :=
  return ⟨← Native.Listener.fromConnection connection.native, connection.runtime⟩

/--
An address that stands for whoever is at the other end of a connection over which others are sent. Connecting makes a pair of
connected ends, sends one over the connection and gives the other: a pair of unix sockets over a unix socket, a capability pipe
through a capability pipe. Listening, whatever the options, receives what the other end sends, as `Listener.ofConnection` does; all
listeners of one address share their line. The address keeps the connection.

Its text is `<capability stream>`, which cannot be parsed. It has no `sockaddr` (0 bytes), no port (0), the family `other`,
stands for 0 addresses, is in no block, and only a network without rules allows it. Where a socket needs an address it is refused
(`unimplemented`). Cancelling a connect closes both ends, unless one has been sent. Errors: `unimplemented` if the connection is
neither a unix socket nor a capability pipe. (CAPS-10)
-/
def Address.ofConnection (connection : Connection) : IO Address :=
  return ⟨← Native.Address.fromConnection connection.native, connection.runtime⟩

end KjAsync
