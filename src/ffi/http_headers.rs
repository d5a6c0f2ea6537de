//! Headers of HTTP messages.

use super::{
    boundary, bytes_in, bytes_out, created, get, kja_bytes_t, kja_http_headers_t, kja_status_t, put, put_wanted,
    release,
};
use crate::error::Error;
use crate::http::{HeadLimits, Headers, ProtocolError, parse_headers};
use crate::object::Object;
use crate::sync::Lock;
use bytes::Bytes;
use std::ffi::{c_char, c_void};

/// Headers that several handles may change.
pub(super) struct SharedHeaders(Lock<Headers>);

impl Object for SharedHeaders {}

impl From<Headers> for SharedHeaders {
    fn from(headers: Headers) -> Self {
        Self(Lock::new(headers))
    }
}

/// A copy of the headers that a handle names.
pub(super) fn headers_of(id: kja_http_headers_t) -> Result<Headers, Error> {
    Ok(get::<SharedHeaders>(id)?.0.lock().clone())
}

/// The same; none for 0.
pub(super) fn headers_in(id: kja_http_headers_t) -> Result<Headers, Error> {
    if id == 0 { Ok(Headers::new()) } else { headers_of(id) }
}

fn change<R>(id: kja_http_headers_t, change: impl FnOnce(&mut Headers) -> R) -> Result<R, Error> {
    Ok(change(&mut get::<SharedHeaders>(id)?.0.lock()))
}

fn name_in<'a>(name: *const c_char, len: usize) -> Result<&'a [u8], Error> {
    bytes_in(name.cast(), len)
}

/// Makes headers of an HTTP message, none yet. They belong to no runtime. Any thread. (HTTP-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_new(out: *mut kja_http_headers_t) -> kja_status_t {
    created(out, || Ok(SharedHeaders::from(Headers::new())))
}

/// Reads header lines: each a name, a colon and a value, ended by CRLF, and an empty line behind the last. Errors: `FAILED`
/// for lines that are malformed, with the details of `kja_http_head_parse`; nothing is repaired. (HTTP-22)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_parse(
    lines: *const c_char,
    lines_len: usize,
    out: *mut kja_http_headers_t,
) -> kja_status_t {
    created(out, || {
        let headers =
            parse_headers(name_in(lines, lines_len)?, &HeadLimits { size: usize::MAX, ..HeadLimits::default() });
        headers.map(SharedHeaders::from).map_err(ProtocolError::into_error)
    })
}

/// Makes a copy that changes independently. (HTTP-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_clone(
    headers: kja_http_headers_t,
    out: *mut kja_http_headers_t,
) -> kja_status_t {
    created(out, || headers_of(headers).map(SharedHeaders::from))
}

/// Makes this the only value of a header, in the place of the first that there is. Names compare without regard to case. A
/// name is a token; a value is `value_size` bytes without NUL, CR and LF. Both are copied. Errors: `INVALID_ARGUMENT` for what
/// is neither, here and in `kja_http_headers_append`; nothing has changed then. (HTTP-07, HTTP-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_set(
    headers: kja_http_headers_t,
    name: *const c_char,
    name_len: usize,
    value: *const c_void,
    value_size: usize,
) -> kja_status_t {
    boundary(|| {
        let (name, value) = (name_in(name, name_len)?, bytes_in(value, value_size)?);
        change(headers, |headers| headers.set(name, value))?
    })
}

/// Adds one more value, behind what there is. (HTTP-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_append(
    headers: kja_http_headers_t,
    name: *const c_char,
    name_len: usize,
    value: *const c_void,
    value_size: usize,
) -> kja_status_t {
    boundary(|| {
        let (name, value) = (name_in(name, name_len)?, bytes_in(value, value_size)?);
        change(headers, |headers| headers.append(name, value))?
    })
}

/// Takes every value of a header out. Writes how many there were to `removed`, which may be null. (HTTP-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_remove(
    headers: kja_http_headers_t,
    name: *const c_char,
    name_len: usize,
    removed: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let name = name_in(name, name_len)?;
        put_wanted(removed, change(headers, |headers| headers.remove(name))?)
    })
}

/// Copies the value of a header, cut to `capacity`, and writes its whole length to `length` and whether there is one to
/// `found`; both may be null. Several values are one, with a comma and a space between them; of several `Set-Cookie` it is
/// the first, see `kja_http_headers_at`. (HTTP-07, HTTP-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_get(
    headers: kja_http_headers_t,
    name: *const c_char,
    name_len: usize,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
    found: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let name = name_in(name, name_len)?;
        let value = change(headers, |headers| headers.get(name).map(|value| value.into_owned()))?;
        put_wanted(found, value.is_some())?;
        bytes_out(&value.unwrap_or_default(), buffer, capacity, length)
    })
}

/// Writes how many fields there are. (HTTP-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_count(headers: kja_http_headers_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, change(headers, |headers| headers.len())?))
}

/// Copies the name and the value of a field by its place, from 0 on, each cut to its capacity; their whole lengths go to
/// `name_length` and `value_length`, which may be null. Fields stand in the order in which they came. Errors:
/// `INVALID_ARGUMENT` for a place past the end. (HTTP-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_at(
    headers: kja_http_headers_t,
    index: usize,
    name: *mut c_void,
    name_capacity: usize,
    name_length: *mut usize,
    value: *mut c_void,
    value_capacity: usize,
    value_length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let field =
            change(headers, |headers| headers.iter().nth(index).map(|(name, value)| (name.to_vec(), value.to_vec())))?;
        let (of_name, of_value) = field.ok_or_else(|| Error::invalid("there are not so many headers"))?;
        bytes_out(&of_name, name, name_capacity, name_length)?;
        bytes_out(&of_value, value, value_capacity, value_length)
    })
}

/// Writes a handle of all fields as lines, as `kja_http_headers_parse` reads them. (HTTP-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_bytes(headers: kja_http_headers_t, out: *mut kja_bytes_t) -> kja_status_t {
    created(out, || Ok(Bytes::from(change(headers, |headers| headers.to_lines())?)))
}

/// Writes whether `Upgrade` asks for a WebSocket; the rest of the handshake is not looked at. (HTTP-12)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_is_websocket(headers: kja_http_headers_t, out: *mut bool) -> kja_status_t {
    boundary(|| put(out, change(headers, |headers| headers.is_websocket())?))
}

/// Takes all fields out. (HTTP-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_headers_clear(headers: kja_http_headers_t) -> kja_status_t {
    boundary(|| change(headers, Headers::clear))
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_http_headers_release(headers: kja_http_headers_t) -> kja_status_t {
    release::<SharedHeaders>(headers)
}
