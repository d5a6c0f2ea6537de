//! Heads of HTTP messages as values: read from bytes and printed, without a client or a server.

use super::error::text_out;
use super::http_headers::{SharedHeaders, headers_of};
use super::http_request::{KJA_HTTP_1_0, KJA_HTTP_1_1, KJA_LENGTH_UNKNOWN, reason_in, version_number};
use super::structure::{growing, structure_in};
use super::{
    boundary, bytes_in, created, get, kja_bytes_t, kja_http_head_t, kja_http_headers_t, kja_status_t, put, put_wanted,
    release,
};
use crate::error::Error;
use crate::http::{
    BodyLength, HeadKind, HeadLimits, MessageHead, ProtocolError, RequestHead, ResponseHead, Version, head_length,
};
use bytes::Bytes;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// A request: the first line has a method, a target and a version. (HTTP-13)
pub const KJA_HTTP_HEAD_REQUEST: u32 = 1;
/// A response: the first line has a version, a status and a text. (HTTP-13)
pub const KJA_HTTP_HEAD_RESPONSE: u32 = 2;
/// There is no first line, only header fields, as in the base protocol of language servers. (HTTP-22)
pub const KJA_HTTP_HEAD_FIELDS: u32 = 3;

/// The body has a length, which is 0 for none. (HTTP-18, HTTP-19)
pub const KJA_HTTP_BODY_LENGTH: u32 = 0;
/// The body comes in chunks.
pub const KJA_HTTP_BODY_CHUNKED: u32 = 1;
/// The body ends with the connection.
pub const KJA_HTTP_BODY_UNTIL_CLOSE: u32 = 2;

/// The detail of an error (`kja_error_detail`) under which the status stands that a server would answer with, if the error is that
/// bytes are no message: two bytes, the high one first. (HTTP-15)
pub const KJA_HTTP_STATUS_DETAIL: u64 = 0x6b6a_615f_6874_7374;
/// The detail of an error with the status, from 400 to 599, that a server answers with for a service which fails with
/// it: two bytes, the high one first. Without it the kind of the error decides.
pub const KJA_HTTP_ANSWER_DETAIL: u64 = 0x6b6a_615f_6874_616e;
/// The detail of such an error under which the bytes stand. They may be private; the error's text has nothing of them.
/// (HTTP-15)
pub const KJA_HTTP_RAW_DETAIL: u64 = 0x6b6a_615f_6874_7277;

/// Limits of a head. Zeros stand for the defaults, the largest number for no limit. (HTTP-16)
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct kja_http_head_options_t {
    /// `sizeof(kja_http_head_options_t)`.
    pub size: usize,
    /// The most bytes, the blank line included: 128 KiB.
    pub max_head: usize,
    /// The most header lines: 256.
    pub max_headers: usize,
    /// The most bytes of the target of a request: 32 KiB.
    pub max_target: usize,
}

growing!(kja_http_head_options_t, since max_target: usize);

/// The limits that a structure of the caller's stands for; null for the defaults.
pub(super) fn limits_in(options: *const kja_http_head_options_t) -> Result<HeadLimits, Error> {
    let (options, default) = (structure_in(options)?.unwrap_or_default(), HeadLimits::default());
    let or = |limit: usize, default: usize| if limit == 0 { default } else { limit };
    Ok(HeadLimits {
        size: or(options.max_head, default.size),
        headers: or(options.max_headers, default.headers),
        target: or(options.max_target, default.target),
    })
}

/// A `KJA_HTTP_HEAD_` number.
pub(super) fn kind_in(kind: u32) -> Result<HeadKind, Error> {
    match kind {
        KJA_HTTP_HEAD_REQUEST => Ok(HeadKind::Request),
        KJA_HTTP_HEAD_RESPONSE => Ok(HeadKind::Response),
        KJA_HTTP_HEAD_FIELDS => Ok(HeadKind::Fields),
        other => Err(Error::invalid(format!("{other} is not a kind of heads"))),
    }
}

fn version_in(version: u32) -> Result<Version, Error> {
    match version {
        KJA_HTTP_1_0 => Ok(Version::Http10),
        KJA_HTTP_1_1 => Ok(Version::Http11),
        other => Err(Error::invalid(format!("{other} is not a version of HTTP/1"))),
    }
}

fn text_in(text: *const c_char, len: usize) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes_in(text.cast(), len)?);
    text.map(str::to_owned).map_err(|_| Error::invalid("a text that is not UTF-8"))
}

/// The method of a request; null stands for `GET`.
pub(super) fn method_in(method: *const c_char, len: usize) -> Result<String, Error> {
    if method.is_null() { Ok("GET".to_owned()) } else { text_in(method, len) }
}

fn head(id: kja_http_head_t) -> Result<Arc<MessageHead>, Error> {
    get::<MessageHead>(id)
}

fn with_request<R>(id: kja_http_head_t, read: impl FnOnce(&RequestHead) -> R) -> Result<R, Error> {
    match &*head(id)? {
        MessageHead::Request(head) => Ok(read(head)),
        _ => Err(Error::invalid("the head is not that of a request")),
    }
}

fn with_response<R>(id: kja_http_head_t, read: impl FnOnce(&ResponseHead) -> R) -> Result<R, Error> {
    match &*head(id)? {
        MessageHead::Response(head) => Ok(read(head)),
        _ => Err(Error::invalid("the head is not that of a response")),
    }
}

/// Writes how long the head is that `data` begins with, its blank line included, or 0 if that has not come yet: read more
/// then, and ask again. `options` may be null. Errors: `FAILED` if it is longer than the limit. (HTTP-13, HTTP-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_length(
    data: *const c_void,
    size: usize,
    options: *const kja_http_head_options_t,
    out: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let length = head_length(bytes_in(data, size)?, 0, &limits_in(options)?).map_err(ProtocolError::into_error)?;
        put(out, length.unwrap_or(0))
    })
}

/// Reads a whole head, from its first line to its blank line, as one of the kinds `KJA_HTTP_HEAD_`; the bytes are copied and belong
/// to the caller. `CONNECT` is a method like any other. A head never changes, and belongs to no runtime. Any thread.
///
/// Reading is strict, for what two readers take differently is how requests are smuggled: every line ends with CRLF, none is
/// folded, nothing stands before the first line or behind the blank line, the version is `HTTP/1.0` or `HTTP/1.1`, a name is
/// followed by its colon. `options` may be null.
///
/// Errors: `FAILED` for bytes that are no such head, with the details `KJA_HTTP_STATUS_DETAIL` and `KJA_HTTP_RAW_DETAIL`:
/// 400, 414 for a target and 431 for a head beyond the limit, 505 for another version. (HTTP-13, HTTP-15, HTTP-16)
///
/// ```c
/// kja_http_head_t head = 0;
/// if (kja_http_head_parse(data, size, KJA_HTTP_HEAD_REQUEST, NULL, &head) == KJA_OK) {
///   kja_http_head_method(head, method, sizeof method, NULL);
///   kja_http_head_release(head);
/// }
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_parse(
    data: *const c_void,
    size: usize,
    kind: u32,
    options: *const kja_http_head_options_t,
    out: *mut kja_http_head_t,
) -> kja_status_t {
    created(out, || {
        let (data, kind, limits) = (bytes_in(data, size)?, kind_in(kind)?, limits_in(options)?);
        MessageHead::parse(kind, data, &limits).map(Arc::new).map_err(ProtocolError::into_error)
    })
}

/// Makes the head of a request. `version` is `KJA_HTTP_1_0` or `KJA_HTTP_1_1`; `headers` are copied. Errors:
/// `INVALID_ARGUMENT` for a method that is no token and for a target that is empty or has spaces or control characters.
/// (HTTP-01, HTTP-02, HTTP-03, HTTP-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_new_request(
    method: *const c_char,
    method_len: usize,
    target: *const c_char,
    target_len: usize,
    version: u32,
    headers: kja_http_headers_t,
    out: *mut kja_http_head_t,
) -> kja_status_t {
    created(out, || {
        let headers = headers_of(headers)?;
        let (method, target) = (text_in(method, method_len)?, text_in(target, target_len)?);
        let head = RequestHead { method, target, version: version_in(version)?, headers };
        head.check()?;
        Ok(Arc::new(MessageHead::Request(head)))
    })
}

/// Makes the head of a response. `reason` is the text beside the status, null for the usual one. Otherwise as
/// `kja_http_head_new_request`. Errors: `INVALID_ARGUMENT` for a status outside 100 to 999 and for a text with a NUL, CR or LF. (HTTP-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_new_response(
    status: u32,
    reason: *const c_char,
    reason_len: usize,
    version: u32,
    headers: kja_http_headers_t,
    out: *mut kja_http_head_t,
) -> kja_status_t {
    created(out, || {
        let headers = headers_of(headers)?;
        let (reason, version) = (reason_in(reason, reason_len)?, version_in(version)?);
        let head = ResponseHead::new(status.try_into().unwrap_or(0), reason, version, headers);
        head.check()?;
        Ok(Arc::new(MessageHead::Response(head)))
    })
}

/// Writes which of `KJA_HTTP_HEAD_` the head is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_kind(head_: kja_http_head_t, out: *mut u32) -> kja_status_t {
    boundary(|| {
        let kind = match head(head_)?.kind() {
            HeadKind::Request => KJA_HTTP_HEAD_REQUEST,
            HeadKind::Response => KJA_HTTP_HEAD_RESPONSE,
            HeadKind::Fields => KJA_HTTP_HEAD_FIELDS,
        };
        put(out, kind)
    })
}

/// Copies the method of a request, with a closing NUL, cut to `capacity`; its whole length goes to `length`, which may be null. Errors:
/// `INVALID_ARGUMENT` if the head is of another kind, here and below. (HTTP-01, HTTP-02, HTTP-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_method(
    head: kja_http_head_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text_out(&with_request(head, |head| head.method.clone())?, buffer, capacity, length))
}

/// Copies the target of a request, as `kja_http_head_method` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_target(
    head: kja_http_head_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text_out(&with_request(head, |head| head.target.clone())?, buffer, capacity, length))
}

/// Writes the status of a response.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_status(head: kja_http_head_t, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, with_response(head, |head| u32::from(head.status))?))
}

/// Copies the text beside the status of a response, as `kja_http_head_method` does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_reason(
    head: kja_http_head_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text_out(&with_response(head, |head| head.reason.clone())?, buffer, capacity, length))
}

/// Writes the version of a request or a response, `KJA_HTTP_1_0` or `KJA_HTTP_1_1`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_version(head_: kja_http_head_t, out: *mut u32) -> kja_status_t {
    boundary(|| {
        let version = match &*head(head_)? {
            MessageHead::Request(head) => head.version,
            MessageHead::Response(head) => head.version,
            MessageHead::Fields(_) => return Err(Error::invalid("a head without a first line has no version")),
        };
        put(out, version_number(version))
    })
}

/// Writes a handle of a copy of the header fields.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_headers(head_: kja_http_head_t, out: *mut kja_http_headers_t) -> kja_status_t {
    created(out, || Ok(SharedHeaders::from(head(head_)?.headers().clone())))
}

/// Writes a handle of the bytes of the head: lines that end with CRLF, the blank line included. (HTTP-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_bytes(head_: kja_http_head_t, out: *mut kja_bytes_t) -> kja_status_t {
    created(out, || head(head_)?.to_bytes().map(Bytes::from))
}

/// Writes to `framing` how the body ends that follows, as one of `KJA_HTTP_BODY_`, and to `length`, which may be null, how long it
/// is: `KJA_LENGTH_UNKNOWN` unless it has a length. The body of a response depends on the `method` of its request; null stands for
/// `GET`. Fields without a first line go by the rules of a response.
///
/// Errors: `FAILED`, with the details of `kja_http_head_parse`, for a length that two readers could take differently:
/// `Transfer-Encoding` beside `Content-Length`, lengths that differ, a last coding other than `chunked` (501 for one before it).
/// The stream cannot be used on. (HTTP-18, HTTP-19, HTTP-20)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_head_body_framing(
    head_: kja_http_head_t,
    method: *const c_char,
    method_len: usize,
    framing: *mut u32,
    length: *mut u64,
) -> kja_status_t {
    boundary(|| {
        let method = method_in(method, method_len)?;
        let body = head(head_)?.body_length(&method).map_err(ProtocolError::into_error)?;
        let (kind, known) = match body {
            BodyLength::Exactly(length) => (KJA_HTTP_BODY_LENGTH, length),
            BodyLength::Chunked => (KJA_HTTP_BODY_CHUNKED, KJA_LENGTH_UNKNOWN),
            BodyLength::UntilClose => (KJA_HTTP_BODY_UNTIL_CLOSE, KJA_LENGTH_UNKNOWN),
        };
        put_wanted(length, known)?;
        put(framing, kind)
    })
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_http_head_release(head: kja_http_head_t) -> kja_status_t {
    release::<MessageHead>(head)
}
