//! A connection that is still to come: operations wait for it.

use super::{Connection, Target, Transport};
use crate::error::Error;
use crate::promise::{Promise, Watch};
use crate::sync::Lock;
use crate::value::Value;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

/// Wants that came before the connection.
#[derive(Default)]
struct Wants {
    shutdown_write: bool,
    abort_read: bool,
    abort_write: Option<Error>,
}

struct Promised {
    promise: Promise,
    /// One place in the line of the promise's waiters for each direction, and one for who watches.
    read: Lock<Option<Watch>>,
    write: Lock<Option<Watch>>,
    watch: Lock<Option<Watch>>,
    wants: Lock<Wants>,
    closed: Lock<bool>,
    reader: Lock<Option<Waker>>,
}

impl Promised {
    /// The connection, if it is there.
    fn connection(&self) -> Option<Result<Arc<Connection>, Error>> {
        self.promise.outcome().map(|outcome| match outcome {
            Ok(value) => Value::into_connection(value).ok_or_else(Error::wrong_type),
            Err(error) => Err(error),
        })
    }

    /// Ready once the connection is there, with what was wanted before.
    fn poll(&self, place: &Lock<Option<Watch>>, cx: &mut Context<'_>) -> Poll<Result<Arc<Connection>, Error>> {
        self.check_open()?;
        let mut watch = place.lock().take().unwrap_or_else(|| Watch::new(self.promise.clone()));
        if !watch.poll_settled(cx) {
            *place.lock() = Some(watch);
            return Poll::Pending;
        }
        drop(watch);
        match self.connection() {
            Some(Ok(connection)) => {
                let wants = std::mem::take(&mut *self.wants.lock());
                if wants.abort_read {
                    connection.transport().abort_read()?;
                }
                if let Some(error) = wants.abort_write {
                    connection.transport().abort_write(error);
                }
                if wants.shutdown_write {
                    connection.transport().shutdown_write()?;
                }
                Poll::Ready(Ok(connection))
            }
            Some(Err(error)) => Poll::Ready(Err(error)),
            None => Poll::Ready(Err(Error::pending())),
        }
    }
}

impl Transport for Promised {
    fn poll_read(&self, cx: &mut Context<'_>, target: &mut Target<'_>) -> Poll<Result<usize, Error>> {
        let old = self.reader.lock().replace(cx.waker().clone());
        drop(old);
        if self.wants.lock().abort_read {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll(&self.read, cx))?.transport().poll_read(cx, target)
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &mut VecDeque<Bytes>) -> Poll<Result<(), Error>> {
        ready!(self.poll(&self.write, cx))?.transport().poll_write(cx, parts)
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        match self.connection() {
            Some(connection) => connection?.transport().write_now(data),
            None => Ok(0),
        }
    }

    fn shutdown_write(&self) -> Result<(), Error> {
        match self.connection() {
            Some(connection) => connection?.transport().shutdown_write(),
            None => {
                self.wants.lock().shutdown_write = true;
                Ok(())
            }
        }
    }

    fn abort_read(&self) -> Result<(), Error> {
        if let Some(connection) = self.connection() {
            return connection?.transport().abort_read();
        }
        self.wants.lock().abort_read = true;
        let reader = self.reader.lock().take();
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(())
    }

    fn abort_write(&self, error: Error) {
        match self.connection() {
            Some(Ok(connection)) => connection.transport().abort_write(error),
            Some(Err(_)) => {}
            None => self.wants.lock().abort_write = Some(error),
        }
    }

    fn length(&self) -> Option<u64> {
        self.connection()?.ok()?.length()
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match ready!(self.poll(&self.watch, cx)) {
            Ok(connection) => connection.transport().poll_write_disconnected(cx),
            Err(error) if error.kind() == crate::ErrorKind::Disconnected => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if *self.closed.lock() { Err(Error::closed()) } else { Ok(()) }
    }

    fn close(&self) -> bool {
        let was_open = !std::mem::replace(&mut *self.closed.lock(), true);
        if let Some(Ok(connection)) = self.connection() {
            connection.close();
        }
        let watches = (self.read.lock().take(), self.write.lock().take(), self.watch.lock().take());
        drop(watches);
        let reader = self.reader.lock().take();
        if let Some(reader) = reader {
            reader.wake();
        }
        was_open
    }

    fn forget_reader(&self) {
        let old = self.reader.lock().take();
        drop(old);
        if let Some(Ok(connection)) = self.connection() {
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
            wants: Lock::default(),
            closed: Lock::new(false),
            reader: Lock::new(None),
        };
        Ok(Self::new(runtime, transport))
    }
}
