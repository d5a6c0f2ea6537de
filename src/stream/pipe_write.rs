//! Writing to a pipe without the signal that a broken one brings.
//!
//! For sockets there is a flag; for pipes the signal is blocked for the time of the call, and what came is taken off
//! again unless it had been pending before.
#![allow(unsafe_code)]

use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

/// `write(2)`; a pipe without reader is `EPIPE` and no signal.
pub(super) fn write(fd: BorrowedFd<'_>, data: &[u8]) -> rustix::io::Result<usize> {
    let blocked = Blocked::new();
    let written = rustix::io::write(fd, data);
    if written == Err(Errno::PIPE) {
        blocked.take();
    }
    written
}

struct Blocked {
    before: libc::sigset_t,
    pipe: libc::sigset_t,
    was_pending: bool,
}

fn is_pending() -> bool {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: `sigpending` fills the set that it is given.
    unsafe { libc::sigpending(pending.as_mut_ptr()) == 0 && libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1 }
}

impl Blocked {
    fn new() -> Self {
        let mut pipe = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: `sigemptyset` makes a whole set, to which a valid signal is added.
        let pipe = unsafe {
            libc::sigemptyset(pipe.as_mut_ptr());
            libc::sigaddset(pipe.as_mut_ptr(), libc::SIGPIPE);
            pipe.assume_init()
        };
        let was_pending = is_pending();
        // SAFETY: both sets are of this frame; with a valid `how` the old one is filled.
        let before = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &pipe, before.as_mut_ptr());
            before.assume_init()
        };
        Self { before, pipe, was_pending }
    }

    /// Takes the signal of this call off the thread.
    fn take(&self) {
        if !self.was_pending && is_pending() {
            let mut signal = 0;
            // SAFETY: the set is valid, and the signal is pending: the call does not wait.
            unsafe { libc::sigwait(&self.pipe, &mut signal) };
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: `before` was filled by the call that blocked the signal.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut()) };
    }
}
