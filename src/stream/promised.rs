//! A connection that is still to come: operations wait for it.

use super::{Connection, Transport};
use crate::error::{Error, ErrorKind};
use crate::promise::{Promise, Watch, When};
use crate::sync::Lock;
use crate::value::Value;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::ReadBuf;

/// What is to be done with the connection when it comes.
#[derive(Default)]
struct Wants {
    pumps: isize,
    abort_read: bool,
    abort_write: Option<Error>,
    shutdown_write: bool,
    close: bool,
}

impl Wants {
    fn done_to(wants: &Lock<Self>, connection: &Arc<Connection>) {
        let wants = std::mem::take(&mut *wants.lock());
        let transport = connection.transport();
        for _ in 0..wants.pumps {
            transport.pumping(true);
        }
        // What a connection refuses is asked of it no more than once.
        if wants.abort_read {
            let _ = transport.abort_read();
        }
        if let Some(error) = wants.abort_write {
            transport.abort_write(error);
        }
        if wants.shutdown_write
            && let Ok(shutting) = connection.shutdown_write()
        {
            shutting.detach(None);
        }
        if wants.close {
            connection.close();
        }
    }
}

struct Promised {
    promise: Promise,
    /// One place in the line of the promise's waiters for each direction, and one for who watches.
    read: Lock<Option<Watch>>,
    write: Lock<Option<Watch>>,
    watch: Lock<Option<Watch>>,
    wants: Arc<Lock<Wants>>,
    /// Does what is wanted when the connection comes, even if nobody asks anything of it then.
    arrival: Lock<Option<Promise>>,
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
    /// The connection, if it is there, with what was wanted before.
    fn came(&self) -> Option<Result<Arc<Connection>, Error>> {
        let value = match self.promise.outcome()? {
            Ok(value) => value,
            Err(error) => return Some(Err(error)),
        };
        let Some(connection) = Value::into_object::<Connection>(value) else { return Some(Err(Error::wrong_type())) };
        Wants::done_to(&self.wants, &connection);
        Some(Ok(connection))
    }

    /// Has this done when the connection comes.
    fn want(&self, add: impl FnOnce(&mut Wants)) {
        add(&mut self.wants.lock());
        // It may have come just now; then it is done.
        if self.came().is_some() || self.arrival.lock().is_some() {
            return;
        }
        let wants = self.wants.clone();
        let arrival = self.promise.then_on(self.promise.runtime().clone(), When::Value, move |outcome| {
            if let Some(connection) = outcome.ok().and_then(Value::into_object::<Connection>) {
                Wants::done_to(&wants, &connection);
            }
            Ok(Value::Unit)
        });
        let old = self.arrival.lock().replace(arrival);
        drop(old);
    }

    /// Ready once the connection is there.
    fn poll(&self, place: &Lock<Option<Watch>>, cx: &mut Context<'_>) -> Poll<Result<Arc<Connection>, Error>> {
        self.check_open()?;
        let mut watch = place.lock().take().unwrap_or_else(|| Watch::new(self.promise.clone()));
        if !watch.poll_settled(cx) {
            let old = place.lock().replace(watch);
            drop(old);
            return Poll::Pending;
        }
        drop(watch);
        Poll::Ready(self.came().unwrap_or_else(|| Err(Error::pending())))
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
        remember(&self.reader, cx);
        self.check_open()?;
        if self.read_aborted.load(Ordering::Acquire) {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll(&self.read, cx))?.transport().poll_read(cx, buffer)
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        self.check_write()?;
        ready!(self.poll(&self.write, cx))?.transport().poll_write(cx, parts)
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        self.check_write()?;
        match self.came() {
            Some(connection) => connection?.transport().write_now(data),
            None => Ok(0),
        }
    }

    fn buffers(&self) -> bool {
        true
    }

    fn is_flushed(&self) -> bool {
        match self.came() {
            Some(Ok(connection)) => connection.transport().is_flushed(),
            _ => true,
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.came() {
            Some(connection) => connection?.transport().poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown_write(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.came() {
            Some(connection) => ready!(connection?.transport().poll_shutdown_write(cx))?,
            None => self.want(|wants| wants.shutdown_write = true),
        }
        self.write_ended.store(true, Ordering::Release);
        Poll::Ready(Ok(()))
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.check_open()?;
        self.read_aborted.store(true, Ordering::Release);
        wake(&self.reader);
        match self.came() {
            Some(connection) => connection?.transport().abort_read()?,
            None => self.want(|wants| wants.abort_read = true),
        }
        Ok(())
    }

    fn abort_write(&self, error: Error) {
        match self.came() {
            Some(Ok(connection)) => connection.transport().abort_write(error),
            Some(Err(_)) => {}
            None => self.want(|wants| wants.abort_write = Some(error)),
        }
    }

    fn length(&self) -> Option<u64> {
        self.came()?.ok()?.length()
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        remember(&self.watcher, cx);
        match ready!(self.poll(&self.watch, cx)) {
            Ok(connection) => connection.transport().poll_write_disconnected(cx),
            Err(error) if error.kind() == ErrorKind::Disconnected => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn pumping(&self, active: bool) {
        match self.came() {
            Some(Ok(connection)) => connection.transport().pumping(active),
            Some(Err(_)) => {}
            // The pump itself looks whether it has come.
            None => self.wants.lock().pumps += if active { 1 } else { -1 },
        }
    }

    fn below(&self) -> Option<Arc<Connection>> {
        self.came()?.ok()
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(Error::closed()) } else { Ok(()) }
    }

    fn close(&self) -> bool {
        let was_open = !self.closed.swap(true, Ordering::AcqRel);
        match self.came() {
            Some(Ok(connection)) => connection.close(),
            Some(Err(_)) => {}
            None if was_open => self.want(|wants| wants.close = true),
            None => {}
        }
        let watches = (self.read.lock().take(), self.write.lock().take(), self.watch.lock().take());
        drop(watches);
        wake(&self.reader);
        wake(&self.watcher);
        was_open
    }

    fn forget_writer(&self) {
        if let Some(Ok(connection)) = self.came() {
            connection.transport().forget_writer();
        }
    }

    fn forget_reader(&self) {
        let old = self.reader.lock().take();
        drop(old);
        if let Some(Ok(connection)) = self.came() {
            connection.transport().forget_reader();
        }
    }
}

impl Connection {
    /// A connection that passes everything on to the one that the promise will carry. Operations wait for it;
    /// shutting down and aborting are done when it comes. If the promise fails, they fail with its error. (STRM-27)
    pub fn promised(promise: &Promise) -> Result<Arc<Self>, Error> {
        let runtime = promise.runtime();
        runtime.check()?;
        let transport = Promised {
            promise: promise.clone(),
            read: Lock::new(None),
            write: Lock::new(None),
            watch: Lock::new(None),
            wants: Arc::default(),
            arrival: Lock::new(None),
            closed: AtomicBool::new(false),
            read_aborted: AtomicBool::new(false),
            write_ended: AtomicBool::new(false),
            reader: Lock::new(None),
            watcher: Lock::new(None),
        };
        let came = promise.outcome().and_then(Result::ok).and_then(Value::into_object::<Connection>);
        match came {
            Some(connection) => Self::above(runtime, &connection, transport),
            None => Ok(Self::new(runtime, transport)),
        }
    }
}
