import KjAsync.Datagram
import KjAsync.Fd
import KjAsync.Native.NetworkFd
import KjAsync.Network

/-! Descriptors made elsewhere, under the rules of a network. -/

namespace KjAsync.Network

/-- As `Runtime.wrapListenSocketFd`; the rules of the network decide who is accepted, and a network that is wrapped wraps the listener.
(LLIO-08) -/
def wrapListenSocketFd (network : Network) (fd : Fd) (options : FdOptions := {}) : IO Listener :=
  return ⟨← network.native.listenerFromFd fd (options.flags false), network.runtime⟩

/-- As `wrapListenSocketFd`, of the descriptor itself: it is the library's from now on, also if the call fails. (LLIO-08,
LLIO-10) -/
def wrapListenSocketFdTake (network : Network) (fd : Fd) (options : FdOptions := {}) : IO Listener :=
  return ⟨← network.native.listenerFromFd fd (options.flags true), network.runtime⟩

/-- As `Runtime.wrapDatagramSocketFd`; the rules of the network decide who is heard and sent to. Errors: also `unimplemented` for a
network that is wrapped. (LLIO-09) -/
def wrapDatagramSocketFd (network : Network) (fd : Fd) (options : FdOptions := {}) : IO DatagramPort :=
  return ⟨← network.native.datagramFromFd fd (options.flags false), network.runtime⟩

/-- As `wrapDatagramSocketFd`, of the descriptor itself: it is the library's from now on, also if the call fails. (LLIO-09,
LLIO-10) -/
def wrapDatagramSocketFdTake (network : Network) (fd : Fd) (options : FdOptions := {}) : IO DatagramPort :=
  return ⟨← network.native.datagramFromFd fd (options.flags true), network.runtime⟩

end KjAsync.Network
