//! Noticing that the other side has gone, while nothing is written.

use super::{ErrorWatch, Socket};
use crate::error::Error;
use crate::sync::Lock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll, Waker, ready};

#[derive(Default)]
pub(super) struct Disconnect {
    watch: ErrorWatch,
    /// Who waits, for `close`.
    waiter: Lock<Option<Waker>>,
}

/// What tells that nobody is at the other end. A socket of Linux whose connection has ended has always hung up too; an error
/// alone may be an entry in its error queue, such as the time at which something was sent.
fn signs(is_socket: bool) -> PollFlags {
    if is_socket && cfg!(any(target_os = "linux", target_os = "android")) {
        PollFlags::HUP
    } else {
        PollFlags::HUP | PollFlags::ERR
    }
}

fn has_hung_up(fd: BorrowedFd<'_>, signs: PollFlags) -> bool {
    let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&at_once)).is_ok_and(|_| polled[0].revents().intersects(signs))
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
    pub(super) fn poll(&self, socket: &Socket, is_socket: bool, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let old = self.waiter.lock().replace(cx.waker().clone());
        drop(old);
        loop {
            // Here, for `close` may have come before there was a waiter to wake.
            match socket.with_fd(|fd| has_hung_up(fd, signs(is_socket))) {
                Ok(false) => {}
                Ok(true) => return Poll::Ready(Ok(())),
                Err(closed) => {
                    self.close();
                    return Poll::Ready(Err(closed));
                }
            }
            ready!(self.watch.poll(socket, cx))?;
        }
    }

    pub(super) fn close(&self) {
        self.watch.close();
        let waiter = self.waiter.lock().take();
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}
