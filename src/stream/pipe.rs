//! Pipes in this process, without a buffer: what is written waits until somebody reads.
//!
//! A reader says how many bytes it has room for; the writer hands over that many and no more. What a reader that
//! went away did not take is there for the next one.

use super::{Connection, Transport, fill};
use crate::error::{Error, ErrorKind};
use crate::runtime::{Runtime, Shared};
use crate::sync::Lock;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::ReadBuf;

#[derive(Default)]
struct State {
    /// Handed over and not read yet.
    handed: VecDeque<u8>,
    /// How many more bytes the reader has room for.
    wanted: usize,
    /// How many bytes there will be, counted down as they are read, if that was said.
    expected: Option<u64>,
    /// How many bytes may still be written, if that was said.
    writable: Option<u64>,
    write_ended: Option<Result<(), Error>>,
    read_ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    watcher: Option<Waker>,
}

/// One direction.
#[derive(Default)]
struct Channel(Lock<State>);

fn wake(wakers: impl IntoIterator<Item = Option<Waker>>) {
    wakers.into_iter().flatten().for_each(Waker::wake);
}

fn broken() -> Error {
    Error::with_os(
        ErrorKind::Disconnected,
        rustix::io::Errno::PIPE.raw_os_error(),
        "the other end of the pipe was closed",
    )
}

impl Channel {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        let mut state = self.0.lock();
        if state.read_ended {
            return Poll::Ready(Ok(0));
        }
        if !state.handed.is_empty() {
            let mut count = 0;
            while count == 0 || (!state.handed.is_empty() && buffer.remaining() > 0) {
                let step = fill::put(buffer, state.handed.as_slices().0);
                state.handed.drain(..step);
                count += step;
            }
            state.wanted = 0;
            if let Some(left) = &mut state.expected {
                *left -= count as u64;
            }
            // With the last byte of its length a pipe has no reader any more.
            let watcher = if state.expected == Some(0) { state.watcher.take() } else { None };
            drop(state);
            wake([watcher]);
            return Poll::Ready(Ok(count));
        }
        let ended = match (&state.write_ended, state.expected) {
            (_, Some(0)) => Some(Ok(0)),
            (Some(Err(error)), _) => Some(Err(error.clone())),
            (Some(Ok(())), Some(left)) => {
                let text = format!("the pipe was closed {left} bytes before its expected end");
                Some(Err(Error::new(ErrorKind::Disconnected, text)))
            }
            (Some(Ok(())), None) => Some(Ok(0)),
            (None, _) => None,
        };
        if let Some(ended) = ended {
            return Poll::Ready(ended);
        }
        state.wanted = buffer.remaining();
        let old = state.reader.replace(cx.waker().clone());
        let writer = state.writer.take();
        drop(state);
        drop(old);
        wake([writer]);
        Poll::Pending
    }

    /// Hands over what the reader has room for; how much that was.
    fn hand_over(state: &mut State, data: &[u8]) -> Result<usize, Error> {
        match &state.write_ended {
            Some(Err(error)) => return Err(error.clone()),
            Some(Ok(())) => return Err(Error::after_end()),
            None => {}
        }
        if state.read_ended || state.writable == Some(0) {
            return Err(broken());
        }
        let most = state.writable.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let count = data.len().min(state.wanted).min(most);
        state.handed.extend(&data[..count]);
        state.wanted -= count;
        if let Some(left) = &mut state.writable {
            *left -= count as u64;
        }
        Ok(count)
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        let mut state = self.0.lock();
        let count = Self::hand_over(&mut state, data)?;
        let reader = if count > 0 { state.reader.take() } else { None };
        drop(state);
        wake([reader]);
        Ok(count)
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        let mut state = self.0.lock();
        let mut total = 0;
        for part in parts.iter().filter(|part| !part.is_empty()) {
            let count = match Self::hand_over(&mut state, part) {
                Ok(count) => count,
                Err(error) if total == 0 => return Poll::Ready(Err(error)),
                Err(_) => break,
            };
            total += count;
            if count < part.len() {
                break;
            }
        }
        let woken = if total > 0 { state.reader.take() } else { state.writer.replace(cx.waker().clone()) };
        drop(state);
        if total == 0 {
            return Poll::Pending;
        }
        wake([woken]);
        Poll::Ready(Ok(total))
    }

    fn end_write(&self, how: Result<(), Error>) {
        let mut state = self.0.lock();
        state.write_ended.get_or_insert(how);
        let woken = [state.reader.take(), state.writer.take(), state.watcher.take()];
        drop(state);
        wake(woken);
    }

    fn end_read(&self) {
        let mut state = self.0.lock();
        state.read_ended = true;
        let left = std::mem::take(&mut state.handed);
        let woken = [state.reader.take(), state.writer.take(), state.watcher.take()];
        drop(state);
        drop(left);
        wake(woken);
    }

    fn poll_read_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.read_ended || state.expected == Some(0) {
            return Poll::Ready(());
        }
        let old = state.watcher.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }

    fn forget_reader(&self) {
        let mut state = self.0.lock();
        state.wanted = 0;
        let old = state.reader.take();
        drop(state);
        drop(old);
    }
}

/// One end: what it reads from and what it writes to.
pub(super) struct End {
    inward: Option<Arc<Channel>>,
    outward: Option<Arc<Channel>>,
    closed: Lock<bool>,
}

impl End {
    fn new(inward: Option<Arc<Channel>>, outward: Option<Arc<Channel>>) -> Self {
        Self { inward, outward, closed: Lock::new(false) }
    }

    fn outward(&self) -> Result<&Channel, Error> {
        self.check_open()?;
        self.outward.as_deref().ok_or_else(|| Error::new(ErrorKind::Unimplemented, "this end of the pipe only reads"))
    }

    fn inward(&self) -> Result<&Channel, Error> {
        self.check_open()?;
        self.inward.as_deref().ok_or_else(|| Error::new(ErrorKind::Unimplemented, "this end of the pipe only writes"))
    }
}

impl Transport for End {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        let read = ready!(self.inward()?.poll_read(cx, buffer));
        // The end that a close of this end looks like to who was already reading.
        if matches!(read, Ok(0) | Err(_)) {
            self.check_open()?;
        }
        Poll::Ready(read)
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        let written = ready!(self.outward()?.poll_write(cx, parts));
        Poll::Ready(written.or_else(|error| self.check_open().and(Err(error))))
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        self.outward()?.write_now(data).or_else(|error| self.check_open().and(Err(error)))
    }

    fn poll_shutdown_write(&self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.outward()?.end_write(Ok(()));
        Poll::Ready(Ok(()))
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.inward()?.end_read();
        Ok(())
    }

    fn abort_write(&self, error: Error) {
        if let Some(outward) = &self.outward {
            outward.end_write(Err(error));
        }
    }

    fn length(&self) -> Option<u64> {
        self.inward.as_ref()?.0.lock().expected
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.outward()?.poll_read_ended(cx).map(Ok)
    }

    fn check_open(&self) -> Result<(), Error> {
        if *self.closed.lock() { Err(Error::closed()) } else { Ok(()) }
    }

    fn close(&self) -> bool {
        let was_open = !std::mem::replace(&mut *self.closed.lock(), true);
        if let Some(inward) = &self.inward {
            inward.end_read();
        }
        if let Some(outward) = &self.outward {
            outward.end_write(Ok(()));
        }
        was_open
    }

    fn forget_reader(&self) {
        if let Some(inward) = &self.inward {
            inward.forget_reader();
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close();
    }
}

/// The two ends of a pipe that is open in both directions.
pub(super) fn two_way() -> (End, End) {
    let (there, back) = (Arc::new(Channel::default()), Arc::new(Channel::default()));
    let one = End::new(Some(back.clone()), Some(there.clone()));
    (one, End::new(Some(there), Some(back)))
}

impl Connection {
    /// A pipe in this process, without a buffer: the end to read from and the end to write to. With `length` the
    /// reader knows how many bytes are left, and no more than that can be written. (PIPE-01)
    pub fn one_way_pipe(runtime: &Runtime, length: Option<u64>) -> Result<(Arc<Self>, Arc<Self>), Error> {
        Self::pipe_of(runtime.shared(), length)
    }

    pub(crate) fn pipe_of(runtime: &Arc<Shared>, length: Option<u64>) -> Result<(Arc<Self>, Arc<Self>), Error> {
        runtime.check()?;
        let channel = Arc::new(Channel::default());
        {
            let mut state = channel.0.lock();
            state.expected = length;
            state.writable = length;
        }
        let reader = Self::new(runtime, End::new(Some(channel.clone()), None));
        Ok((reader, Self::new(runtime, End::new(None, Some(channel)))))
    }

    /// Two connections in this process, each of which reads what is written to the other. (PIPE-02)
    pub fn two_way_pipe(runtime: &Runtime) -> Result<(Arc<Self>, Arc<Self>), Error> {
        Self::two_way_pipe_of(runtime.shared())
    }

    pub(crate) fn two_way_pipe_of(runtime: &Arc<Shared>) -> Result<(Arc<Self>, Arc<Self>), Error> {
        runtime.check()?;
        let (one, other) = two_way();
        Ok((Self::new(runtime, one), Self::new(runtime, other)))
    }
}
