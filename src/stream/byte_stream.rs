//! A connection that a program makes of a stream of its own. (LLIO-13)
//!
//! What the stream is asked runs on the loop, as a call whose result, or the promise that it leaves, the operation waits
//! for. So the operation holds that promise, and ends it when it ends.

use super::{Connection, Transport};
use crate::error::{Error, ErrorKind};
use crate::nesting::drop_in_turn;
use crate::promise::{Continuation, Promise, Resolution, Watch};
use crate::runtime::{Runtime, Shared};
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::io::ReadBuf;

/// How much is handed to the stream in one write.
const MOST: usize = 64 * 1024;

/// What can be read from and written to, made by the program. Everything but `length` runs on the loop and must not block:
/// it returns a promise for what takes time. That promise is dropped, and so cancelled, when the operation that waits for it
/// is cancelled, and when the connection is closed.
///
/// One `read` is pending at a time, and one `write` or `shutdown_write`.
pub trait ByteStream: Send + Sync {
    /// At least one byte and at most `max`, as bytes; none at the end. Whoever reads waits for `min` of them: fewer will do,
    /// and the rest is asked for then.
    fn read(&self, min: usize, max: usize) -> Resolution;

    /// Takes these bytes, of which there are some: all of them, or as many as a number says that it results in.
    fn write(&self, bytes: Bytes) -> Resolution;

    /// Tells the other side that nothing more will come. What the result is makes no difference, unless it is an error.
    fn shutdown_write(&self) -> Resolution {
        Ok(Value::Unit).into()
    }

    /// Nobody will read any more.
    fn abort_read(&self) {}

    /// Nobody will write any more, for this reason.
    fn abort_write(&self, _error: Error) {}

    /// Settles once writing would fail because the other side has gone. `None` for a stream that cannot tell.
    fn when_write_disconnected(&self) -> Option<Resolution> {
        None
    }

    /// How many bytes are left to read, if that is known. On any thread, also several at a time.
    fn length(&self) -> Option<u64> {
        None
    }
}

/// Something that was asked of the stream, and how many bytes that was about.
type Asked = (Watch, usize);

struct Own {
    runtime: Arc<Shared>,
    read: Lock<Option<Asked>>,
    /// A write or a shutdown of writing.
    write: Lock<Option<Asked>>,
    gone: Lock<Option<Asked>>,
    /// What has come and was not read yet.
    left: Lock<Bytes>,
    read_aborted: AtomicBool,
    reader: Lock<Option<Waker>>,
    watcher: Lock<Option<Waker>>,
    below: Option<Arc<Connection>>,
    /// Until it is closed.
    stream: Lock<Option<Arc<dyn ByteStream>>>,
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::WrongType, format!("a stream of the program's has to result in {what}"))
}

fn failed(text: String) -> Error {
    Error::new(ErrorKind::Failed, text)
}

/// What a read has brought.
fn bytes_read(outcome: Outcome, max: usize) -> Result<Bytes, Error> {
    let bytes = outcome?.into_bytes().ok_or_else(|| wrong("bytes when it is read"))?;
    if bytes.len() > max {
        return Err(failed(format!("a stream of the program's gave {} bytes where {max} were asked for", bytes.len())));
    }
    Ok(bytes)
}

/// How much a write has taken.
fn bytes_written(outcome: Outcome, size: usize) -> Result<usize, Error> {
    match outcome?.claim() {
        Value::Unit => Ok(size),
        Value::U64(count) => match usize::try_from(count) {
            Ok(count @ 1..) if count <= size => Ok(count),
            _ => Err(failed(format!("a stream of the program's took {count} of {size} bytes"))),
        },
        _ => Err(wrong("nothing, or a number, when it is written to")),
    }
}

/// The first of these bytes, copied: the stream may keep them longer than the write lasts.
fn some_of(parts: &[IoSlice<'_>]) -> Result<Bytes, Error> {
    let size = parts.iter().map(|part| part.len()).sum::<usize>().min(MOST);
    let mut copy = Vec::new();
    copy.try_reserve_exact(size).map_err(|_| Error::no_memory())?;
    for part in parts {
        copy.extend_from_slice(&part[..part.len().min(size - copy.len())]);
    }
    Ok(copy.into())
}

fn wake(place: &Lock<Option<Waker>>) {
    let waker = place.lock().take();
    waker.into_iter().for_each(Waker::wake);
}

fn forget<T>(place: &Lock<Option<T>>) {
    let old = place.lock().take();
    drop(old);
}

fn remember(place: &Lock<Option<Waker>>, cx: &Context<'_>) {
    let old = place.lock().replace(cx.waker().clone());
    drop(old);
}

impl Own {
    fn stream(&self) -> Result<Arc<dyn ByteStream>, Error> {
        self.stream.lock().clone().ok_or_else(Error::closed)
    }

    fn call(&self, run: impl FnOnce(&dyn ByteStream) -> Resolution + Send + 'static) -> Result<Promise, Error> {
        let stream = self.stream()?;
        let call = Continuation::Closure(Box::new(move |_| run(&*stream)));
        Ok(Promise::call(self.runtime.clone(), call))
    }

    /// Waits for what was asked, or else for what `ask` asks now; the outcome, and how many bytes it is about.
    fn poll(
        &self,
        place: &Lock<Option<Asked>>,
        cx: &mut Context<'_>,
        ask: impl FnOnce() -> Result<(Promise, usize), Error>,
    ) -> Poll<Result<(Outcome, usize), Error>> {
        let asked = place.lock().take();
        let (mut watch, size) = match asked {
            Some(asked) => asked,
            None => ask().map(|(promise, size)| (Watch::new(promise), size))?,
        };
        if watch.poll_settled(cx) {
            return Poll::Ready(Ok((watch.outcome(), size)));
        }
        let old = place.lock().replace((watch, size));
        drop(old);
        // Closed meanwhile: then whoever did that has not seen it.
        if let Err(closed) = self.check_open() {
            forget(place);
            return Poll::Ready(Err(closed));
        }
        Poll::Pending
    }

    /// Reads what is left of what has come.
    fn take_left(&self, buffer: &mut ReadBuf<'_>) -> usize {
        let taken = {
            let mut left = self.left.lock();
            let count = left.len().min(buffer.remaining());
            left.split_to(count)
        };
        // Memory of the program's, perhaps, which goes outside of the lock.
        buffer.put_slice(&taken);
        taken.len()
    }
}

impl Transport for Own {
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
            forget(&self.read);
            return Poll::Ready(Ok(0));
        }
        let count = self.take_left(buffer);
        if count > 0 {
            return Poll::Ready(Ok(count));
        }
        let max = buffer.remaining();
        let ask = || Ok((self.call(move |stream| stream.read(min.clamp(1, max), max))?, max));
        match self.poll(&self.read, cx, ask) {
            Poll::Ready(asked) => {
                let (outcome, max) = asked?;
                let bytes = bytes_read(outcome, max)?;
                let old = std::mem::replace(&mut *self.left.lock(), bytes);
                drop(old);
                Poll::Ready(Ok(self.take_left(buffer)))
            }
            Poll::Pending if self.read_aborted.load(Ordering::Acquire) => {
                forget(&self.read);
                Poll::Ready(Ok(0))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        self.check_open()?;
        let ask = || {
            let bytes = some_of(parts)?;
            let size = bytes.len();
            Ok((self.call(move |stream| stream.write(bytes))?, size))
        };
        match self.poll(&self.write, cx, ask) {
            Poll::Ready(asked) => {
                let (outcome, size) = asked?;
                Poll::Ready(bytes_written(outcome, size))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn write_now(&self, _data: &[u8]) -> Result<usize, Error> {
        // The stream is asked on the loop.
        self.check_open().map(|()| 0)
    }

    /// Keeps nothing, and has to hear of the end of a write.
    fn buffers(&self) -> bool {
        true
    }

    fn poll_shutdown_write(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.check_open()?;
        match self.poll(&self.write, cx, || Ok((self.call(|stream| stream.shutdown_write())?, 0))) {
            Poll::Ready(asked) => Poll::Ready(asked?.0.map(drop)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.check_open()?;
        if !self.read_aborted.swap(true, Ordering::AcqRel) {
            forget(&self.read);
            let left = std::mem::take(&mut *self.left.lock());
            drop(left);
            wake(&self.reader);
            let told = self.call(|stream| {
                stream.abort_read();
                Ok(Value::Unit).into()
            })?;
            told.give_to_runtime();
        }
        Ok(())
    }

    fn abort_write(&self, error: Error) {
        forget(&self.write);
        let tell = |stream: &dyn ByteStream| {
            stream.abort_write(error);
            Ok(Value::Unit).into()
        };
        if let Ok(told) = self.call(tell) {
            told.give_to_runtime();
        }
    }

    fn length(&self) -> Option<u64> {
        let stream = self.stream().ok()?;
        Some(stream.length()?.saturating_add(self.left.lock().len() as u64))
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        remember(&self.watcher, cx);
        self.check_open()?;
        let ask = || {
            let runtime = self.runtime.clone();
            let told = self.call(move |stream| {
                stream.when_write_disconnected().unwrap_or_else(|| Promise::outside(runtime).into())
            })?;
            Ok((told, 0))
        };
        match self.poll(&self.gone, cx, ask) {
            Poll::Ready(asked) => Poll::Ready(asked?.0.map(drop)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn below(&self) -> Option<Arc<Connection>> {
        self.below.clone()
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.stream.lock().is_none() { Err(Error::closed()) } else { Ok(()) }
    }

    fn close(&self) -> bool {
        let stream = self.stream.lock().take();
        let was_open = stream.is_some();
        // What it was asked before the stream itself.
        [&self.read, &self.write, &self.gone].into_iter().for_each(forget);
        if let Some(below) = &self.below {
            below.close();
        }
        if let Some(stream) = stream {
            drop_in_turn(move || drop(stream));
        }
        wake(&self.reader);
        wake(&self.watcher);
        was_open
    }

    fn forget_reader(&self) {
        forget(&self.reader);
        let asked = self.read.lock().take();
        // What has come by now is for the next read.
        if let Some((watch, max)) = asked
            && let Some(came) = watch.give_up()
            && let Ok(bytes) = bytes_read(came, max)
            && !self.read_aborted.load(Ordering::Acquire)
        {
            let old = std::mem::replace(&mut *self.left.lock(), bytes);
            drop(old);
        }
    }

    fn end_writer(&self) {
        forget(&self.write);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        [&self.read, &self.write, &self.gone].into_iter().for_each(forget);
        if let Some(stream) = self.stream.lock().take() {
            drop_in_turn(move || drop(stream));
        }
    }
}

impl Connection {
    /// A connection that asks a stream of the program's for everything: it can be read, written, pumped and teed, stand
    /// below TLS or HTTP, and be given away like any other. Closing it, or dropping it, ends what is pending and then drops
    /// the stream. (LLIO-13)
    ///
    /// Socket options, names, peer and descriptor are those of `below`, if it is given, which is closed with this
    /// one; without it there are none.
    ///
    /// A read that is cancelled loses nothing of what has come. Of a write that is cancelled nobody knows how much went.
    ///
    /// # Errors
    /// `InvalidArgument` for a `below` of another runtime, `Overloaded` for more than 64 connections on top of each other.
    /// An operation fails as the stream does; with `WrongType` if what it results in is of the wrong type, with `Failed` if
    /// it gives more than was asked for or takes more than there is.
    pub fn from_byte_stream(
        runtime: &Runtime,
        stream: impl ByteStream + 'static,
        below: Option<Arc<Self>>,
    ) -> Result<Arc<Self>, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        let own = Own {
            runtime: runtime.clone(),
            read: Lock::new(None),
            write: Lock::new(None),
            gone: Lock::new(None),
            left: Lock::default(),
            read_aborted: AtomicBool::new(false),
            reader: Lock::new(None),
            watcher: Lock::new(None),
            below: below.clone(),
            stream: Lock::new(Some(Arc::new(stream))),
        };
        match &below {
            None => Ok(Self::new(runtime, own)),
            Some(below) if below.runtime().id != runtime.id => {
                Err(Error::invalid("a stream over a connection of another runtime"))
            }
            Some(below) => Self::above(runtime, below, own),
        }
    }
}
