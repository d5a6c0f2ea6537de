//! Noticing, while a receive waits, that a connected peer was not reached.
//!
//! The kernel tells of such an error as of no datagram: it makes the socket neither readable nor writable, and what tokio
//! takes it for is never taken back. So a copy of the descriptor is registered for it alone, and again after each error.

use crate::error::Error;
use crate::stream::{Registered, Socket};
use crate::sync::Lock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::Interest;

#[derive(Default)]
pub(super) struct Unreachable {
    watcher: Lock<Option<Arc<Registered>>>,
}

fn has_error(fd: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(fd, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&at_once)).is_ok_and(|_| polled[0].revents().contains(PollFlags::ERR))
}

impl Unreachable {
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

    /// Ready when there may be an error to receive.
    pub(super) fn poll(&self, socket: &Socket, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Elsewhere an error makes a socket readable.
        if !cfg!(any(target_os = "linux", target_os = "android")) {
            return Poll::Pending;
        }
        let mut watcher = self.watcher(socket)?;
        loop {
            match watcher.poll_write_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Error::shutdown())),
                Poll::Ready(Ok(_)) => {}
            }
            if has_error(watcher.get_ref()) {
                return Poll::Ready(Ok(()));
            }
            // That one was taken by somebody else; this registration would go on telling of it.
            self.close();
            watcher = self.watcher(socket)?;
        }
    }

    pub(super) fn close(&self) {
        let watcher = self.watcher.lock().take();
        drop(watcher);
    }
}
