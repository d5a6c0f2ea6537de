//! Responses that a client has got.

use super::error::text_out;
use super::http_headers::SharedHeaders;
use super::http_request::{KJA_LENGTH_UNKNOWN, version_number};
use super::{
    boundary, created, get, kja_bytes_t, kja_connection_t, kja_http_headers_t, kja_http_response_t, kja_status_t, put,
    release,
};
use crate::error::Error;
use crate::http::HttpResponse;
use bytes::Bytes;
use std::ffi::c_char;
use std::sync::Arc;

fn response(id: kja_http_response_t) -> Result<Arc<HttpResponse>, Error> {
    get::<HttpResponse>(id)
}

/// Writes the status, from 100 to 999. (HCLI-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_response_status(response_: kja_http_response_t, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, u32::from(response(response_)?.head().status)))
}

/// Copies the text beside the status, with a closing NUL, cut to `capacity`; its whole length goes to `length`, which may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_response_reason(
    response_: kja_http_response_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text_out(&response(response_)?.head().reason, buffer, capacity, length))
}

/// Writes `KJA_HTTP_1_0` or `KJA_HTTP_1_1`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_response_version(response_: kja_http_response_t, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, version_number(response(response_)?.head().version)))
}

/// Writes a handle of a copy of the headers. (HCLI-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_response_headers(
    response_: kja_http_response_t,
    out: *mut kja_http_headers_t,
) -> kja_status_t {
    created(out, || Ok(SharedHeaders::from(response(response_)?.head().headers.clone())))
}

/// Writes a handle of the whole head as bytes: the first line, the header lines, an empty line. (HTTP-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_response_head(response_: kja_http_response_t, out: *mut kja_bytes_t) -> kja_status_t {
    created(out, || response(response_)?.head().to_bytes().map(Bytes::from))
}

/// Writes how long the body is: 0 without a body, `KJA_LENGTH_UNKNOWN` if it ends with its last chunk or with the connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_response_body_length(response_: kja_http_response_t, out: *mut u64) -> kja_status_t {
    boundary(|| put(out, response(response_)?.body_length().unwrap_or(KJA_LENGTH_UNKNOWN)))
}

/// Writes a handle of the body, a connection that is only read. It ends with the body; one that is cut off fails with
/// `DISCONNECTED`, one that is longer than the client's limit with `OVERLOADED`. The connection below is used again once the
/// body has been read to its end, and closed if the last handle of the response and its body goes before that. (HCLI-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_response_body(
    response_: kja_http_response_t,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || Ok(response(response_)?.body().clone()))
}

/// Writes a handle of the headers that came behind the body, once that has been read to its end. (HTTP-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_response_trailers(
    response_: kja_http_response_t,
    out: *mut kja_http_headers_t,
) -> kja_status_t {
    created(out, || Ok(SharedHeaders::from(response(response_)?.trailers())))
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_http_response_release(response_: kja_http_response_t) -> kja_status_t {
    release::<HttpResponse>(response_)
}
