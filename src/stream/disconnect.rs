//! Noticing that the other side has gone, while nothing is written.
//!
//! The kernel tells of a hang-up whatever is asked for. A second registration that asks for nothing else wakes for
//! that alone: a duplicate of the descriptor, made when somebody first wants to know.

use super::{Registered, Socket};
use crate::error::Error;
use crate::sync::Lock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::io::Interest;

#[derive(Default)]
pub(super) struct Disconnect {
    watcher: Lock<Option<Arc<Registered>>>,
    /// Who waits, for `close`.
    waiter: Lock<Option<Waker>>,
}

fn has_hung_up(fd: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(fd, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&at_once)).is_ok_and(|_| polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR))
}

/// Where nobody can go away: whoever waits for it learns of `close` alone.
#[derive(Default)]
pub(crate) struct Never {
    closed: Lock<bool>,
    waiter: Lock<Option<Waker>>,
}

impl Never {
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if *self.closed.lock() { Err(Error::closed()) } else { Ok(()) }
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let old = self.waiter.lock().replace(cx.waker().clone());
        drop(old);
        self.check_open()?;
        Poll::Pending
    }

    /// `true` if it was open.
    pub(crate) fn close(&self) -> bool {
        let was_open = !std::mem::replace(&mut *self.closed.lock(), true);
        let waiter = self.waiter.lock().take();
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        was_open
    }
}

impl Disconnect {
    fn watcher(&self, socket: &Socket) -> Result<Arc<Registered>, Error> {
        if let Some(watcher) = &*self.watcher.lock() {
            return Ok(watcher.clone());
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let interest = Interest::PRIORITY;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let interest = Interest::WRITABLE;
        let watcher = Arc::new(socket.copy(interest)?);
        Ok(self.watcher.lock().get_or_insert(watcher).clone())
    }

    pub(super) fn poll(&self, socket: &Socket, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        socket.with_fd(|_| ())?;
        let watcher = self.watcher(socket)?;
        let old = self.waiter.lock().replace(cx.waker().clone());
        drop(old);
        // Closed since: `close` may have come before there was anything to take away.
        if let Err(closed) = socket.with_fd(|_| ()) {
            self.close();
            return Poll::Ready(Err(closed));
        }
        loop {
            if has_hung_up(watcher.get_ref()) {
                return Poll::Ready(Ok(()));
            }
            match watcher.poll_write_ready(cx) {
                Poll::Ready(Ok(mut ready)) => ready.clear_ready(),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Error::shutdown())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    pub(super) fn close(&self) {
        let watcher = self.watcher.lock().take();
        drop(watcher);
        let waiter = self.waiter.lock().take();
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}
