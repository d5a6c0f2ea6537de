//! TLS: which check of a handshake has failed.

use super::{boundary, get, kja_error_t, kja_status_t, put};
use crate::error::Error;
use crate::tls::TlsFailure;

/// The error is of no handshake.
pub const KJA_TLS_FAILURE_NONE: u32 = 0;
/// The certificate of the peer has expired.
pub const KJA_TLS_FAILURE_EXPIRED: u32 = 1;
/// It is not valid yet.
pub const KJA_TLS_FAILURE_NOT_YET_VALID: u32 = 2;
/// It was issued by nobody who is trusted.
pub const KJA_TLS_FAILURE_UNKNOWN_ISSUER: u32 = 3;
/// It is not for the name that was asked for.
pub const KJA_TLS_FAILURE_WRONG_NAME: u32 = 4;
/// It has been revoked.
pub const KJA_TLS_FAILURE_REVOKED: u32 = 5;
/// A signature is not good.
pub const KJA_TLS_FAILURE_BAD_SIGNATURE: u32 = 6;
/// The certificate is for another purpose.
pub const KJA_TLS_FAILURE_WRONG_PURPOSE: u32 = 7;
/// There is something else about it.
pub const KJA_TLS_FAILURE_BAD_CERTIFICATE: u32 = 8;
/// The peer presented none.
pub const KJA_TLS_FAILURE_NO_CERTIFICATE: u32 = 9;
/// A callback refused the peer, or there is no certificate for the name that it asked for.
pub const KJA_TLS_FAILURE_REFUSED: u32 = 10;
/// Both sides have no version, cipher suite, group or application protocol in common.
pub const KJA_TLS_FAILURE_INCOMPATIBLE: u32 = 11;
/// The peer refused with an alert, which the text of the error names.
pub const KJA_TLS_FAILURE_ALERT: u32 = 12;
/// What came is not TLS, or was tampered with.
pub const KJA_TLS_FAILURE_PROTOCOL: u32 = 13;

/// Writes which check of a TLS handshake an error is about, one of `KJA_TLS_FAILURE_*`, for example for the error that
/// `kja_promise_error_object` gives. (TLS-11, TLS-12)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_tls_failure(error: kja_error_t, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, TlsFailure::of(&*get::<Error>(error)?).map_or(KJA_TLS_FAILURE_NONE, |failure| failure as u32)))
}
