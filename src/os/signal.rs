//! Signals as the system delivers them: a handler that leaves each in a pipe.
//!
//! The handler comes from `signal-hook-registry`, which keeps the one that was there before and calls it first, and hands over the
//! `siginfo_t`; tokio's signals tell the number alone. A pipe does what a handler can not: it needs no lock and no memory, takes what several
//! threads write at once as a whole each, has a bound, and wakes the loop.
#![allow(unsafe_code)]

use super::sys;
use crate::error::{Error, ErrorKind};
use crate::sync::{Lock, global};
use libc::{c_int, siginfo_t};
use signal_hook::low_level::emulate_default_handler;
use signal_hook_registry::{SigId, register_sigaction, unregister};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What the system tells of one delivery.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Delivery(siginfo_t);

// SAFETY: its pointers are addresses and values of other processes, which nobody follows here.
unsafe impl Send for Delivery {}
// SAFETY: as above.
unsafe impl Sync for Delivery {}

const SIZE: usize = size_of::<siginfo_t>();
// POSIX has any pipe take that much as a whole.
const _: () = assert!(SIZE <= 512);

impl Delivery {
    pub(crate) fn number(&self) -> i32 {
        self.0.si_signo
    }

    pub(crate) fn code(&self) -> i32 {
        self.0.si_code
    }

    /// Who sent it, by process and user, if a process did.
    pub(crate) fn sender(&self) -> Option<(i32, u32)> {
        // SAFETY: these fields are there for what a process has sent; of anything else they would be some other numbers.
        sys::BY_A_PROCESS.contains(&self.code()).then(|| unsafe { (self.0.si_pid(), self.0.si_uid()) })
    }

    /// The value that came with it, if it was sent by `sigqueue`.
    pub(crate) fn value(&self) -> Option<u64> {
        // SAFETY: such a signal has a value; any bytes are a pointer.
        (self.code() == sys::BY_SIGQUEUE).then(|| unsafe { self.0.si_value() }.sival_ptr as usize as u64)
    }

    /// Its `siginfo_t`.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: it came through a pipe as that many bytes, all of them written.
        unsafe { std::slice::from_raw_parts((&raw const self.0).cast(), SIZE) }
    }
}

/// How many pipes of this process take a signal. Without any the handler does what the system would.
static WANTED: [AtomicU32; 128] = [const { AtomicU32::new(0) }; 128];

// The handler of each signal that was ever taken, to tell if somebody has put another one there.
global!(INSTALLED: Lock<BTreeMap<c_int, usize>> = Lock::new(BTreeMap::new()));

fn no_signal(signal: c_int) -> Error {
    Error::invalid(format!("there is no signal {signal}"))
}

fn wanted(signal: c_int) -> Result<&'static AtomicU32, Error> {
    let refused = match signal {
        libc::SIGKILL | libc::SIGSTOP => Some("which the system keeps to itself"),
        libc::SIGILL | libc::SIGFPE | libc::SIGSEGV | libc::SIGBUS => {
            Some("which the faulty thread itself gets, and cannot go on")
        }
        libc::SIGCHLD => Some("which is how the system tells of children: watch the process instead"),
        _ => None,
    };
    if let Some(why) = refused {
        return Err(Error::invalid(format!("signal {signal}, {why}")));
    }
    let known = usize::try_from(signal).ok().filter(|signal| *signal > 0);
    known.and_then(|signal| WANTED.get(signal)).ok_or_else(|| no_signal(signal))
}

/// Where the handler leaves what comes.
struct Inbox {
    writer: OwnedFd,
    /// How many more came while the pipe was full.
    merged: AtomicU64,
    /// A child that was forked and has not begun another program shares the pipe, but its signals are its own.
    pid: u32,
}

impl Inbox {
    /// Runs in the handler: no lock, no memory, nothing that panics.
    fn put(&self, delivery: &Delivery) {
        if std::process::id() != self.pid {
            return;
        }
        let write = || rustix::io::write(&self.writer, delivery.bytes()).is_ok();
        if write() {
            return;
        }
        self.merged.fetch_add(1, Ordering::AcqRel);
        // Emptied meanwhile, by somebody who may not have seen the number.
        if write() {
            self.merged.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// One signal that goes to an inbox, until dropped.
struct Action {
    id: SigId,
    wanted: &'static AtomicU32,
}

impl Action {
    fn new(signal: c_int, inbox: &Arc<Inbox>) -> Result<Self, Error> {
        let wanted = wanted(signal)?;
        install(signal, wanted)?;
        let inbox = inbox.clone();
        // SAFETY: it only calls `put`, which is made for that.
        let id = unsafe { register_sigaction(signal, move |info| inbox.put(&Delivery(*info))) };
        let id = id.map_err(|error| Error::from_io(format_args!("handling signal {signal}"), &error))?;
        wanted.fetch_add(1, Ordering::AcqRel);
        Ok(Self { id, wanted })
    }
}

impl Drop for Action {
    fn drop(&mut self) {
        self.wanted.fetch_sub(1, Ordering::AcqRel);
        unregister(self.id);
    }
}

/// The address of the function that handles a signal now.
fn handler_of(signal: c_int) -> io::Result<usize> {
    let mut now = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: only asks, and fills the structure if it succeeds.
    if unsafe { libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: filled, as it has succeeded.
    Ok(unsafe { now.assume_init() }.sa_sigaction)
}

/// Makes sure of the handler, which stays once it is there. Where nothing was handled before, it does the default when nobody
/// takes the signal.
fn install(signal: c_int, wanted: &'static AtomicU32) -> Result<(), Error> {
    let explain = |error: io::Error| match error.raw_os_error() {
        Some(libc::EINVAL) => no_signal(signal),
        _ => Error::from_io(format_args!("handling signal {signal}"), &error),
    };
    let mut installed = INSTALLED.lock();
    let before = handler_of(signal).map_err(explain)?;
    if let Some(ours) = installed.get(&signal) {
        let busy = || Error::new(ErrorKind::Busy, format!("signal {signal} has got another handler since"));
        return if *ours == before { Ok(()) } else { Err(busy()) };
    }
    let default = move |_: &siginfo_t| {
        if before == libc::SIG_DFL && wanted.load(Ordering::Acquire) == 0 {
            // It knows all but real-time signals, which are dropped.
            let _ = emulate_default_handler(signal);
        }
    };
    // SAFETY: an atomic load, and a function that is made for handlers.
    unsafe { register_sigaction(signal, default) }.map_err(explain)?;
    installed.insert(signal, handler_of(signal).map_err(explain)?);
    Ok(())
}

/// Signals that go to one pipe, until dropped.
pub(crate) struct Capture {
    inbox: Arc<Inbox>,
    _actions: Vec<Action>,
}

impl Capture {
    /// Begins with all of these; the other thing is the end of the pipe to take them from, which does not block.
    pub(crate) fn new(signals: &[i32]) -> Result<(Self, OwnedFd), Error> {
        if signals.is_empty() {
            return Err(Error::invalid("no signals"));
        }
        let (reader, writer) = super::pipe::nonblocking().map_err(super::pipe::explain)?;
        let inbox = Arc::new(Inbox { writer, merged: AtomicU64::new(0), pid: std::process::id() });
        // One that is named twice is one.
        let signals: BTreeSet<i32> = signals.iter().copied().collect();
        let actions = signals.into_iter().map(|signal| Action::new(signal, &inbox)).collect::<Result<_, _>>()?;
        Ok((Self { inbox, _actions: actions }, reader))
    }

    /// How many came behind what was taken last, and found no room.
    pub(crate) fn take_merged(&self) -> u64 {
        self.inbox.merged.swap(0, Ordering::AcqRel)
    }
}

/// The oldest delivery in the pipe; EPIPE once there is nothing left and the capture has gone.
pub(crate) fn take(reader: BorrowedFd<'_>) -> rustix::io::Result<Delivery> {
    let mut delivery = MaybeUninit::<Delivery>::uninit();
    // SAFETY: as many bytes as the structure has, to be written only.
    let room = unsafe { std::slice::from_raw_parts_mut(delivery.as_mut_ptr().cast::<MaybeUninit<u8>>(), SIZE) };
    let (read, _) = rustix::io::read(reader, room)?;
    match read.len() {
        SIZE => {}
        // Nobody writes any more.
        0 => return Err(rustix::io::Errno::PIPE),
        _ => return Err(rustix::io::Errno::IO),
    }
    // SAFETY: all its bytes were read, as they were written; any are a siginfo_t.
    Ok(unsafe { delivery.assume_init() })
}

/// Sends a signal to a process, or with a negative number to a process group, as `kill` does.
pub fn send(pid: i32, signal: i32) -> Result<(), Error> {
    // SAFETY: numbers only.
    if unsafe { libc::kill(pid, signal) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    let what = format!("sending signal {signal} to process {pid}");
    Err(match error.raw_os_error() {
        Some(libc::EINVAL) => Error::with_os(ErrorKind::InvalidArgument, libc::EINVAL, what),
        _ => Error::from_io(what, &error),
    })
}
