//! Combinators. They borrow their inputs: the result holds what it needs, the handles stay the caller's.

use super::structure::{growing, structure_in};
use super::{
    boundary, callback, context, continuation, created, get, get_promise, kja_callback_fn, kja_destroy_fn,
    kja_promise_t, kja_runtime_t, kja_status_t, slice_in, take_promise,
};
use crate::error::{Error, ErrorKind};
use crate::promise::{Attempt, Promise, Retry, When};
use crate::runtime::Runtime;
use std::ffi::c_void;
use std::sync::Arc;

fn then(
    promise: kja_promise_t,
    when: When,
    run: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = continuation(run, ctx, destroy);
    created(out, || Ok(get_promise(promise)?.then_continue(when, run?)))
}

/// Runs `on_value` once the promise has a value; an error passes by it. The result is what the callback returns.
/// It runs on the loop that the caller is inside, to which the result belongs too, whatever loop the promise is of; off
/// every loop on the promise's own. It never runs inside this call.
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

/// Runs `on_error` if the promise fails; a value passes by it. Otherwise as
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

/// Runs `on_settled` for a value and for an error; `kja_call_status` tells which. Otherwise as
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

/// Runs `on_done` exactly once, on the loop that `kja_promise_then` would choose: after a value, after an error, or, with `CANCELED` as its input,
/// when the result is cancelled or released. The outcome passes through, unless the callback fails; a
/// promise that it returns is waited for first.
///
/// Cancellation: on that loop's thread the callback runs inside the cancel, otherwise on that loop soon
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
    slice_in(promises, count)?.iter().map(|id| get_promise(*id)).collect()
}

/// Settles with unit once all have a value, or with the first error; inputs that nothing else holds are
/// cancelled then. Of none: settled at once. Values are read from the inputs. (PROM-31)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_all(
    runtime: kja_runtime_t,
    promises: *const kja_promise_t,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Promise::all(&*get::<Runtime>(runtime)?, &inputs(promises, count)?))
}

/// Settles as the first to settle does, value or error. The race drops the others before that.
/// Errors: `INVALID_ARGUMENT` for none. (PROM-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_race(
    runtime: kja_runtime_t,
    promises: *const kja_promise_t,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Promise::race(&*get::<Runtime>(runtime)?, &inputs(promises, count)?))
}

/// Waits for all to settle, also after an error; then settles with unit, or with the error of the first in the
/// order of the array that failed. Of none: settled at once. Values are read from the inputs. (PROM-30)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_join(
    runtime: kja_runtime_t,
    promises: *const kja_promise_t,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Promise::join(&*get::<Runtime>(runtime)?, &inputs(promises, count)?))
}

/// Settles with unit once all have settled, in whatever way; how is read from the inputs. Of none: settled at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_all_settled(
    runtime: kja_runtime_t,
    promises: *const kja_promise_t,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Promise::all_settled(&*get::<Runtime>(runtime)?, &inputs(promises, count)?))
}

/// Settles with the value of the first to succeed; the others are dropped before that. If all fail, with the
/// error of the last to do so. Errors: `INVALID_ARGUMENT` for none. (PROM-32)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_any(
    runtime: kja_runtime_t,
    promises: *const kja_promise_t,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Promise::any(&*get::<Runtime>(runtime)?, &inputs(promises, count)?))
}

/// The same outcome, or `TIMED_OUT` after `nanos` nanoseconds by the clock of the result's runtime; then the operation is
/// cancelled, unless another handle or promise holds it. (TIME-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_timeout(
    promise: kja_promise_t,
    nanos: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Ok(get_promise(promise)?.timeout(nanos)))
}

/// As `kja_promise_timeout`, at a time of that clock. (TIME-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_deadline(
    promise: kja_promise_t,
    mono_nanos: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Ok(get_promise(promise)?.deadline(mono_nanos)))
}

/// The same outcome; `destroy(ctx)` runs when the result settles or is cancelled, after the operation
/// itself has ended. `ctx` is taken over in every case. (PROM-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_attach(
    promise: kja_promise_t,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let attachment = context(ctx, destroy);
    created(out, || Ok(get_promise(promise)?.attach(attachment)))
}

/// Gives the promise to its runtime, which holds it until it settles or until shutdown. The handle is
/// consumed. `on_error`, which may be null, runs if it fails: then what is given away is what `kja_promise_catch` would
/// have made, to the runtime of that. `ctx` is taken over in every case. (PROM-19)
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

/// When to try again. Zero everything, then set `size` and what is wanted; 0 means the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_retry_options_t {
    /// `sizeof(kja_retry_options_t)`, so that the structure can grow.
    pub size: usize,
    /// How often to try at most, the first time included; 0 for 2.
    pub attempts: u32,
    /// After which errors: the sum of `1 << KJA_ERR_*`; 0 for `DISCONNECTED` alone.
    pub kinds: u32,
    /// How long to wait before the second attempt, in nanoseconds; doubled for each later one.
    pub first_delay_nanos: u64,
    /// The longest that this grows to; 0 for 30 seconds.
    pub longest_delay_nanos: u64,
}
growing!(kja_retry_options_t, since longest_delay_nanos: u64);

fn retry_policy(options: *const kja_retry_options_t) -> Result<Retry, Error> {
    let mut policy = Retry::default();
    let Some(options) = structure_in(options)? else { return Ok(policy) };
    if options.attempts != 0 {
        policy.attempts = options.attempts;
    }
    if options.kinds != 0 {
        policy.kinds = ErrorKind::ALL.into_iter().filter(|kind| options.kinds >> (*kind as u32) & 1 == 1).collect();
    }
    if options.longest_delay_nanos != 0 {
        policy.longest_delay = options.longest_delay_nanos;
    }
    policy.first_delay = options.first_delay_nanos;
    Ok(policy)
}

/// Runs `attempt` on the loop, and again while it fails and the options, which may be null, say so; the outcome is
/// the last one's. The default is to try once more, at once, if the peer was gone. `attempt` may run more than once.
///
/// Ownership: `ctx` is taken over in every case; `destroy` runs after the last attempt. Cancellation: the attempt
/// under way is cancelled and there is no other. (PROM-29)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_promise_retry_start(
    runtime: kja_runtime_t,
    attempt: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    options: *const kja_retry_options_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let attempt = callback(attempt, ctx, destroy);
    created(out, || {
        let attempt = Attempt::Foreign(Arc::new(attempt?));
        Promise::retry_attempt(&*get::<Runtime>(runtime)?, retry_policy(options)?, attempt)
    })
}
