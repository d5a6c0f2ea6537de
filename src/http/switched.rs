//! Connections that stop being HTTP, or are handed on: what was read too early comes first.

use crate::error::Error;
use crate::stream::{Connection, Exclusive};
use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What had come of the stream before it was one, and then the stream.
pub(super) struct Switched {
    first: Bytes,
    io: Exclusive,
    /// Something that is to live as long as the stream.
    _held: Option<Box<dyn Send>>,
}

impl AsyncRead for Switched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let count = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Switched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Switched {
    /// The connection itself, if nothing of it has been read too early.
    pub(super) fn over(connection: &Arc<Connection>, first: Bytes, io: Exclusive) -> Result<Arc<Connection>, Error> {
        if first.is_empty() { Ok(connection.clone()) } else { connection.layer(Self { first, io, _held: None }) }
    }

    /// The connection with something that is to live as long as it.
    pub(super) fn holding(connection: &Arc<Connection>, held: impl Send + 'static) -> Result<Arc<Connection>, Error> {
        let io = connection.exclusive()?;
        connection.layer(Self { first: Bytes::new(), io, _held: Some(Box::new(held)) })
    }
}
