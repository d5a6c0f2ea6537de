//! What may be chosen when a context is made.

use super::TlsKeyPair;
use crate::error::Error;
use crate::net::Peer;
use crate::promise::Resolution;
use bytes::Bytes;
use std::sync::Arc;

/// Chooses a key pair by what the other side said, on the loop. Results in a [`TlsKeyPair`], in unit for the context's
/// own, or in an error, which refuses.
pub type ChooseKeyPair = dyn Fn(&[u8]) -> Resolution + Send + Sync;
/// Judges a peer by what it has shown, on the loop: an error refuses it. Must not block.
pub type VerifyPeer = dyn Fn(&Arc<Peer>) -> Result<(), Error> + Send + Sync;

/// A version of TLS. (TLS-05)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// What a server does about certificates of its clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Asks for none.
    #[default]
    Ignored,
    /// Asks for one; a client without any is let in.
    Requested,
    /// Demands one. (TLS-03)
    Demanded,
}

/// What may be chosen when a context is made. Certificates and lists are PEM, or DER one after the other.
pub struct TlsOptions {
    /// Whether the certification authorities that the system trusts are trusted. (TLS-02)
    pub system_trust: bool,
    /// Certificates that are trusted beside those of the system. (TLS-04)
    pub trusted: Bytes,
    /// Revocation lists. Certificates of their issuers are looked up in them; those of other issuers are let pass.
    pub revocation_lists: Bytes,
    /// The lowest version; TLS 1.2 for `None`. (TLS-05)
    pub min_version: Option<TlsVersion>,
    /// The highest version; TLS 1.3 for `None`.
    pub max_version: Option<TlsVersion>,
    /// Names of cipher suites as the IANA has them, the preferred first, with colons between; empty for the usual ones.
    /// (TLS-06)
    pub cipher_suites: String,
    /// Names of groups for the key exchange as the IANA has them, likewise. (TLS-07)
    pub groups: String,
    /// How this side proves itself: a server needs it, a client shows it when it is asked. (TLS-08)
    pub key_pair: Option<Arc<TlsKeyPair>>,
    /// What a server does about certificates of its clients. (TLS-03)
    pub client_certificates: ClientCertificates,
    /// Application protocols, the preferred first. (TLS-27)
    pub alpn: Vec<Vec<u8>>,
    /// Whether handshakes may go on with an earlier session. At most 256 are kept on each side. (TLS-27)
    pub resumption: bool,
    /// Whether the secrets of sessions are written to the file that the environment's `SSLKEYLOGFILE` names. Whoever reads
    /// it can read all that is sent. (TLS-27)
    pub key_log: bool,
    /// How long the handshake of a connection that a listener accepted may take, in nanoseconds: 10 s; `None` is no limit.
    /// (TLS-10)
    pub accept_timeout: Option<u64>,
    /// How many connections a listener has whose handshake goes on, or which wait for an accept: 128. (TLS-14)
    pub max_handshakes: usize,
    /// Hears of every handshake that failed behind a listener, on the loop. (TLS-11)
    pub on_accept_error: Option<Box<dyn Fn(Error) + Send + Sync>>,
    /// Chooses a server's key pair by the name that a client asks for, empty if it asks for none; a promise is waited
    /// for. An error refuses the client with an alert. (TLS-09)
    pub on_server_name: Option<Arc<ChooseKeyPair>>,
    /// Chooses a client's key pair when the server asks for one, by the distinguished names of the authorities that the
    /// server accepts: DER one after the other, empty for any. No promise; an error shows none.
    pub on_client_certificate: Option<Arc<ChooseKeyPair>>,
    /// Judges a peer that has passed the usual verification. A handshake that goes on with an earlier session asks neither.
    pub verify_also: Option<Arc<VerifyPeer>>,
    /// Judges a peer *instead of* the usual verification: no chain, no date, no name and no revocation is checked, only
    /// that the peer has the key of the certificate that it shows. A mistake here gives up all that TLS is for.
    pub dangerous_verify_instead: Option<Arc<VerifyPeer>>,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            system_trust: true,
            trusted: Bytes::new(),
            revocation_lists: Bytes::new(),
            min_version: None,
            max_version: None,
            cipher_suites: String::new(),
            groups: String::new(),
            key_pair: None,
            client_certificates: ClientCertificates::Ignored,
            alpn: Vec::new(),
            resumption: true,
            key_log: false,
            accept_timeout: Some(10_000_000_000),
            max_handshakes: 128,
            on_accept_error: None,
            on_server_name: None,
            on_client_certificate: None,
            verify_also: None,
            dangerous_verify_instead: None,
        }
    }
}
