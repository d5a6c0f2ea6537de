//! Signals.
//!
//! A subscription gets every signal that comes to the process from when it is made: nothing is lost between two waits. What was handled
//! before goes on: an earlier handler runs first, each time. The default of a signal, such as the end of the process, does not
//! happen while anybody in this process subscribes to it, and happens again afterwards. Threads keep the signals that they
//! block blocked. After `fork`, the child's signals are not the parent's.
//!
//! Signals of one kind that come while one is pending are one, says the system, except for real-time signals. What has been
//! delivered is kept apart: at least 32 for each subscription (512 where a pipe has 64 KB); what comes then is counted with one of
//! those.

use super::memory::{bytes_out, slice_in};
use super::structure::{growing, structure_out};
use super::{
    boundary, callback, created, get, kja_callback_fn, kja_destroy_fn, kja_promise_t, kja_runtime_t, kja_signal_info_t,
    kja_signal_t, kja_status_t, release,
};
use crate::promise::ForEach;
use crate::runtime::Runtime;
use crate::signal::{Signal, SignalInfo, send};
use std::ffi::c_void;

/// Subscribes to `count` signals at once. Any number of subscriptions, of any runtimes, may be for the same signal, and each
/// gets all of them. It lasts until `kja_signal_close`, the release of its last handle and wait, or shutdown.
///
/// Errors: `INVALID_ARGUMENT` for SIGKILL, SIGSTOP and SIGCHLD, for SIGILL, SIGFPE, SIGSEGV and SIGBUS, for what is no signal,
/// and for none; `BUSY` if the program has installed another handler since the library's, which ends all deliveries. (UNIX-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_signal_new(
    runtime: kja_runtime_t,
    numbers: *const i32,
    count: usize,
    out: *mut kja_signal_t,
) -> kja_status_t {
    created(out, || Signal::new(&*get::<Runtime>(runtime)?, slice_in(numbers, count)?))
}

/// Waits for the next signal; the promise carries a `kja_signal_info_t`. What came since the last wait is there at once, in the
/// order in which it came. Several waits are served in order. Errors: `CANCELED` once it is closed.
///
/// Cancellation: the signal stays for the next wait, also if the promise has it and nobody has seen it. (UNIX-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_signal_next_start(signal: kja_signal_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<Signal>(signal)?.next())
}

/// Runs `on_signal` on the loop for one signal after another, with a `kja_signal_info_t` as its input. What the callback
/// returns decides:
///
/// - unit: the next one is waited for;
/// - a promise: it is waited for first, and its outcome decides likewise;
/// - any other value, or an error: the sequence ends, and that is the outcome of the promise.
///
/// Other waits wait until it ends. `destroy(ctx)` runs before the promise settles or its cancel returns. Up to 8 callbacks run
/// in one turn of the loop.
///
/// Errors: `CANCELED` once the subscription is closed. Cancellation: what has not been given to the callback stays for the next
/// wait, and a promise that the last callback returned is dropped before `ctx` is. (UNIX-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_signal_each_start(
    signal: kja_signal_t,
    on_signal: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = callback(on_signal, ctx, destroy);
    created(out, || get::<Signal>(signal)?.each_with(ForEach::Foreign(run?)))
}

/// Ends the subscription now; waits reject with `CANCELED`. A second call does nothing. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn kja_signal_close(signal: kja_signal_t) -> kja_status_t {
    boundary(|| {
        get::<Signal>(signal)?.close();
        Ok(())
    })
}

/// Releases the handle. Pending waits keep the subscription.
#[unsafe(no_mangle)]
pub extern "C" fn kja_signal_release(signal: kja_signal_t) -> kja_status_t {
    release::<Signal>(signal)
}

/// What is known of a signal that came.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_signal_fields_t {
    /// `sizeof(kja_signal_fields_t)`, set by the caller.
    pub size: usize,
    /// The signal.
    pub number: i32,
    /// Why it was sent: `si_code`.
    pub code: i32,
    /// The process that sent it, 0 if none did.
    pub pid: i32,
    /// The user of that process.
    pub uid: u32,
    /// What `sigqueue` sent along, else 0.
    pub value: u64,
    /// How many more came behind it and were not kept, since too many waited.
    pub merged: u64,
}
growing!(kja_signal_fields_t, since merged: u64);

/// Writes what is known of a signal that came.
///
/// Errors: `INVALID_ARGUMENT` unless `size` is set. (UNIX-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_signal_info_fields(
    info: kja_signal_info_t,
    fields: *mut kja_signal_fields_t,
) -> kja_status_t {
    boundary(|| {
        let info = get::<SignalInfo>(info)?;
        let (pid, uid) = info.sender().unwrap_or_default();
        let value = info.value().unwrap_or_default();
        structure_out(fields, |size| kja_signal_fields_t {
            size,
            number: info.number(),
            code: info.code(),
            pid,
            uid,
            value,
            merged: info.merged(),
        })
    })
}

/// Copies the signal's `siginfo_t` to `buffer`, cut to `capacity`, and writes its size to `length`, which may be null. (UNIX-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_signal_info_bytes(
    info: kja_signal_info_t,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| bytes_out(get::<SignalInfo>(info)?.bytes(), buffer, capacity, length))
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_signal_info_release(info: kja_signal_info_t) -> kja_status_t {
    release::<SignalInfo>(info)
}

/// Sends a signal to a process, or with a negative number to a process group, as `kill` does. Never blocks.
///
/// Errors: what the system says, with its number: ESRCH if there is no such process, EPERM if it is somebody else's;
/// `INVALID_ARGUMENT` for what is no signal.
#[unsafe(no_mangle)]
pub extern "C" fn kja_signal_send(pid: i32, number: i32) -> kja_status_t {
    boundary(|| send(pid, number))
}
