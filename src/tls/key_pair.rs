//! A private key with its certificates. (TLS-20, TLS-21, TLS-22)

use super::certificates::{chain, is_pem};
use crate::error::Error;
use crate::object::Object;
use crate::value::Value;
use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::der::SecretDocument;
use rustls::InconsistentKeys;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::{CertifiedKey, SigningKey};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

/// A private key with the certificates that belong to it. It belongs to no runtime.
///
/// The text that it was read from is overwritten here; the key itself is kept in the form that the crypto library works
/// with, which that does not overwrite.
pub struct TlsKeyPair(pub(super) Arc<CertifiedKey>);

impl TlsKeyPair {
    /// A key pair from a chain of certificates, the leaf first, and a private key, each in PEM or DER. The key is in PKCS 8 or
    /// in the traditional form of RSA or elliptic curves; with a password it is in PKCS 8.
    ///
    /// # Errors
    /// `InvalidArgument` for what cannot be read, a wrong or missing password, and a key that is not that of the leaf.
    pub fn new(certificates: &[u8], key: &[u8], password: Option<&[u8]>) -> Result<Arc<Self>, Error> {
        let pair = CertifiedKey::new(chain(certificates)?, signing_key(key, password)?);
        match pair.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Arc::new(Self(Arc::new(pair))))
            }
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(Error::invalid("the private key is not that of the first certificate"))
            }
            Err(error) => Err(Error::invalid(format!("a key pair that cannot be used: {error}"))),
        }
    }

    /// The key pair as what a callback results in, or a promise carries.
    pub fn into_value(this: Arc<Self>) -> Value {
        Value::object(this)
    }
}

impl Object for TlsKeyPair {}

impl fmt::Debug for TlsKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsKeyPair({} certificates)", self.0.cert.len())
    }
}

/// What cannot be read is not shown: it may be a part of a key.
fn no_key() -> Error {
    Error::invalid("a private key that cannot be read")
}

fn signing_key(text: &[u8], password: Option<&[u8]>) -> Result<Arc<dyn SigningKey>, Error> {
    if !is_pem(text) {
        return match EncryptedPrivateKeyInfo::try_from(text) {
            Ok(encrypted) => locked(&encrypted, password),
            Err(_) => in_der(text),
        };
    }
    let pem = std::str::from_utf8(text).map_err(|_| no_key())?;
    if let Some(start) = pem.find(ENCRYPTED) {
        let end = pem[start..].find(ENCRYPTED_END).ok_or_else(no_key)?;
        let pem = &pem[start..start + end + ENCRYPTED_END.len()];
        let (_, document) = SecretDocument::from_pem(pem).map_err(|_| no_key())?;
        let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|_| no_key())?;
        return locked(&encrypted, password);
    }
    if pem.contains("Proc-Type: 4,ENCRYPTED") {
        let text = "a key in the traditional form with a password, which protects little; `openssl pkcs8 -topk8` makes it PKCS 8";
        return Err(Error::invalid(text));
    }
    let key = Zeroizing::new(PrivateKeyDer::from_pem_slice(text).map_err(|_| no_key())?);
    usable(&key)
}

fn locked(encrypted: &EncryptedPrivateKeyInfo<'_>, password: Option<&[u8]>) -> Result<Arc<dyn SigningKey>, Error> {
    let password = password.ok_or_else(|| Error::invalid("the private key needs a password"))?;
    let refused = |_| Error::invalid("the password is not that of the private key, or its encryption is not known");
    // Overwritten when it is dropped.
    let document = encrypted.decrypt(password).map_err(refused)?;
    in_der(document.as_bytes())
}

fn in_der(key: &[u8]) -> Result<Arc<dyn SigningKey>, Error> {
    usable(&PrivateKeyDer::try_from(key).map_err(|_| no_key())?)
}

fn usable(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, Error> {
    any_supported_type(key).map_err(|_| Error::invalid("a private key that is of no use: RSA, ECDSA or Ed25519 is"))
}
