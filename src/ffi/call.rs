//! Inside a callback: its input and its result.

use super::{
    boundary, context, get, get_promise, handle, kja_bytes_t, kja_call_t, kja_destroy_fn, kja_handle_t, kja_promise_t,
    kja_status_t, put, question, result, take_promise,
};
use crate::error::Error;
use crate::promise::{Frame, Resolution, with_call};
use crate::value::{Outcome, Value};
use ::bytes::Bytes;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

fn input(call: kja_call_t) -> Result<Outcome, Error> {
    with_call(call, |frame| frame.input.clone())
}

pub(super) fn leave(call: kja_call_t, result: Resolution) -> Result<(), Error> {
    // The result that it replaces is dropped after the frame has been let go.
    with_call(call, |frame| std::mem::replace(&mut frame.result, result)).map(drop)
}

/// The status of the input: `KJA_OK`, or the error of the promise, which also becomes the last error.
#[unsafe(no_mangle)]
pub extern "C" fn kja_call_status(call: kja_call_t) -> kja_status_t {
    boundary(|| input(call)?.map(drop))
}

/// What the input is: one of `KJA_OUTCOME_*`. The status is about this call alone: see `kja_promise_outcome_type`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_call_outcome_type(call: kja_call_t, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, with_call(call, |frame| result::outcome_type(Some(&frame.input)))?))
}

/// The input, if it is a number. Errors: `WRONG_TYPE`, or the input's error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_call_u64(call: kja_call_t, out: *mut u64) -> kja_status_t {
    boundary(|| result::u64(input(call), out))
}

/// The input, if it is bytes: a new handle, which the caller releases.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_call_bytes(call: kja_call_t, out: *mut kja_bytes_t) -> kja_status_t {
    boundary(|| {
        put(out, 0)?;
        put(out, handle::insert(with_call(call, Frame::bytes)??)?)
    })
}

/// The input, if it has handles of its own, such as a connection: a new handle, which the caller releases.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_call_handle(call: kja_call_t, out: *mut kja_handle_t) -> kja_status_t {
    boundary(|| result::object(input(call), out))
}

/// The input, if it is an opaque pointer; borrowed until the callback returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_call_opaque(call: kja_call_t, out: *mut *mut c_void) -> kja_status_t {
    boundary(|| result::opaque(input(call), out))
}

/// The callback's result is a number. A callback that sets no result returns unit; the last one set counts.
#[unsafe(no_mangle)]
pub extern "C" fn kja_call_return_u64(call: kja_call_t, value: u64) -> kja_status_t {
    boundary(|| leave(call, Ok(Value::U64(value)).into()))
}

/// The callback's result is bytes; the handle stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn kja_call_return_bytes(call: kja_call_t, bytes: kja_bytes_t) -> kja_status_t {
    boundary(|| leave(call, Ok(Value::Bytes((*get::<Bytes>(bytes)?).clone())).into()))
}

/// The callback's result is the object of a handle; the handle stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn kja_call_return_handle(call: kja_call_t, handle: kja_handle_t) -> kja_status_t {
    boundary(|| leave(call, Ok(result::object_value(handle)?).into()))
}

/// The callback's result is a pointer, which is taken over in every case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_call_return_opaque(
    call: kja_call_t,
    value: *mut c_void,
    destroy: kja_destroy_fn,
) -> kja_status_t {
    let value = Value::Opaque(Arc::new(context(value, destroy)));
    boundary(|| leave(call, Ok(value).into()))
}

/// The callback's result is that of another promise. Its handle is consumed in every case, also when the call is stale. (PROM-07)
#[unsafe(no_mangle)]
pub extern "C" fn kja_call_return_promise(call: kja_call_t, promise: kja_promise_t) -> kja_status_t {
    boundary(|| leave(call, take_promise(promise)?.into()))
}

/// The wait is not dropped when the coroutine is cancelled: a part of a clean-up, for instance.
pub const KJA_AWAIT_SHIELDED: u32 = 1;

pub(super) fn shielded(flags: u32) -> Result<bool, Error> {
    match flags {
        0 => Ok(false),
        KJA_AWAIT_SHIELDED => Ok(true),
        other => Err(Error::invalid(format!("{other:#x} are no flags of a wait"))),
    }
}

/// Has a coroutine wait for the promise, whose handle stays the caller's: its code runs again with the outcome.
/// `flags` are 0 or `KJA_AWAIT_SHIELDED`; who is cancelled while it is shielded hears of it at its next wait that is not.
/// In any other callback this leaves the outcome of the promise as the result. Errors: `BAD_HANDLE`, with nothing
/// done; `INVALID_ARGUMENT` for unknown flags.
#[unsafe(no_mangle)]
pub extern "C" fn kja_call_await(call: kja_call_t, promise: kja_promise_t, flags: u32) -> kja_status_t {
    boundary(|| {
        let shielded = shielded(flags)?;
        leave(call, get_promise(promise)?.into())?;
        with_call(call, |frame| frame.shielded = shielded)
    })
}

/// Whether a coroutine runs because it has been cancelled. That is told once; what it waits for after that is for its
/// clean-up, and nobody hears of its result. False in any other callback.
#[unsafe(no_mangle)]
pub extern "C" fn kja_call_is_canceled(call: kja_call_t) -> bool {
    question(|| with_call(call, |frame| frame.canceled).ok())
}

/// The callback fails with this kind (`KJA_ERR_*`), OS error number (or 0) and text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_call_return_error(
    call: kja_call_t,
    kind: kja_status_t,
    os_error: i32,
    text: *const c_char,
    text_len: usize,
) -> kja_status_t {
    boundary(|| {
        let error = super::error::from_parts(kind, os_error, super::bytes_in(text.cast(), text_len)?)?;
        leave(call, Err(error).into())
    })
}
