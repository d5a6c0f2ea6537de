//! A number of requests that may run at once, and a line of a bounded length for the others. (HCLI-08, HCLI-09, HCLI-16)

use crate::coordination::{Permit, Semaphore};
use crate::error::{Error, ErrorKind};
use crate::promise::Watch;
use crate::runtime::Shared;
use crate::sync::Lock;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) running: usize,
    pub(super) waiting: usize,
}

#[derive(Default)]
struct State {
    counts: Counts,
    told: Counts,
    watcher: Option<Waker>,
}

/// Requests run up to a number, and others wait in the order in which they came. A waiting one that is given up leaves the
/// line.
pub(super) struct Slots {
    semaphore: Semaphore,
    most_waiting: usize,
    state: Lock<State>,
}

/// The right to run, given back when dropped.
pub(super) struct Slot {
    permit: Option<Arc<Permit>>,
    slots: Arc<Slots>,
}

/// A place in the line.
struct Waiting<'a>(&'a Slots);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.change(|counts| counts.waiting -= 1);
    }
}

impl Slots {
    pub(super) fn new(runtime: &Arc<Shared>, most: usize, most_waiting: usize) -> Arc<Self> {
        let semaphore = Semaphore::of(runtime, most as u64);
        Arc::new(Self { semaphore, most_waiting, state: Lock::new(State::default()) })
    }

    /// Waits for the right to run.
    ///
    /// # Errors
    /// `Overloaded` if too many wait already.
    pub(super) async fn acquire(self: Arc<Self>) -> Result<Slot, Error> {
        let permit = match self.semaphore.try_acquire(1) {
            Ok(permit) => Arc::new(permit),
            Err(error) if error.kind() == ErrorKind::Busy => {
                let waiting = self.wait()?;
                let permit = Watch::new(self.semaphore.acquire(1)?).await?.into_object::<Permit>();
                drop(waiting);
                permit.ok_or_else(Error::wrong_type)?
            }
            Err(error) => return Err(error),
        };
        self.change(|counts| counts.running += 1);
        Ok(Slot { permit: Some(permit), slots: self })
    }

    fn wait(&self) -> Result<Waiting<'_>, Error> {
        let mut full = false;
        self.change(|counts| {
            full = counts.waiting >= self.most_waiting;
            counts.waiting += usize::from(!full);
        });
        if full {
            return Err(Error::new(ErrorKind::Overloaded, "too many requests of this client are waiting already"));
        }
        Ok(Waiting(self))
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        let watcher = {
            let mut state = self.state.lock();
            change(&mut state.counts);
            state.watcher.take()
        };
        watcher.into_iter().for_each(Waker::wake);
    }

    /// How many requests run and wait now.
    pub(super) fn counts(&self) -> Counts {
        self.state.lock().counts
    }

    /// Ready when the counts are no longer those that this has told last.
    pub(super) fn poll_changed(&self, cx: &Context<'_>) -> Poll<Counts> {
        let mut state = self.state.lock();
        if state.told != state.counts {
            state.told = state.counts;
            return Poll::Ready(state.counts);
        }
        let old = state.watcher.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let permit = self.permit.take();
        self.slots.change(|counts| counts.running -= 1);
        drop(permit);
    }
}
