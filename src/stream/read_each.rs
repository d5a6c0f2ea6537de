//! Reads that follow one another, with a callback for each.

use super::read::ReadInto;
use super::{Connection, Read};
use crate::error::Error;
use crate::foreign::BorrowedBuffer;
use crate::promise::{ForEach, Items, Promise, Resolution};
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

struct Chunks(Read);

impl Items for Chunks {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        Poll::Ready(match ready!(self.0.poll_bytes(cx)) {
            Ok(bytes) if bytes.is_empty() => None,
            read => Some(read.map(Value::Bytes)),
        })
    }
}

struct Fills(ReadInto);

impl Items for Fills {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        Poll::Ready(match ready!(self.0.poll_filled(cx)) {
            Ok(0) => None,
            read => Some(read.map(|count| Value::U64(count as u64))),
        })
    }
}

impl Connection {
    /// Reads again and again, at least `min` and at most `max` bytes each time (fewer than `min` only at the end), and
    /// runs `on_bytes` on the loop for each read. What that returns decides: unit reads on, a promise is waited for
    /// first and decides then, any other value ends the reading and is the outcome, and so does an error. At the end
    /// of the stream the outcome is unit. (STRM-01)
    ///
    /// # Errors
    /// As [`Connection::read`]; no other read may be pending meanwhile.
    ///
    /// # Cancellation
    /// As [`Connection::read`]; a promise that the last callback returned is dropped.
    pub fn read_each<R: Into<Resolution>>(
        self: &Arc<Self>,
        min: usize,
        max: usize,
        on_bytes: impl FnMut(Bytes) -> R + Send + 'static,
    ) -> Result<Promise, Error> {
        self.read_each_with(min, max, ForEach::closure(Value::into_bytes, on_bytes))
    }

    pub(crate) fn read_each_with(self: &Arc<Self>, min: usize, max: usize, run: ForEach) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::each(self.runtime().clone(), Chunks(Read::first(self, min, max)?), run))
    }

    pub(crate) fn read_each_into(
        self: &Arc<Self>,
        buffer: BorrowedBuffer,
        min: usize,
        run: ForEach,
    ) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::each(self.runtime().clone(), Fills(ReadInto::new(self, buffer, min)?), run))
    }
}
