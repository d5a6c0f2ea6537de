//! A pipe in this process that carries descriptors and connections of any kind. (CAPS-07)
//!
//! What is attached waits beside the pipe under the number of the byte that it goes with. It is put there before the
//! byte is handed over, and taken back if it was not, so that whoever reads the byte finds it.

use super::control::{Beside, Wanted};
use super::pipe::{End, two_way};
use super::transport::{Carrier, Transport};
use super::{Attached, Carries, Connection, fill};
use crate::error::Error;
use crate::nesting::drop_in_turn;
use crate::runtime::{Runtime, Shared};
use crate::sync::Lock;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// What goes with the bytes of one direction.
#[derive(Default)]
struct Line {
    written: u64,
    read: u64,
    waiting: VecDeque<(u64, Attached)>,
}

impl Line {
    /// Notes that bytes were read; what goes with them.
    fn pass(&mut self, count: usize) -> Vec<Attached> {
        self.read += count as u64;
        let due = self.waiting.iter().take_while(|(at, _)| *at < self.read).count();
        self.waiting.drain(..due).map(|(_, attached)| attached).collect()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        drop_unread(std::mem::take(&mut self.waiting));
    }
}

/// A connection that nobody has read may be the last holder of another one.
fn drop_unread(waiting: VecDeque<(u64, Attached)>) {
    if !waiting.is_empty() {
        drop_in_turn(move || drop(waiting));
    }
}

struct CapabilityEnd {
    end: End,
    inward: Arc<Lock<Line>>,
    outward: Arc<Lock<Line>>,
}

impl Transport for CapabilityEnd {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        let count = ready!(self.end.poll_read(cx, buffer))?;
        let unwanted = self.inward.lock().pass(count);
        drop(unwanted);
        Poll::Ready(Ok(count))
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        self.poll_write_with(cx, parts, &mut None)
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        let count = self.end.write_now(data)?;
        self.outward.lock().written += count as u64;
        Ok(count)
    }

    fn carrier(&self) -> Option<&dyn Carrier> {
        Some(self)
    }

    fn poll_shutdown_write(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.end.poll_shutdown_write(cx)
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.end.abort_read()
    }

    fn abort_write(&self, error: Error) {
        self.end.abort_write(error);
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.end.poll_write_disconnected(cx)
    }

    fn check_open(&self) -> Result<(), Error> {
        self.end.check_open()
    }

    fn close(&self) -> bool {
        let was_open = self.end.close();
        let unread = std::mem::take(&mut self.inward.lock().waiting);
        drop_unread(unread);
        was_open
    }

    fn forget_reader(&self) {
        self.end.forget_reader();
    }
}

impl Carrier for CapabilityEnd {
    fn carries(&self) -> Result<Carries, Error> {
        Ok(Carries::Connections)
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
        attached: &mut Option<Attached>,
    ) -> Poll<Result<usize, Error>> {
        let put = attached.is_some();
        if let Some(attached) = attached.take() {
            let mut line = self.outward.lock();
            let at = line.written;
            line.waiting.push_back((at, attached));
        }
        let written = self.end.poll_write(cx, parts);
        let mut line = self.outward.lock();
        match written {
            Poll::Ready(Ok(count)) => line.written += count as u64,
            _ if put => *attached = line.waiting.pop_back().map(|(_, attached)| attached),
            _ => {}
        }
        written
    }

    fn poll_read_with(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        wanted: Wanted,
        beside: &mut Beside,
    ) -> Poll<Result<usize, Error>> {
        let count = ready!(fill::spare(buffer, |spare| self.end.poll_read(cx, spare)))?;
        let came = self.inward.lock().pass(count);
        for attached in came {
            match attached {
                Attached::Fds(fds) => beside.fds.extend(fds),
                Attached::Connections(connections) => beside.connections.extend(connections),
            }
        }
        beside.fds.truncate(wanted.most);
        beside.connections.truncate(wanted.most);
        Poll::Ready(Ok(count))
    }
}

impl Connection {
    /// Two connections in this process, each of which reads what is written to the other, with descriptors or with
    /// connections of any kind. Neither is turned into the other on the way. (CAPS-07)
    pub fn capability_pipe(runtime: &Runtime) -> Result<(Arc<Self>, Arc<Self>), Error> {
        runtime.shared().check()?;
        Ok(Self::capability_pair(runtime.shared()))
    }

    pub(crate) fn capability_pair(runtime: &Arc<Shared>) -> (Arc<Self>, Arc<Self>) {
        let (one, other) = two_way();
        let (there, back) = (Arc::new(Lock::new(Line::default())), Arc::new(Lock::new(Line::default())));
        let first = CapabilityEnd { end: one, inward: back.clone(), outward: there.clone() };
        let second = CapabilityEnd { end: other, inward: there, outward: back };
        (Self::new(runtime, first), Self::new(runtime, second))
    }
}
