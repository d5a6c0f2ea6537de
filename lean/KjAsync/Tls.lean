import KjAsync.NetworkWrapper
import KjAsync.Tls.Identity

/-!
TLS over any connection. A context says whom this side trusts and how it proves itself; with it connections, listeners, addresses and
networks become secure ones.
-/

namespace KjAsync.Tls

/-- Which check of a handshake has failed. (TLS-11, TLS-12) -/
inductive Failure where
  /-- The certificate of the peer has expired. -/
  | expired
  /-- It is not valid yet. -/
  | notYetValid
  /-- It was issued by nobody who is trusted. -/
  | unknownIssuer
  /-- It is not for the name that was asked for. -/
  | wrongName
  /-- It has been revoked. -/
  | revoked
  /-- A signature is not good. -/
  | badSignature
  /-- The certificate is for another purpose. -/
  | wrongPurpose
  /-- There is something else about it. -/
  | badCertificate
  /-- The peer presented none. -/
  | noCertificate
  /-- The code of the program refused the peer, or there is no certificate for the name that it asked for. -/
  | refused
  /-- Both sides have no version, cipher suite, group or application protocol in common. -/
  | incompatible
  /-- The peer refused with an alert, which the text of the error names. -/
  | alert
  /-- What came is not TLS, or was tampered with. -/
  | protocol
  deriving BEq, DecidableEq, Repr, Inhabited

namespace Failure

/-- Every check, in the order of their numbers in `kjasync.h`, which begin with 1. -/
def all : List Failure :=
  [expired, notYetValid, unknownIssuer, wrongName, revoked, badSignature, wrongPurpose, badCertificate, noCertificate, refused,
   incompatible, alert, protocol]

/-- Which check an error says has failed; `none` for one of no handshake. -/
def of? (error : ErrorRef) : Option Failure :=
  match error.native.tlsFailure.toNat with
  | 0 => none
  | number + 1 => all[number]?

end Failure

/-- A private key with its certificates. It shows nothing of the key. Any thread; it belongs to no runtime. (TLS-22) -/
structure KeyPair where
  /-- Not for users: made by `KeyPair.new`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.TlsKeyPair

namespace KeyPair

/--
A key pair from a chain of certificates, the leaf first, and a private key: each in PEM, or in DER, the certificates one after the other.
The key is in PKCS 8, or in the traditional form of RSA or elliptic curves; one with a password is in PKCS 8.

Never blocks. Errors: `invalidArgument` for what cannot be read, a wrong or missing password, and a key that is not that of the leaf.
(TLS-20, TLS-21, TLS-22)
-/
protected def new (certificates key : BytesRef) (password? : Option String := none) : IO KeyPair :=
  return ⟨← Native.TlsKeyPair.new certificates.native key.native password?.isSome
    (BytesRef.ofString (password?.getD "")).native⟩

/-- A key pair from two files; see `KeyPair.new`. Blocks for reading them. -/
def ofFiles (certificates key : System.FilePath) (password? : Option String := none) : IO KeyPair := do
  KeyPair.new (← IO.FS.readBinFile certificates) (← IO.FS.readBinFile key) password?

end KeyPair

/-- What a server does about certificates of its clients. (TLS-03) -/
inductive Clients where
  /-- Asks for none. -/
  | ignored
  /-- Asks for one, and lets in a client without any. -/
  | requested
  /-- Demands one. -/
  | demanded
  deriving BEq, DecidableEq, Repr, Inhabited

/-- What may be chosen when a context is made. Certificates and lists are PEM, or DER one after the other. The functions run on the
loop and must not block. -/
structure Options where
  /-- Whether the certification authorities that the system trusts are trusted. (TLS-02) -/
  systemTrust : Bool := true
  /-- Certificates that are trusted beside those of the system. (TLS-04) -/
  trusted : BytesRef := BytesRef.empty
  /-- Revocation lists. Certificates of their issuers are looked up in them, those of other issuers are let pass. -/
  revocationLists : BytesRef := BytesRef.empty
  /-- The lowest version. (TLS-05) -/
  minVersion : Version := .tls12
  /-- The highest version. -/
  maxVersion : Version := .tls13
  /-- Names of cipher suites at the IANA, the preferred first; empty for the usual ones. (TLS-06) -/
  cipherSuites : List String := []
  /-- Names of groups for the key exchange at the IANA, likewise. (TLS-07) -/
  groups : List String := []
  /-- How this side proves itself: a server needs it, a client shows it when it is asked. (TLS-08) -/
  keyPair? : Option KeyPair := none
  /-- What a server does about certificates of its clients. (TLS-03) -/
  clients : Clients := .ignored
  /-- Application protocols, the preferred first. (TLS-27) -/
  alpn : List String := []
  /-- Whether handshakes may go on with an earlier session. (TLS-27) -/
  resumption : Bool := true
  /-- Whether the secrets of sessions are written to the file that the environment's `SSLKEYLOGFILE` names: whoever reads it can read
  all that is sent. (TLS-27) -/
  keyLog : Bool := false
  /-- How long the handshake of a connection that a listener accepted may take, in nanoseconds by the runtime's clock; 0 for as long as it
  likes. (TLS-10) -/
  acceptTimeout : UInt64 := 10_000_000_000
  /-- How many connections a listener has whose handshake goes on, or which wait for an accept; at least 1. (TLS-14) -/
  maxHandshakes : Nat := 128
  /-- Hears of each accepted connection whose handshake failed. (TLS-11) -/
  onAcceptError? : Option (ErrorRef → IO Unit) := none
  /-- Chooses a server's key pair by the name that a client asks for, empty for none. It may wait. `none` is the context's own; what it
  throws refuses the client with an alert. (TLS-09) -/
  onServerName? : Option (String → Async (Option KeyPair)) := none
  /-- Chooses a client's key pair when the server asks for one, by the distinguished names of the authorities that it accepts: DER, one
  after the other. `none` is the context's own; if it throws none is shown. -/
  onClientCertificate? : Option (ByteArray → IO (Option KeyPair)) := none
  /-- Judges a peer that has passed the usual verification: what it throws refuses the peer. A handshake that goes on with an earlier
  session asks neither. -/
  verifyAlso? : Option (Identity → IO Unit) := none
  /-- Judges a peer *instead of* the usual verification: no chain, no date, no name and no revocation is checked, only that the peer has
  the key of the certificate that it shows. A mistake here gives up all that TLS is for. -/
  dangerouslyVerifyInstead? : Option (Identity → IO Unit) := none

private def Options.flags (options : Options) : UInt32 :=
  (if options.systemTrust then 0 else 1) + (if options.resumption then 0 else 2) + (if options.keyLog then 4 else 0)

private def Options.wanted (options : Options) : UInt32 :=
  (if options.onAcceptError?.isSome then 1 else 0) + (if options.onServerName?.isSome then 2 else 0) +
  (if options.onClientCertificate?.isSome then 4 else 0) + (if options.verifyAlso?.isSome then 8 else 0) +
  (if options.dangerouslyVerifyInstead?.isSome then 16 else 0)

private def Clients.code : Clients → UInt32
  | .ignored => 0
  | .requested => 1
  | .demanded => 2

private def show? (call : Native.Call) : Option KeyPair → IO Unit
  | some pair => call.returnTlsKeyPair pair.native
  | none => return

private def chooseByName (runtime : Runtime) (call : Native.Call) (choose : String → Async (Option KeyPair)) : BaseIO Unit :=
  Outcome.orReject call do
    match ← choose (← (BytesRef.ofNative (← call.bytes)).toText) { runtime } with
    | .ok pair? => show? call pair?
    | outcome =>
      let promise ← outcome.toPromise runtime
      call.returnPromise <| ← promise.native.handleBoth fun inner => do
        match ← promise.reader.input runtime inner with
        | .ok pair? => Outcome.orReject inner (show? inner pair?)
        | .error error => Outcome.rejectCall inner error

private def judge (call : Native.Call) (verify : Identity → IO Unit) : BaseIO Unit := do
  match ← Outcome.ofIO (do verify ⟨← call.peer⟩) with
  | .error error => Outcome.rejectCall call error
  | _ => return

/-- A function of the options, if it is there. -/
private def ask (function? : Option α) (run : α → BaseIO Unit) : BaseIO Unit :=
  match function? with
  | some function => run function
  | none => return

private def Options.callbacks (options : Options) (runtime : Runtime) : Native.TlsContext.Callbacks where
  failed := fun call => ask options.onAcceptError? fun hear => do discard (hear (← call.failure)).toBaseIO
  serverName := fun call => ask options.onServerName? (chooseByName runtime call)
  clientCertificate := fun call => ask options.onClientCertificate? fun choose => Outcome.orReject call do
    show? call (← choose (BytesRef.ofNative (← call.bytes)).toByteArray)
  verifyAlso := fun call => ask options.verifyAlso? (judge call)
  verifyInstead := fun call => ask options.dangerouslyVerifyInstead? (judge call)

/-- Everything that handshakes are made with. Any thread; it holds its runtime. What was made with it keeps it. (TLS-01) -/
structure Context where
  /-- Not for users: made by `Context.client` and `Context.server`. -/
  ofNative ::
  /-- The native handle. -/
  native : Native.TlsContext
  /-- What wraps connections, listeners, addresses and networks in TLS. (TLS-14, TLS-15, TLS-16) -/
  wrapper : NetworkWrapper

namespace Context

/-- A context with these options, for clients, servers or both. Blocks for reading the files of the system's certificates, unless those
are not trusted. Errors: `invalidArgument` for what cannot be read or offered. (TLS-01) -/
protected def new (runtime : Runtime) (options : Options := {}) : IO Context := do
  let timeout := if options.acceptTimeout == 0 then 0xFFFF_FFFF_FFFF_FFFF else options.acceptTimeout
  let native ← Native.TlsContext.new runtime.native options.flags options.clients.code options.minVersion.code
    options.maxVersion.code options.wanted options.trusted.native options.revocationLists.native
    (":".intercalate options.cipherSuites) (":".intercalate options.groups)
    (options.alpn.map fun protocol => (BytesRef.ofString protocol).native).toArray (options.keyPair?.map (·.native)) timeout
    (Native.usize (max 1 options.maxHandshakes)) (options.callbacks runtime)
  return ⟨native, ⟨← native.wrapper, runtime⟩⟩

/-- A context for clients: with no options it trusts whom the system trusts. See `Context.new`. -/
def client (runtime : Runtime) (options : Options := {}) : IO Context := Context.new runtime options

/-- A context for servers, with certificates and a key as `KeyPair.new` takes them. Whom the system trusts is read only if clients are
to show certificates. See `Context.new`. -/
def server (runtime : Runtime) (certificates key : BytesRef) (options : Options := {}) : IO Context := do
  let systemTrust := options.systemTrust && options.clients != .ignored
  Context.new runtime { options with keyPair? := some (← KeyPair.new certificates key), systemTrust }

/-- Replaces the key pair, by none for `none`: handshakes that begin later use the new one, connections go on. Any thread. -/
def setKeyPair (context : Context) (keyPair? : Option KeyPair) : IO Unit :=
  context.native.setKeyPair (keyPair?.map (·.native))

end Context
end Tls

namespace Connection

/--
Secures a connection of any kind, as the client: whoever is at the other end has to prove the name, a DNS name or an IP address. Gives
the secure connection; this one is consumed. Reading it throws `disconnected` if it ends without the goodbye of TLS, which
`shutdownWrite` says.

Errors: `failed` with a text that says which check failed, and `Tls.Failure.of?` says it to programs; `disconnected`; `busy` if a read is
pending. Cancellation: the handshake ends and the connection is closed. (TLS-12, TLS-17, TLS-18)
-/
@[inline] def startTls [MonadAwait m] (connection : Connection) (context : Tls.Context) (host : String) : m Connection :=
  context.wrapper.wrapClient connection host

/-- Secures a connection as the server; otherwise as `startTls`. (TLS-12) -/
@[inline] def acceptTls [MonadAwait m] (connection : Connection) (context : Tls.Context) : m Connection :=
  context.wrapper.wrapServer connection

end Connection
end KjAsync
