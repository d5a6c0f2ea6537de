//! Ranges of bytes in HTTP.

use super::error::text_out;
use super::{boundary, bytes_in, kja_status_t, memory_in, put, put_wanted};
use crate::error::Error;
use crate::http::{ByteRange, Ranges};
use std::ffi::c_char;

/// The header is malformed, or none of its ranges has a byte: 416 is the answer. (HTTP-17)
pub const KJA_HTTP_RANGE_UNSATISFIABLE: u32 = 0;
/// One of the ranges covers it all: the whole is the answer.
pub const KJA_HTTP_RANGE_EVERYTHING: u32 = 1;
/// There are ranges, in the order in which they were asked for.
pub const KJA_HTTP_RANGE_SOME: u32 = 2;

/// Some bytes of a representation. (HTTP-17)
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_http_range_t {
    /// The place of the first byte.
    pub start: u64,
    /// The place of the last byte, which belongs to the range.
    pub end: u64,
}

/// Reads the value of a `Range` header for something of `total` bytes. Writes one of `KJA_HTTP_RANGE_` to `kind`, as many ranges as fit to
/// `ranges`, and how many there are, at most 256, to `count`, which may be null. Ranges are cut to the bytes that there are; one that
/// begins past the end is left out. One item that is malformed spoils the whole header, as does another unit than `bytes`.
/// `ranges` may be null if `capacity` is 0. Never fails for what is in the header. (HTTP-17)
///
/// ```c
/// kja_http_range_t range;
/// uint32_t kind = 0;
/// size_t count = 0;
/// kja_http_range_parse("bytes=0-99", 10, file_size, &range, 1, &count, &kind);
/// if (kind == KJA_HTTP_RANGE_SOME && count == 1) ... // 206 with range.start to range.end
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_range_parse(
    value: *const c_char,
    value_len: usize,
    total: u64,
    ranges: *mut kja_http_range_t,
    capacity: usize,
    count: *mut usize,
    kind: *mut u32,
) -> kja_status_t {
    boundary(|| {
        memory_in(ranges, capacity)?;
        let (found_kind, found) = match Ranges::parse(bytes_in(value.cast(), value_len)?, total) {
            Ranges::Unsatisfiable => (KJA_HTTP_RANGE_UNSATISFIABLE, Vec::new()),
            Ranges::Everything => (KJA_HTTP_RANGE_EVERYTHING, Vec::new()),
            Ranges::Some(found) => (KJA_HTTP_RANGE_SOME, found),
        };
        for (n, range) in found.iter().take(capacity).enumerate() {
            // SAFETY: not null, and the header requires that many elements that are writable and aligned.
            let place = unsafe { ranges.add(n) };
            put(place, kja_http_range_t { start: range.start, end: range.end })?;
        }
        put_wanted(count, found.len())?;
        put(kind, found_kind)
    })
}

/// Copies the range from `start` to `end`, both included, as `Content-Range` has it, such as `0-99`, with a closing NUL, cut to `capacity`; its whole length goes to `length`,
/// which may be null. Errors: `INVALID_ARGUMENT` for an end before the start. (HTTP-26)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_range_text(
    start: u64,
    end: u64,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        if end < start {
            return Err(Error::invalid(format!("a range from {start} to {end}")));
        }
        text_out(&ByteRange { start, end }.to_string(), buffer, capacity, length)
    })
}
