//! What a connection moves its bytes through: a descriptor, something in this process, or a layer over another connection.

use super::coming::Coming;
use super::control::{Beside, Wanted};
use super::{Attached, Carries, Connection, Socket};
use crate::error::Error;
use crate::peer::TlsIdentity;
use std::io::IoSlice;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// Both directions of a byte stream. A connection makes sure that there is one reader and one writer at a time, so
/// that one waker for each is enough.
pub(crate) trait Transport: Send + Sync {
    /// Reads once into what is left of the buffer, which is not full; how much that was, 0 at the end of the stream.
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>>;

    /// As `poll_read`, and says that whoever reads waits for `min` bytes, at least 1 and no more than there is room for.
    /// Fewer will do.
    fn poll_read_at_least(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        _min: usize,
    ) -> Poll<Result<usize, Error>> {
        self.poll_read(cx, buffer)
    }

    /// Takes some of these bytes from the front, at least one of those that there are; how many it took.
    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>>;

    /// Takes what it can at once. Runs in the lock of the line of writers.
    fn write_now(&self, data: &[u8]) -> Result<usize, Error>;

    /// Whether it may keep bytes that it has taken, until they are flushed.
    fn buffers(&self) -> bool {
        false
    }

    /// Whether it keeps none just now.
    fn is_flushed(&self) -> bool {
        true
    }

    /// The next flush is to bring the other side all that was taken, also what a compressor would rather keep.
    fn request_flush(&self) {}

    /// Ready once it keeps none of the bytes that it has taken, or only what was not yet asked for.
    fn poll_flush(&self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    /// The other side sees the end of the stream; reading goes on. What is pending has begun, and goes on when it is
    /// polled again, perhaps by another operation.
    fn poll_shutdown_write(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>>;

    /// Nothing more is read, pending or later.
    fn abort_read(&self) -> Result<(), Error>;

    /// Whoever reads from the other end in this process gets the error; a socket is reset when it is closed.
    fn abort_write(&self, error: Error);

    /// How many bytes are left to read, if that is known. (STRM-04)
    fn length(&self) -> Option<u64> {
        None
    }

    /// Ready once writing would fail because the other side has gone. (STRM-13)
    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>>;

    /// A pump begins or ends to read from this. (PIPE-10)
    fn pumping(&self, _active: bool) {}

    /// The descriptor, if it is one.
    fn socket(&self) -> Option<&Socket> {
        None
    }

    /// The connection that this one is a layer over: asked for socket options, names, the peer and the descriptor.
    fn below(&self) -> Option<Arc<Connection>> {
        None
    }

    /// What the peer has shown, if this is a TLS connection.
    fn identity(&self) -> Option<&Arc<TlsIdentity>> {
        None
    }

    /// What it passes everything on to, if it does nothing else.
    fn stands_for(&self) -> Option<&Coming> {
        None
    }

    /// What sends descriptors or connections along with bytes, if it can do that. (CAPS-01, CAPS-04)
    fn carrier(&self) -> Option<&dyn Carrier> {
        None
    }

    /// `Canceled` once it has been closed.
    fn check_open(&self) -> Result<(), Error>;

    /// Ends it in both directions and wakes the reader; `true` if it was open.
    fn close(&self) -> bool;

    /// The pending read is over.
    fn forget_reader(&self) {}

    /// Nobody waits for the write, flush or shutdown that may be pending.
    fn forget_writer(&self) {}

    /// The write, flush or shutdown that was pending is over, and nobody will go on with it.
    fn end_writer(&self) {}
}

/// A transport whose bytes have something beside them.
pub(crate) trait Carrier {
    /// What may be sent along with bytes.
    fn carries(&self) -> Result<Carries, Error>;

    /// As `poll_write`, with what is attached to the first byte, which is taken with it.
    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
        attached: &mut Option<Attached>,
    ) -> Poll<Result<usize, Error>>;

    /// As `poll_read` into the spare capacity of a vector, keeping what came with the bytes.
    fn poll_read_with(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        wanted: Wanted,
        beside: &mut Beside,
    ) -> Poll<Result<usize, Error>>;
}
