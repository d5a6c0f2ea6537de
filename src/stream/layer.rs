//! Any stream of tokio's as a connection: what a protocol makes of another connection, or of nothing.
//!
//! A read of such a stream may have to write below and a write may have to read, and each direction below wakes one waker
//! only. So the stream is always polled with one waker, that of the layer, which wakes whoever waits here. And a reader may
//! take from below what the writer waits for, or the other way round, of which nothing below tells the other: so whoever
//! has moved bytes there wakes the other one.
//!
//! The stream is taken out of its place while it is polled, so that no lock is held meanwhile; who comes then waits until
//! it is back.

use super::{Connection, Transport};
use crate::error::{Error, ErrorKind};
use crate::peer::TlsIdentity;
use crate::promise::Watch;
use crate::runtime::Runtime;
use crate::sync::Lock;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Who waits for the stream.
#[derive(Clone, Copy)]
enum Role {
    Reader,
    Writer,
}

/// The waker of a layer.
#[derive(Default)]
struct Waiting(Lock<[Option<Waker>; 2]>);

impl Waiting {
    fn remember(&self, role: Role, waker: &Waker) {
        let mut waiting = self.0.lock();
        let place = &mut waiting[role as usize];
        let same = place.as_ref().is_some_and(|known| known.will_wake(waker));
        let old = if same { None } else { place.replace(waker.clone()) };
        drop(waiting);
        drop(old);
    }

    fn take(&self, role: Role) -> Option<Waker> {
        self.0.lock()[role as usize].take()
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waiting = std::mem::take(&mut *self.0.lock());
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

struct Place<S> {
    /// `None` while it is polled, and once it is closed.
    stream: Option<Pin<Box<S>>>,
    /// Who came while it was polled.
    missed: [bool; 2],
    closed: bool,
}

struct Layer<S> {
    place: Lock<Place<S>>,
    waiting: Arc<Waiting>,
    waker: Waker,
    below: Option<Arc<Connection>>,
    length: Option<Box<Length>>,
    identity: Option<Arc<TlsIdentity>>,
    /// What is below says that its other side has gone.
    gone: Lock<Option<Watch>>,
    /// Who waits for that, for `close`.
    watcher: Lock<Option<Waker>>,
    read_aborted: AtomicBool,
    /// Bytes were taken since it was flushed.
    unflushed: AtomicBool,
    /// What tells the stream that its next flush is to bring the other side everything.
    flush_wanted: Option<Arc<AtomicBool>>,
}

/// How many bytes are left to read.
type Length = dyn Fn() -> Option<u64> + Send + Sync;

/// The stream, taken out to be polled. In a panic it is not put back: nobody can say what state it is in.
struct Out<'a, S> {
    layer: &'a Layer<S>,
    stream: Option<Pin<Box<S>>>,
    role: Option<Role>,
    /// How often bytes had moved below before.
    moved: usize,
    polled: bool,
}

impl<S> Layer<S> {
    fn moved(&self) -> usize {
        self.below.as_ref().map_or(0, |below| below.moved())
    }
}

impl<S> Drop for Out<'_, S> {
    fn drop(&mut self) {
        let mut place = self.layer.place.lock();
        place.closed |= !self.polled;
        if !place.closed {
            place.stream = self.stream.take();
        }
        let (missed, closed) = (std::mem::take(&mut place.missed), place.closed);
        drop(place);
        // Closed meanwhile.
        let unwanted = self.stream.take();
        drop(unwanted);
        if closed {
            return self.layer.waiting.wake_by_ref();
        }
        // Not whoever has just polled it, nor without a reason: the two would wake each other for ever.
        let moved = self.layer.moved() != self.moved;
        for role in [Role::Reader, Role::Writer] {
            let other = moved && self.role.is_none_or(|own| own as usize != role as usize);
            if missed[role as usize] || other {
                self.layer.waiting.take(role).into_iter().for_each(Waker::wake);
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Send> Layer<S> {
    fn new(stream: S, below: Option<Arc<Connection>>, length: Option<Box<Length>>) -> Self {
        let waiting = Arc::new(Waiting::default());
        Self {
            place: Lock::new(Place { stream: Some(Box::pin(stream)), missed: [false; 2], closed: false }),
            waker: Waker::from(waiting.clone()),
            waiting,
            below,
            length,
            identity: None,
            gone: Lock::new(None),
            watcher: Lock::new(None),
            read_aborted: AtomicBool::new(false),
            unflushed: AtomicBool::new(false),
            flush_wanted: None,
        }
    }

    /// Polls the stream for somebody who waits in this role, unless somebody else does.
    fn poll<R>(
        &self,
        role: Option<Role>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<R>>,
        what: &str,
    ) -> Poll<Result<R, Error>> {
        let mut out = {
            let mut place = self.place.lock();
            if place.closed {
                return Poll::Ready(Err(Error::closed()));
            }
            let Some(stream) = place.stream.take() else {
                if let Some(role) = role {
                    place.missed[role as usize] = true;
                }
                return Poll::Pending;
            };
            Out { layer: self, stream: Some(stream), role, moved: self.moved(), polled: false }
        };
        let stream = out.stream.as_mut().expect("taken out above");
        let polled = poll(stream.as_mut(), &mut Context::from_waker(&self.waker));
        out.polled = true;
        drop(out);
        polled.map_err(|error| Error::from_io(what, &error))
    }

    fn poll_write_once(&self, role: Option<Role>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        let write = |stream: Pin<&mut S>, cx: &mut Context<'_>| match parts {
            [only] => stream.poll_write(cx, only),
            // The default of this takes the first piece that is not empty.
            _ => stream.poll_write_vectored(cx, parts),
        };
        match ready!(self.poll(role, write, "writing"))? {
            0 => Poll::Ready(Err(Error::new(ErrorKind::Disconnected, "the stream takes no more bytes"))),
            count => {
                self.unflushed.store(true, Ordering::Release);
                Poll::Ready(Ok(count))
            }
        }
    }

    fn poll_flush_once(&self, role: Option<Role>) -> Poll<Result<(), Error>> {
        let flushed = self.poll(role, |stream, cx| stream.poll_flush(cx), "flushing");
        if flushed.is_ready() {
            self.unflushed.store(false, Ordering::Release);
        }
        flushed
    }
}

impl<S: AsyncRead + AsyncWrite + Send> Transport for Layer<S> {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        self.waiting.remember(Role::Reader, cx.waker());
        if self.read_aborted.load(Ordering::Acquire) {
            self.check_open()?;
            return Poll::Ready(Ok(0));
        }
        let before = buffer.filled().len();
        ready!(self.poll(Some(Role::Reader), |stream, cx| stream.poll_read(cx, buffer), "reading"))?;
        Poll::Ready(Ok(buffer.filled().len() - before))
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        self.waiting.remember(Role::Writer, cx.waker());
        self.poll_write_once(Some(Role::Writer), parts)
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        if data.is_empty() {
            return self.check_open().map(|()| 0);
        }
        // Whoever has not finished comes back with a waker.
        let Poll::Ready(written) = self.poll_write_once(None, &[IoSlice::new(data)]) else { return Ok(0) };
        let written = written?;
        if written == data.len()
            && let Poll::Ready(flushed) = self.poll_flush_once(None)
        {
            flushed?;
        }
        Ok(written)
    }

    fn buffers(&self) -> bool {
        true
    }

    fn is_flushed(&self) -> bool {
        !self.unflushed.load(Ordering::Acquire)
    }

    fn request_flush(&self) {
        if let Some(wanted) = &self.flush_wanted {
            wanted.store(true, Ordering::Release);
            self.unflushed.store(true, Ordering::Release);
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.waiting.remember(Role::Writer, cx.waker());
        self.poll_flush_once(Some(Role::Writer))
    }

    fn poll_shutdown_write(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.waiting.remember(Role::Writer, cx.waker());
        self.poll(Some(Role::Writer), |stream, cx| stream.poll_shutdown(cx), "ending the stream")
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.check_open()?;
        self.read_aborted.store(true, Ordering::Release);
        self.waiting.wake_by_ref();
        if let Some(below) = &self.below {
            // What it refuses is no business of this layer's.
            let _ = below.abort_read();
        }
        Ok(())
    }

    fn abort_write(&self, error: Error) {
        if let Some(below) = &self.below {
            let _ = below.abort_write(error);
        }
    }

    fn length(&self) -> Option<u64> {
        self.length.as_ref()?()
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let old = self.watcher.lock().replace(cx.waker().clone());
        drop(old);
        self.check_open()?;
        let Some(below) = &self.below else { return Poll::Pending };
        let mut watch = match self.gone.lock().take() {
            Some(watch) => watch,
            None => Watch::new(below.when_write_disconnected()?),
        };
        if !watch.poll_settled(cx) {
            *self.gone.lock() = Some(watch);
            return Poll::Pending;
        }
        Poll::Ready(watch.outcome().map(drop))
    }

    fn pumping(&self, active: bool) {
        if let Some(below) = &self.below {
            below.transport().pumping(active);
        }
    }

    fn below(&self) -> Option<Arc<Connection>> {
        self.below.clone()
    }

    fn identity(&self) -> Option<&Arc<TlsIdentity>> {
        self.identity.as_ref()
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.place.lock().closed { Err(Error::closed()) } else { Ok(()) }
    }

    fn close(&self) -> bool {
        let (was_open, stream) = {
            let mut place = self.place.lock();
            (!std::mem::replace(&mut place.closed, true), place.stream.take())
        };
        // Before the stream goes, which otherwise would have what it has written below flushed.
        if let Some(below) = &self.below {
            below.close();
        }
        let watch = self.gone.lock().take();
        drop((stream, watch));
        self.waiting.wake_by_ref();
        let watcher = self.watcher.lock().take();
        watcher.into_iter().for_each(Waker::wake);
        was_open
    }

    fn forget_writer(&self) {
        drop(self.waiting.take(Role::Writer));
    }

    fn forget_reader(&self) {
        drop(self.waiting.take(Role::Reader));
    }
}

impl Connection {
    /// What a protocol has made of this connection, as a connection: a plaintext, a decoded or a decompressed stream, for
    /// instance. `stream` usually has an [`Exclusive`](super::Exclusive) of this one in it. Socket options, names, peer
    /// and descriptor are those of this one. Closing the layer closes this one too; dropping it drops `stream`.
    ///
    /// A write settles when the stream has been flushed, a shutdown of writing when it has been shut down. `stream` must
    /// stand it that another operation goes on with what a cancelled one has begun, as every stream of tokio's does.
    ///
    /// # Errors
    /// `Overloaded` for more than 64 connections on top of each other.
    pub fn layer(self: &Arc<Self>, stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Result<Arc<Self>, Error> {
        self.runtime().check()?;
        Self::above(self.runtime(), self, Layer::new(stream, Some(self.clone()), None))
    }

    /// As [`Connection::layer`], for a stream that knows how many bytes are left to read. (STRM-04)
    pub fn layer_with_length(
        self: &Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        length: impl Fn() -> Option<u64> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, Error> {
        self.runtime().check()?;
        Self::above(self.runtime(), self, Layer::new(stream, Some(self.clone()), Some(Box::new(length))))
    }

    /// As [`Connection::layer`], for a stream that keeps some of what was written unless its flush is to bring the other side
    /// everything, which it is told by `wanted`.
    pub(crate) fn layer_with_flush(
        self: &Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        wanted: Arc<AtomicBool>,
    ) -> Result<Arc<Self>, Error> {
        self.runtime().check()?;
        let mut layer = Layer::new(stream, Some(self.clone()), None);
        layer.flush_wanted = Some(wanted);
        Self::above(self.runtime(), self, layer)
    }

    /// As [`Connection::layer`], for a stream that knows who the peer is.
    pub(crate) fn layer_with_identity(
        self: &Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        identity: TlsIdentity,
    ) -> Result<Arc<Self>, Error> {
        self.runtime().check()?;
        let mut layer = Layer::new(stream, Some(self.clone()), None);
        layer.identity = Some(Arc::new(identity));
        Self::above(self.runtime(), self, layer)
    }

    /// As [`Connection::layer`], for a stream over nothing of this library's.
    pub fn from_stream(
        runtime: &Runtime,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
    ) -> Result<Arc<Self>, Error> {
        runtime.shared().check()?;
        Ok(Self::new(runtime.shared(), Layer::new(stream, None, None)))
    }
}
