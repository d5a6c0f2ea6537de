//! The stream of a TLS connection, with errors that say what was wrong.

use super::failure::explain;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

/// Plaintext over a connection. An end without the goodbye of TLS is an error; a shutdown of writing says goodbye, and
/// reading goes on. (TLS-17, TLS-18)
pub(super) struct Secure<S>(pub(super) TlsStream<S>);

fn told<T>(what: &str, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
    polled.map_err(|error| explain(what, &error).into())
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secure<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        told("reading", Pin::new(&mut self.0).poll_read(cx, buffer))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secure<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        told("writing", Pin::new(&mut self.0).poll_write(cx, data))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        told("writing", Pin::new(&mut self.0).poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        told("writing", Pin::new(&mut self.0).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        told("saying goodbye", Pin::new(&mut self.0).poll_shutdown(cx))
    }
}
