//! Writes: all of the data, after whatever was written before on the same connection.

use super::parts::Parts;
use super::stretch::Stretch;
use super::{Connection, Read};
use crate::coordination::Turn;
use crate::error::Error;
use crate::value::{Outcome, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

const PUMP_CHUNK: usize = 64 * 1024;

/// A write in its turn.
pub(crate) struct Write {
    connection: Arc<Connection>,
    turn: Turn,
    parts: Parts,
    stretch: Stretch,
}

impl Write {
    pub(super) fn new(connection: &Arc<Connection>, parts: Parts) -> Self {
        Self::in_turn(connection, connection.writes().take(), parts)
    }

    pub(super) fn in_turn(connection: &Arc<Connection>, turn: Turn, parts: Parts) -> Self {
        Self { connection: connection.clone(), turn, parts, stretch: Stretch::default() }
    }

    /// Writes what is taken at once, if nobody is in line; how much that was, and the place in the line for what is left
    /// to do, if anything is.
    pub(crate) fn now(connection: &Arc<Connection>, data: &[u8]) -> Option<(Result<usize, Error>, Option<Turn>)> {
        connection.writes().try_now(|| {
            let sent = connection.write_in_turn(data);
            let unfinished = sent.as_ref().is_ok_and(|sent| *sent < data.len() || !connection.is_flushed());
            (sent, unfinished)
        })
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.turn.poll(cx).is_pending() {
            // A closed connection has nothing left to wait for.
            self.connection.check_write()?;
            return Poll::Pending;
        }
        while !self.parts.is_empty() {
            self.connection.check_write()?;
            ready!(self.stretch.poll(cx));
            let transport = self.connection.transport();
            let written = ready!(self.parts.poll(|parts| transport.poll_write(cx, parts)))?;
            self.stretch.moved(written);
        }
        self.connection.poll_flush(cx)
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        // What a layer has taken goes out, also if nobody waits for that any more.
        self.connection.end_write(&self.turn);
    }
}

/// The end of the stream, in its turn.
pub(super) struct ShutdownWrite {
    connection: Arc<Connection>,
    turn: Turn,
}

impl ShutdownWrite {
    pub(super) fn new(connection: &Arc<Connection>) -> Self {
        Self { connection: connection.clone(), turn: connection.writes().take() }
    }
}

impl Future for ShutdownWrite {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.connection.poll_shutdown_write(&self.turn, cx).map_ok(|()| Value::Unit)
    }
}

impl Drop for ShutdownWrite {
    fn drop(&mut self) {
        self.connection.end_write(&self.turn);
    }
}

/// A flush that somebody asked for, in its turn.
pub(super) struct FlushAll {
    connection: Arc<Connection>,
    turn: Turn,
    begun: bool,
}

impl FlushAll {
    pub(super) fn new(connection: &Arc<Connection>) -> Self {
        Self { connection: connection.clone(), turn: connection.writes().take(), begun: false }
    }
}

impl Future for FlushAll {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let first = self.turn.poll(cx).is_ready();
        self.connection.check_write()?;
        if !first {
            return Poll::Pending;
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.connection.request_flush();
        }
        self.connection.poll_flush(cx).map_ok(|()| Value::Unit)
    }
}

impl Drop for FlushAll {
    fn drop(&mut self) {
        self.connection.end_write(&self.turn);
    }
}

/// Has a layer pass on what it keeps. Belongs to the connection, which it does not hold.
pub(super) struct Flush {
    connection: Weak<Connection>,
    turn: Turn,
}

impl Flush {
    pub(super) fn new(connection: &Arc<Connection>) -> Self {
        Self { connection: Arc::downgrade(connection), turn: connection.writes().take() }
    }
}

impl Future for Flush {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(connection) = self.connection.upgrade() else { return Poll::Ready(Ok(Value::Unit)) };
        if self.turn.poll(cx).is_pending() {
            connection.check_write()?;
            return Poll::Pending;
        }
        connection.poll_flush(cx).map_ok(|()| Value::Unit)
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.upgrade() {
            connection.flush_is_over();
        }
    }
}

impl Future for Write {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll_all(cx).map_ok(|()| Value::Unit)
    }
}

/// Whoever shares the source goes at the pump's pace while this lives.
struct Pumping(Arc<Connection>);

impl Drop for Pumping {
    fn drop(&mut self) {
        self.0.transport().pumping(false);
    }
}

/// A pump's two halves. Nobody else reads from the source, also not while a chunk is being written.
struct Halves {
    read: Read,
    write: Write,
}

impl Drop for Halves {
    fn drop(&mut self) {
        self.read.give_back(self.write.parts.take());
    }
}

/// Moves bytes from one connection to the other until the end or the limit; how many it moved. (STRM-05)
pub(crate) async fn pump(from: Arc<Connection>, to: Arc<Connection>, limit: u64) -> Outcome {
    from.transport().pumping(true);
    let from = Pumping(from);
    let (read, write) = (Read::new(&from.0, 1, PUMP_CHUNK)?, Write::new(&to, Parts::default()));
    let mut halves = Halves { read, write };
    let mut moved = 0;
    while moved < limit {
        let max = usize::try_from(limit - moved).map_or(PUMP_CHUNK, |left| left.min(PUMP_CHUNK));
        std::future::poll_fn(|cx| halves.write.stretch.poll(cx)).await;
        let chunk = halves.read.next(max).await?;
        if chunk.is_empty() {
            break;
        }
        moved += chunk.len() as u64;
        halves.write.parts.push(chunk);
        std::future::poll_fn(|cx| halves.write.poll_all(cx)).await?;
    }
    Ok(Value::U64(moved))
}
