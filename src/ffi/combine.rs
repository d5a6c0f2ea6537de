//! Combinators. They borrow their inputs: the result holds what it needs, the handles stay the caller's.

use super::{boundary, context, continuation, created, kja_callback_fn, kja_destroy_fn, kja_promise_t, kja_runtime_t, kja_status_t, promise, runtime, slice_in, take_promise};
use crate::error::Error;
use crate::handle::Object;
use crate::promise::{Promise, When};
use std::ffi::c_void;

fn then(
    promise_: kja_promise_t,
    when: When,
    run: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = continuation(run, ctx, destroy);
    created(out, || Ok(Object::Promise(promise(promise_)?.then_continue(when, run?))))
}

/// Runs `on_value` on the loop once the promise has a value; an error passes by it. The result is what the
/// callback returns. The callback never runs inside this call.
///
/// Ownership: `ctx` is taken over in every case; `destroy` runs once the callback has run or never will.
/// Cancellation: when the result is cancelled before the callback began, it never runs. (PROM-05, PROM-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_then(
    promise: kja_promise_t,
    on_value: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    then(promise, When::Value, on_value, ctx, destroy, out)
}

/// Runs `on_error` on the loop if the promise fails; a value passes by it. Otherwise as
/// `kja_promise_then`. (PROM-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_catch(
    promise: kja_promise_t,
    on_error: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    then(promise, When::Error, on_error, ctx, destroy, out)
}

/// Runs `on_settled` on the loop for a value and for an error; `kja_call_status` tells which. Otherwise as
/// `kja_promise_then`. (PROM-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_handle_both(
    promise: kja_promise_t,
    on_settled: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    then(promise, When::Both, on_settled, ctx, destroy, out)
}

/// Runs `on_done` on the loop exactly once: after a value, after an error, or, with `CANCELED` as its input,
/// when the result is cancelled or released. The outcome passes through, unless the callback fails; a
/// promise that it returns is waited for first.
///
/// Cancellation: on the loop's thread the callback runs inside the cancel, elsewhere on the loop soon
/// after; a shutdown waits for it. Ownership as for `kja_promise_then`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_finally(
    promise: kja_promise_t,
    on_done: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    then(promise, When::Finally, on_done, ctx, destroy, out)
}

fn inputs(promises: *const kja_promise_t, count: usize) -> Result<Vec<Promise>, Error> {
    slice_in(promises, count)?.iter().map(|id| promise(*id)).collect()
}

/// Settles with unit once all have a value, or with the first error; inputs that nothing else holds are
/// cancelled then. Of none: settled at once. Values are read from the inputs. (PROM-31)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_all(
    runtime_: kja_runtime_t,
    promises: *const kja_promise_t,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Ok(Object::Promise(Promise::all(&*runtime(runtime_)?, &inputs(promises, count)?)?)))
}

/// Settles as the first to settle does, value or error. The race lets go of the others before that.
/// Errors: `INVALID_ARGUMENT` for none. (PROM-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_race(
    runtime_: kja_runtime_t,
    promises: *const kja_promise_t,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Ok(Object::Promise(Promise::race(&*runtime(runtime_)?, &inputs(promises, count)?)?)))
}

/// The same outcome, or `TIMED_OUT` after `nanos` nanoseconds; then the operation is let go of, which
/// cancels it unless another handle or promise holds it. (TIME-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_timeout(promise_: kja_promise_t, nanos: u64, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || Ok(Object::Promise(promise(promise_)?.timeout(nanos))))
}

/// The same outcome; `destroy(ctx)` runs when the result settles or is cancelled, after the operation
/// itself has ended. `ctx` is taken over in every case. (PROM-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_attach(
    promise_: kja_promise_t,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let attachment = context(ctx, destroy);
    created(out, || Ok(Object::Promise(promise(promise_)?.attach(attachment))))
}

/// Gives the promise to its runtime, which holds it until it settles or until shutdown. The handle is
/// consumed. `on_error`, which may be null, runs on the loop if it fails. `ctx` is taken over in every
/// case. (PROM-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_detach(
    promise: kja_promise_t,
    on_error: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
) -> kja_status_t {
    let handler = on_error.map(|_| continuation(on_error, ctx, destroy));
    let unused = on_error.is_none().then(|| context(ctx, destroy));
    boundary(|| {
        let promise = take_promise(promise)?;
        drop(unused);
        match handler {
            Some(handler) => promise.then_continue(When::Error, handler?).give_to_runtime(),
            None => promise.give_to_runtime(),
        }
        Ok(())
    })
}
