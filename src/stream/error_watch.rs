//! Hearing of errors and hang-ups, of which the kernel tells whatever a descriptor is watched for.
//!
//! They make a socket neither readable nor writable, and what tokio takes them for is never taken back. So on Linux the
//! descriptor is in an epoll of its own, which asks for nothing else: that is readable as long as it has something to tell,
//! like anything that is read.

use super::{Registered, Socket};
use crate::error::Error;
use crate::sync::Lock;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Made when somebody first listens.
#[derive(Default)]
pub(crate) struct ErrorWatch(Lock<Option<Arc<Registered>>>);

impl ErrorWatch {
    fn watcher(&self, socket: &Socket) -> Result<Arc<Registered>, Error> {
        if let Some(watcher) = &*self.0.lock() {
            return Ok(watcher.clone());
        }
        let watcher = Arc::new(sys::watch(socket)?);
        Ok(self.0.lock().get_or_insert(watcher).clone())
    }

    /// Ready when the kernel has told of something since this was last ready.
    pub(crate) fn poll(&self, socket: &Socket, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let watcher = self.watcher(socket)?;
        sys::poll(&watcher, cx).map_err(|_| Error::shutdown())
    }

    pub(crate) fn close(&self) {
        let watcher = self.0.lock().take();
        drop(watcher);
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod sys {
    use super::{Context, Error, Poll, Registered, Socket};
    use crate::stream::register;
    use rustix::event::{Timespec, epoll};
    use std::io;
    use std::mem::MaybeUninit;
    use std::task::ready;
    use tokio::io::Interest;

    pub(super) fn watch(socket: &Socket) -> Result<Registered, Error> {
        let watched = socket.with_fd(|fd| {
            let told = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            epoll::add(&told, fd, epoll::EventData::new_u64(0), epoll::EventFlags::ET)?;
            Ok(told)
        })?;
        let told =
            watched.map_err(|errno: rustix::io::Errno| Error::from_io("watching a descriptor", &errno.into()))?;
        register(socket.runtime(), told, Interest::READABLE)
    }

    pub(super) fn poll(watcher: &Registered, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(watcher.poll_read_ready(cx))?;
            let mut told = [MaybeUninit::<epoll::Event>::uninit()];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            match epoll::wait(watcher.get_ref(), &mut told, Some(&at_once)) {
                Ok(([], _)) => ready.clear_ready(),
                Ok(_) => return Poll::Ready(Ok(())),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Poll::Ready(Err(errno.into())),
            }
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod sys {
    use super::{Context, Error, Poll, Registered, Socket};
    use std::io;
    use std::task::ready;
    use tokio::io::Interest;

    pub(super) fn watch(socket: &Socket) -> Result<Registered, Error> {
        socket.copy(Interest::WRITABLE)
    }

    pub(super) fn poll(watcher: &Registered, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(watcher.poll_write_ready(cx))?.clear_ready();
        Poll::Ready(Ok(()))
    }
}
