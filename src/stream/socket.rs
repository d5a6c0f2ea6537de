//! A non-blocking descriptor registered with the loop, which can be closed at any time.
//!
//! On the loop an operation makes its system call when the loop has seen the socket ready. Another thread, which
//! may look before the loop does, tries the call first and asks for readiness only when that would block.
//! An operation borrows the descriptor for one system call, so `close` really closes it, at most one system call
//! later, while operations are pending.
//!
//! # When a short read means that nothing is left
//!
//! The kernel tells once of what arrives, so readiness may be cleared only if nothing is left. A call that blocks proves
//! that and costs a system call. A read that got less than it had room for proves it for a TCP connection, with one
//! exception: it also stops at the mark of urgent data. Of such data the kernel tells (EPOLLPRI) together with the bytes
//! around it, as long as nobody has read it apart. So a short read counts if the descriptor is a TCP socket that was made
//! here, nobody else has a copy of it, and no urgent data has ever been told of. What is told after the read sets the
//! readiness anew, and then the clearing, which names the state that it has seen, does nothing.
//!
//! Nothing else is known to be empty before a call blocks: Unix sockets stop at descriptors and at urgent bytes, terminals
//! at the end of a line, pipes between the packets of a writer that asked for them (O_DIRECT), and a socket that was made
//! elsewhere may have a protocol on top (kTLS).

use super::closable::{Closable, InUse};
use crate::error::Error;
use crate::fork;
use crate::os::sys;
use crate::runtime::{Shared, Timer};
use crate::sync::Lock;
use std::future::{Future, poll_fn};
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(crate) struct Socket {
    runtime: Arc<Shared>,
    fd: Closable<Registered>,
    /// A short read leaves nothing, unless there is urgent data.
    short_read_drains: AtomicBool,
    /// The pending reader, for `close`.
    reader: Lock<Option<Waker>>,
    /// What `reader` would wake, 0 for nobody: one that is known already costs no lock.
    known_reader: AtomicUsize,
}

/// A descriptor that the loop watches. It is closed when dropped, but not in a forked child: the poller that it would be taken out
/// of there is the parent's too.
pub(crate) struct Registered {
    /// Until it is dropped.
    fd: Option<AsyncFd<OwnedFd>>,
    process: u32,
}

impl Deref for Registered {
    type Target = AsyncFd<OwnedFd>;

    fn deref(&self) -> &AsyncFd<OwnedFd> {
        self.fd.as_ref().expect("taken out by the drop only")
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if self.process != fork::process() {
            std::mem::forget(self.fd.take());
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// How often in a row a call that was said to be ready may block before the loop gets another turn: what tokio takes for
/// the end of a direction is said to be ready for ever, and for datagrams it is no end.
const MOST_BLOCKED: u32 = 8;

enum Called<R> {
    Interrupted,
    Blocked,
    /// And whether the next call would block.
    Done(io::Result<R>, bool),
}

/// A call by a thread that may be ahead of the loop's view of the descriptor.
fn first_try<R>(fd: &Registered, direction: Direction, call: &mut impl FnMut() -> Called<R>) -> Option<io::Result<R>> {
    let interest = match direction {
        Direction::Read => Interest::READABLE,
        Direction::Write => Interest::WRITABLE,
    };
    let mut called = None;
    // Its answer is in `called`; this only lets it see the readiness that the call uses up.
    let _ = fd.try_io(interest, |_| {
        let result = called.insert(call());
        if matches!(result, Called::Blocked | Called::Done(_, true)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    });
    match called.unwrap_or_else(call) {
        Called::Done(done, _) => Some(done),
        Called::Interrupted | Called::Blocked => None,
    }
}

/// Whether the kernel has ever told of urgent data.
fn has_urgent(fd: &Registered) -> bool {
    !sys::TELLS_URGENT || fd.try_io(sys::URGENT, |_| Ok(())).is_ok()
}

/// Registers a descriptor that is already non-blocking.
pub(crate) fn register(runtime: &Arc<Shared>, fd: OwnedFd, interest: Interest) -> Result<Registered, Error> {
    let tokio = runtime.tokio()?;
    let _context = tokio.enter();
    // SAFETY: the `AsyncFd` owns the only `OwnedFd` of this descriptor and nothing takes it out again: it
    // stays open, and the same, until the `AsyncFd` is dropped.
    #[allow(unsafe_code)]
    let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
    let fd = registered.map_err(|error| Error::from_io("registering a descriptor", &error.into_parts().1))?;
    Ok(Registered { fd: Some(fd), process: fork::process() })
}

impl Socket {
    /// Registers a descriptor that is already non-blocking.
    pub(crate) fn new(runtime: &Arc<Shared>, fd: OwnedFd) -> Result<Self, Error> {
        Ok(Self::over(runtime, register(runtime, fd, sys::EVERYTHING)?))
    }

    /// As `new`, for one of which every write makes the kernel tell that there is room for another, such as a datagram
    /// socket: the loop would wake after each. A write that has to wait does so on a `copy`.
    pub(crate) fn for_reading(runtime: &Arc<Shared>, fd: OwnedFd) -> Result<Self, Error> {
        Ok(Self::over(runtime, register(runtime, fd, Interest::READABLE)?))
    }

    fn over(runtime: &Arc<Shared>, fd: Registered) -> Self {
        let (fd, known_reader) = (Closable::new(fd), AtomicUsize::new(0));
        let short_read_drains = AtomicBool::new(false);
        Self { runtime: runtime.clone(), fd, short_read_drains, reader: Lock::new(None), known_reader }
    }

    /// Says that this is a TCP connection which was made here.
    pub(crate) fn short_reads_drain(&self) {
        self.short_read_drains.store(true, Ordering::Release);
    }

    /// A copy of the descriptor for somebody who may do with it what he likes.
    pub(crate) fn share(&self) -> Result<rustix::io::Result<OwnedFd>, Error> {
        self.short_read_drains.store(false, Ordering::Release);
        self.with_fd(|fd| rustix::io::fcntl_dupfd_cloexec(fd, 0))
    }

    /// A copy that is registered for this alone, beside what the descriptor itself is registered for.
    pub(crate) fn copy(&self, interest: Interest) -> Result<Registered, Error> {
        let copy = self.with_fd(|fd| rustix::io::fcntl_dupfd_cloexec(fd, 0))?;
        let copy = copy.map_err(|errno| Error::from_io("watching a descriptor", &errno.into()))?;
        register(&self.runtime, copy, interest)
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }

    fn fd(&self) -> Result<InUse<'_, Registered>, Error> {
        self.fd.get().ok_or_else(Error::closed)
    }

    /// Runs one system call.
    pub(crate) fn with_fd<R>(&self, call: impl FnOnce(BorrowedFd<'_>) -> R) -> Result<R, Error> {
        let fd = self.fd()?;
        Ok(call(fd.get_ref().as_fd()))
    }

    /// Waits for a timer, or until the descriptor is closed, which wakes nobody here.
    pub(crate) async fn pause(&self, mut timer: Timer) -> Result<(), Error> {
        poll_fn(|cx| match self.with_fd(|_| ()) {
            Ok(()) => Pin::new(&mut timer).poll(cx).map(Ok),
            Err(closed) => Poll::Ready(Err(closed)),
        })
        .await
    }

    /// Tries `call` until it does not block; then waits for readiness. `short` says of a result that it is less than
    /// there was room for.
    ///
    /// Readiness is cleared only if it was seen before the call that found nothing: what arrives meanwhile
    /// makes new readiness, of which the kernel tells once.
    pub(crate) fn poll_io<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<R>,
        short: impl Fn(&R) -> bool,
    ) -> Poll<Result<io::Result<R>, Error>> {
        let fd = self.fd()?;
        if direction == Direction::Read {
            self.remember_reader(cx.waker());
        }
        let mut call = || match call(fd.get_ref().as_fd()) {
            Err(rustix::io::Errno::INTR) => Called::Interrupted,
            Err(rustix::io::Errno::AGAIN) => Called::Blocked,
            Err(errno) => Called::Done(Err(errno.into()), false),
            Ok(result) => {
                // In this order: what the kernel has told of by now is known, and what it tells of later undoes a clearing.
                let drained = short(&result) && self.short_read_drains.load(Ordering::Acquire) && !has_urgent(&fd);
                Called::Done(Ok(result), drained)
            }
        };
        if !self.runtime.on_loop()
            && let Some(done) = first_try(&fd, direction, &mut call)
        {
            return Poll::Ready(Ok(done));
        }
        let mut blocked = 0;
        loop {
            let ready = match direction {
                Direction::Read => fd.poll_read_ready(cx),
                Direction::Write => fd.poll_write_ready(cx),
            };
            let mut ready = match ready {
                Poll::Ready(Ok(ready)) => ready,
                // The reactor is gone.
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Error::shutdown())),
                Poll::Pending => break,
            };
            match call() {
                Called::Interrupted => {}
                Called::Blocked => {
                    ready.clear_ready();
                    blocked += 1;
                    if blocked == MOST_BLOCKED {
                        cx.waker().wake_by_ref();
                        break;
                    }
                }
                Called::Done(done, drained) => {
                    if drained {
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok(done));
                }
            }
        }
        drop(fd);
        // Closed since: `close` may have looked for our waker before it was there.
        if !self.fd.is_open() {
            return Poll::Ready(Err(Error::closed()));
        }
        Poll::Pending
    }

    fn remember_reader(&self, waker: &Waker) {
        let known = waker.data() as usize;
        if self.known_reader.load(Ordering::Acquire) == known {
            return;
        }
        let mut reader = self.reader.lock();
        let old = reader.replace(waker.clone());
        self.known_reader.store(known, Ordering::Release);
        drop(reader);
        drop(old);
    }

    fn take_reader(&self) -> Option<Waker> {
        let mut reader = self.reader.lock();
        self.known_reader.store(0, Ordering::Release);
        reader.take()
    }

    /// The pending read is over.
    pub(crate) fn forget_reader(&self) {
        if self.known_reader.load(Ordering::Acquire) != 0 {
            drop(self.take_reader());
        }
    }

    /// Takes the descriptor out of the loop and closes it; `true` if it was open.
    pub(crate) fn close(&self) -> bool {
        let open = self.fd.close();
        if let Some(reader) = self.take_reader() {
            reader.wake();
        }
        open
    }
}
