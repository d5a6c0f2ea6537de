//! Requests that a server answers.

use super::error::text_out;
use super::http_headers::{SharedHeaders, headers_in};
use super::structure::{growing, structure_out};
use super::{
    boundary, bytes_in, created, get, kja_bytes_t, kja_connection_t, kja_http_headers_t, kja_http_request_t,
    kja_status_t, put, release,
};
use crate::error::Error;
use crate::foreign::owned_bytes;
use crate::http::{HttpRequest, Version};
use bytes::Bytes;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// HTTP/1.0.
pub const KJA_HTTP_1_0: u32 = 10;
/// HTTP/1.1.
pub const KJA_HTTP_1_1: u32 = 11;

/// What is said of a length that nobody knows.
pub const KJA_LENGTH_UNKNOWN: u64 = u64::MAX;

pub(super) fn version_number(version: Version) -> u32 {
    match version {
        Version::Http10 => KJA_HTTP_1_0,
        Version::Http11 => KJA_HTTP_1_1,
    }
}

pub(super) fn length_in(length: u64) -> Option<u64> {
    (length != KJA_LENGTH_UNKNOWN).then_some(length)
}

/// A text that may be null for none.
pub(super) fn reason_in<'a>(reason: *const c_char, len: usize) -> Result<Option<&'a str>, Error> {
    if reason.is_null() {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes_in(reason.cast(), len)?);
    text.map(Some).map_err(|_| Error::invalid("the text beside a status is not UTF-8"))
}

fn request(id: kja_http_request_t) -> Result<Arc<HttpRequest>, Error> {
    get::<HttpRequest>(id)
}

/// Copies the method, with a closing NUL, cut to `capacity`; its whole length goes to `length`, which may be null. Any token is a method, and
/// methods differ by case. (HTTP-01, HTTP-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_method(
    request_: kja_http_request_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text_out(&request(request_)?.head().method, buffer, capacity, length))
}

/// Copies what is asked for, as it came: a path with a query, a whole URL from the client of a proxy, `host:port` with
/// `CONNECT`, or `*`. Otherwise as `kja_http_request_method`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_target(
    request_: kja_http_request_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text_out(&request(request_)?.head().target, buffer, capacity, length))
}

/// Writes `KJA_HTTP_1_0` or `KJA_HTTP_1_1`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_version(request_: kja_http_request_t, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, version_number(request(request_)?.head().version)))
}

/// Writes a handle of a copy of the headers. (HSRV-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_headers(
    request_: kja_http_request_t,
    out: *mut kja_http_headers_t,
) -> kja_status_t {
    created(out, || Ok(SharedHeaders::from(request(request_)?.head().headers.clone())))
}

/// Writes a handle of the whole head as bytes: the first line, the header lines, an empty line. (HTTP-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_head(request_: kja_http_request_t, out: *mut kja_bytes_t) -> kja_status_t {
    created(out, || request(request_)?.head().to_bytes().map(Bytes::from))
}

/// Writes how long the body is: 0 without a body, `KJA_LENGTH_UNKNOWN` if it comes in chunks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_body_length(request_: kja_http_request_t, out: *mut u64) -> kja_status_t {
    boundary(|| put(out, request(request_)?.body_length().unwrap_or(KJA_LENGTH_UNKNOWN)))
}

/// Writes a handle of the body, a connection that is only read. It ends with the body; one that is cut off fails with
/// `DISCONNECTED`, one that is longer than the server's limit with `OVERLOADED`, one that comes too slowly with `TIMED_OUT`.
/// A client that waits for `100 Continue` gets it with the first read. (HTTP-20, HTTP-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_body(
    request_: kja_http_request_t,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || Ok(request(request_)?.body().clone()))
}

/// Writes a handle of the headers that came behind the body, once that has been read to its end. (HTTP-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_trailers(
    request_: kja_http_request_t,
    out: *mut kja_http_headers_t,
) -> kja_status_t {
    created(out, || Ok(SharedHeaders::from(request(request_)?.trailers())))
}

/// Writes a handle of the connection that the request came over, to ask for its peer and its addresses; it must be neither
/// read nor written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_connection(
    request_: kja_http_request_t,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || Ok(request(request_)?.connection().clone()))
}

/// Answers with a whole body of `size` bytes, which are copied. `reason` is the text beside the status, null for the usual
/// one; `headers` may be 0 for none. How the message is sent is not theirs to say: `Content-Length`, `Transfer-Encoding` and
/// the like are left out, and `Connection: close` closes the connection behind the answer. Never blocks; any thread.
/// Errors: `FAILED` if the request has been answered, `DISCONNECTED` if it has ended, `INVALID_ARGUMENT` for a status outside
/// 200 to 999 and for what cannot be sent, `UNIMPLEMENTED` for a status from 200 to 299 to a `CONNECT`, which only
/// `kja_http_request_accept_tunnel` accepts. Any other answer to a `CONNECT` closes the connection. (HSRV-02, HTTP-06, CONN-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_respond(
    request_: kja_http_request_t,
    status: u32,
    reason: *const c_char,
    reason_len: usize,
    headers: kja_http_headers_t,
    data: *const c_void,
    size: usize,
) -> kja_status_t {
    boundary(|| {
        let (reason, headers) = (reason_in(reason, reason_len)?, headers_in(headers)?);
        let body = owned_bytes(bytes_in(data, size)?)?;
        request(request_)?.respond(status_in(status), reason, &headers, body)
    })
}

/// A number that is no status if it does not fit.
fn status_in(status: u32) -> u16 {
    status.try_into().unwrap_or(0)
}

/// Answers with a body that is written to the connection whose handle goes to `out`: of `length` bytes, or in chunks for
/// `KJA_LENGTH_UNKNOWN`. Shutting down writing ends the body; a body that ends short of its length closes the connection.
/// Otherwise as `kja_http_request_respond`. (HSRV-02, HSRV-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_respond_stream(
    request_: kja_http_request_t,
    status: u32,
    reason: *const c_char,
    reason_len: usize,
    headers: kja_http_headers_t,
    length: u64,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || {
        let (reason, headers) = (reason_in(reason, reason_len)?, headers_in(headers)?);
        request(request_)?.respond_stream(status_in(status), reason, &headers, length_in(length))
    })
}

/// Has the response compressed, by brotli or gzip, if the client accepts that: it is sent with `Content-Encoding` and `Vary`, a streamed
/// one in chunks whatever length is given for it. Has to come before the answer. What is coded already, is a part of something, must not be
/// transformed, or would not become shorter is sent as it is. Do not ask for it where a secret stands beside what others may choose: its
/// length tells. Errors: `FAILED` if the request has been answered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_compress(request_: kja_http_request_t) -> kja_status_t {
    boundary(|| request(request_)?.compress())
}

/// Puts headers behind the body of a response in chunks, in place of those that were put there before; they are sent when the body
/// ends. Their names stand in the `Trailer` of the response. A client of HTTP/1.0 gets none. Errors: `FAILED` if there is no
/// such body or its service has ended, `INVALID_ARGUMENT` for a name that the response has not announced, or that cannot come
/// behind a body. (HTTP-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_set_trailers(
    request_: kja_http_request_t,
    headers: kja_http_headers_t,
) -> kja_status_t {
    boundary(|| request(request_)?.set_trailers(&headers_in(headers)?))
}

/// Answers with a short page of plain text that says what the status does. Otherwise as `kja_http_request_respond`.
/// (HSRV-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_respond_error(
    request_: kja_http_request_t,
    status: u32,
    reason: *const c_char,
    reason_len: usize,
) -> kja_status_t {
    boundary(|| request(request_)?.respond_error(status_in(status), reason_in(reason, reason_len)?))
}

/// Accepts a `CONNECT` with a status from 200 to 299, or an upgrade to another protocol with 101: the answer is sent, and the
/// connection turns into the stream whose handle goes to `out`. That can be used at once and begins with whatever came
/// behind the request. It lives as long as the promise of the service. Otherwise as `kja_http_request_respond`. (CONN-04,
/// CONN-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_accept_tunnel(
    request_: kja_http_request_t,
    status: u32,
    reason: *const c_char,
    reason_len: usize,
    headers: kja_http_headers_t,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || {
        let (reason, headers) = (reason_in(reason, reason_len)?, headers_in(headers)?);
        request(request_)?.accept_tunnel(status_in(status), reason, &headers)
    })
}

/// Leaves the request to somebody else: `out` is a connection that begins with its head and whatever has come behind that,
/// so that whoever serves it with `kja_http_server_serve_start`, the same server or another one, finds the request as if it
/// had just come. It can be used at once; with its last handle the connection is closed. The server that suspended the request has
/// nothing more to do with the connection once its service has ended: the promise of serving it carries unit then.
/// Errors: `FAILED` if the request has been answered or its body asked for, `DISCONNECTED` if it has ended, `OVERLOADED` for a
/// connection that was suspended more than thirty times. (HSRV-23, HSRV-24)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_suspend(
    request_: kja_http_request_t,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || request(request_)?.suspend())
}

/// What there is to log of a request.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_http_request_summary_t {
    /// `sizeof(kja_http_request_summary_t)`.
    pub size: usize,
    /// Of the response; 0 if none has begun.
    pub status: u32,
    /// Whether the whole response has been taken to be sent: 1 or 0.
    pub whole: u32,
    /// How many bytes of the body of the request have been read.
    pub received: u64,
    /// How many bytes of the body of the response have been taken to be sent, not counting how they are framed.
    pub sent: u64,
    /// From the end of the head to the end of the request, or until now, in nanoseconds.
    pub nanos: u64,
}
growing!(kja_http_request_summary_t, since nanos: u64);

/// Fills a structure, whose `size` the caller has set, with what there is to log of a request. Status and bytes sent are
/// counted only for a server that has the hook `on_request_end`, from which this is meant to be called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_summary(
    request_: kja_http_request_t,
    out: *mut kja_http_request_summary_t,
) -> kja_status_t {
    boundary(|| {
        let summary = request(request_)?.summary();
        structure_out(out, |size| kja_http_request_summary_t {
            size,
            status: summary.status.map_or(0, u32::from),
            whole: u32::from(summary.whole),
            received: summary.received,
            sent: summary.sent,
            nanos: summary.nanos,
        })
    })
}

/// Releases the handle. The request itself goes on until its service ends.
#[unsafe(no_mangle)]
pub extern "C" fn kja_http_request_release(request_: kja_http_request_t) -> kja_status_t {
    release::<HttpRequest>(request_)
}
