//! Hearing of errors and hang-ups, of which the kernel tells whatever a descriptor is watched for.
//!
//! They make a socket neither readable nor writable, and what tokio takes them for is never taken back. So on Linux the
//! descriptor is in an epoll of its own, which asks for nothing else: that is readable as long as it has something to tell,
//! like anything that is read.

use super::{Registered, Socket, register};
use crate::error::Error;
use crate::os::sys;
use crate::sync::Lock;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::Interest;

/// Made when somebody first listens.
#[derive(Default)]
pub(crate) struct ErrorWatch(Lock<Option<Arc<Registered>>>);

impl ErrorWatch {
    fn watcher(&self, socket: &Socket) -> Result<Arc<Registered>, Error> {
        if let Some(watcher) = &*self.0.lock() {
            return Ok(watcher.clone());
        }
        let told = socket.with_fd(sys::watch_errors)?;
        let told = told.map_err(|errno| Error::from_io("watching a descriptor", &errno.into()))?;
        let watcher = Arc::new(register(socket.runtime(), told, sys::ERRORS)?);
        Ok(self.0.lock().get_or_insert(watcher).clone())
    }

    /// Ready when the kernel has told of something since this was last ready.
    pub(crate) fn poll(&self, socket: &Socket, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let watcher = self.watcher(socket)?;
        loop {
            let ready = ready!(if sys::ERRORS == Interest::READABLE {
                watcher.poll_read_ready(cx)
            } else {
                watcher.poll_write_ready(cx)
            });
            let told = ready.and_then(|mut ready| sys::take_errors(&mut ready));
            if told.map_err(|_| Error::shutdown())? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    pub(crate) fn close(&self) {
        let watcher = self.0.lock().take();
        drop(watcher);
    }
}
