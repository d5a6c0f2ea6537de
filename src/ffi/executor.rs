//! Executors.

use super::{
    boundary, continuation, created, get, kja_callback_fn, kja_destroy_fn, kja_executor_t, kja_promise_t, kja_status_t,
    question, release,
};
use crate::runtime::Executor;
use std::ffi::c_void;

/// Another handle for the same loop. (EXEC-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_executor_clone(executor: kja_executor_t, out: *mut kja_executor_t) -> kja_status_t {
    created(out, || get::<Executor>(executor))
}

/// Whether the loop runs; true is a hint, it may end the next moment. (EXEC-03)
#[unsafe(no_mangle)]
pub extern "C" fn kja_executor_is_live(executor: kja_executor_t) -> bool {
    question(|| Some(get::<Executor>(executor).ok()?.is_live()))
}

/// Runs a callback on the loop; the promise settles with what it returns. Calls from one thread start in
/// the order in which they were made. From any thread; never blocks.
///
/// Ownership: `ctx` is taken over in every case; `destroy` runs once the callback has run or never will.
/// Errors: `SHUTDOWN` if the loop is gone. Cancellation: a callback that has not begun never runs. (EXEC-04, EXEC-08, EXEC-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_executor_execute_start(
    executor: kja_executor_t,
    run: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = continuation(run, ctx, destroy);
    created(out, || get::<Executor>(executor)?.start_continuation(run?))
}

/// As `kja_executor_execute_start`, once the loop has nothing else queued; of several the latest comes first. (PROM-25)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_executor_execute_last_start(
    executor: kja_executor_t,
    run: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = continuation(run, ctx, destroy);
    created(out, || get::<Executor>(executor)?.start_last(run?))
}

/// Runs a callback on the loop and blocks until it, and a promise that it returns, are done. The status is
/// that of the result. On the loop's own thread the callback runs at once, and a pending promise as its
/// result is an error (`WOULD_DEADLOCK`). Ownership as above. (EXEC-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_executor_execute(
    executor: kja_executor_t,
    run: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
) -> kja_status_t {
    let run = continuation(run, ctx, destroy);
    boundary(|| get::<Executor>(executor)?.execute(run?)?.map(drop))
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_executor_release(executor: kja_executor_t) -> kja_status_t {
    release::<Executor>(executor)
}
