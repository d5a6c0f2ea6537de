//! A stream whose reads have to write and whose writes have to read, as in TLS: every piece is acknowledged by whoever
//! reads it, before the next one is sent.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const MOST: usize = 200;
const ACKNOWLEDGED: u8 = 0;

pub(crate) struct Acknowledged<S> {
    inner: S,
    /// What has come and is not a whole piece.
    raw: Vec<u8>,
    arrived: VecDeque<u8>,
    outgoing: VecDeque<u8>,
    /// A piece was sent that the other side has not read.
    waiting: bool,
    ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Acknowledged<S> {
    pub(crate) fn new(inner: S) -> Self {
        let (raw, arrived, outgoing) = (Vec::new(), VecDeque::new(), VecDeque::new());
        Self { inner, raw, arrived, outgoing, waiting: false, ended: false }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, self.outgoing.as_slices().0))?;
            self.outgoing.drain(..count);
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// As `poll_send`, reading meanwhile: the other side may be waiting to send, too.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.poll_send(cx)?.is_pending() {
            if self.ended {
                return Poll::Pending;
            }
            ready!(self.poll_receive(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once, and takes apart what has come: a byte that tells of a piece that was read, or a length and a piece.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 50];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer))?;
        self.ended |= buffer.filled().is_empty();
        self.raw.extend_from_slice(buffer.filled());
        while let Some(&length) = self.raw.first() {
            let whole = 1 + usize::from(length);
            if self.raw.len() < whole {
                break;
            }
            let piece: Vec<u8> = self.raw.drain(..whole).skip(1).collect();
            if length == ACKNOWLEDGED {
                self.waiting = false;
            } else {
                self.arrived.extend(piece);
                self.outgoing.push_back(ACKNOWLEDGED);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Acknowledged<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let _ = self.poll_exchange(cx)?;
        while self.arrived.is_empty() {
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_receive(cx))?;
        }
        // What cannot be sent now is sent by the next read: the other side may have nothing more to read.
        let _ = self.poll_exchange(cx)?;
        while buffer.remaining() > 0
            && let Some(byte) = self.arrived.pop_front()
        {
            buffer.put_slice(&[byte]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Acknowledged<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_exchange(cx))?;
        while self.waiting {
            if self.ended {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            ready!(self.poll_receive(cx))?;
        }
        let count = data.len().min(MOST);
        self.outgoing.push_back(count as u8);
        self.outgoing.extend(&data[..count]);
        self.waiting = true;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_exchange(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_exchange(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
