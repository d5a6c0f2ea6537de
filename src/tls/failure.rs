//! What went wrong in a handshake, or behind it.

use crate::error::{Error, ErrorKind};
use bytes::Bytes;
use rustls::{CertificateError, Error as Rustls, InvalidMessage};
use std::io;

/// Under this id an error carries which check has failed, in one byte.
pub(crate) const FAILURE: u64 = 0x746c_7366_6169_6c01;

/// Which check has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TlsFailure {
    /// The certificate has expired.
    Expired = 1,
    /// The certificate is not valid yet.
    NotYetValid = 2,
    /// Nobody who is trusted has issued the certificate.
    UnknownIssuer = 3,
    /// The certificate is not for the name that was asked for.
    WrongName = 4,
    /// The certificate has been revoked.
    Revoked = 5,
    /// A signature is not good.
    BadSignature = 6,
    /// The certificate is for another purpose.
    WrongPurpose = 7,
    /// There is something else about the certificate.
    BadCertificate = 8,
    /// The peer presented no certificate.
    NoCertificate = 9,
    /// A callback refused the peer, or had no certificate for the name that was asked for.
    Refused = 10,
    /// Both sides have no version, cipher suite, group or application protocol in common.
    Incompatible = 11,
    /// The peer refused with an alert.
    Alert = 12,
    /// What came is not TLS.
    Protocol = 13,
}

impl TlsFailure {
    /// Every check.
    pub const ALL: [Self; 13] = [
        Self::Expired,
        Self::NotYetValid,
        Self::UnknownIssuer,
        Self::WrongName,
        Self::Revoked,
        Self::BadSignature,
        Self::WrongPurpose,
        Self::BadCertificate,
        Self::NoCertificate,
        Self::Refused,
        Self::Incompatible,
        Self::Alert,
        Self::Protocol,
    ];

    /// Which check the error says has failed; `None` if it is of no handshake.
    pub fn of(error: &Error) -> Option<Self> {
        let code = error.detail(FAILURE)?;
        Self::ALL.into_iter().find(|failure| code[..] == [*failure as u8])
    }

    /// An error that says so.
    pub(super) fn error(self, text: impl Into<String>) -> Error {
        self.mark(&Error::new(ErrorKind::Failed, text.into()))
    }

    pub(super) fn mark(self, error: &Error) -> Error {
        error.with_detail(FAILURE, Some(Bytes::copy_from_slice(&[self as u8])))
    }
}

/// The error of ours that an I/O error of the engine stands for.
pub(super) fn explain(what: &str, error: &io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Rustls>()) {
        Some(error) => explain_tls(what, error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            let text = format!("{what}: the connection ended without the goodbye of TLS: what came may not be all");
            Error::new(ErrorKind::Disconnected, text)
        }
        None => Error::from_io(what, error),
    }
}

pub(super) fn explain_tls(what: &str, error: &Rustls) -> Error {
    let (failure, text) = match error {
        Rustls::InvalidCertificate(error) => return of_certificate(what, error),
        Rustls::InvalidCertRevocationList(error) => {
            (TlsFailure::BadCertificate, format!("a revocation list: {error:?}"))
        }
        Rustls::NoCertificatesPresented => (TlsFailure::NoCertificate, "the peer presented no certificate".to_owned()),
        Rustls::PeerIncompatible(why) => {
            (TlsFailure::Incompatible, format!("nothing in common with the peer: {why:?}"))
        }
        Rustls::NoApplicationProtocol => {
            (TlsFailure::Incompatible, "no application protocol in common with the peer".to_owned())
        }
        Rustls::AlertReceived(alert) => (TlsFailure::Alert, format!("the peer refused with the alert {alert:?}")),
        Rustls::InvalidMessage(InvalidMessage::InvalidContentType) => {
            (TlsFailure::Protocol, "what the peer sends is not TLS".to_owned())
        }
        Rustls::DecryptError => (TlsFailure::Protocol, "what came cannot be decrypted".to_owned()),
        error => (TlsFailure::Protocol, error.to_string()),
    };
    failure.error(format!("{what}: {text}"))
}

fn of_certificate(what: &str, error: &CertificateError) -> Error {
    use CertificateError as C;
    let (failure, text) = match error {
        C::Other(other) => {
            // What a callback said.
            return match other.0.downcast_ref::<Error>() {
                Some(refused) => TlsFailure::Refused.mark(refused),
                None => TlsFailure::BadCertificate.error(format!("{what}: the certificate of the peer: {error}")),
            };
        }
        C::Expired | C::ExpiredContext { .. } => (TlsFailure::Expired, "has expired"),
        C::NotValidYet | C::NotValidYetContext { .. } => (TlsFailure::NotYetValid, "is not valid yet"),
        C::UnknownIssuer => (TlsFailure::UnknownIssuer, "was issued by nobody who is trusted"),
        C::NotValidForName => (TlsFailure::WrongName, "is for another name"),
        C::NotValidForNameContext { expected, presented } => {
            let names = if presented.is_empty() { "no name at all".to_owned() } else { presented.join(", ") };
            let text =
                format!("{what}: the certificate of the peer is not for {}; it is for {names}", expected.to_str());
            return TlsFailure::WrongName.error(text);
        }
        C::Revoked => (TlsFailure::Revoked, "has been revoked"),
        C::BadSignature => (TlsFailure::BadSignature, "has a wrong signature, or the peer has not its key"),
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => (TlsFailure::WrongPurpose, "is for another purpose"),
        error => return TlsFailure::BadCertificate.error(format!("{what}: the certificate of the peer: {error}")),
    };
    failure.error(format!("{what}: the certificate of the peer {text}"))
}
