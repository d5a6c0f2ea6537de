//! Driving a loop by hand, and asking how it is.

use super::structure::{growing, structure_out};
use super::{boundary, get, kja_runtime_t, kja_status_t, put, put_wanted, question};
use crate::error::Error;
use crate::runtime::{Runtime, Stats};

fn turns(out: *mut u64, made: Result<u64, Error>) -> Result<(), Error> {
    put_wanted(out, made?)
}

fn bound(most: u64) -> u64 {
    if most == 0 { u64::MAX } else { most }
}

/// Wait scope: runs what is ready and looks at sockets and timers, without blocking, until nothing is left or
/// `most` turns have been made; 0 for no such bound. Writes the number of turns; `turns` may be null.
///
/// Errors: `WRONG_THREAD` off the owner's thread; `INVALID_ARGUMENT` for a runtime with a thread;
/// `WOULD_DEADLOCK` inside a callback. (LOOP-08, LOOP-12)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_poll(runtime: kja_runtime_t, most: u64, turns_: *mut u64) -> kja_status_t {
    boundary(|| turns(turns_, get::<Runtime>(runtime)?.poll(bound(most))))
}

/// Wait scope: runs what is queued, at most `most` turns (0 for no bound), without a look at sockets or timers,
/// and writes the number of turns. `turns` may be null. Errors as for `kja_runtime_poll`. (LOOP-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_turn(runtime: kja_runtime_t, most: u64, turns_: *mut u64) -> kja_status_t {
    boundary(|| turns(turns_, get::<Runtime>(runtime)?.turn(bound(most))))
}

/// Wait scope: turns the loop for `nanos` nanoseconds, or until `kja_runtime_wake`, and writes the number of
/// turns. `turns` may be null. With virtual time it moves the clock on by `nanos`, as `kja_timer_advance` does.
/// Errors as for `kja_runtime_poll`. (LOOP-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_run(runtime: kja_runtime_t, nanos: u64, turns_: *mut u64) -> kja_status_t {
    boundary(|| turns(turns_, get::<Runtime>(runtime)?.run(nanos)))
}

/// Wait scope: writes the number of a descriptor for the loop of a host (epoll, poll, libuv, glib, asyncio). It is readable when there is
/// something to do: something is queued, by whatever thread, a timer is due, or a socket has something to tell. Then, or at any other time,
/// the host calls `kja_runtime_poll`, after which it is not readable until there is something again; no preparation is needed before the host
/// sleeps, and signals and children may be waited for as well. It may tell of a socket for which nobody waits: such a poll makes no turn.
/// With virtual time timers do not count.
///
/// The descriptor is the runtime's: it must not be read, written or closed, and goes with a shutdown; take it out of the host's loop
/// before. Errors: as for `kja_runtime_poll`; `UNIMPLEMENTED` without epoll, where `on_runnable` and `kja_timer_timeout_to_next` serve.
/// (UNIX-15, UNIX-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_pollable_fd(runtime: kja_runtime_t, out: *mut i32) -> kja_status_t {
    boundary(|| {
        put(out, -1)?;
        put(out, get::<Runtime>(runtime)?.pollable_fd()?)
    })
}

/// Has the `kja_runtime_run` that is under way, or else the next one, return early. Any thread. (LOOP-14)
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_wake(runtime: kja_runtime_t) -> kja_status_t {
    boundary(|| get::<Runtime>(runtime)?.wake())
}

/// Whether something is queued, so that `kja_runtime_turn` would do something. Any thread. (LOOP-04)
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_is_runnable(runtime: kja_runtime_t) -> bool {
    question(|| Some(get::<Runtime>(runtime).ok()?.is_runnable()))
}

/// Cancels every promise that was detached and is pending; they are gone when this returns. (LOOP-07)
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_cancel_detached(runtime: kja_runtime_t) -> kja_status_t {
    boundary(|| get::<Runtime>(runtime)?.cancel_detached())
}

/// Figures of a runtime at one moment.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_runtime_stats_t {
    /// `sizeof(kja_runtime_stats_t)`, set by the caller.
    pub size: usize,
    /// Promises that somebody holds, settled or not.
    pub promises: u64,
    /// Of these, the ones that were detached and are pending.
    pub detached: u64,
    /// Timers that are running.
    pub timers: u64,
    /// Turns of the loop so far: how often it polled an operation or ran a callback.
    pub turns: u64,
    /// How often the loop has slept and was woken.
    pub wake_ups: u64,
    /// The longest turn so far, in nanoseconds; 0 unless `slow_turn_nanos` was set in the options.
    pub longest_turn_nanos: u64,
}
growing!(kja_runtime_stats_t, since longest_turn_nanos: u64);

/// Writes figures of the runtime. Any thread, never blocks. Works after a shutdown too.
///
/// Errors: `INVALID_ARGUMENT` unless `size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_stats(runtime: kja_runtime_t, stats: *mut kja_runtime_stats_t) -> kja_status_t {
    boundary(|| {
        let Stats { promises, detached, timers, turns, wake_ups, longest_turn_nanos } =
            get::<Runtime>(runtime)?.stats();
        let fill = |size| kja_runtime_stats_t { size, promises, detached, timers, turns, wake_ups, longest_turn_nanos };
        structure_out(stats, fill)
    })
}
