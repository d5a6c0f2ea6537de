//! A stream over another one that delays, splits, keeps and refuses, and passes on every byte.

use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes go at once, in turns.
const STEPS: [usize; 5] = [1, 4096, 7, 65_536, 3];

/// More than this is not kept: it is passed on first.
const MOST_KEPT: usize = 10_000;

/// Has a stream refuse everything from now on.
#[derive(Clone, Default)]
pub(crate) struct Refusal(Arc<AtomicBool>);

impl Refusal {
    pub(crate) fn refuse(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unimplemented, "refused").into());
        }
        Ok(())
    }
}

pub(crate) struct Rough<S> {
    inner: S,
    kept: Vec<u8>,
    step: usize,
    delayed: [bool; 2],
    refusal: Refusal,
    /// What it says before the end.
    farewell: &'static [u8],
}

impl<S: AsyncRead + AsyncWrite + Unpin> Rough<S> {
    pub(crate) fn new(inner: S, refusal: Refusal) -> Self {
        Self { inner, kept: Vec::new(), step: 0, delayed: [false; 2], refusal, farewell: b"" }
    }

    pub(crate) fn with_farewell(self, farewell: &'static [u8]) -> Self {
        Self { farewell, ..self }
    }

    /// Says of everything first that it is ready a little later.
    fn poll_delay(&mut self, cx: &mut Context<'_>, way: usize) -> Poll<io::Result<()>> {
        self.refusal.check()?;
        if !std::mem::replace(&mut self.delayed[way], true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Something was done; what comes next is delayed again.
    fn done(&mut self, way: usize) {
        self.delayed[way] = false;
        self.step += 1;
    }

    fn step(&self) -> usize {
        STEPS[self.step % STEPS.len()]
    }

    fn poll_pass_on(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.kept.is_empty() {
            let step = self.kept.len().min(self.step());
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.kept[..step]))?;
            self.kept.drain(..count);
            self.step += 1;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Rough<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_delay(cx, 0))?;
        let mut part = buffer.take(self.step());
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        // A part of a buffer tells its whole nothing.
        let came = part.filled().to_vec();
        buffer.put_slice(&came);
        self.done(0);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Rough<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_delay(cx, 1))?;
        if self.kept.len() >= MOST_KEPT {
            ready!(self.poll_pass_on(cx))?;
        }
        let count = data.len().min(self.step());
        self.kept.extend_from_slice(&data[..count]);
        self.done(1);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_delay(cx, 1))?;
        ready!(self.poll_pass_on(cx))?;
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.done(1);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_delay(cx, 1))?;
        let farewell = std::mem::take(&mut self.farewell);
        self.kept.extend_from_slice(farewell);
        ready!(self.poll_pass_on(cx))?;
        ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        self.done(1);
        Poll::Ready(Ok(()))
    }
}

/// The connection with a rough layer over it.
pub(crate) fn roughen(connection: &Arc<Connection>, refusal: &Refusal) -> Arc<Connection> {
    let stream = connection.exclusive().expect("nobody reads");
    let below = connection.clone();
    let rough = Rough::new(stream, refusal.clone());
    connection.layer_with_length(rough, move || below.length()).expect("few layers")
}
