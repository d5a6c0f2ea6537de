//! Writing without the signals that a failure brings: of a broken pipe, and of a file at its largest.
//!
//! For sockets there is a flag; otherwise the signal is blocked for the time of the call, and what came is taken off
//! again unless it had been pending before.
#![allow(unsafe_code)]

use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

/// `write(2)`; a pipe without reader is `EPIPE` and no signal.
pub(super) fn write(fd: BorrowedFd<'_>, data: &[u8]) -> rustix::io::Result<usize> {
    without_signal(libc::SIGPIPE, Errno::PIPE, || rustix::io::write(fd, data))
}

/// `pwrite(2)`; beyond the size that the process may give a file (RLIMIT_FSIZE) it is `EFBIG` and no signal.
pub(crate) fn write_at(fd: BorrowedFd<'_>, data: &[u8], offset: u64) -> rustix::io::Result<usize> {
    growing(|| rustix::io::pwrite(fd, data, offset))
}

/// Runs a call that may give a file a new size; beyond that limit it is `EFBIG` and no signal.
pub(crate) fn growing<R: PartialEq>(call: impl Fn() -> rustix::io::Result<R>) -> rustix::io::Result<R> {
    let call = || rustix::io::retry_on_intr(&call);
    if has_largest_size() { without_signal(libc::SIGXFSZ, Errno::FBIG, call) } else { call() }
}

fn has_largest_size() -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `getrlimit` fills the structure that it is given.
    unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) != 0 || limit.rlim_cur != libc::RLIM_INFINITY }
}

/// Runs a call which, if it fails with this error, brings this signal to its thread.
fn without_signal<R: PartialEq>(
    signal: i32,
    brings: Errno,
    call: impl FnOnce() -> rustix::io::Result<R>,
) -> rustix::io::Result<R> {
    let blocked = Blocked::new(signal);
    let written = call();
    if written == Err(brings) {
        blocked.take();
    }
    written
}

struct Blocked {
    signal: i32,
    before: libc::sigset_t,
    own: libc::sigset_t,
    was_pending: bool,
}

fn is_pending(signal: i32) -> bool {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: `sigpending` fills the set that it is given.
    unsafe { libc::sigpending(pending.as_mut_ptr()) == 0 && libc::sigismember(pending.as_ptr(), signal) == 1 }
}

impl Blocked {
    fn new(signal: i32) -> Self {
        let mut own = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: `sigemptyset` makes a whole set, to which a valid signal is added.
        let own = unsafe {
            libc::sigemptyset(own.as_mut_ptr());
            libc::sigaddset(own.as_mut_ptr(), signal);
            own.assume_init()
        };
        let was_pending = is_pending(signal);
        // SAFETY: both sets are of this frame; with a valid `how` the old one is filled.
        let before = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &own, before.as_mut_ptr());
            before.assume_init()
        };
        Self { signal, before, own, was_pending }
    }

    /// Takes the signal of this call off the thread.
    fn take(&self) {
        if !self.was_pending && is_pending(self.signal) {
            let mut signal = 0;
            // SAFETY: the set is valid, and the signal is pending: the call does not wait.
            unsafe { libc::sigwait(&self.own, &mut signal) };
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `before` was filled by the call that blocked the signal.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut()) };
    }
}
