//! Timers.

use super::{boundary, created, get, kja_promise_t, kja_runtime_t, kja_status_t, put};
use crate::error::Error;
use crate::runtime::Runtime;
use crate::runtime::clock::{self, SystemClock};

/// The monotonic clock, in nanoseconds. (TIME-01)
#[unsafe(no_mangle)]
pub extern "C" fn kja_timer_now_nanos() -> u64 {
    clock::now()
}

/// The system's monotonic clock.
pub const KJA_CLOCK_MONOTONIC: u32 = 0;
/// The same as of the system's last tick: cheaper to read on some systems.
pub const KJA_CLOCK_MONOTONIC_COARSE: u32 = 1;
/// The calendar, since the beginning of 1970, as the machine is set.
pub const KJA_CLOCK_CALENDAR: u32 = 2;
/// The same as of the system's last tick.
pub const KJA_CLOCK_CALENDAR_COARSE: u32 = 3;

/// Reads a clock of the system, `KJA_CLOCK_*`, in nanoseconds. (TIME-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_clock_now_nanos(clock: u32, out: *mut u64) -> kja_status_t {
    boundary(|| {
        let clock = match clock {
            KJA_CLOCK_MONOTONIC => SystemClock::Monotonic,
            KJA_CLOCK_MONOTONIC_COARSE => SystemClock::MonotonicCoarse,
            KJA_CLOCK_CALENDAR => SystemClock::Calendar,
            KJA_CLOCK_CALENDAR_COARSE => SystemClock::CalendarCoarse,
            other => return Err(Error::invalid(format!("{other} is no clock"))),
        };
        put(out, clock.now())
    })
}

/// The time that this runtime's timers go by, in nanoseconds: the monotonic clock's, or its own if it is virtual.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_now(runtime: kja_runtime_t, out: *mut u64) -> kja_status_t {
    boundary(|| put(out, get::<Runtime>(runtime)?.now()))
}

/// Moves virtual time on by `nanos`. A wait scope stops at each timer on the way and runs what that sets off; with
/// a loop thread the timers fire soon after this returns. Time never goes back.
///
/// Errors: `INVALID_ARGUMENT` if time is not virtual; `WRONG_THREAD` off the owner's thread of a wait scope. (TIME-06)
#[unsafe(no_mangle)]
pub extern "C" fn kja_timer_advance(runtime: kja_runtime_t, nanos: u64) -> kja_status_t {
    boundary(|| get::<Runtime>(runtime)?.advance(nanos))
}

/// When the next timer is due; `UINT64_MAX` if there is none. (TIME-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_next(runtime: kja_runtime_t, out: *mut u64) -> kja_status_t {
    boundary(|| put(out, get::<Runtime>(runtime)?.next_timer().unwrap_or(u64::MAX)))
}

/// How many whole units of `unit` nanoseconds until the next timer is due, rounded up; `most` if that is less or
/// there is no timer. For passing to a system call. (TIME-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_timeout_to_next(
    runtime: kja_runtime_t,
    unit: u64,
    most: u64,
    out: *mut u64,
) -> kja_status_t {
    boundary(|| {
        if unit == 0 {
            return Err(Error::invalid("a unit of no time"));
        }
        put(out, get::<Runtime>(runtime)?.timeout_to_next_timer(unit, most))
    })
}

/// Settles with unit `nanos` nanoseconds from now; never early. Cancellation: the timer is removed and
/// never fires. A callback that starts very many gives way in between, by `kja_timer_yield_start`: no timer fires
/// while a callback runs. (TIME-03, TIME-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_sleep_start(
    runtime: kja_runtime_t,
    nanos: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Runtime>(runtime)?.sleep(nanos))
}

/// Settles with unit at this time of the monotonic clock, in nanoseconds; at once if it has passed. Timers
/// of the same time settle in the order in which they were started. (TIME-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_sleep_until_start(
    runtime: kja_runtime_t,
    mono_nanos: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Runtime>(runtime)?.sleep_until(mono_nanos))
}

/// Settles with unit on a later turn of the loop, after what is queued now. (PROM-26)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_yield_start(runtime: kja_runtime_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<Runtime>(runtime)?.yield_now())
}

/// Settles with unit once the loop has nothing else queued. (PROM-27)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_yield_until_queue_empty_start(
    runtime: kja_runtime_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Runtime>(runtime)?.yield_until_queue_empty())
}

/// Settles with unit once the loop has nothing queued and no socket is ready: when it would sleep. (PROM-28)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_timer_yield_until_would_sleep_start(
    runtime: kja_runtime_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Runtime>(runtime)?.yield_until_would_sleep())
}
