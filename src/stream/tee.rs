//! Tees: two readers of the same bytes.
//!
//! Whichever branch runs out of bytes has the source read, never more than whoever waits has room for; what comes goes
//! to both. A branch that is being pumped sets the pace: the other one waits until the pump comes back. (PIPE-10)

use super::{Connection, Read, Transport, fill};
use crate::error::{Error, ErrorKind};
use crate::sync::Lock;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::future::Future;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::io::ReadBuf;

const CHUNK: usize = 64 * 1024;

#[derive(Default)]
struct Branch {
    waiting: VecDeque<Bytes>,
    size: usize,
    reader: Option<Waker>,
    /// How much the pending read has room for; 0 without one, and when its part has come.
    wanted: usize,
    /// What has come for the pending read.
    granted: usize,
    /// How many pumps read from it; one that ends may be told of before one that began.
    pumps: isize,
    gone: bool,
    aborted: bool,
}

impl Branch {
    /// A pump of this branch is busy with what it has; nothing more is read until it comes back.
    fn holds_up(&self) -> bool {
        self.pumps > 0 && self.wanted == 0 && !self.gone
    }

    /// How much stays here when the pending read has had its part.
    fn kept(&self) -> usize {
        self.size.saturating_sub(self.granted)
    }

    /// The pending read is over, or about to take its part. Whether it had to wait still.
    fn no_longer_waits(&mut self) -> bool {
        self.granted = 0;
        std::mem::take(&mut self.wanted) > 0
    }
}

struct State {
    branches: [Branch; 2],
    /// `None` while somebody polls it, or when there is none under way.
    read: Option<Pin<Box<Pull>>>,
    pulling: bool,
    ended: Option<Result<(), Error>>,
}

type Pull = dyn Future<Output = Result<Bytes, Error>> + Send;

struct Shared {
    source: Lock<Option<Arc<Connection>>>,
    limit: usize,
    state: Lock<State>,
}

/// Wakes both branches: either may go on with the read.
struct Both(Arc<Shared>);

impl std::task::Wake for Both {
    fn wake(self: Arc<Self>) {
        let readers = self.0.take_readers();
        readers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Shared {
    fn take_readers(&self) -> [Option<Waker>; 2] {
        let mut state = self.state.lock();
        let [one, other] = &mut state.branches;
        [one.reader.take(), other.reader.take()]
    }

    fn start_read(&self, room: usize) -> Result<Pin<Box<Pull>>, Error> {
        let source = self.source.lock().clone().ok_or_else(Error::closed)?;
        let mut read = Read::new(&source, 1, room)?;
        Ok(Box::pin(async move { read.bytes().await }))
    }

    /// Has the source read once more; `Pending` if that is for somebody else to go on with.
    fn poll_pull(self: &Arc<Self>) -> Poll<()> {
        let (read, room) = {
            let mut state = self.state.lock();
            if state.pulling {
                return Poll::Pending;
            }
            state.pulling = true;
            (state.read.take(), state.room())
        };
        let read = read.map_or_else(|| self.start_read(room), Ok);
        let waker = Waker::from(Arc::new(Both(self.clone())));
        let (read, came) = match read {
            Err(error) => (None, Some(Err(error))),
            Ok(mut read) => match read.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(came) => (None, Some(came)),
                Poll::Pending => (Some(read), None),
            },
        };
        let mut state = self.state.lock();
        state.pulling = false;
        let Some(came) = came else {
            // Both branches may have gone meanwhile: then nobody else drops the read.
            let unwanted = if state.both_gone() { read } else { std::mem::replace(&mut state.read, read) };
            drop(state);
            drop(unwanted);
            return Poll::Pending;
        };
        state.give(came, self.limit);
        drop(state);
        let readers = self.take_readers();
        readers.into_iter().flatten().for_each(Waker::wake);
        Poll::Ready(())
    }
}

impl State {
    fn both_gone(&self) -> bool {
        self.branches.iter().all(|branch| branch.gone)
    }

    /// How much whoever waits has room for.
    fn room(&self) -> usize {
        let waiting = self.branches.iter().map(|branch| branch.wanted).filter(|wanted| *wanted > 0);
        waiting.min().unwrap_or(CHUNK).min(CHUNK)
    }

    fn give(&mut self, came: Result<Bytes, Error>, limit: usize) {
        match came {
            Err(error) => self.ended = Some(Err(error)),
            Ok(bytes) if bytes.is_empty() => self.ended = Some(Ok(())),
            Ok(bytes) => {
                for branch in self.branches.iter_mut().filter(|branch| !branch.gone) {
                    branch.size += bytes.len();
                    branch.granted += branch.wanted.min(bytes.len());
                    branch.wanted = 0;
                    branch.waiting.push_back(bytes.clone());
                }
                if self.branches.iter().any(|branch| branch.kept() > limit) {
                    let text = format!("one branch of a tee is more than {limit} bytes behind the other");
                    self.ended = Some(Err(Error::new(ErrorKind::Overloaded, text)));
                }
            }
        }
    }
}

struct Side {
    shared: Arc<Shared>,
    index: usize,
}

impl Side {
    fn branch<R>(&self, look: impl FnOnce(&mut Branch) -> R) -> R {
        look(&mut self.shared.state.lock().branches[self.index])
    }

    fn no_writes() -> Error {
        Error::new(ErrorKind::Unimplemented, "a branch of a tee only reads")
    }
}

impl Transport for Side {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        loop {
            let mut state = self.shared.state.lock();
            let ended = state.ended.clone();
            let held_up = state.branches[1 - self.index].holds_up();
            let branch = &mut state.branches[self.index];
            branch.no_longer_waits();
            if branch.gone {
                return Poll::Ready(if branch.aborted { Ok(0) } else { Err(Error::closed()) });
            }
            if let Some(first) = branch.waiting.front_mut() {
                let count = fill::put(buffer, first);
                first.advance(count);
                let finished = if first.is_empty() { branch.waiting.pop_front() } else { None };
                branch.size -= count;
                drop(state);
                drop(finished);
                return Poll::Ready(Ok(count));
            }
            if let Some(ended) = ended {
                return Poll::Ready(ended.map(|()| 0));
            }
            branch.wanted = buffer.remaining();
            let old = branch.reader.replace(cx.waker().clone());
            drop(state);
            drop(old);
            if held_up || self.shared.poll_pull().is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_write(&self, _cx: &mut Context<'_>, _parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        Poll::Ready(Err(Self::no_writes()))
    }

    fn write_now(&self, _data: &[u8]) -> Result<usize, Error> {
        Err(Self::no_writes())
    }

    fn poll_shutdown_write(&self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Err(Self::no_writes()))
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.check_open()?;
        self.branch(|branch| branch.aborted = true);
        self.close();
        Ok(())
    }

    fn abort_write(&self, _error: Error) {}

    fn length(&self) -> Option<u64> {
        let source = self.shared.source.lock().clone()?;
        Some(source.length()? + self.branch(|branch| branch.size) as u64)
    }

    fn poll_write_disconnected(&self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Err(Self::no_writes()))
    }

    fn pumping(&self, active: bool) {
        self.branch(|branch| branch.pumps += if active { 1 } else { -1 });
        if !active {
            let readers = self.shared.take_readers();
            readers.into_iter().flatten().for_each(Waker::wake);
        }
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.branch(|branch| branch.gone && !branch.aborted) { Err(Error::closed()) } else { Ok(()) }
    }

    fn close(&self) -> bool {
        let mut state = self.shared.state.lock();
        let branch = &mut state.branches[self.index];
        let was_open = !std::mem::replace(&mut branch.gone, true);
        let waiting = std::mem::take(&mut branch.waiting);
        branch.size = 0;
        branch.no_longer_waits();
        let readers = state.branches.each_mut().map(|branch| branch.reader.take());
        let both_gone = state.both_gone();
        let read = if both_gone { state.read.take() } else { None };
        drop(state);
        drop((waiting, read));
        if both_gone {
            let source = self.shared.source.lock().take();
            drop(source);
        }
        readers.into_iter().flatten().for_each(Waker::wake);
        was_open
    }

    fn forget_reader(&self) {
        let mut state = self.shared.state.lock();
        let branch = &mut state.branches[self.index];
        let waited = branch.no_longer_waits();
        let reader = branch.reader.take();
        // A read of the source that is under way may be for more than the other branch has room for.
        let read = if waited { state.read.take() } else { None };
        state.pulling |= read.is_some();
        drop(state);
        drop(reader);
        if let Some(read) = read {
            drop(read);
            self.shared.state.lock().pulling = false;
        }
        let other = self.shared.state.lock().branches[1 - self.index].reader.take();
        other.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.close();
    }
}

impl Connection {
    /// Two connections that both read what `source` has; a branch may be `limit` bytes behind the other. The source
    /// goes with the last branch. (PIPE-09, PIPE-11)
    pub fn tee(source: &Arc<Self>, limit: usize) -> Result<(Arc<Self>, Arc<Self>), Error> {
        source.runtime().check()?;
        let state = State { branches: Default::default(), read: None, pulling: false, ended: None };
        let shared = Arc::new(Shared { source: Lock::new(Some(source.clone())), limit, state: Lock::new(state) });
        let side = |index| Self::above(source.runtime(), source, Side { shared: shared.clone(), index });
        Ok((side(0)?, side(1)?))
    }
}
