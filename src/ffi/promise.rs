//! Promises: made settled, awaited, read, cancelled.

use super::{
    boundary, callback, cell, context, created, get, get_promise, kja_bytes_t, kja_callback_fn, kja_destroy_fn,
    kja_handle_t, kja_promise_t, kja_runtime_t, kja_status_t, put, question, result, take_promise,
};
use crate::error::Error;
use crate::promise::{Resolution, invoke, wait_for, within};
use crate::runtime::{Runtime, clock};
use crate::value::{Outcome, Value};
use ::bytes::Bytes;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

fn settled(
    runtime: kja_runtime_t,
    out: *mut kja_promise_t,
    value: impl FnOnce() -> Result<Outcome, Error>,
) -> kja_status_t {
    created(out, || get::<Runtime>(runtime)?.settled(value()?))
}

/// A promise that has settled with unit. (PROM-02, PROM-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_new_unit(runtime: kja_runtime_t, out: *mut kja_promise_t) -> kja_status_t {
    settled(runtime, out, || Ok(Ok(Value::Unit)))
}

/// A promise that has settled with a number. (PROM-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_new_u64(
    runtime: kja_runtime_t,
    value: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    settled(runtime, out, || Ok(Ok(Value::U64(value))))
}

/// A promise that has settled with bytes; the handle stays the caller's. (PROM-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_new_bytes(
    runtime: kja_runtime_t,
    bytes: kja_bytes_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    settled(runtime, out, || Ok(Ok(Value::Bytes((*get::<Bytes>(bytes)?).clone()))))
}

/// A promise that has settled with the object of a handle; the handle stays the caller's. (PROM-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_new_handle(
    runtime: kja_runtime_t,
    handle: kja_handle_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    settled(runtime, out, || Ok(Ok(result::object_value(handle)?)))
}

/// A promise that has settled with a pointer, which is taken over in every case. (PROM-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_new_opaque(
    runtime: kja_runtime_t,
    value: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let value = Value::Opaque(Arc::new(context(value, destroy)));
    settled(runtime, out, || Ok(Ok(value)))
}

/// A promise that has failed with this kind (`KJA_ERR_*`), OS error number (or 0) and text. (PROM-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_new_error(
    runtime: kja_runtime_t,
    kind: kja_status_t,
    os_error: i32,
    text: *const c_char,
    text_len: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    settled(runtime, out, || {
        Ok(Err(super::error::from_parts(kind, os_error, super::bytes_in(text.cast(), text_len)?)?))
    })
}

/// A promise that never settles by itself. (PROM-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_new_never(runtime: kja_runtime_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<Runtime>(runtime)?.never())
}

fn wait(promise: kja_promise_t, deadline: Option<u64>) -> kja_status_t {
    boundary(|| wait_for(&cell(promise)?, deadline)?.map(drop))
}

/// Blocks until the promise settles. The status is `KJA_OK` or the promise's error, which becomes the last
/// error with its text. Any number of threads may await one promise; none of them occupies the loop. A
/// wait scope is driven by this call.
///
/// Errors besides the promise's own: `WOULD_DEADLOCK` on a loop's thread; `WRONG_THREAD` for a wait scope of
/// another thread. Cancellation: a cancel, a release or a shutdown elsewhere ends the wait. (PROM-12)
#[unsafe(no_mangle)]
pub extern "C" fn kja_promise_await(promise: kja_promise_t) -> kja_status_t {
    wait(promise, None)
}

/// As `kja_promise_await`, for `nanos` nanoseconds at most: then `TIMED_OUT`, with the operation pending
/// and the promise usable. 0 looks once. A promise may also fail with `TIMED_OUT`: `kja_promise_outcome_type` tells.
#[unsafe(no_mangle)]
pub extern "C" fn kja_promise_await_for(promise: kja_promise_t, nanos: u64) -> kja_status_t {
    wait(promise, Some(clock::after(nanos)))
}

fn outcome(promise: kja_promise_t) -> Result<Outcome, Error> {
    cell(promise)?.outcome().ok_or_else(Error::pending)
}

/// `KJA_OK`, the promise's error, or `PENDING`, which can be its error too: `kja_promise_outcome_type` tells. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn kja_promise_status(promise: kja_promise_t) -> kja_status_t {
    boundary(|| outcome(promise)?.map(drop))
}

/// What has become of the promise: one of `KJA_OUTCOME_*`. The status is about this call alone, so that an error which the
/// promise was rejected with, of whatever kind, is never taken for a wrong call, nor for a promise that is pending. Never
/// blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_outcome_type(promise: kja_promise_t, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, result::outcome_type(cell(promise)?.outcome().as_ref())))
}

/// The value, if it is a number. Errors: `PENDING`, `WRONG_TYPE`, or the promise's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_u64(promise: kja_promise_t, out: *mut u64) -> kja_status_t {
    boundary(|| result::u64(outcome(promise), out))
}

/// The value, if it is bytes: a new handle each time, which the caller releases.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_bytes(promise: kja_promise_t, out: *mut kja_bytes_t) -> kja_status_t {
    boundary(|| result::bytes(outcome(promise), out))
}

/// The value, if it has handles of its own, such as a connection: a new handle each time, which the
/// caller releases.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_handle(promise: kja_promise_t, out: *mut kja_handle_t) -> kja_status_t {
    boundary(|| result::object(outcome(promise), out))
}

/// The value, if it is an opaque pointer; borrowed until the promise is released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_opaque(promise: kja_promise_t, out: *mut *mut c_void) -> kja_status_t {
    boundary(|| result::opaque(outcome(promise), out))
}

/// Ends the operation. When this returns it is gone: its socket and timer are deregistered, its buffers
/// free, and a callback that has not begun never runs. The promise settles as `CANCELED`; its handle is still
/// to be released. A promise that has settled is left as it is. If its callback is running, this waits for
/// it; called from inside that callback, it takes effect when the callback returns. From any thread. (PROM-01, CANC-04)
#[unsafe(no_mangle)]
pub extern "C" fn kja_promise_cancel(promise: kja_promise_t) -> kja_status_t {
    boundary(|| {
        cell(promise)?.cancel_now(Error::canceled());
        Ok(())
    })
}

/// As `kja_promise_cancel`. The result settles with unit when all is over that this has set off: clean-ups of coroutines,
/// `finally` callbacks that are the loop's to run, the callback that is running. From inside that callback, and where
/// nothing has been set off, it has settled. From any thread; never waits for more than `kja_promise_cancel` does. (CANC-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_cancel_start(promise: kja_promise_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || Ok(get_promise(promise)?.cancel_start()))
}

/// Releases the handle. The last holder of a pending operation cancels it and whatever it was built from
/// that nothing else holds, as `kja_promise_cancel` does. (PROM-01)
#[unsafe(no_mangle)]
pub extern "C" fn kja_promise_release(promise: kja_promise_t) -> kja_status_t {
    boundary(|| {
        take_promise(promise)?.release();
        Ok(())
    })
}

/// As `kja_promise_release`, without waiting for a callback of the promise that is running on another thread: it ends,
/// and its result is dropped, when that returns. For finalizers and other places that may not wait.
#[unsafe(no_mangle)]
pub extern "C" fn kja_promise_release_nowait(promise: kja_promise_t) -> kja_status_t {
    boundary(|| {
        let promise = take_promise(promise)?;
        within(0, || promise.release());
        Ok(())
    })
}

/// A branch: another promise with the same outcome, cancelled on its own. The operation ends when the last
/// branch and the original are gone. (FORK-01, FORK-03, FORK-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_fork(promise: kja_promise_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || Ok(get_promise(promise)?.fork()))
}

/// Whether something besides this handle holds the operation: a branch, a combinator, a promise made from it. False for
/// a handle that is none. (FORK-02)
#[unsafe(no_mangle)]
pub extern "C" fn kja_promise_has_branches(promise: kja_promise_t) -> bool {
    question(|| Some(cell(promise).ok()?.has_other_holders()))
}

/// Whether the promise belongs to this runtime, whose loop runs its callback and whose shutdown ends it. False for handles
/// that are none. Never blocks. (PROM-38)
#[unsafe(no_mangle)]
pub extern "C" fn kja_promise_belongs_to(promise: kja_promise_t, runtime: kja_runtime_t) -> bool {
    question(|| Some(get_promise(promise).ok()?.belongs_to(&*get::<Runtime>(runtime).ok()?)))
}

/// Runs a callback at once, on the calling thread, and gives a promise of its result: what it fails with rejects the
/// promise. It may not block if this is the loop's thread. `ctx` is taken over in every case. (PROM-24)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_eval_now(
    runtime: kja_runtime_t,
    run: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = callback(run, ctx, destroy);
    created(out, || {
        let runtime = get::<Runtime>(runtime)?;
        runtime.shared().check()?;
        match invoke(&run?, Ok(Value::Unit)) {
            Resolution::Outcome(outcome) => runtime.settled(outcome),
            Resolution::Promise(promise) => Ok(promise),
        }
    })
}

/// Copies the names of the operations from this promise down to what it waits for at the end, with ` < ` between
/// them, such as `timeout < then < read`; empty once it has settled. With a closing NUL, cut to `capacity`. Writes the
/// whole length to `length`, which may be null. Any thread. (PROM-20)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_trace(
    promise: kja_promise_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::error::text_out(&get_promise(promise)?.trace().join(" < "), buffer, capacity, length))
}
