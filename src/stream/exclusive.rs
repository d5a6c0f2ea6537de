//! A connection as tokio's `AsyncRead` and `AsyncWrite`, for protocols that know nothing of this library.

use super::Connection;
use super::read::Reading;
use crate::coordination::Turn;
use crate::error::Error;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// All that can be done to a connection, for one holder: the right to read, and a place in the line of writers. Other
/// writers wait until this is dropped, other reads are refused.
///
/// Errors are [`Error`]s inside `io::Error`s; [`Error::from_io`] takes them out. Closing the connection, or aborting one of
/// its directions, ends what is pending here.
pub struct Exclusive {
    reading: Reading,
    turn: Turn,
    /// Whether everybody who was in line before has gone.
    first: bool,
    ended: bool,
}

impl Connection {
    /// The connection as a stream of tokio's. (STRM-01, STRM-10)
    ///
    /// # Errors
    /// `Busy` if a read is pending.
    pub fn exclusive(self: &Arc<Self>) -> Result<Exclusive, Error> {
        self.runtime().check()?;
        Ok(Exclusive { reading: Reading::claim(self)?, turn: self.writes().take(), first: false, ended: false })
    }
}

impl Exclusive {
    /// The connection that it is.
    pub fn connection(&self) -> &Arc<Connection> {
        self.reading.connection()
    }

    /// Runs a write in its turn.
    fn poll_in_turn<R>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&Connection, &mut Context<'_>) -> Poll<Result<R, Error>>,
    ) -> Poll<io::Result<R>> {
        if !self.first && self.turn.poll(cx).is_pending() {
            self.reading.check_write()?;
            return Poll::Pending;
        }
        self.first = true;
        self.reading.check_write()?;
        let written = write(&self.reading, cx);
        match &written {
            Poll::Ready(written) => self.note(written.is_ok()),
            Poll::Pending => {
                // For whoever closes or aborts, and may have looked before we were there.
                let _ = self.turn.poll(cx);
                self.reading.check_write()?;
            }
        }
        written.map_err(io::Error::from)
    }

    /// Something happened that both directions of a layer may wait for: bytes moved, or, for the first time, there are no
    /// more.
    fn note(&mut self, moved: bool) {
        if moved || !std::mem::replace(&mut self.ended, true) {
            self.reading.note_move();
        }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        self.connection().end_write();
    }
}

impl AsyncRead for Exclusive {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let read = ready!(self.reading.poll(cx, buffer));
        self.note(matches!(read, Ok(1..)));
        Poll::Ready(read.map(drop).map_err(io::Error::from))
    }
}

impl AsyncWrite for Exclusive {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if parts.iter().all(|part| part.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.poll_in_turn(cx, |connection, cx| connection.transport().poll_write(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reading.is_flushed() {
            return Poll::Ready(Ok(()));
        }
        self.poll_in_turn(cx, Connection::poll_flush)
    }

    /// Tells the other side that nothing more will come; reading goes on.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reading.poll_shutdown_write(&self.turn, cx).map_err(io::Error::from)
    }
}
