import KjAsync.Bytes
import KjAsync.Native.Tls

/-! What a peer has shown in a TLS handshake. -/

namespace KjAsync.Tls

/-- A version of TLS. (TLS-05) -/
inductive Version where
  /-- TLS 1.2. -/
  | tls12
  /-- TLS 1.3. -/
  | tls13
  deriving BEq, DecidableEq, Repr, Inhabited

/-- The number of a version in `kjasync.h`. -/
def Version.code : Version → UInt32
  | .tls12 => 0x0303
  | .tls13 => 0x0304

/-- A name that a certificate is for. -/
inductive AltName where
  /-- A DNS name, perhaps with a wildcard. -/
  | dns (name : String)
  /-- An IP address. -/
  | ip (address : String)
  /-- A mail address. -/
  | email (address : String)
  /-- A URI. -/
  | uri (uri : String)
  deriving BEq, DecidableEq, Repr, Inhabited

/-- What a peer has shown in a handshake. It outlives its connection. Any thread; nothing here blocks. (TLS-13) -/
structure Identity where
  /-- Not for users: made by the library. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.Peer

namespace Identity

private def nonempty (text : String) : Option String := if text.isEmpty then none else some text

/-- The certificates that the peer has presented, in DER, its own first; none if it presented none. That they were verified is a
matter of the context. (TLS-23) -/
def certificates (identity : Identity) : IO (Array BytesRef) := return (← identity.native.tlsCertificates).map (⟨·⟩)

/-- Whether the peer has presented a certificate. (TLS-23) -/
def hasCertificate (identity : Identity) : IO Bool := return !(← identity.certificates).isEmpty

/-- The common name in the peer's certificate, if it has one. Errors: `invalidArgument` if the peer has presented no certificate, or one
that cannot be read. (TLS-24) -/
def commonName? (identity : Identity) : IO (Option String) := return nonempty (← identity.native.tlsCommonName)

/-- The names that the peer's certificate is for; those of further kinds are left out. Errors: as `commonName?`. -/
def altNames (identity : Identity) : IO (Array AltName) := do
  return (← identity.native.tlsAltNames).map fun (kind, text) =>
    match kind with
    | 1 => .dns text
    | 2 => .ip text
    | 3 => .email text
    | _ => .uri text

/-- Whether the peer's certificate is for this DNS name or IP address; wildcards in the certificate count, its common name does not.
`false` without a certificate. (TLS-25) -/
def matchesHost (identity : Identity) (host : String) : IO Bool := identity.native.tlsMatchesHost host

/-- The name that the client asked for, if it asked for one. -/
def serverName? (identity : Identity) : IO (Option String) := return nonempty (← identity.native.tlsServerName)

/-- The application protocol that both sides agreed on, if there is one. (TLS-27) -/
def alpn? (identity : Identity) : IO (Option String) := do
  let protocol ← identity.native.tlsAlpn
  return if protocol.isEmpty then none else String.fromUTF8? protocol

/-- The version; `none` while the handshake goes on. -/
def version? (identity : Identity) : IO (Option Version) := do
  let code ← identity.native.tlsVersion
  return [Version.tls12, .tls13].find? (·.code == code)

/-- The name of the cipher suite at the IANA; empty while the handshake goes on. -/
def cipherSuite (identity : Identity) : IO String := identity.native.tlsCipherSuite

/-- Whether the handshake went on with an earlier session. (TLS-27) -/
def isResumed (identity : Identity) : IO Bool := identity.native.tlsIsResumed

end Identity
end KjAsync.Tls
