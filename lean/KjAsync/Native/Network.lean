import KjAsync.Native.Handle

/-! Foreign functions of networks, of what addresses and listeners can do beside connecting and accepting, of peers, blocks
of addresses and socket options. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque NetworkPointed : NonemptyType.{0}
/-- A `kja_network_t`. -/
def Network : Type := NetworkPointed.type
instance : Nonempty Network := NetworkPointed.property

private opaque PeerPointed : NonemptyType.{0}
/-- A `kja_peer_t`. -/
def Peer : Type := PeerPointed.type
instance : Nonempty Peer := PeerPointed.property

/-- What the system tells of a process; -1 for what it does not. -/
structure Credentials where
  /-- The process. -/
  pid : Int64
  /-- The user. -/
  uid : Int64
  /-- The main group. -/
  gid : Int64

/-- `kja_address_from_sockaddr`. -/
@[extern "kjasync_address_from_sockaddr"]
opaque Address.fromSockaddr (runtime : @& Runtime) (bytes : @& ByteArray) : IO Address

/-- `kja_address_sockaddr`. -/
@[extern "kjasync_address_sockaddr"]
opaque Address.sockaddr (address : @& Address) : IO ByteArray

/-- `kja_address_family`. -/
@[extern "kjasync_address_family"]
opaque Address.family (address : @& Address) : IO UInt32

/-- `kja_address_count`. -/
@[extern "kjasync_address_count"]
opaque Address.count (address : @& Address) : IO Nat

/-- `kja_address_get`. -/
@[extern "kjasync_address_get"]
opaque Address.get (address : @& Address) (index : USize) : IO Address

/-- `kja_address_from_connection`. -/
@[extern "kjasync_address_from_connection"]
opaque Address.fromConnection (connection : @& Connection) : IO Address

/-- `kja_network_new`. -/
@[extern "kjasync_network_new"]
opaque Network.new (runtime : @& Runtime) : IO Network

/-- `kja_network_restrict`. -/
@[extern "kjasync_network_restrict"]
opaque Network.restrict (network : @& Network) (allow deny : @& Array String) : IO Network

/-- `kja_network_parse_address_start`. -/
@[extern "kjasync_network_parse_address_start"]
opaque Network.parseAddressStart (network : @& Network) (text : @& String) (defaultPort : UInt16) : IO Promise

/-- `kja_network_address_from_sockaddr`. -/
@[extern "kjasync_network_address_from_sockaddr"]
opaque Network.addressFromSockaddr (network : @& Network) (bytes : @& ByteArray) : IO Address

/-- `kja_network_allows`. -/
@[extern "kjasync_network_allows"]
opaque Network.allows (network : @& Network) (address : @& Address) : IO Bool

/-- `kja_listener_from_connection`. -/
@[extern "kjasync_listener_from_connection"]
opaque Listener.fromConnection (connection : @& Connection) : IO Listener

/-- `kja_listener_aggregate_new`. -/
@[extern "kjasync_listener_aggregate_new"]
opaque Listener.aggregate (listeners : @& Array Listener) : IO Listener

/-- `kja_listener_port`. -/
@[extern "kjasync_listener_port"]
opaque Listener.port (listener : @& Listener) : IO UInt16

/-- `kja_connection_getsockopt`. -/
@[extern "kjasync_connection_getsockopt"]
opaque Connection.getsockopt (connection : @& Connection) (level option : Int32) (capacity : USize) : IO ByteArray

/-- `kja_connection_setsockopt`. -/
@[extern "kjasync_connection_setsockopt"]
opaque Connection.setsockopt (connection : @& Connection) (level option : Int32) (value : @& ByteArray) : IO Unit

/-- `kja_listener_getsockopt`. -/
@[extern "kjasync_listener_getsockopt"]
opaque Listener.getsockopt (listener : @& Listener) (level option : Int32) (capacity : USize) : IO ByteArray

/-- `kja_listener_setsockopt`. -/
@[extern "kjasync_listener_setsockopt"]
opaque Listener.setsockopt (listener : @& Listener) (level option : Int32) (value : @& ByteArray) : IO Unit

/-- `kja_connection_peer`. -/
@[extern "kjasync_connection_peer"]
opaque Connection.peer (connection : @& Connection) : IO Peer

/-- `kja_peer_kind`. -/
@[extern "kjasync_peer_kind"]
opaque Peer.kind (peer : @& Peer) : IO UInt32

/-- `kja_peer_text`. -/
@[extern "kjasync_peer_text"]
opaque Peer.text (peer : @& Peer) : IO String

/-- `kja_peer_address`. -/
@[extern "kjasync_peer_address"]
opaque Peer.address (peer : @& Peer) : IO Address

/-- `kja_peer_credentials`. -/
@[extern "kjasync_peer_credentials"]
opaque Peer.credentials (peer : @& Peer) : IO Credentials

/-- `kja_peer_new_network`. -/
@[extern "kjasync_peer_new_network"]
opaque Peer.newNetwork (address : @& Address) : IO Peer

/-- `kja_peer_new_local`. -/
@[extern "kjasync_peer_new_local"]
opaque Peer.newLocal (pid uid gid : Int64) : IO Peer

/-- `kja_peer_new_unknown`. -/
@[extern "kjasync_peer_new_unknown"]
opaque Peer.newUnknown : IO Peer

/-- `kja_cidr_text`. -/
@[extern "kjasync_cidr_text"]
opaque Cidr.text (text : @& String) : IO String

/-- `kja_cidr_text_of`. -/
@[extern "kjasync_cidr_text_of"]
opaque Cidr.textOf (ip : @& ByteArray) (lengthOfPrefix : UInt8) : IO String

/-- `kja_cidr_family`. -/
@[extern "kjasync_cidr_family"]
opaque Cidr.family (text : @& String) : IO UInt32

/-- `kja_cidr_specificity`. -/
@[extern "kjasync_cidr_specificity"]
opaque Cidr.specificity (text : @& String) : IO UInt32

/-- `kja_cidr_matches`. -/
@[extern "kjasync_cidr_matches"]
opaque Cidr.matchesAddress (text : @& String) (address : @& Address) : IO Bool

/-- `kja_cidr_matches_text`. -/
@[extern "kjasync_cidr_matches_text"]
opaque Cidr.matchesText (text ip : @& String) : IO Bool

end KjAsync.Native
