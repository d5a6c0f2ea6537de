//! Coroutines.

use super::call::shielded;
use super::{
    callback, created, get, get_promise, kja_callback_fn, kja_destroy_fn, kja_promise_t, kja_runtime_t, kja_status_t,
};
use crate::promise::{Code, Promise};
use crate::runtime::Runtime;
use std::ffi::c_void;

/// Starts code that waits for one promise after another. `run` runs on the runtime's loop, behind what is queued there. Each
/// time that it leaves a promise with `kja_call_await` it runs again once that has settled, with its outcome as the input;
/// what else it leaves is the result, with which the coroutine ends. It keeps in `ctx` how far it is. It may be
/// called from any thread and never blocks.
///
/// With a promise as `first`, which stays the caller's, or else 0, the code counts as begun and waits for that
/// first; `flags` are those of that wait, as for `kja_call_await`.
///
/// Cancellation: when the result is cancelled or released, what the code waits for is dropped there and then. Code
/// that has begun is not dropped: soon after, `run` runs once with `kja_call_is_canceled`, and may wait again for its
/// clean-up, until it leaves something else than a promise, which nobody hears of. Code that has not begun never runs.
/// A shutdown cancels every coroutine, and runs the code to its end, the youngest first; every wait then fails with
/// `SHUTDOWN`, and code that goes on for ever keeps the loop from ending.
///
/// Ownership: `ctx` is taken over in every case; `destroy` runs on the loop's thread after the code has ended,
/// or inside a call that is refused. Errors: `SHUTDOWN`; `INVALID_ARGUMENT` for unknown flags. (PROM-33, FIBER-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_coroutine_start(
    runtime: kja_runtime_t,
    first: kja_promise_t,
    flags: u32,
    run: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = callback(run, ctx, destroy);
    created(out, || {
        let shielded = shielded(flags)?;
        let first = if first == 0 { None } else { Some((get_promise(first)?, shielded)) };
        let runtime = get::<Runtime>(runtime)?.shared().clone();
        Promise::coroutine(runtime, Code::Foreign(run?), first)
    })
}
