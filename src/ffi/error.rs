//! Status codes, the last error, versions.

use super::{handle, kja_status_t};
use crate::error::{Error, ErrorKind};
use crate::foreign::owned_text;
use std::cell::RefCell;
use std::ffi::c_char;

/// Success.
pub const KJA_OK: kja_status_t = 0;
/// A bug or bad input.
pub const KJA_ERR_FAILED: kja_status_t = 1;
/// Out of space, descriptors or time; do not retry at once.
pub const KJA_ERR_OVERLOADED: kja_status_t = 2;
/// The peer is gone; reconnect, then retry.
pub const KJA_ERR_DISCONNECTED: kja_status_t = 3;
/// Not available here; fall back to another method.
pub const KJA_ERR_UNIMPLEMENTED: kja_status_t = 4;
/// The operation was cancelled.
pub const KJA_ERR_CANCELED: kja_status_t = 10;
/// A deadline passed.
pub const KJA_ERR_TIMED_OUT: kja_status_t = 11;
/// The runtime was shut down.
pub const KJA_ERR_SHUTDOWN: kja_status_t = 12;
/// The handle is not, or no longer, valid.
pub const KJA_ERR_BAD_HANDLE: kja_status_t = 20;
/// Only the thread that owns the wait scope may do this.
pub const KJA_ERR_WRONG_THREAD: kja_status_t = 21;
/// Blocking here would stop the loop that has to make progress.
pub const KJA_ERR_WOULD_DEADLOCK: kja_status_t = 22;
/// An argument is null, too long, malformed or out of range.
pub const KJA_ERR_INVALID_ARGUMENT: kja_status_t = 23;
/// The value of the promise has another type.
pub const KJA_ERR_WRONG_TYPE: kja_status_t = 24;
/// The promise has not settled.
pub const KJA_ERR_PENDING: kja_status_t = 25;
/// The object is already doing this and can do it only once at a time.
pub const KJA_ERR_BUSY: kja_status_t = 26;
/// A callback or the library itself panicked.
pub const KJA_ERR_PANIC: kja_status_t = 30;

thread_local!(static LAST: RefCell<Option<Error>> = const { RefCell::new(None) });

pub(super) fn remember(error: Error) -> kja_status_t {
    let status = error.kind() as kja_status_t;
    let old = LAST.try_with(|last| last.borrow_mut().replace(error));
    drop(old);
    status
}

fn last<R>(look: impl FnOnce(&Error) -> R) -> Option<R> {
    LAST.try_with(|last| last.borrow().as_ref().map(look)).ok().flatten()
}

/// An error from what a caller says about it.
pub(super) fn from_parts(kind: kja_status_t, os_error: i32, text: &[u8]) -> Result<Error, Error> {
    let kind = ErrorKind::from_code(kind).ok_or_else(|| Error::invalid(format!("{kind} is no error status")))?;
    Ok(Error::with_os(kind, os_error, owned_text(text)?))
}

/// The version of the library, as `major.minor.patch`. The text lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn kja_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the interface that this header describes. A library whose `kja_abi_version` is smaller lacks a part of it.
pub const KJA_ABI_VERSION: u32 = 1;

/// The version of the library's interface. It grows when something is added, see doc/abi.md.
#[unsafe(no_mangle)]
pub extern "C" fn kja_abi_version() -> u32 {
    KJA_ABI_VERSION
}

/// The name of a status, such as "TIMED_OUT"; "UNKNOWN" for a number that is none. The text lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn kja_status_name(status: kja_status_t) -> *const c_char {
    match ErrorKind::from_code(status) {
        Some(kind) => kind.c_name().as_ptr(),
        None if status == KJA_OK => c"OK".as_ptr(),
        None => c"UNKNOWN".as_ptr(),
    }
}

/// The kind that an error of the system with this number (`errno`) has, unless whoever makes it says otherwise: `FAILED` for
/// most of them, and for what is no such number. (EXC-01)
#[unsafe(no_mangle)]
pub extern "C" fn kja_status_of_os_error(os_error: i32) -> kja_status_t {
    ErrorKind::of_os_error(os_error) as kja_status_t
}

/// The status of the latest call on this thread that failed; `KJA_OK` if none has. Calls that succeed do
/// not change it. (EXC-01)
#[unsafe(no_mangle)]
pub extern "C" fn kja_last_error_status() -> kja_status_t {
    last(|error| error.kind() as kja_status_t).unwrap_or(KJA_OK)
}

/// The OS error number (`errno`) behind this thread's last error; 0 if there was none.
#[unsafe(no_mangle)]
pub extern "C" fn kja_last_error_os() -> i32 {
    last(Error::os_error).unwrap_or(0)
}

/// Copies the text of this thread's last error to `buffer`, cut to `capacity` bytes with a closing NUL.
/// Returns the length of the whole text without the NUL. `buffer` may be null if `capacity` is 0. (EXC-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_last_error_text(buffer: *mut c_char, capacity: usize) -> usize {
    last(|error| copy_text(error.text(), buffer, capacity)).unwrap_or_else(|| copy_text("", buffer, capacity))
}

/// Copies a text with a closing NUL, cut to the capacity; returns its whole length.
pub(super) fn copy_text(text: &str, buffer: *mut c_char, capacity: usize) -> usize {
    if !buffer.is_null() && capacity > 0 {
        let cut = text.floor_char_boundary(capacity - 1);
        // SAFETY: not null, and the header requires `capacity` writable bytes; `cut` is less than that.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, cut);
            buffer.add(cut).write(0);
        }
    }
    text.len()
}

/// As `copy_text`, with the whole length in an out-parameter that may be null.
pub(super) fn text_out(text: &str, buffer: *mut c_char, capacity: usize, length: *mut usize) -> Result<(), Error> {
    let whole = copy_text(text, buffer, capacity);
    super::put_wanted(length, whole)
}

/// This thread's last error.
pub(super) fn last_error() -> Option<Error> {
    last(Error::clone)
}

/// How many handles are live in the process: 0 when everything has been released.
#[unsafe(no_mangle)]
pub extern "C" fn kja_handle_count() -> u64 {
    handle::count() as u64
}
