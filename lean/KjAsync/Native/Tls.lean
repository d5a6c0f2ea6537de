import KjAsync.Native.NetworkWrapper

/-! Foreign functions of TLS. The contract of each is in `kjasync.h`. -/

namespace KjAsync.Native

private opaque TlsContextPointed : NonemptyType.{0}
/-- A `kja_tls_context_t`. -/
def TlsContext : Type := TlsContextPointed.type
instance : Nonempty TlsContext := TlsContextPointed.property

private opaque TlsKeyPairPointed : NonemptyType.{0}
/-- A `kja_tls_key_pair_t`. -/
def TlsKeyPair : Type := TlsKeyPairPointed.type
instance : Nonempty TlsKeyPair := TlsKeyPairPointed.property

/-- `kja_tls_key_pair_new`. -/
@[extern "kjasync_tls_key_pair_new"]
protected opaque TlsKeyPair.new (certificates key : @& Bytes) (locked : Bool) (password : @& Bytes) : IO TlsKeyPair

/-- `kja_call_return_handle` of a key pair. -/
@[extern "kjasync_call_return_tls_key_pair"]
opaque Call.returnTlsKeyPair (call : @& Call) (keyPair : @& TlsKeyPair) : IO Unit

/-- `kja_call_handle` of a peer. -/
@[extern "kjasync_call_peer"]
opaque Call.peer (call : @& Call) : IO Peer

/-- `kja_tls_failure`. -/
@[extern "kjasync_tls_failure"]
opaque Error.tlsFailure (error : @& Error) : UInt32

namespace TlsContext

/-- What a context asks. Each takes its input from the call, and leaves its result there. -/
structure Callbacks where
  /-- Hears of accepted connections whose handshake failed. -/
  failed : Callback
  /-- Chooses a server's key pair by the name that is asked for. -/
  serverName : Callback
  /-- Chooses a client's key pair by the authorities that the server accepts. -/
  clientCertificate : Callback
  /-- Judges a peer beside the usual verification. -/
  verifyAlso : Callback
  /-- Judges a peer in place of it. -/
  verifyInstead : Callback

/-- `kja_tls_context_new`. `wanted` has a bit for each callback that is there, in their order. -/
@[extern "kjasync_tls_context_new"]
protected opaque new (runtime : @& Runtime) (flags clients minVersion maxVersion wanted : UInt32) (trusted revoked : @& Bytes)
  (suites groups : @& String) (alpn : @& Array Bytes) (keyPair : @& Option TlsKeyPair) (acceptTimeout : UInt64)
  (maxHandshakes : USize) (callbacks : Callbacks) : IO TlsContext

/-- `kja_tls_context_wrapper`. -/
@[extern "kjasync_tls_context_wrapper"]
opaque wrapper (context : @& TlsContext) : IO NetworkWrapper

/-- `kja_tls_context_set_key_pair`. -/
@[extern "kjasync_tls_context_set_key_pair"]
opaque setKeyPair (context : @& TlsContext) (keyPair : @& Option TlsKeyPair) : IO Unit

end TlsContext

/-- `kja_peer_below`. -/
@[extern "kjasync_peer_below"]
opaque Peer.below (peer : @& Peer) : IO Peer

/-- All of `kja_tls_peer_certificate`. -/
@[extern "kjasync_tls_peer_certificates"]
opaque Peer.tlsCertificates (peer : @& Peer) : IO (Array Bytes)

/-- `kja_tls_peer_common_name`. -/
@[extern "kjasync_tls_peer_common_name"]
opaque Peer.tlsCommonName (peer : @& Peer) : IO String

/-- All of `kja_tls_peer_alt_name`: kinds and texts. -/
@[extern "kjasync_tls_peer_alt_names"]
opaque Peer.tlsAltNames (peer : @& Peer) : IO (Array (Nat × String))

/-- `kja_tls_peer_matches_host`. -/
@[extern "kjasync_tls_peer_matches_host"]
opaque Peer.tlsMatchesHost (peer : @& Peer) (host : @& String) : IO Bool

/-- `kja_tls_peer_server_name`. -/
@[extern "kjasync_tls_peer_server_name"]
opaque Peer.tlsServerName (peer : @& Peer) : IO String

/-- `kja_tls_peer_alpn`. -/
@[extern "kjasync_tls_peer_alpn"]
opaque Peer.tlsAlpn (peer : @& Peer) : IO ByteArray

/-- `kja_tls_peer_version`. -/
@[extern "kjasync_tls_peer_version"]
opaque Peer.tlsVersion (peer : @& Peer) : IO UInt32

/-- `kja_tls_peer_cipher_suite`. -/
@[extern "kjasync_tls_peer_cipher_suite"]
opaque Peer.tlsCipherSuite (peer : @& Peer) : IO String

/-- `kja_tls_peer_is_resumed`. -/
@[extern "kjasync_tls_peer_is_resumed"]
opaque Peer.tlsIsResumed (peer : @& Peer) : IO Bool

end KjAsync.Native
