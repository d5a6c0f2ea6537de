//! Writes: all of the data, after whatever was written before on the same connection.

use super::socket::Direction;
use super::Read;
use crate::coordination::Turn;
use crate::error::Error;
use crate::net::Connection;
use crate::value::{Outcome, Value};
use bytes::{Buf, Bytes};
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};
use std::collections::VecDeque;
use std::future::Future;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// What one call hands to the kernel at most; IOV_MAX is 1024 on every system we know.
const SLICES: usize = 64;
const PUMP_CHUNK: usize = 64 * 1024;

#[cfg(target_vendor = "apple")]
const FLAGS: SendFlags = SendFlags::empty();
#[cfg(not(target_vendor = "apple"))]
const FLAGS: SendFlags = SendFlags::NOSIGNAL;

/// A write in its turn.
pub(crate) struct Write {
    connection: Arc<Connection>,
    turn: Turn,
    parts: VecDeque<Bytes>,
}

impl Write {
    pub(crate) fn new(connection: &Arc<Connection>, parts: VecDeque<Bytes>) -> Self {
        Self::in_turn(connection, connection.writes().take(), parts)
    }

    pub(crate) fn in_turn(connection: &Arc<Connection>, turn: Turn, mut parts: VecDeque<Bytes>) -> Self {
        parts.retain(|part| !part.is_empty());
        Self { connection: connection.clone(), turn, parts }
    }

    /// Writes what the kernel takes at once, if nobody is in line; how much that was, and, if it was not
    /// all, the place in the line for the rest.
    pub(crate) fn now(connection: &Arc<Connection>, data: &[u8]) -> Option<(Result<usize, Error>, Option<Turn>)> {
        connection.writes().try_now(|| {
            let mut sent = 0;
            while sent < data.len() {
                match connection.socket().with_fd(|fd| send(fd, &data[sent..], FLAGS)) {
                    Ok(Ok(count)) => sent += count,
                    Ok(Err(rustix::io::Errno::INTR)) => {}
                    Ok(Err(rustix::io::Errno::AGAIN)) => break,
                    Ok(Err(errno)) => return (Err(Error::from_io("writing", &errno.into())), false),
                    Err(closed) => return (Err(closed), false),
                }
            }
            (Ok(sent), sent < data.len())
        })
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.turn.poll(cx).is_pending() {
            // A closed connection has nothing left to wait for.
            self.connection.socket().with_fd(|_| ())?;
            return Poll::Pending;
        }
        let socket = self.connection.socket();
        while !self.parts.is_empty() {
            let parts = &self.parts;
            let sent = ready!(socket.poll_io(Direction::Write, cx, |fd| {
                if let [only] = parts.as_slices().0 {
                    return send(fd, only, FLAGS);
                }
                let slices: Vec<IoSlice<'_>> = parts.iter().take(SLICES).map(|part| IoSlice::new(part)).collect();
                sendmsg(fd, &slices, &mut SendAncillaryBuffer::default(), FLAGS)
            }, |_| false))?;
            let mut sent = sent.map_err(|error| Error::from_io("writing", &error))?;
            while let Some(first) = self.parts.front_mut() {
                let step = sent.min(first.len());
                first.advance(step);
                sent -= step;
                if !first.is_empty() {
                    break;
                }
                self.parts.pop_front();
            }
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

/// Moves bytes from one connection to the other until the end or the limit; how many it moved. (STRM-05)
pub(crate) async fn pump(from: Arc<Connection>, to: Arc<Connection>, limit: u64) -> Outcome {
    let mut moved = 0;
    let mut out = Write::new(&to, VecDeque::new());
    while moved < limit {
        let max = usize::try_from(limit - moved).map_or(PUMP_CHUNK, |left| left.min(PUMP_CHUNK));
        let chunk = Read::new(&from, 1, max)?.bytes().await?;
        if chunk.is_empty() {
            break;
        }
        moved += chunk.len() as u64;
        out.parts.push_back(chunk);
        std::future::poll_fn(|cx| out.poll_all(cx)).await?;
    }
    Ok(Value::U64(moved))
}
