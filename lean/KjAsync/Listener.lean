import KjAsync.Async.Each
import KjAsync.Async.Loop
import KjAsync.Connection

/-! Listeners: sockets that connections come in on. -/

namespace KjAsync

/-- A listening socket. Any thread. It holds its runtime. Dropping the last reference closes it once nothing is
pending on it; connections that it gave live on. (NET-23) After a shutdown calls throw `badHandle`. -/
structure Listener where
  /-- Not for users: made by `Address.listen`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Listener
  /-- The runtime; kept alive. -/
  runtime : Runtime

/-- How to listen. -/
structure ListenOptions where
  /-- How many connections may wait to be accepted; 0 for as many as the system allows. -/
  backlog : UInt32 := 0
  /-- Is the file of a unix socket that nobody listens on any more to be replaced? A socket that is bound and does not
  listen yet looks like that. -/
  replaceStale : Bool := false

/--
Listens on the address: the addresses behind a name together, on one port if the system chooses it; `*` is every address
of this machine. The file of a unix socket is removed when the listener is closed or gone, if it is still the same file.

Never blocks. Errors: `failed` with the OS error EADDRINUSE for a port in use and for a path that exists, otherwise what
the system says, such as ENOENT or EACCES; `failed` if the network's rules forbid every peer that could come. (NET-10,
NET-13)
-/
def Address.listen (address : Address) (options : ListenOptions := {}) : IO Listener :=
  return ⟨← address.native.listen options.backlog (if options.replaceStale then 1 else 0), address.runtime⟩

/-- A promise of a listener on the address that a text means, such as `127.0.0.1:0` or `*:80`. Errors as for
`Address.parseStart` and `Address.listen`. -/
def Runtime.listenStart (runtime : Runtime) (text : String) (options : ListenOptions := {}) :
    IO (PromiseRef Listener) := do
  (← Address.parseStart runtime text).then (·.listen options)

/-- Listens on the address that a text means; see `listenStart`. -/
@[inline] def Runtime.listen [MonadAwait m] (runtime : Runtime) (text : String) (options : ListenOptions := {}) : m Listener :=
  MonadAwait.awaitStarted (runtime.listenStart text options)

namespace Listener

/--
A promise of the next connection, with TCP_NODELAY set. Several may be pending and are served in order.

Never blocks. Without descriptors or memory it stays pending and tries again at growing intervals. Errors: `canceled`
when the listener is closed. Cancellation: connections stay in the backlog, and one that the promise has
and that nobody has seen is the next accept's. (NET-16)
-/
def acceptStart (listener : Listener) : IO (PromiseRef Connection) :=
  return ⟨← listener.native.acceptStart, listener.runtime, .connection⟩

/-- Waits for the next connection; see `acceptStart`. -/
@[inline] def accept [MonadAwait m] (listener : Listener) : m Connection :=
  MonadAwait.awaitStarted listener.acceptStart

/--
Accepts one connection after another, each as `acceptStart`, and runs code on the loop for each; the next accept begins when that is done,
so what serves the connection is best started there and left to a `TaskSet` or a scope. One promise serves them all. `none` goes on, `some` ends it
with that value. A connection that nobody keeps is closed.

Never blocks. Errors: what the code throws, and those of an accept; `canceled` when the listener is closed. Cancellation: connections
stay in the backlog, and the code that runs ends at its next wait. (NET-16)
-/
def acceptEachStart (listener : Listener) (run : Connection → Async (Option α)) : IO (PromiseRef (Option α)) :=
  PromiseRef.ofSequence listener.runtime .connection run listener.native.acceptEachStart

/-- Runs code for each connection until it gives a value; see `acceptEachStart`. -/
@[inline] def acceptEach [MonadAwait m] (listener : Listener) (run : Connection → Async (Option α)) : m (Option α) :=
  MonadAwait.awaitStarted (listener.acceptEachStart run)

/-- `for connection in listener do …`, until an accept fails: with `canceled` when the listener is closed. What serves the connection
is best started in a scope. -/
@[always_inline]
instance : ForIn Async Listener Connection where
  forIn listener state step := Async.iterate (state := state) fun state => do step (← listener.accept) state

/-- The bound address, with the port that the system chose if 0 was asked for. Never blocks. Errors: `unimplemented` for a
listener on a connection. (NET-18) -/
def localAddress (listener : Listener) : IO Address := return ⟨← listener.native.localAddress, listener.runtime⟩

/-- Stops listening now; pending accepts reject with kind `canceled`. A second call does nothing. Never blocks. -/
def close (listener : Listener) : IO Unit := listener.native.close

end Listener
end KjAsync
