//! Timers.

use super::{created, kja_promise_t, kja_runtime_t, kja_status_t, runtime};
use crate::handle::Object;
use crate::runtime::clock;

/// The monotonic clock, in nanoseconds. (TIME-01)
#[unsafe(no_mangle)]
pub extern "C" fn kja_timer_now_nanos() -> u64 {
    clock::now()
}

/// Settles with unit `nanos` nanoseconds from now; never early. Cancellation: the timer is removed and
/// never fires. (TIME-03, TIME-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_sleep_start(runtime_: kja_runtime_t, nanos: u64, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || Ok(Object::Promise(runtime(runtime_)?.sleep(nanos)?)))
}

/// Settles with unit at this time of the monotonic clock, in nanoseconds; at once if it has passed. Timers
/// of the same time settle in the order in which they were started. (TIME-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_sleep_until_start(
    runtime_: kja_runtime_t,
    mono_nanos: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Ok(Object::Promise(runtime(runtime_)?.sleep_until(mono_nanos)?)))
}

/// Settles with unit on a later turn of the loop, after what is queued now. (PROM-26)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_yield_start(runtime_: kja_runtime_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || Ok(Object::Promise(runtime(runtime_)?.yield_now()?)))
}
