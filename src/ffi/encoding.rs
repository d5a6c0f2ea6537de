//! Encodings of bytes and text, as plain functions. Any thread; nothing here blocks.
//!
//! They write to the caller's buffer, cut to its capacity, and the whole length to `length`, which may be null; so a call with no
//! buffer tells how much room is needed.

use super::{boundary, bytes_in, bytes_out, kja_status_t, put_wanted, slice_in, terminated_out};
use crate::codec::percent::{self, Set};
use crate::codec::{base64, c_escape, hex, utf};
use crate::error::Error;
use std::ffi::{c_char, c_void};

/// A part of a URI, as JavaScript's `encodeURIComponent` leaves it: letters, digits and ``-_.!~*'()``. (ENC-06)
pub const KJA_PERCENT_COMPONENT: u32 = 0;
/// A fragment: what the WHATWG's URL standard leaves as it is, but for `%`. (ENC-07)
pub const KJA_PERCENT_FRAGMENT: u32 = 1;
/// One part of a path, in which `/` and `\` are escaped too. (ENC-07)
pub const KJA_PERCENT_PATH: u32 = 2;
/// A user name or a password. (ENC-07)
pub const KJA_PERCENT_USER_INFO: u32 = 3;
/// A name or a value of a form: a space becomes `+`. (ENC-08)
pub const KJA_PERCENT_FORM: u32 = 4;

fn set_of(number: u32) -> Result<Set, Error> {
    Ok(match number {
        KJA_PERCENT_COMPONENT => Set::Component,
        KJA_PERCENT_FRAGMENT => Set::Fragment,
        KJA_PERCENT_PATH => Set::Path,
        KJA_PERCENT_USER_INFO => Set::UserInfo,
        KJA_PERCENT_FORM => Set::Form,
        _ => return Err(Error::invalid(format!("{number} is not one of KJA_PERCENT_"))),
    })
}

/// A text out, with its closing NUL.
fn text(text: impl AsRef<[u8]>, buffer: *mut c_char, capacity: usize, length: *mut usize) -> Result<(), Error> {
    terminated_out(text.as_ref(), buffer.cast(), capacity, length)
}

/// What a decoder has found, with a NUL behind it if there is room.
fn decoded(
    (bytes, errors): (impl AsRef<[u8]>, bool),
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> Result<(), Error> {
    let bytes = bytes.as_ref();
    if bytes.len() < capacity {
        terminated_out(bytes, buffer.cast(), capacity, length)?;
    } else {
        bytes_out(bytes, buffer, capacity, length)?;
    }
    put_wanted(had_errors, errors)
}

/// Writes two lower-case hexadecimal digits for each byte, with a closing NUL, cut to `capacity`. The whole length, without the
/// NUL, goes to `length`, which may be null; `buffer` may be null if `capacity` is 0. So it is with every encoder here. Plain
/// functions on bytes: any thread, nothing blocks, nothing to release. (ENC-05)
///
/// ```c
/// char text[2 * sizeof digest + 1];
/// kja_hex_encode(digest, sizeof digest, text, sizeof text, NULL);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_hex_encode(
    data: *const c_void,
    size: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text(hex::encode(bytes_in(data, size)?), buffer, capacity, length))
}

/// Writes the bytes that hexadecimal digits of either case stand for, cut to `capacity`, their whole number to `length` and whether
/// the text had errors to `had_errors`; both may be null. If `capacity` leaves room a NUL follows, which is not counted. So it is
/// with every decoder here: none of them fails for what is in the text, it repairs it. Here a character that is no digit counts as
/// 0, and a last digit without a second one is the upper half of a byte. (ENC-01, ENC-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_hex_decode(
    text: *const c_char,
    text_len: usize,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> kja_status_t {
    boundary(|| decoded(hex::decode(bytes_in(text.cast(), text_len)?), buffer, capacity, length, had_errors))
}

/// Writes bytes as base64 in the standard alphabet, with padding. With `break_lines` in lines of 72 columns, each of which ends with
/// a line feed, the last one too. (ENC-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_base64_encode(
    data: *const c_void,
    size: usize,
    break_lines: bool,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let data = bytes_in(data, size)?;
        let encoded = if break_lines { base64::encode_lines(data) } else { base64::encode(data) };
        text(encoded, buffer, capacity, length)
    })
}

/// Writes the bytes that base64 in the standard alphabet stands for. White space is ignored; padding may be left out. By the rules of
/// the WHATWG's forgiving decoder these are errors: any other character, which is skipped, wrong padding, and a character too many
/// at the end. (ENC-01, ENC-12)
///
/// ```c
/// unsigned char key[32];
/// size_t length = 0;
/// bool had_errors = true;
/// kja_base64_decode(text, strlen(text), key, sizeof key, &length, &had_errors);
/// if (had_errors || length != sizeof key) ... // no key
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_base64_decode(
    text: *const c_char,
    text_len: usize,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> kja_status_t {
    boundary(|| decoded(base64::decode(bytes_in(text.cast(), text_len)?), buffer, capacity, length, had_errors))
}

/// Writes bytes as base64 in the alphabet for URLs, with `-` and `_`, without padding. (ENC-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_base64_encode_url(
    data: *const c_void,
    size: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text(base64::encode_url(bytes_in(data, size)?), buffer, capacity, length))
}

/// As `kja_base64_decode`, in the alphabet for URLs, with or without padding. (ENC-01, ENC-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_base64_decode_url(
    text: *const c_char,
    text_len: usize,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> kja_status_t {
    boundary(|| decoded(base64::decode_url(bytes_in(text.cast(), text_len)?), buffer, capacity, length, had_errors))
}

/// Writes bytes with `%` and two upper-case digits for each one that the set, one of `KJA_PERCENT_`, does not leave as it is. Errors:
/// `INVALID_ARGUMENT` for another set. (ENC-06, ENC-07, ENC-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_percent_encode(
    data: *const c_void,
    size: usize,
    set: u32,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text(percent::encode(set_of(set)?, bytes_in(data, size)?), buffer, capacity, length))
}

/// Writes the bytes that a text with `%` stands for, of whatever set; with `plus_to_space`, as in forms, a `+` is a space. A `%` that
/// two digits do not follow is an error and stays as it is. The bytes need not be UTF-8. (ENC-01, ENC-06, ENC-08, ENC-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_percent_decode(
    text: *const c_char,
    text_len: usize,
    plus_to_space: bool,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let found = percent::decode(bytes_in(text.cast(), text_len)?, plus_to_space);
        decoded(found, buffer, capacity, length, had_errors)
    })
}

/// Writes a text with the escapes of C for quotes, backslashes and controls; those without one of their own in octal, never in
/// hexadecimal, which would go on into digits that follow. What is not ASCII stays as it is, or is escaped in octal with `binary`.
/// (ENC-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_c_escape_encode(
    data: *const c_void,
    size: usize,
    binary: bool,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let data = bytes_in(data, size)?;
        let escaped = if binary { c_escape::encode_binary(data).into_bytes() } else { c_escape::encode(data) };
        text(escaped, buffer, capacity, length)
    })
}

/// Writes the bytes that a text with the escapes of C stands for. An escape that C does not have is an error and stands for its
/// character; so is a number that is too large, of which the lower byte counts, too few digits behind `\u` and `\U`, a surrogate,
/// and a backslash at the end. (ENC-01, ENC-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_c_escape_decode(
    text: *const c_char,
    text_len: usize,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> kja_status_t {
    boundary(|| decoded(c_escape::decode(bytes_in(text.cast(), text_len)?), buffer, capacity, length, had_errors))
}

/// Writes UTF-8 as UTF-16 in the machine's byte order, with a closing 0, cut to `capacity` units; the whole number of units, without
/// the 0, goes to `length` and whether the text had errors to `had_errors`; both may be null. Unpaired surrogates in three bytes, as
/// `kja_utf16_decode` writes them, are errors and stay; a malformed sequence becomes U+FFFD, and so does the second of two
/// surrogates that would become a pair. No byte order mark is added or taken away. (ENC-01, ENC-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_utf16_encode(
    text: *const c_char,
    text_len: usize,
    buffer: *mut u16,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let (units, errors) = utf::encode_utf16(bytes_in(text.cast(), text_len)?);
        terminated_out(&units, buffer, capacity, length)?;
        put_wanted(had_errors, errors)
    })
}

/// Writes UTF-16 in the machine's byte order as UTF-8, with a closing NUL, cut to `capacity` bytes, perhaps inside a character; the
/// whole length, without the NUL, goes to `length`, which may be null, and whether there were unpaired surrogates to `had_errors`,
/// which may be null too. They are written in three bytes (WTF-8), so that encoding the result gives the same units. (ENC-01, ENC-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_utf16_decode(
    units: *const u16,
    count: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let (found, errors) = utf::decode_utf16(slice_in(units, count)?);
        text(found, buffer, capacity, length)?;
        put_wanted(had_errors, errors)
    })
}

/// As `kja_utf16_encode`, to UTF-32. (ENC-01, ENC-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_utf32_encode(
    text: *const c_char,
    text_len: usize,
    buffer: *mut u32,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let (codes, errors) = utf::encode_utf32(bytes_in(text.cast(), text_len)?);
        terminated_out(&codes, buffer, capacity, length)?;
        put_wanted(had_errors, errors)
    })
}

/// As `kja_utf16_decode`, from UTF-32. What is past U+10FFFF is an error and becomes U+FFFD. (ENC-01, ENC-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_utf32_decode(
    codes: *const u32,
    count: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    had_errors: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let (found, errors) = utf::decode_utf32(slice_in(codes, count)?);
        text(found, buffer, capacity, length)?;
        put_wanted(had_errors, errors)
    })
}
