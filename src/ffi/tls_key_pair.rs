//! TLS: private keys with their certificates.

use super::{bytes_in, created, kja_status_t, kja_tls_key_pair_t, release};
use crate::tls::TlsKeyPair;
use std::ffi::c_void;

/// Makes a key pair from a chain of certificates, the leaf first and at most 10, and a private key: each PEM, or DER, the
/// certificates one after the other. The key is in PKCS 8, or in the traditional form of RSA or elliptic curves; one that is
/// encrypted is in PKCS 8, and `password` opens it. `password` may be null for none. Everything is copied; what the library
/// itself has copied of the key is overwritten, what its cryptography works with is not. It belongs to no runtime.
/// Errors: `INVALID_ARGUMENT` for what cannot be read, a wrong or missing password, and a key that is not that of the leaf. No
/// text of an error has anything of a key in it. (TLS-20, TLS-21, TLS-22)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_key_pair_new(
    certificates: *const c_void,
    certificates_size: usize,
    key: *const c_void,
    key_size: usize,
    password: *const c_void,
    password_size: usize,
    out: *mut kja_tls_key_pair_t,
) -> kja_status_t {
    created(out, || {
        let (certificates, key) = (bytes_in(certificates, certificates_size)?, bytes_in(key, key_size)?);
        let given = bytes_in(password, password_size)?;
        TlsKeyPair::new(certificates, key, (!password.is_null()).then_some(given))
    })
}

/// Releases the handle. What uses the key pair keeps it.
#[unsafe(no_mangle)]
pub extern "C" fn kja_tls_key_pair_release(key_pair: kja_tls_key_pair_t) -> kja_status_t {
    release::<TlsKeyPair>(key_pair)
}
