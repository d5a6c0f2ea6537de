import KjAsync.Native.Datagram
import KjAsync.Native.Network

/-! Foreign functions of networks and descriptors made elsewhere. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

/-- `kja_network_listener_from_fd`. -/
@[extern "kjasync_network_listener_from_fd"]
opaque Network.listenerFromFd (network : @& Network) (fd flags : UInt32) : IO Listener

/-- `kja_network_datagram_from_fd`. -/
@[extern "kjasync_network_datagram_from_fd"]
opaque Network.datagramFromFd (network : @& Network) (fd flags : UInt32) : IO Datagram

end KjAsync.Native
