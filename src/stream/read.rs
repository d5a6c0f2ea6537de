//! Reads: at least `min` bytes unless the stream ends first, at most `max`.

use super::stretch::Stretch;
use super::{Connection, fill};
use crate::error::{Error, ErrorKind};
use crate::foreign::{BorrowedBuffer, owned_bytes};
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// What a read asks the kernel for at once, unless more is required.
pub(super) const CHUNK: usize = 64 * 1024;

/// The right to read, of which a connection has one.
pub(crate) struct Reading(Arc<Connection>);

impl Reading {
    pub(super) fn claim(connection: &Arc<Connection>) -> Result<Self, Error> {
        if connection.claim_read() { Ok(Self(connection.clone())) } else { Err(Error::busy_read()) }
    }

    /// Reads once, for somebody who waits for `min` bytes, at least 1; how much that was.
    #[inline(always)]
    pub(super) fn poll(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        min: usize,
    ) -> Poll<Result<usize, Error>> {
        self.0.poll_read(cx, buffer, min)
    }

    /// Reads once into the spare capacity of a vector; how much that was.
    #[inline(always)]
    fn poll_more(&self, cx: &mut Context<'_>, buffer: &mut Vec<u8>, min: usize) -> Poll<Result<usize, Error>> {
        fill::spare(buffer, |spare| self.poll(cx, spare, min))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.end_read();
    }
}

/// The connection that is read.
impl std::ops::Deref for Reading {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

pub(super) fn reserve(buffer: &mut Vec<u8>, room: usize) -> Result<(), Error> {
    buffer
        .try_reserve_exact(room)
        .map_err(|_| Error::new(ErrorKind::Overloaded, format!("no memory for {room} bytes to read into")))
}

/// Into a buffer of its own, allocated only when there is something to read: an idle read holds none.
pub(crate) struct Read {
    reading: Reading,
    buffer: Vec<u8>,
    min: usize,
    max: usize,
    room: Room,
}

/// How much memory a read takes at first.
#[derive(Clone, Copy)]
enum Room {
    /// For as much as the kernel is asked for at once.
    Chunk,
    /// For about as much as came before, in a sequence of reads.
    Learned(usize),
}

/// The least that is learned.
const SMALL: usize = 4096;

impl Room {
    fn bytes(self) -> usize {
        match self {
            Self::Chunk => CHUNK,
            Self::Learned(bytes) => bytes,
        }
    }

    fn learn(&mut self, came: usize) {
        if let Self::Learned(bytes) = self {
            let fit = if came >= *bytes { *bytes * 2 } else { came.saturating_mul(4).min(*bytes) };
            *bytes = fit.clamp(SMALL, CHUNK);
        }
    }
}

impl Read {
    pub(crate) fn new(connection: &Arc<Connection>, min: usize, max: usize) -> Result<Self, Error> {
        if min > max || max == 0 {
            return Err(Error::invalid(format!("a read of at least {min} and at most {max} bytes")));
        }
        let reading = Reading::claim(connection)?;
        Ok(Self { reading, buffer: Vec::new(), min: min.max(1), max, room: Room::Chunk })
    }

    /// The first of a sequence.
    pub(super) fn first(connection: &Arc<Connection>, min: usize, max: usize) -> Result<Self, Error> {
        let mut first = Self::new(connection, min, max)?;
        first.room = Room::Learned(SMALL);
        Ok(first)
    }

    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        loop {
            let filled = self.buffer.len();
            if self.buffer.capacity() == filled {
                let want = self.max.min(self.room.bytes().max(self.min)) - filled;
                reserve(&mut self.buffer, want)?;
            }
            match self.reading.poll_more(cx, &mut self.buffer, self.min - filled) {
                Poll::Pending if filled == 0 => {
                    self.buffer = Vec::new();
                    return Poll::Pending;
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(count) => {
                    if count? == 0 || self.buffer.len() >= self.min {
                        break;
                    }
                }
            }
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        self.room.learn(buffer.len());
        if buffer.len() < buffer.capacity() {
            // In place with every allocator in use: the block only gets shorter.
            buffer.shrink_to_fit();
        }
        Poll::Ready(Ok(Bytes::from(buffer)))
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        let unfinished = std::mem::take(&mut self.buffer);
        self.give_back(Bytes::from(unfinished));
    }
}

impl Future for Read {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll_bytes(cx).map_ok(Value::Bytes)
    }
}

/// Into a buffer of the caller's, filled by the kernel directly.
pub(crate) struct ReadInto {
    // Given back before the connection may be read again.
    buffer: Option<BorrowedBuffer>,
    reading: Reading,
    min: usize,
}

impl ReadInto {
    pub(crate) fn new(connection: &Arc<Connection>, buffer: BorrowedBuffer, min: usize) -> Result<Self, Error> {
        if min > buffer.len() || buffer.len() == 0 {
            return Err(Error::invalid(format!("a read of at least {min} and at most {} bytes", buffer.len())));
        }
        let reading = Reading::claim(connection)?;
        Ok(Self { buffer: Some(buffer), reading, min: min.max(1) })
    }
}

impl ReadInto {
    #[inline(always)]
    /// How much has been read, from the start of the buffer; 0 at the end of the stream.
    pub(super) fn poll_filled(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        let Some(buffer) = &mut self.buffer else { return Poll::Pending };
        loop {
            let least = self.min - buffer.filled().len();
            let count = ready!(buffer.fill(|rest| self.reading.poll(cx, rest, least)))?;
            if count == 0 || buffer.filled().len() >= self.min {
                return Poll::Ready(Ok(buffer.clear()));
            }
        }
    }
}

impl Drop for ReadInto {
    fn drop(&mut self) {
        if let Some(buffer) = &self.buffer {
            // Without the memory for them they are lost: there is nobody left to tell.
            self.reading.unread().give_back(owned_bytes(buffer.filled()).unwrap_or_default());
        }
    }
}

impl Future for ReadInto {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let filled = ready!(self.poll_filled(cx))?;
        self.buffer = None;
        Poll::Ready(Ok(Value::U64(filled as u64)))
    }
}

/// Everything until the end, up to a limit. (STRM-07)
pub(crate) struct ReadAll {
    reading: Reading,
    buffer: Vec<u8>,
    limit: usize,
    stretch: Stretch,
}

impl ReadAll {
    pub(crate) fn new(connection: &Arc<Connection>, limit: usize) -> Result<Self, Error> {
        Ok(Self { reading: Reading::claim(connection)?, buffer: Vec::new(), limit, stretch: Stretch::default() })
    }
}

impl Drop for ReadAll {
    fn drop(&mut self) {
        self.reading.unread().give_back(Bytes::from(std::mem::take(&mut self.buffer)));
    }
}

impl Future for ReadAll {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        loop {
            if this.buffer.capacity() == this.buffer.len() {
                // One byte past the limit tells a stream that ends there from one that is too long.
                let want = this.buffer.len().max(4096).min(this.limit.saturating_add(1) - this.buffer.len());
                reserve(&mut this.buffer, want)?;
            }
            ready!(this.stretch.poll(cx));
            let count = ready!(this.reading.poll_more(cx, &mut this.buffer, 1))?;
            this.stretch.moved(count);
            if this.buffer.len() > this.limit {
                let text = format!("the stream is longer than the limit of {} bytes", this.limit);
                return Poll::Ready(Err(Error::new(ErrorKind::Overloaded, text)));
            }
            if count == 0 {
                return Poll::Ready(Ok(Value::Bytes(Bytes::from(std::mem::take(&mut this.buffer)))));
            }
        }
    }
}

impl Read {
    /// The bytes themselves, for use inside another future.
    pub(crate) async fn bytes(&mut self) -> Result<Bytes, Error> {
        std::future::poll_fn(|cx| self.poll_bytes(cx)).await
    }

    /// Another read of at most `max` bytes, which keeps the right to read.
    pub(crate) async fn next(&mut self, max: usize) -> Result<Bytes, Error> {
        self.max = max;
        self.bytes().await
    }

    /// The next read begins with these bytes, which came from this one.
    pub(super) fn give_back(&self, bytes: Bytes) {
        self.reading.unread().give_back(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_what_comes_within_its_bounds() {
        let mut room = Room::Learned(SMALL);
        for came in [SMALL, 2 * SMALL, 4 * SMALL, CHUNK, CHUNK] {
            room.learn(came);
        }
        assert_eq!(room.bytes(), CHUNK);
        room.learn(3 * SMALL);
        assert_eq!(room.bytes(), 12 * SMALL);
        room.learn(1);
        assert_eq!(room.bytes(), SMALL);
        let mut fixed = Room::Chunk;
        fixed.learn(1);
        assert_eq!(fixed.bytes(), CHUNK);
    }
}
