import KjAsync.Connection
import KjAsync.Native.Network
import KjAsync.Tls.Identity

/-! Who is at the other end of a connection. -/

namespace KjAsync

/-- Who somebody is, as far as it is known. A plain value, which outlives the connection; one may be made by hand, for a
transport of one's own. (PEER-02, PEER-03, PEER-04, PEER-05, PEER-06) -/
inductive Peer where
  /-- Nothing is known. -/
  | unknown
  /-- Somebody at this address. No proof against a man in the middle. -/
  | network (address : Address)
  /-- A process of this machine: its number, user and main group as they were when it called connect or listen; `none` for what
  the system does not tell. -/
  | process (pid uid gid : Option UInt32)
  /-- Somebody at the other end of a TLS connection: what was shown in the handshake, and who is at the other end of the connection
  below. (TLS-13, TLS-26) -/
  | tls (identity : Tls.Identity) (below : Peer)

namespace Peer

private def known (number : Int64) : Option UInt32 := if number < 0 then none else some number.toUInt64.toUInt32

private partial def ofNative (runtime : Runtime) (native : Native.Peer) : IO Peer := do
  match ← native.kind with
  | 1 => return .network ⟨← native.address, runtime⟩
  | 2 =>
    let found ← native.credentials
    return .process (known found.pid) (known found.uid) (known found.gid)
  | 3 => return .tls ⟨native⟩ (← ofNative runtime (← native.below))
  | _ => return .unknown

private def toNative : Peer → IO Native.Peer
  | .unknown => Native.Peer.newUnknown
  | .network address => Native.Peer.newNetwork address.native
  | .process pid uid gid => Native.Peer.newLocal (number pid) (number uid) (number gid)
  | .tls identity _ => return identity.native
where
  number : Option UInt32 → Int64
    | some value => value.toUInt64.toInt64
    | none => -1

/-- A text for people; that of a network peer can be parsed as an address, that of a TLS peer is the common name of its
certificate. Never blocks. (PEER-01, TLS-26) -/
def text (peer : Peer) : IO String := do (← peer.toNative).text

end Peer

/-- Who is at the other end; after it has gone it still tells who it was. What is no socket has an unknown peer. Never blocks.
(NET-12, NET-17, PEER-04, PEER-06) -/
def Connection.peer (connection : Connection) : IO Peer := do
  Peer.ofNative connection.runtime (← connection.native.peer)

end KjAsync
