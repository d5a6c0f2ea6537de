//! Who is at the other end of a TLS connection. (TLS-23 to TLS-26)

use crate::error::Error;
use bytes::Bytes;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use std::fmt;
use std::net::IpAddr;
use x509_cert::Certificate;
use x509_cert::der::asn1::{BmpString, Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// A name that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// A DNS name, perhaps with a wildcard for its first label.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// A mail address.
    Email(String),
    /// A URI.
    Uri(String),
}

impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => f.write_str(text),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// What both ends of a handshake have agreed on.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    pub(crate) version: u16,
    pub(crate) suite: &'static str,
    pub(crate) alpn: Option<Bytes>,
    pub(crate) resumed: bool,
}

/// What a peer has shown in a TLS handshake.
#[derive(Clone, Debug, Default)]
pub struct TlsIdentity {
    /// The leaf first.
    pub(crate) certificates: Vec<Bytes>,
    /// The name that the client asked for.
    pub(crate) server_name: Option<String>,
    /// `None` while the handshake goes on.
    pub(crate) agreed: Option<Agreed>,
}

fn unreadable(error: impl fmt::Display) -> Error {
    Error::invalid(format!("a certificate that cannot be read: {error}"))
}

impl TlsIdentity {
    /// The certificates that the peer presented, in DER, its own first; none if it presented none. That they were checked
    /// is a matter of the context. (TLS-23)
    pub fn certificates(&self) -> &[Bytes] {
        &self.certificates
    }

    fn leaf(&self) -> Result<&Bytes, Error> {
        self.certificates.first().ok_or_else(|| Error::invalid("the peer has presented no certificate"))
    }

    /// The common name in the peer's certificate; empty if it has none. (TLS-24)
    ///
    /// # Errors
    /// `InvalidArgument` without a certificate, and for one that cannot be read.
    pub fn common_name(&self) -> Result<String, Error> {
        let certificate = Certificate::from_der(self.leaf()?).map_err(unreadable)?;
        let names = certificate.tbs_certificate.subject.0.iter().rev();
        let name = names.flat_map(|part| part.0.iter()).find(|name| name.oid == COMMON_NAME);
        let Some(name) = name.map(|name| &name.value) else { return Ok(String::new()) };
        let text = match name.tag() {
            Tag::Utf8String => Utf8StringRef::try_from(name).map(|text| text.to_string()),
            Tag::PrintableString => PrintableStringRef::try_from(name).map(|text| text.to_string()),
            Tag::Ia5String => Ia5StringRef::try_from(name).map(|text| text.to_string()),
            Tag::TeletexString => TeletexStringRef::try_from(name).map(|text| text.to_string()),
            Tag::BmpString => name.decode_as::<BmpString>().map(|text| text.to_string()),
            _ => return Ok(String::from_utf8_lossy(name.value()).into_owned()),
        };
        text.map_err(unreadable)
    }

    /// The names that the peer's certificate is for: of other kinds than DNS, IP, mail and URI none is given.
    ///
    /// # Errors
    /// `InvalidArgument` without a certificate, and for one that cannot be read.
    pub fn alt_names(&self) -> Result<Vec<AltName>, Error> {
        let certificate = Certificate::from_der(self.leaf()?).map_err(unreadable)?;
        let mut found = Vec::new();
        for extension in certificate.tbs_certificate.extensions.iter().flatten() {
            if extension.extn_id != SUBJECT_ALT_NAME {
                continue;
            }
            let names = SubjectAltName::from_der(extension.extn_value.as_bytes()).map_err(unreadable)?;
            found.extend(names.0.into_iter().filter_map(|name| match name {
                GeneralName::DnsName(name) => Some(AltName::Dns(name.to_string())),
                GeneralName::Rfc822Name(name) => Some(AltName::Email(name.to_string())),
                GeneralName::UniformResourceIdentifier(uri) => Some(AltName::Uri(uri.to_string())),
                GeneralName::IpAddress(ip) => match *ip.as_bytes() {
                    [a, b, c, d] => Some(AltName::Ip(IpAddr::from([a, b, c, d]))),
                    ref six => <[u8; 16]>::try_from(six).ok().map(|six| AltName::Ip(IpAddr::from(six))),
                },
                _ => None,
            }));
        }
        Ok(found)
    }

    /// Whether the peer's certificate is for this DNS name or IP address, wildcards in the certificate counted; `false`
    /// without a certificate. The common name does not count. (TLS-25)
    pub fn matches_host(&self, host: &str) -> bool {
        let (Ok(leaf), Ok(name)) = (self.leaf(), server_name(host)) else { return false };
        let certificate = CertificateDer::from(&leaf[..]);
        ParsedCertificate::try_from(&certificate).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }

    /// The name that the client asked for, if it did: by it a server may choose its certificate.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The application protocol that both ends agreed on.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.agreed.as_ref()?.alpn.as_deref()
    }

    /// The version as it is on the wire, 0x0303 for TLS 1.2; 0 while the handshake goes on.
    pub fn version(&self) -> u16 {
        self.agreed.as_ref().map_or(0, |agreed| agreed.version)
    }

    /// The name of the cipher suite at the IANA; empty while the handshake goes on.
    pub fn cipher_suite(&self) -> &'static str {
        self.agreed.as_ref().map_or("", |agreed| agreed.suite)
    }

    /// Whether the handshake went on with an earlier session, whose certificates these are.
    pub fn is_resumed(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.resumed)
    }
}

impl fmt::Display for TlsIdentity {
    /// The common name, or that there is no certificate. (TLS-26)
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.common_name().unwrap_or_else(|_| "(anonymous client)".to_owned()))
    }
}

/// A name to verify: a DNS name, with or without its closing dot, or an IP address, an IPv6 one with or without brackets.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare)
        .map(|name| name.to_owned())
        .map_err(|_| Error::invalid(format!("{host:?} is neither a DNS name nor an IP address to verify")))
}
