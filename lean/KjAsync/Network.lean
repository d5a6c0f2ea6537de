import KjAsync.AddressFamily
import KjAsync.Cidr
import KjAsync.Peer
import KjAsync.SocketOption

/-! Networks: which peers there are. Also listeners on several addresses. -/

namespace KjAsync

/--
The system's network or a part of it. By design the whole network is for the main program: code below is better handed a
network, which it cannot widen, or an address. Any thread; it holds its runtime. (NET-21)
-/
structure Network where
  /-- Not for users: made by `Network.system` and `Network.restrict`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Network
  /-- The runtime; kept alive. -/
  runtime : Runtime

namespace Network

/-- The whole network of the system. Never blocks. (NET-21) -/
def system (runtime : Runtime) : IO Network := return ⟨← Native.Network.new runtime.native, runtime⟩

/--
The part of a network whose peers match a rule of `allow` and none of `deny`. Peers are checked after names are resolved: on
connecting, each address by itself; on accepting, where a forbidden peer is dropped silently; and for datagrams. A network
made from this one has to agree with it too. Rules:

- `10.0.0.0/8`, `fd00::/8`: a block of addresses. A denied peer passes only if a strictly more specific block allows it. IPv4
  blocks match v4-mapped IPv6 addresses. Any other IPv6 address that embeds an IPv4 address (compatible, NAT64, 6to4, Teredo,
  ISATAP) is judged by that too: it must not be denied, nor be local, private or reserved unless a rule allows that.
- `local`: loopback and unspecified addresses; not unix sockets.
- `network`: all but `local`, reserved and multicast addresses.
- `private`: RFC 1918, 100.64/10, 169.254/16, fc00::/7, fe80::/10 and `local`. Denied, it leaves `local` alone.
- `public`: all but `private`, reserved and multicast addresses.
- `unix`, `unix-abstract`: unix sockets with a path, and with an abstract name.

Never blocks. Errors: `invalidArgument` for any other rule, and for `network` or `public` in `deny`. (NET-05, NET-06, NET-07,
NET-08, NET-09)
-/
def restrict (network : Network) (allow : Array String) (deny : Array String := #[]) : IO Network :=
  return ⟨← network.native.restrict allow deny, network.runtime⟩

/-- A promise of the address that a text means, as `Address.parseStart` gives one; it keeps the rules of this network. A
forbidden address is parsed like any other, and refused when it is used: `failed`. (NET-01, NET-10) -/
def parseStart (network : Network) (text : String) (defaultPort : UInt16 := 0) : IO (PromiseRef Address) :=
  return ⟨← network.native.parseAddressStart text defaultPort, network.runtime, .address⟩

/-- The address that a text means; waits for a name to be looked up. See `parseStart`. -/
@[inline] def parse [MonadAwait m] (network : Network) (text : String) (defaultPort : UInt16 := 0) : m Address :=
  MonadAwait.awaitStarted (network.parseStart text defaultPort)

/-- As `Address.ofSockaddr`; the address keeps the rules of this network. Errors: also `failed` for a peer that they forbid.
(NET-04) -/
def ofSockaddr (network : Network) (bytes : ByteArray) : IO Address :=
  return ⟨← network.native.addressFromSockaddr bytes, network.runtime⟩

/-- Do the rules allow every peer that the address stands for, whichever network it is from? Never blocks. (LLIO-11) -/
def allows (network : Network) (address : Address) : IO Bool := network.native.allows address.native

end Network

namespace Listener

/--
Accepts from any of several listeners of one runtime, which stay usable. Each accept has its place in the line of every
socket; nothing is taken from the kernel before somebody waits for it. Closing the aggregate closes them all; dropping it
leaves them alone.

Never blocks. Errors: `invalidArgument` for none and for listeners of different runtimes. (NET-20)
-/
def aggregate (listeners : Array Listener) : IO Listener := do
  let native ← Native.Listener.aggregate (listeners.map (·.native))
  match listeners[0]? with
  | some first => return ⟨native, first.runtime⟩
  | none => throw (Error.ofKind .invalidArgument "an aggregate of no listeners")

/-- The bound port, 0 for a unix socket; of several sockets that of the first. Never blocks. (NET-18) -/
def port (listener : Listener) : IO UInt16 := listener.native.port

end Listener
end KjAsync
