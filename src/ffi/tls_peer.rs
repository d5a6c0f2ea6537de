//! TLS: what a peer has shown in the handshake.

use super::{boundary, bytes_in, bytes_out, created, get, kja_bytes_t, kja_peer_t, kja_status_t, put, put_wanted};
use crate::error::Error;
use crate::net::{AltName, Peer, TlsIdentity};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// A DNS name, perhaps with a wildcard.
pub const KJA_TLS_NAME_DNS: u32 = 1;
/// An IP address.
pub const KJA_TLS_NAME_IP: u32 = 2;
/// A mail address.
pub const KJA_TLS_NAME_EMAIL: u32 = 3;
/// A URI.
pub const KJA_TLS_NAME_URI: u32 = 4;

fn identity(peer: kja_peer_t) -> Result<Arc<TlsIdentity>, Error> {
    match &*get::<Peer>(peer)? {
        Peer::Tls(identity, _) => Ok(identity.clone()),
        _ => Err(Error::wrong_peer()),
    }
}

/// Writes how many certificates the peer has presented: 0 for none. That they were verified is a matter of the context that the
/// handshake was made with. Errors: `WRONG_TYPE` for a peer of another kind, as for all functions here. (TLS-23)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_certificate_count(peer: kja_peer_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, identity(peer)?.certificates().len()))
}

/// One of the certificates that the peer has presented, in DER; 0 is its own, the others follow in the order of the chain.
/// Errors: `INVALID_ARGUMENT` if there are not so many. (TLS-23)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_certificate(
    peer: kja_peer_t,
    index: usize,
    out: *mut kja_bytes_t,
) -> kja_status_t {
    created(out, || {
        let identity = identity(peer)?;
        identity.certificates().get(index).cloned().ok_or_else(|| Error::invalid("there are not so many certificates"))
    })
}

/// Copies the common name in the peer's certificate, with a closing NUL, cut to `capacity`; empty if it has none. Writes its
/// whole length, without the NUL, to `length`, which may be null. Errors: `INVALID_ARGUMENT` if the peer has presented no
/// certificate, or one that cannot be read. (TLS-24)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_common_name(
    peer: kja_peer_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::error::text_out(&identity(peer)?.common_name()?, buffer, capacity, length))
}

/// Writes how many names the peer's certificate is for. Errors: as `kja_tls_peer_common_name`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_alt_name_count(peer: kja_peer_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, identity(peer)?.alt_names()?.len()))
}

/// One of the names that the peer's certificate is for: its kind, `KJA_TLS_NAME_*`, and its text as
/// `kja_tls_peer_common_name` copies it. Names of further kinds are left out. `kind` may be null. Errors: as there, and
/// `INVALID_ARGUMENT` if there are not so many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_alt_name(
    peer: kja_peer_t,
    index: usize,
    kind: *mut u32,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let names = identity(peer)?.alt_names()?;
        let name = names.get(index).ok_or_else(|| Error::invalid("there are not so many names"))?;
        let code = match name {
            AltName::Dns(_) => KJA_TLS_NAME_DNS,
            AltName::Ip(_) => KJA_TLS_NAME_IP,
            AltName::Email(_) => KJA_TLS_NAME_EMAIL,
            AltName::Uri(_) => KJA_TLS_NAME_URI,
        };
        put_wanted(kind, code)?;
        super::error::text_out(&name.to_string(), buffer, capacity, length)
    })
}

/// Writes whether the peer's certificate is for this DNS name or IP address; wildcards in the certificate count, its common
/// name does not. `false` without a certificate. (TLS-25)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_matches_host(
    peer: kja_peer_t,
    host: *const c_char,
    host_len: usize,
    out: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let identity = identity(peer)?;
        let host = std::str::from_utf8(bytes_in(host.cast(), host_len)?);
        put(out, host.is_ok_and(|host| identity.matches_host(host)))
    })
}

/// Copies the name that the client asked for, as `kja_tls_peer_common_name` does; empty if it asked for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_server_name(
    peer: kja_peer_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::error::text_out(identity(peer)?.server_name().unwrap_or(""), buffer, capacity, length))
}

/// Copies the application protocol that both sides agreed on, cut to `capacity`, and writes its whole length to `length`,
/// which may be null: 0 if there is none. (TLS-27)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_alpn(
    peer: kja_peer_t,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| bytes_out(identity(peer)?.alpn().unwrap_or(&[]), buffer, capacity, length))
}

/// Writes the version, `KJA_TLS_1_2` or `KJA_TLS_1_3`; 0 inside a callback that judges the peer. (TLS-27)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_version(peer: kja_peer_t, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, u32::from(identity(peer)?.version())))
}

/// Copies the name of the cipher suite at the IANA, as `kja_tls_peer_common_name` does. (TLS-27)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_cipher_suite(
    peer: kja_peer_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::error::text_out(identity(peer)?.cipher_suite(), buffer, capacity, length))
}

/// Writes whether the handshake went on with an earlier session, from which the certificates are then. (TLS-27)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_peer_is_resumed(peer: kja_peer_t, out: *mut bool) -> kja_status_t {
    boundary(|| put(out, identity(peer)?.is_resumed()))
}
