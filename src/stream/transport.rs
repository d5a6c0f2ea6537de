//! What a connection moves its bytes through: a descriptor, or something in this process.

use super::control::{Beside, Wanted};
use super::{Attached, Carries, Socket, Target};
use crate::error::{Error, ErrorKind};
use bytes::Bytes;
use std::collections::VecDeque;
use std::task::{Context, Poll};

/// Both directions of a byte stream. A connection makes sure that there is one reader and one writer at a time, so
/// that one waker for each is enough.
pub(crate) trait Transport: Send + Sync {
    /// Reads once into what is left of the target; 0 at the end of the stream.
    fn poll_read(&self, cx: &mut Context<'_>, target: &mut Target<'_>) -> Poll<Result<usize, Error>>;

    /// Takes some bytes, at least one, from the front of `parts`, none of which is empty.
    fn poll_write(&self, cx: &mut Context<'_>, parts: &mut VecDeque<Bytes>) -> Poll<Result<(), Error>>;

    /// Takes what it can at once.
    fn write_now(&self, data: &[u8]) -> Result<usize, Error>;

    /// The other side sees the end of the stream; reading goes on.
    fn shutdown_write(&self) -> Result<(), Error>;

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

    /// The descriptor, if there is one.
    fn socket(&self) -> Option<&Socket> {
        None
    }

    /// What may be sent along with bytes. (CAPS-01, CAPS-04)
    fn carries(&self) -> Result<Carries, Error> {
        Err(Error::new(ErrorKind::Unimplemented, "this connection carries bytes only"))
    }

    /// As `poll_write`, with what is attached to the first byte, which is taken with it.
    fn poll_write_with(
        &self,
        _cx: &mut Context<'_>,
        _parts: &mut VecDeque<Bytes>,
        _attached: &mut Option<Attached>,
    ) -> Poll<Result<(), Error>> {
        Poll::Ready(self.carries().map(drop))
    }

    /// As `poll_read`, keeping what came with the bytes.
    fn poll_read_with(
        &self,
        _cx: &mut Context<'_>,
        _buffer: &mut Vec<u8>,
        _wanted: Wanted,
        _beside: &mut Beside,
    ) -> Poll<Result<usize, Error>> {
        Poll::Ready(self.carries().map(|_| 0))
    }

    /// `Canceled` once it has been closed.
    fn check_open(&self) -> Result<(), Error>;

    /// Ends it in both directions and wakes the reader; `true` if it was open.
    fn close(&self) -> bool;

    /// The pending read is over.
    fn forget_reader(&self) {}
}
