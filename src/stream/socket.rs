//! A non-blocking descriptor registered with the loop, which can be closed at any time.
//!
//! On the loop an operation makes its system call when the loop has seen the socket ready. Another thread, which
//! may look before the loop does, tries the call first and asks for readiness only when that would block. An operation borrows the descriptor for one system call, so
//! `close` really closes it, at most one system call later, while operations are pending.

use crate::error::Error;
use crate::runtime::Shared;
use crate::sync::Lock;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(crate) struct Socket {
    runtime: Arc<Shared>,
    fd: Lock<Option<Arc<AsyncFd<OwnedFd>>>>,
    /// The pending reader, for `close`.
    reader: Lock<Option<Waker>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Socket {
    /// Registers a descriptor that is already non-blocking.
    pub(crate) fn new(runtime: &Arc<Shared>, fd: OwnedFd) -> Result<Self, Error> {
        let tokio = runtime.tokio()?;
        let _context = tokio.enter();
        let interest = Interest::READABLE | Interest::WRITABLE;
        // SAFETY: the `AsyncFd` owns the only `OwnedFd` of this descriptor and nothing takes it out again: it
        // stays open, and the same, until the `AsyncFd` is dropped.
        #[allow(unsafe_code)]
        let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
        let fd = registered.map_err(|error| Error::from_io("registering a socket", &error.into_parts().1))?;
        Ok(Self { runtime: runtime.clone(), fd: Lock::new(Some(Arc::new(fd))), reader: Lock::new(None) })
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }

    fn fd(&self) -> Result<Arc<AsyncFd<OwnedFd>>, Error> {
        self.fd.lock().clone().ok_or_else(Error::closed)
    }

    /// Runs one system call.
    pub(crate) fn with_fd<R>(&self, call: impl FnOnce(BorrowedFd<'_>) -> R) -> Result<R, Error> {
        let fd = self.fd()?;
        Ok(call(fd.get_ref().as_fd()))
    }

    /// Tries `call` until it does not block; then waits for readiness.
    pub(crate) fn poll_io<R>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<R>,
    ) -> Poll<Result<Result<R, io::Error>, Error>> {
        let fd = self.fd()?;
        if direction == Direction::Read {
            self.remember_reader(cx.waker());
        }
        let mut known_ready = !self.runtime.on_loop();
        loop {
            if known_ready {
                match call(fd.get_ref().as_fd()) {
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(rustix::io::Errno::AGAIN) => {}
                    done => return Poll::Ready(Ok(done.map_err(io::Error::from))),
                }
            }
            let ready = match direction {
                Direction::Read => fd.poll_read_ready(cx),
                Direction::Write => fd.poll_write_ready(cx),
            };
            match ready {
                Poll::Ready(Ok(mut stale)) if known_ready => {
                    stale.clear_ready();
                    known_ready = false;
                }
                Poll::Ready(Ok(_)) => known_ready = true,
                // The reactor is gone.
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Error::shutdown())),
                Poll::Pending => break,
            }
        }
        drop(fd);
        // Closed since: `close` may have looked for our waker before it was there.
        if self.fd.lock().is_none() {
            return Poll::Ready(Err(Error::closed()));
        }
        Poll::Pending
    }

    /// After a read that took all there was: saves the next one a system call.
    pub(crate) fn drained(&self) {
        if let Ok(fd) = self.fd()
            && let Poll::Ready(Ok(mut stale)) = fd.poll_read_ready(&mut Context::from_waker(Waker::noop()))
        {
            stale.clear_ready();
        }
    }

    fn remember_reader(&self, waker: &Waker) {
        let mut reader = self.reader.lock();
        if reader.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return;
        }
        let old = reader.replace(waker.clone());
        drop(reader);
        drop(old);
    }

    /// The pending read is over.
    pub(crate) fn forget_reader(&self) {
        let old = self.reader.lock().take();
        drop(old);
    }

    /// Takes the descriptor out of the loop and closes it; `true` if it was open.
    pub(crate) fn close(&self) -> bool {
        let fd = self.fd.lock().take();
        let open = fd.is_some();
        drop(fd);
        let reader = self.reader.lock().take();
        if let Some(reader) = reader {
            reader.wake();
        }
        open
    }
}
