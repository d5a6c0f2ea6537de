import KjAsync.Async
import KjAsync.Network
import KjAsync.Pipe
import KjAsync.Native.NetworkWrapper

/-! Wrappers: what turns connections, listeners, addresses and whole networks into secure ones, or into others. TLS is one. -/

namespace KjAsync

/--
Turns connections into others, each in an exchange with its other end that may take time: a handshake. Any thread; it holds its
runtime. What was wrapped keeps it. (NET-22)
-/
structure NetworkWrapper where
  /-- Not for users: made by `NetworkWrapper.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.NetworkWrapper
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace NetworkWrapper

/-- What may be chosen when a wrapper is made. -/
structure Options where
  /-- What the texts of wrapped addresses begin with, before a colon. -/
  name : String := "wrapped"
  /-- How long an accepted connection may take to be wrapped, in nanoseconds by the runtime's clock; 0 for as long as it likes. -/
  acceptTimeout : UInt64 := 10_000_000_000
  /-- How many connections a listener has that are being wrapped, or have been and wait for an accept; at least 1. More than
  these stay with the inner listener. -/
  maxHandshakes : Nat := 128
  /-- Runs on the loop for each accepted connection that could not be wrapped. Of what it throws nothing is heard. (TLS-11) -/
  onAcceptError : ErrorRef → IO Unit := fun _ => return

/-- On the loop: leaves the connection that the action gives as the result of the running call. Not for users. -/
def _root_.KjAsync.Outcome.deliverConnection (runtime : Runtime) (call : Native.Call) (action : Async Connection) :
    BaseIO Unit := do
  let outcome ← action { runtime }
  Outcome.orReject call do
    match outcome with
    | .ok connection => call.returnConnection connection.native
    | outcome => call.returnPromise (← (← outcome.toPromise runtime).asConnection)

/--
A wrapper that does this to connections, on the loop. `wrapClient` wraps the end that connected, where whoever is at the other end
has to prove the name: a DNS name or an IP address. `wrapServer` wraps the end that was connected to. Each gives a connection, the
same or another, or throws; one that is dropped is closed.

Never blocks. Errors: `shutdown`. Cancellation: a handshake that is cancelled stops where it waits. (NET-22)
-/
protected def new (runtime : Runtime) (wrapClient : Connection → String → Async Connection)
    (wrapServer : Connection → Async Connection) (options : Options := {}) : IO NetworkWrapper := do
  let timeout := if options.acceptTimeout == 0 then 0xFFFF_FFFF_FFFF_FFFF else options.acceptTimeout
  let native ← Native.NetworkWrapper.new runtime.native options.name timeout
    (Native.usize (max 1 options.maxHandshakes)) {
      client := fun call connection host => Outcome.deliverConnection runtime call (wrapClient ⟨connection, runtime⟩ host)
      server := fun call connection => Outcome.deliverConnection runtime call (wrapServer ⟨connection, runtime⟩)
      failed := fun call => do discard (options.onAcceptError (← call.failure)).toBaseIO }
  return ⟨native, runtime⟩

/--
A promise of a connection wrapped as the end that connected, where whoever is at the other end has to prove the name. The connection
is consumed: later calls on it throw `badHandle`.

Never blocks. Errors: `invalidArgument` for a connection of another runtime; the promise fails as the wrapper says. Cancellation: the
handshake ends and the connection is closed. (NET-22, TLS-12)
-/
def wrapClientStart (wrapper : NetworkWrapper) (connection : Connection) (host : String) : IO (PromiseRef Connection) :=
  return ⟨← wrapper.native.wrapClientStart connection.native host, wrapper.runtime, .connection⟩

/-- Wraps the end that connected, and waits for it; see `wrapClientStart`. -/
@[inline] def wrapClient [MonadAwait m] (wrapper : NetworkWrapper) (connection : Connection) (host : String) :
    m Connection :=
  MonadAwait.awaitStarted (wrapper.wrapClientStart connection host)

/-- A promise of a connection wrapped as the end that was connected to; otherwise as `wrapClientStart`. (NET-22, TLS-12) -/
def wrapServerStart (wrapper : NetworkWrapper) (connection : Connection) : IO (PromiseRef Connection) :=
  return ⟨← wrapper.native.wrapServerStart connection.native, wrapper.runtime, .connection⟩

/-- Wraps the end that was connected to, and waits for it; see `wrapServerStart`. -/
@[inline] def wrapServer [MonadAwait m] (wrapper : NetworkWrapper) (connection : Connection) : m Connection :=
  MonadAwait.awaitStarted (wrapper.wrapServerStart connection)

/--
A listener that accepts from another one and wraps. Handshakes run side by side and finish in any order, so that a peer which stalls
holds up nobody; the options bound their number and their time. They begin while an accept is pending; one that has begun goes on, and
what it gives is kept for the next accept, so that cancelling an accept loses no connection. One that fails is told to `onAcceptError`
alone, and no accept fails because of it. When nothing more comes from the inner listener, an accept fails once the handshakes have
ended.

The inner listener stays usable; port, local address and socket options are its own. Closing the new one ends its handshakes and closes
the inner one; dropping it, with no accept pending, ends its handshakes. Never blocks. Errors: `invalidArgument` for a listener of another
runtime. (NET-22, TLS-14)
-/
def wrapListener (wrapper : NetworkWrapper) (listener : Listener) : IO Listener :=
  return ⟨← wrapper.native.wrapListener listener.native, wrapper.runtime⟩

/--
An address whose connections are wrapped: those it makes as clients, with the name to be expected; those it listens for as servers. The
text is that of the address behind the wrapper's name and a colon, and cannot be parsed. Family, port, count and `sockaddr` are those of
the address; a socket is not given it (`unimplemented`). Never blocks. Errors: `invalidArgument` for an address of another runtime.
(NET-22, TLS-15)
-/
def wrapAddress (wrapper : NetworkWrapper) (address : Address) (host : String) : IO Address :=
  return ⟨← wrapper.native.wrapAddress address.native host, wrapper.runtime⟩

/--
A network whose addresses are wrapped, with the host in their text, a name or an IP address, as the name to be expected. What has no such
name is refused: texts of unix sockets and of several addresses with `invalidArgument`, `Network.ofSockaddr` with `unimplemented`. The
rules are those of the network, and can be restricted further. Never blocks. Errors: `invalidArgument` for a network of another runtime.
(NET-22, TLS-16)
-/
def wrapNetwork (wrapper : NetworkWrapper) (network : Network) : IO Network :=
  return ⟨← wrapper.native.wrapNetwork network.native, wrapper.runtime⟩

end NetworkWrapper
end KjAsync
