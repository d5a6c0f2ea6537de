//! Errors as objects: with the places that they passed and details of the caller's.
//!
//! An error never changes; adding to one makes another, which shares nothing with the caller's handle.

use super::{
    boundary, bytes_in, cell, created, get, kja_bytes_t, kja_call_t, kja_canceler_t, kja_connection_t, kja_error_t,
    kja_fulfiller_t, kja_promise_t, kja_queue_t, kja_runtime_t, kja_status_t, put, put_wanted, release,
};
use crate::coordination::Queue;
use crate::error::{Context, Error};
use crate::foreign::{owned_bytes, owned_text};
use crate::promise::{Canceler, Fulfiller, with_call};
use crate::runtime::Runtime;
use crate::stream::Connection;
use std::ffi::{c_char, c_void};

fn failure(error: kja_error_t) -> Result<Error, Error> {
    Ok((*get::<Error>(error)?).clone())
}

/// Makes an error of this kind (`KJA_ERR_*`), OS error number (or 0) and text. (EXC-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_new(
    kind: kja_status_t,
    os_error: i32,
    text: *const c_char,
    text_len: usize,
    out: *mut kja_error_t,
) -> kja_status_t {
    created(out, || super::error::from_parts(kind, os_error, bytes_in(text.cast(), text_len)?))
}

/// This thread's last error, with all that it carries. Errors: `FAILED` if there has been none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_last_error_object(out: *mut kja_error_t) -> kja_status_t {
    let last = super::error::last_error();
    created(out, || last.ok_or_else(Error::none_yet))
}

/// The error of a promise that has failed. Errors: `PENDING`; `WRONG_TYPE` if it has a value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_error_object(promise: kja_promise_t, out: *mut kja_error_t) -> kja_status_t {
    created(out, || match cell(promise)?.outcome() {
        None => Err(Error::pending()),
        Some(Ok(_)) => Err(Error::wrong_type()),
        Some(Err(error)) => Ok(error),
    })
}

/// The input of a callback, if it is an error. Errors: `WRONG_TYPE` if it is a value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_call_error_object(call: kja_call_t, out: *mut kja_error_t) -> kja_status_t {
    created(out, || match with_call(call, |frame| frame.input.clone())? {
        Ok(_) => Err(Error::wrong_type()),
        Err(error) => Ok(error),
    })
}

/// The callback fails with this error; the handle stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn kja_call_return_error_object(call: kja_call_t, error: kja_error_t) -> kja_status_t {
    boundary(|| super::call::leave(call, Err(failure(error)?).into()))
}

/// Rejects the promise with this error; the handle stays the caller's. (FULF-02)
#[unsafe(no_mangle)]
pub extern "C" fn kja_fulfiller_error_object(fulfiller: kja_fulfiller_t, error: kja_error_t) -> kja_status_t {
    boundary(|| {
        get::<Fulfiller>(fulfiller)?.settle(Err(failure(error)?));
        Ok(())
    })
}

/// As `kja_canceler_cancel`, with this error; the handle stays the caller's. (CANC-02, EXC-07)
#[unsafe(no_mangle)]
pub extern "C" fn kja_canceler_cancel_error_object(canceler: kja_canceler_t, error: kja_error_t) -> kja_status_t {
    boundary(|| {
        get::<Canceler>(canceler)?.cancel(&failure(error)?);
        Ok(())
    })
}

/// As `kja_queue_reject_all`, with this error; the handle stays the caller's. (QUEUE-05, EXC-07)
#[unsafe(no_mangle)]
pub extern "C" fn kja_queue_reject_all_error_object(queue: kja_queue_t, error: kja_error_t) -> kja_status_t {
    boundary(|| {
        get::<Queue>(queue)?.reject_all(&failure(error)?);
        Ok(())
    })
}

/// As `kja_queue_reject_oldest`, with this error; the handle stays the caller's. (QUEUE-01, EXC-07)
#[unsafe(no_mangle)]
pub extern "C" fn kja_queue_reject_oldest_error_object(queue: kja_queue_t, error: kja_error_t) -> kja_status_t {
    boundary(|| super::queue::reject_oldest(queue, &failure(error)?))
}

/// As `kja_connection_abort_write`, with this error; the handle stays the caller's. (STRM-14, EXC-07)
#[unsafe(no_mangle)]
pub extern "C" fn kja_connection_abort_write_error_object(
    connection: kja_connection_t,
    error: kja_error_t,
) -> kja_status_t {
    boundary(|| get::<Connection>(connection)?.abort_write(failure(error)?))
}

/// A promise that has failed with this error; the handle stays the caller's. (PROM-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_new_error_object(
    runtime: kja_runtime_t,
    error: kja_error_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Runtime>(runtime)?.settled(Err(failure(error)?)))
}

/// The kind of an error, `KJA_ERR_*`, and its OS error number, 0 for none. Either out-parameter may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_kind(
    error: kja_error_t,
    kind: *mut kja_status_t,
    os_error: *mut i32,
) -> kja_status_t {
    boundary(|| {
        let error = get::<Error>(error)?;
        put_wanted(kind, error.kind() as kja_status_t)?;
        put_wanted(os_error, error.os_error())
    })
}

/// Copies the text of an error with a closing NUL, cut to `capacity`. Writes its whole length, without the NUL, to
/// `length`, which may be null. (EXC-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_text(
    error: kja_error_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::error::text_out(get::<Error>(error)?.text(), buffer, capacity, length))
}

/// The same error with one more place on its way: a file, a line, and what was being done there, which may be empty.
/// (EXC-02, EXC-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_with_context(
    error: kja_error_t,
    file: *const c_char,
    file_len: usize,
    line: u32,
    text: *const c_char,
    text_len: usize,
    out: *mut kja_error_t,
) -> kja_status_t {
    created(out, || {
        let word = |data: *const c_char, size| owned_text(bytes_in(data.cast(), size)?);
        Ok(get::<Error>(error)?.with_context(word(file, file_len)?, line, word(text, text_len)?))
    })
}

fn context_line(context: &Context) -> String {
    match context.text.as_str() {
        "" => format!("{}:{}", context.file, context.line),
        text => format!("{}:{}: {text}", context.file, context.line),
    }
}

/// Copies the places that an error passed as text, a line `file:line: text` for each, the latest first. Otherwise as
/// `kja_error_text`. (EXC-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_context(
    error: kja_error_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let lines: Vec<String> = get::<Error>(error)?.context().map(context_line).collect();
        super::error::text_out(&lines.join("\n"), buffer, capacity, length)
    })
}

/// The same error with `size` bytes, copied, under an id of the caller's, in place of what was there. (EXC-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_with_detail(
    error: kja_error_t,
    id: u64,
    data: *const c_void,
    size: usize,
    out: *mut kja_error_t,
) -> kja_status_t {
    created(out, || {
        let bytes = owned_bytes(bytes_in(data, size)?)?;
        Ok(get::<Error>(error)?.with_detail(id, Some(bytes)))
    })
}

/// The same error without what is under this id. (EXC-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_without_detail(error: kja_error_t, id: u64, out: *mut kja_error_t) -> kja_status_t {
    created(out, || Ok(get::<Error>(error)?.with_detail(id, None)))
}

/// The bytes under this id; a new handle. Errors: `FAILED` if there are none. (EXC-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_detail(error: kja_error_t, id: u64, out: *mut kja_bytes_t) -> kja_status_t {
    created(out, || get::<Error>(error)?.detail(id).cloned().ok_or_else(Error::no_detail))
}

/// Writes up to `capacity` ids under which there are bytes to `ids`, in the order in which they were set, and how many
/// there are in all to `count`. `ids` may be null if `capacity` is 0. (EXC-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_detail_ids(
    error: kja_error_t,
    ids: *mut u64,
    capacity: usize,
    count: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let there = get::<Error>(error)?.detail_ids();
        for (index, id) in there.iter().take(capacity).enumerate() {
            // The header requires `capacity` writable numbers; null is refused for the first.
            put(if index == 0 { ids } else { ids.wrapping_add(index) }, *id)?;
        }
        put(count, there.len())
    })
}

/// Another handle for the same error. (EXC-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_error_clone(error: kja_error_t, out: *mut kja_error_t) -> kja_status_t {
    created(out, || get::<Error>(error))
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_error_release(error: kja_error_t) -> kja_status_t {
    release::<Error>(error)
}
