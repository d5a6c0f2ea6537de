//! Writes: all of the data, after whatever was written before on the same connection.

use super::stretch::Stretch;
use super::{Connection, Read};
use crate::coordination::Turn;
use crate::error::Error;
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

const PUMP_CHUNK: usize = 64 * 1024;

/// A write in its turn.
pub(crate) struct Write {
    connection: Arc<Connection>,
    turn: Turn,
    parts: VecDeque<Bytes>,
    stretch: Stretch,
}

impl Write {
    pub(crate) fn new(connection: &Arc<Connection>, parts: VecDeque<Bytes>) -> Self {
        Self::in_turn(connection, connection.writes().take(), parts)
    }

    pub(crate) fn in_turn(connection: &Arc<Connection>, turn: Turn, mut parts: VecDeque<Bytes>) -> Self {
        parts.retain(|part| !part.is_empty());
        Self { connection: connection.clone(), turn, parts, stretch: Stretch::default() }
    }

    /// Writes what the kernel takes at once, if nobody is in line; how much that was, and, if it was not
    /// all, the place in the line for the rest.
    pub(crate) fn now(connection: &Arc<Connection>, data: &[u8]) -> Option<(Result<usize, Error>, Option<Turn>)> {
        connection.writes().try_now(|| {
            let sent = connection.write_in_turn(data);
            let unfinished = sent.as_ref().is_ok_and(|sent| *sent < data.len());
            (sent, unfinished)
        })
    }

    fn left(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
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
            let before = self.left();
            ready!(self.connection.transport().poll_write(cx, &mut self.parts))?;
            self.stretch.moved(before - self.left());
        }
        Poll::Ready(Ok(()))
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

/// Moves bytes from one connection to the other until the end or the limit; how many it moved. (STRM-05)
pub(crate) async fn pump(from: Arc<Connection>, to: Arc<Connection>, limit: u64) -> Outcome {
    from.transport().pumping(true);
    let from = Pumping(from);
    // Nobody else reads from the source meanwhile, also not while a chunk is being written.
    let mut read = Read::new(&from.0, 1, PUMP_CHUNK)?;
    let mut moved = 0;
    let mut out = Write::new(&to, VecDeque::new());
    while moved < limit {
        let max = usize::try_from(limit - moved).map_or(PUMP_CHUNK, |left| left.min(PUMP_CHUNK));
        // Here rather than in the write, where a cancel would lose what has been read.
        std::future::poll_fn(|cx| out.stretch.poll(cx)).await;
        let chunk = read.next(max).await?;
        if chunk.is_empty() {
            break;
        }
        moved += chunk.len() as u64;
        out.parts.push_back(chunk);
        std::future::poll_fn(|cx| out.poll_all(cx)).await?;
    }
    Ok(Value::U64(moved))
}
