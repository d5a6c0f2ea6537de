//! Promises settled by hand, from any thread.

use super::{
    boundary, bytes_in, context, created_two, get, kja_bytes_t, kja_destroy_fn, kja_fulfiller_t, kja_handle_t,
    kja_promise_t, kja_runtime_t, kja_status_t, question, release, result, take_promise,
};
use crate::error::Error;
use crate::promise::Fulfiller;
use crate::runtime::Runtime;
use crate::value::{Outcome, Value};
use ::bytes::Bytes;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Makes a promise and the fulfiller that settles it. (FULF-07, FULF-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_fulfiller_new(
    runtime: kja_runtime_t,
    fulfiller: *mut kja_fulfiller_t,
    promise: *mut kja_promise_t,
) -> kja_status_t {
    created_two(fulfiller, promise, || get::<Runtime>(runtime)?.fulfiller())
}

fn settle(id: kja_fulfiller_t, outcome: impl FnOnce() -> Result<Outcome, Error>) -> kja_status_t {
    boundary(|| {
        // A second call, or one for a promise that nobody holds any more, is no error. (FULF-01)
        get::<Fulfiller>(id)?.settle(outcome()?);
        Ok(())
    })
}

/// Settles the promise with unit. The first call counts, later ones succeed and do nothing. From any
/// thread. (FULF-01, FULF-10)
#[unsafe(no_mangle)]
pub extern "C" fn kja_fulfiller_unit(fulfiller: kja_fulfiller_t) -> kja_status_t {
    settle(fulfiller, || Ok(Ok(Value::Unit)))
}

/// Settles the promise with a number.
#[unsafe(no_mangle)]
pub extern "C" fn kja_fulfiller_u64(fulfiller: kja_fulfiller_t, value: u64) -> kja_status_t {
    settle(fulfiller, || Ok(Ok(Value::U64(value))))
}

/// Settles the promise with bytes; the handle stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn kja_fulfiller_bytes(fulfiller: kja_fulfiller_t, bytes: kja_bytes_t) -> kja_status_t {
    settle(fulfiller, || Ok(Ok(Value::Bytes((*get::<Bytes>(bytes)?).clone()))))
}

/// Settles the promise with the object of a handle; the handle stays the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn kja_fulfiller_handle(fulfiller: kja_fulfiller_t, handle: kja_handle_t) -> kja_status_t {
    settle(fulfiller, || Ok(Ok(result::object_value(handle)?)))
}

/// Settles the promise with a pointer, which is taken over in every case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_fulfiller_opaque(
    fulfiller: kja_fulfiller_t,
    value: *mut c_void,
    destroy: kja_destroy_fn,
) -> kja_status_t {
    let value = Value::Opaque(Arc::new(context(value, destroy)));
    settle(fulfiller, || Ok(Ok(value)))
}

/// Lets another promise decide the outcome. Its handle is consumed. (FULF-08)
#[unsafe(no_mangle)]
pub extern "C" fn kja_fulfiller_promise(fulfiller: kja_fulfiller_t, promise: kja_promise_t) -> kja_status_t {
    boundary(|| {
        let found = get::<Fulfiller>(fulfiller)?;
        found.forward(take_promise(promise)?);
        Ok(())
    })
}

/// Rejects the promise with this kind (`KJA_ERR_*`), OS error number (or 0) and text. (FULF-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_fulfiller_error(
    fulfiller: kja_fulfiller_t,
    kind: kja_status_t,
    os_error: i32,
    text: *const c_char,
    text_len: usize,
) -> kja_status_t {
    settle(fulfiller, || Ok(Err(super::error::from_parts(kind, os_error, bytes_in(text.cast(), text_len)?)?)))
}

/// Whether the promise is unsettled and somebody holds it. (FULF-03)
#[unsafe(no_mangle)]
pub extern "C" fn kja_fulfiller_is_waiting(fulfiller: kja_fulfiller_t) -> bool {
    question(|| Some(get::<Fulfiller>(fulfiller).ok()?.is_waiting()))
}

/// Releases the handle; a promise that has not been settled is rejected with `FAILED`. (FULF-04)
#[unsafe(no_mangle)]
pub extern "C" fn kja_fulfiller_release(fulfiller: kja_fulfiller_t) -> kja_status_t {
    release::<Fulfiller>(fulfiller)
}
