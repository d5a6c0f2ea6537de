//! A connection that is still to come: operations wait for it.

use super::coming::Coming;
use super::{Connection, Transport};
use crate::error::{Error, ErrorKind};
use crate::promise::{Promise, Watch};
use crate::sync::Lock;
use crate::value::Value;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::ReadBuf;

struct Promised {
    coming: Arc<Coming>,
    /// One place in the line of the promise's waiters for each direction, and one for who watches.
    read: Lock<Option<Watch>>,
    write: Lock<Option<Watch>>,
    watch: Lock<Option<Watch>>,
    closed: AtomicBool,
    read_aborted: AtomicBool,
    write_ended: AtomicBool,
    reader: Lock<Option<Waker>>,
    watcher: Lock<Option<Waker>>,
}

fn remember(place: &Lock<Option<Waker>>, cx: &Context<'_>) {
    let old = place.lock().replace(cx.waker().clone());
    drop(old);
}

fn wake(place: &Lock<Option<Waker>>) {
    let waker = place.lock().take();
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Promised {
    /// Asks something of the connection, if it is there.
    fn ask<R>(&self, ask: impl FnOnce(&dyn Transport) -> R) -> Option<Result<R, Error>> {
        Some(self.coming.came()?.and_then(|connection| self.coming.pass(&connection, ask)))
    }

    /// Ready once the connection is there.
    fn poll(&self, place: &Lock<Option<Watch>>, cx: &mut Context<'_>) -> Poll<Result<Arc<Connection>, Error>> {
        self.check_open()?;
        let watch = place.lock().take().or_else(|| self.coming.watch());
        if let Some(mut watch) = watch
            && !watch.poll_settled(cx)
        {
            let old = place.lock().replace(watch);
            drop(old);
            return Poll::Pending;
        }
        Poll::Ready(self.coming.came().unwrap_or_else(|| Err(Error::pending())))
    }

    fn check_write(&self) -> Result<(), Error> {
        self.check_open()?;
        if self.write_ended.load(Ordering::Acquire) {
            return Err(Error::after_end());
        }
        Ok(())
    }
}

impl Transport for Promised {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        self.poll_read_at_least(cx, buffer, 1)
    }

    fn poll_read_at_least(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        min: usize,
    ) -> Poll<Result<usize, Error>> {
        remember(&self.reader, cx);
        self.check_open()?;
        if self.read_aborted.load(Ordering::Acquire) {
            return Poll::Ready(Ok(0));
        }
        let connection = ready!(self.poll(&self.read, cx))?;
        self.coming.pass(&connection, |_| connection.poll_read(cx, buffer, min))?
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        self.check_write()?;
        let connection = ready!(self.poll(&self.write, cx))?;
        self.coming.pass(&connection, |transport| transport.poll_write(cx, parts))?
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        self.check_write()?;
        self.ask(|transport| transport.write_now(data)).unwrap_or(Ok(Ok(0)))?
    }

    fn buffers(&self) -> bool {
        true
    }

    fn is_flushed(&self) -> bool {
        self.ask(|transport| transport.is_flushed()).is_none_or(|flushed| flushed.unwrap_or(true))
    }

    fn request_flush(&self) {
        let _ = self.ask(|transport| transport.request_flush());
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.ask(|transport| transport.poll_flush(cx)).unwrap_or(Ok(Poll::Ready(Ok(()))))?
    }

    fn poll_shutdown_write(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.ask(|transport| transport.poll_shutdown_write(cx)) {
            Some(shut) => ready!(shut?)?,
            None => self.coming.want(|wants| wants.shutdown_write = true),
        }
        self.write_ended.store(true, Ordering::Release);
        Poll::Ready(Ok(()))
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.check_open()?;
        self.read_aborted.store(true, Ordering::Release);
        wake(&self.reader);
        match self.ask(|transport| transport.abort_read()) {
            Some(aborted) => aborted??,
            None => self.coming.want(|wants| wants.abort_read = true),
        }
        Ok(())
    }

    fn abort_write(&self, error: Error) {
        if self.ask(|transport| transport.abort_write(error.clone())).is_none() {
            self.coming.want(|wants| wants.abort_write = Some(error));
        }
    }

    fn length(&self) -> Option<u64> {
        self.ask(|transport| transport.length())?.ok()?
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        remember(&self.watcher, cx);
        match ready!(self.poll(&self.watch, cx)) {
            Ok(connection) => self.coming.pass(&connection, |transport| transport.poll_write_disconnected(cx))?,
            Err(error) if error.kind() == ErrorKind::Disconnected => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn pumping(&self, active: bool) {
        if self.ask(|transport| transport.pumping(active)).is_none() {
            // The pump itself looks whether it has come.
            self.coming.note(|wants| wants.pumps += if active { 1 } else { -1 });
        }
    }

    fn below(&self) -> Option<Arc<Connection>> {
        self.coming.came()?.ok()
    }

    fn stands_for(&self) -> Option<&Coming> {
        Some(&self.coming)
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(Error::closed()) } else { Ok(()) }
    }

    fn close(&self) -> bool {
        let was_open = !self.closed.swap(true, Ordering::AcqRel);
        match self.coming.came() {
            Some(Ok(connection)) => drop(self.coming.pass(&connection, |_| connection.close())),
            None if was_open => self.coming.want(|wants| wants.close = true),
            Some(Err(_)) | None => {}
        }
        let watches = (self.read.lock().take(), self.write.lock().take(), self.watch.lock().take());
        drop(watches);
        wake(&self.reader);
        wake(&self.watcher);
        was_open
    }

    fn forget_writer(&self) {
        let _ = self.ask(|transport| transport.forget_writer());
    }

    fn end_writer(&self) {
        let _ = self.ask(|transport| transport.end_writer());
    }

    fn forget_reader(&self) {
        let old = self.reader.lock().take();
        drop(old);
        let _ = self.ask(|transport| transport.forget_reader());
    }
}

impl Connection {
    /// A connection that passes everything on to the one that the promise will carry. Operations wait for it;
    /// shutting down and aborting are done when it comes. If the promise fails, they fail with its error. (STRM-27)
    pub fn promised(promise: &Promise) -> Result<Arc<Self>, Error> {
        let runtime = promise.runtime();
        runtime.check()?;
        let came = promise.outcome().and_then(Result::ok).and_then(Value::into_object::<Connection>);
        let transport = Promised {
            coming: Coming::new(promise, came.is_some()),
            read: Lock::new(None),
            write: Lock::new(None),
            watch: Lock::new(None),
            closed: AtomicBool::new(false),
            read_aborted: AtomicBool::new(false),
            write_ended: AtomicBool::new(false),
            reader: Lock::new(None),
            watcher: Lock::new(None),
        };
        match came {
            Some(connection) => Self::above(runtime, &connection, transport),
            None => Ok(Self::new(runtime, transport)),
        }
    }
}
