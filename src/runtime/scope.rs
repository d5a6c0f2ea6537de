//! Wait scope: a runtime without a thread, driven by its owner inside `wait`, `poll` and `run`.

use super::on_loop::OnLoop;
use super::{Shared, Status, Timer, shutdown};
use crate::error::Error;
use crate::sync::Lock;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::thread::ThreadId;
use tokio::task::JoinHandle;

pub(crate) struct WaitScope {
    owner: ThreadId,
    driven: Lock<Option<Driven>>,
}

/// The loop, while nobody turns it.
pub(super) struct Driven {
    pub(super) tokio: tokio::runtime::Runtime,
    pub(super) pump: JoinHandle<()>,
}

impl Driven {
    /// Runs what is queued, then ends the loop, which has been told to stop.
    pub(super) fn end(self, runtime: &Arc<Shared>) {
        let entered = OnLoop::enter(runtime);
        // The pump catches what callbacks panic with.
        let _ = self.tokio.block_on(self.pump);
        shutdown::finish(runtime, self.tokio);
        drop(entered);
    }
}

impl WaitScope {
    pub(super) fn new(driven: Driven) -> Self {
        Self { owner: std::thread::current().id(), driven: Lock::new(Some(driven)) }
    }

    pub(super) fn is_owner(&self) -> bool {
        std::thread::current().id() == self.owner
    }

    pub(super) fn take(&self) -> Option<Driven> {
        self.driven.lock().take()
    }

    /// Turns the loop while `future` is pending.
    fn block_on<T>(&self, runtime: &Arc<Shared>, future: impl Future<Output = T>) -> Result<T, Error> {
        if !self.is_owner() {
            return Err(Error::wrong_thread());
        }
        let on_loop = OnLoop::enter(runtime)?;
        let driven = self.take().ok_or_else(Error::shutdown)?;
        let result = driven.tokio.block_on(future);
        drop(on_loop);
        if runtime.status() == Status::Live {
            *self.driven.lock() = Some(driven);
        } else {
            // The runtime was released by one of its own callbacks.
            driven.end(runtime);
        }
        Ok(result)
    }

    /// Turns the loop until `done`, which wakes the waker that it is given, or until the deadline.
    pub(crate) fn drive(
        &self,
        runtime: &Arc<Shared>,
        deadline: Option<u64>,
        mut done: impl FnMut(&Waker) -> bool,
    ) -> Result<(), Error> {
        let mut timer = deadline.map(|deadline| Timer::at(runtime, deadline));
        let turn = poll_fn(|cx| {
            if done(cx.waker()) {
                return Poll::Ready(());
            }
            timer.as_mut().map_or(Poll::Pending, |timer| Pin::new(timer).poll(cx))
        });
        self.block_on(runtime, turn)
    }

    /// Runs what is ready without blocking; how many turns that took. (LOOP-08)
    pub(super) fn poll(&self, runtime: &Arc<Shared>) -> Result<u64, Error> {
        let before = runtime.turns.load(Ordering::Relaxed);
        runtime.queue.wake();
        self.block_on(runtime, async {
            // Two rounds without work: the first may have been the one that looked at the sockets.
            let mut idle = 0;
            while idle < 2 {
                tokio::task::yield_now().await;
                idle = if runtime.queue.is_idle() { idle + 1 } else { 0 };
            }
        })?;
        Ok(runtime.turns.load(Ordering::Relaxed) - before)
    }
}
