//! A private key with its certificates. (TLS-20, TLS-21, TLS-22)

use super::certificates::{chain, is_pem};
use super::provider;
use crate::error::Error;
use crate::object::Object;
use crate::value::Value;
use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::der::SecretDocument;
use rustls::InconsistentKeys;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
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
        let chain = chain(certificates)?;
        let key = private_key(key, password)?;
        let pair =
            CertifiedKey::from_der(chain, key, &provider::usual()).map_err(|error| Error::invalid(explain(&error)))?;
        Ok(Arc::new(Self(Arc::new(pair))))
    }

    /// The key pair as what a callback results in, or a promise carries.
    pub fn into_value(this: Arc<Self>) -> Value {
        Value::object(this)
    }
}

fn explain(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the private key is not that of the first certificate".to_owned()
        }
        error => format!("a key pair that cannot be used: {error}"),
    }
}

impl Object for TlsKeyPair {}

impl fmt::Debug for TlsKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsKeyPair({} certificates)", self.0.cert.len())
    }
}

/// What cannot be read is not shown: it may be a part of a key.
fn unreadable(_: impl std::error::Error) -> Error {
    Error::invalid("a private key that cannot be read")
}

fn private_key(text: &[u8], password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>, Error> {
    if !is_pem(text) {
        return match EncryptedPrivateKeyInfo::try_from(text) {
            Ok(encrypted) => decrypt(&encrypted, password),
            Err(_) => PrivateKeyDer::try_from(text).map(|key| key.clone_key()).map_err(|_| no_key()),
        };
    }
    let pem = std::str::from_utf8(text).map_err(unreadable)?;
    if let Some(start) = pem.find(ENCRYPTED) {
        let end = pem[start..].find(ENCRYPTED_END).ok_or_else(no_key)?;
        let pem = &pem[start..start + end + ENCRYPTED_END.len()];
        let (_, document) = SecretDocument::from_pem(pem).map_err(|_| no_key())?;
        let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|_| no_key())?;
        return decrypt(&encrypted, password);
    }
    if pem.contains("Proc-Type: 4,ENCRYPTED") {
        let text = "a key in the traditional form with a password, which protects little; `openssl pkcs8 -topk8` makes it PKCS 8";
        return Err(Error::invalid(text));
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|_| no_key())
}

fn no_key() -> Error {
    Error::invalid("a private key that cannot be read")
}

fn decrypt(encrypted: &EncryptedPrivateKeyInfo<'_>, password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>, Error> {
    let password = password.ok_or_else(|| Error::invalid("the private key needs a password"))?;
    let refused = |_| Error::invalid("the password is not that of the private key, or its encryption is not known");
    let document = encrypted.decrypt(password).map_err(refused)?;
    let der = Zeroizing::new(document.as_bytes().to_vec());
    PrivateKeyDer::try_from(&der[..]).map(|key| key.clone_key()).map_err(|_| no_key())
}
