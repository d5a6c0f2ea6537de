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
    read: ReadHalf,
    write: WriteHalf,
}

/// The right to read, of an [`Exclusive`].
pub(crate) struct ReadHalf {
    reading: Reading,
    noted: Noted,
}

/// The place in the line of writers, of an [`Exclusive`].
pub(crate) struct WriteHalf {
    connection: Arc<Connection>,
    turn: Turn,
    /// Whether everybody who was in line before has gone.
    first: bool,
    /// Whether the connection may know of somebody who waits to write.
    waits: bool,
    noted: Noted,
}

/// Whether an end has been noted.
#[derive(Default)]
struct Noted(bool);

impl Noted {
    /// Something happened that both directions of a layer may wait for: bytes moved, or, for the first time, there are no
    /// more.
    fn note(&mut self, connection: &Connection, moved: bool) {
        if moved || !std::mem::replace(&mut self.0, true) {
            connection.note_move();
        }
    }
}

impl Connection {
    /// The connection as a stream of tokio's. (STRM-01, STRM-10)
    ///
    /// # Errors
    /// `Busy` if a read is pending.
    pub fn exclusive(self: &Arc<Self>) -> Result<Exclusive, Error> {
        self.runtime().check()?;
        let read = ReadHalf { reading: Reading::claim(self)?, noted: Noted::default() };
        let (connection, turn) = (self.clone(), self.writes().take());
        Ok(Exclusive {
            read,
            write: WriteHalf { connection, turn, first: false, waits: false, noted: Noted::default() },
        })
    }
}

impl Exclusive {
    /// The connection that it is.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.write.connection
    }

    /// Its two directions, each to be used on its own.
    pub(crate) fn split(self) -> (ReadHalf, WriteHalf) {
        (self.read, self.write)
    }
}

impl ReadHalf {
    /// Nobody waits for the next read.
    pub(crate) fn rest(&self) {
        self.reading.transport().forget_reader();
    }
}

impl WriteHalf {
    /// Nobody waits for the next write.
    pub(crate) fn rest(&mut self) {
        if std::mem::take(&mut self.waits) {
            self.connection.transport().forget_writer();
            self.turn.forget();
        }
    }

    /// Runs a write in its turn.
    fn poll_in_turn<R>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&Connection, &mut Context<'_>) -> Poll<Result<R, Error>>,
    ) -> Poll<Result<R, Error>> {
        if !self.first {
            self.waits = true;
            if self.turn.poll(cx).is_pending() {
                self.connection.check_write()?;
                return Poll::Pending;
            }
        }
        self.first = true;
        self.connection.check_write()?;
        let written = write(&self.connection, cx);
        match &written {
            Poll::Ready(written) => self.noted.note(&self.connection, written.is_ok()),
            Poll::Pending => {
                self.waits = true;
                // For whoever closes or aborts, and may have looked before we were there.
                let _ = self.turn.poll(cx);
                self.connection.check_write()?;
            }
        }
        written
    }

    /// Writes some of these bytes, of which there are any; how many.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        self.poll_in_turn(cx, |connection, cx| connection.transport().poll_write(cx, parts))
    }

    /// Ready once all that was written is on its way.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.connection.request_flush();
        self.poll_pass_on(cx)
    }

    /// As `poll_flush`, without what a compressor would rather keep.
    pub(crate) fn poll_pass_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.connection.is_flushed() {
            return Poll::Ready(Ok(()));
        }
        self.poll_in_turn(cx, Connection::poll_flush)
    }

    /// Tells the other side that nothing more will come; reading goes on.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.waits = true;
        self.connection.poll_shutdown_write(&self.turn, cx)
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        self.connection.end_write(&self.turn);
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = &mut *self;
        let read = ready!(this.reading.poll(cx, buffer, 1));
        this.noted.note(&this.reading, matches!(read, Ok(1..)));
        Poll::Ready(read.map(drop).map_err(io::Error::from))
    }
}

impl AsyncRead for Exclusive {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buffer)
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
        self.write.poll_write(cx, parts).map_err(io::Error::from)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write.poll_flush(cx).map_err(io::Error::from)
    }

    /// Tells the other side that nothing more will come; reading goes on.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write.poll_shutdown(cx).map_err(io::Error::from)
    }
}
