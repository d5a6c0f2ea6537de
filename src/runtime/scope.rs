//! Wait scope: a runtime without a thread, driven by its owner inside `wait`, `poll` and `run`.

use super::on_loop::OnLoop;
use super::{Shared, Status, clock, on_loop, pollable, shutdown};
use crate::error::Error;
use crate::sync::Lock;
use std::future::{Future, poll_fn};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::thread::ThreadId;
use std::time::Duration;
use tokio::task::JoinHandle;

pub(crate) struct WaitScope {
    owner: ThreadId,
    driven: Lock<Option<Driven>>,
    /// For a host with a loop of its own, once it has asked.
    pollable: Lock<Option<OwnedFd>>,
}

/// The loop, while nobody turns it.
pub(super) struct Driven {
    pub(super) tokio: tokio::runtime::Runtime,
    /// Until it has ended.
    pub(super) pump: Option<JoinHandle<()>>,
}

impl Driven {
    /// Runs what is queued, then ends the loop, which has been told to stop.
    pub(super) fn end(self, runtime: &Arc<Shared>) {
        let entered = OnLoop::enter(runtime);
        runtime.held.store(false, Ordering::Release);
        let Self { tokio, pump } = self;
        if in_last_moments() {
            turn_queue(runtime, u64::MAX);
            shutdown::finish(runtime, move || drop_elsewhere((pump, tokio)));
        } else {
            // The pump catches what callbacks panic with.
            let _ = pump.map(|pump| tokio.block_on(pump));
            shutdown::finish(runtime, || drop(tokio));
        }
        pollable::close(runtime);
        drop(runtime.wait_scope().and_then(|scope| scope.pollable.lock().take()));
        drop(entered);
    }
}

/// Whether this thread has no thread-locals of tokio's any more, as in an `atexit` handler: tokio turns no loop there.
fn in_last_moments() -> bool {
    tokio::runtime::Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed())
}

/// Drops what can only be dropped on a thread that has all its thread-locals.
fn drop_elsewhere(dropped: impl Send + 'static) {
    let kept = Arc::new(ManuallyDrop::new(Lock::new(Some(dropped))));
    let given = kept.clone();
    let dropping = std::thread::Builder::new().spawn(move || drop(given.lock().take()));
    // Without a thread it stays, until the process ends right after.
    if let Ok(dropping) = dropping {
        let _ = dropping.join();
    }
}

/// Runs what is queued, at most so many turns; how many that were.
fn turn_queue(runtime: &Arc<Shared>, most: u64) -> u64 {
    let mut made = 0;
    while made < most
        && let Some(cell) = on_loop::pop().or_else(|| runtime.queue.pop())
    {
        on_loop::poll(runtime, &cell);
        made += 1;
    }
    made
}

impl WaitScope {
    pub(super) fn new(driven: Driven) -> Self {
        Self { owner: std::thread::current().id(), driven: Lock::new(Some(driven)), pollable: Lock::new(None) }
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
        let mut driven = self.take().ok_or_else(Error::shutdown)?;
        let Driven { tokio, pump } = &mut driven;
        let mut future = pin!(future);
        // While nobody drove it, timers have told the host and not the pump.
        let mut rouse = runtime.queue.has_bell();
        let result = tokio.block_on(poll_fn(|cx| {
            if std::mem::take(&mut rouse) {
                runtime.queue.rouse();
            }
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(result));
            }
            // Without the pump nothing turns the loop.
            if pump.as_mut().is_none_or(|pump| Pin::new(pump).poll(cx).is_ready()) {
                *pump = None;
                return Poll::Ready(Err(Error::shutdown()));
            }
            Poll::Pending
        }));
        drop(on_loop);
        *self.driven.lock() = Some(driven);
        self.rest(runtime);
        self.end_if_released(runtime);
        result
    }

    /// Nobody drives the loop any more.
    fn rest(&self, runtime: &Shared) {
        if runtime.queue.has_bell() {
            // The host is told by the alarm, and the pump looks itself when it is driven again.
            runtime.timers.disarm();
            runtime.pauses.iter().for_each(|pauses| pauses.disarm());
        }
        runtime.queue.rest();
    }

    /// The number of a descriptor that is readable when there is something to do.
    pub(super) fn pollable(&self, runtime: &Arc<Shared>) -> Result<i32, Error> {
        let mut known = self.pollable.lock();
        if let Some(fd) = &*known {
            return Ok(fd.as_raw_fd());
        }
        let fd = pollable::open(runtime)?;
        let number = known.insert(fd).as_raw_fd();
        drop(known);
        if !runtime.on_loop() {
            // The pump was spawned, of which the reactor has been told.
            self.look(runtime)?;
        }
        Ok(number)
    }

    /// Has the reactor wake what is ready, and runs nothing.
    fn look(&self, runtime: &Arc<Shared>) -> Result<(), Error> {
        runtime.held.store(true, Ordering::Release);
        let looked = self.block_on(runtime, tokio::task::yield_now());
        runtime.held.store(false, Ordering::Release);
        looked
    }

    /// Ends a runtime that was released meanwhile, by a callback or by another thread, which found nothing to end.
    fn end_if_released(&self, runtime: &Arc<Shared>) {
        if runtime.status() != Status::Live
            && let Some(driven) = self.take()
        {
            driven.end(runtime);
        }
    }

    /// Turns the loop until `done`, which wakes the waker that it is given, or until the deadline. However late its thread
    /// comes to it, what was due by the deadline gets a turn.
    pub(crate) fn drive(
        &self,
        runtime: &Arc<Shared>,
        deadline: Option<u64>,
        mut done: impl FnMut(&Waker) -> bool,
    ) -> Result<(), Error> {
        let turn = async {
            // Real time, whatever the clock of the timers.
            let sleep = deadline.map(|at| tokio::time::sleep(Duration::from_nanos(at.saturating_sub(clock::now()))));
            let mut sleep = std::pin::pin!(sleep);
            let mut passed = false;
            poll_fn(|cx| {
                if done(cx.waker()) || passed {
                    return Poll::Ready(());
                }
                passed = sleep.as_mut().as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready());
                if passed {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            })
            .await;
        };
        self.block_on(runtime, turn)
    }

    /// Runs what is queued, at most so many turns, and nothing else. (LOOP-03)
    pub(super) fn turn(&self, runtime: &Arc<Shared>, most: u64) -> Result<u64, Error> {
        if !self.is_owner() {
            return Err(Error::wrong_thread());
        }
        let on_loop = OnLoop::enter(runtime)?;
        let made = turn_queue(runtime, most);
        drop(on_loop);
        self.rest(runtime);
        runtime.turns.fetch_add(made, Ordering::Relaxed);
        self.end_if_released(runtime);
        Ok(made)
    }

    /// Runs what is ready without blocking; how many turns that took. (LOOP-08, LOOP-12, PROM-13)
    pub(super) fn poll(&self, runtime: &Arc<Shared>, most: u64) -> Result<u64, Error> {
        let mut made = 0;
        let mut idle = 0;
        // Two looks at the sockets without work: what the first one wakes may show in the second only.
        while made < most && idle < 2 {
            let turns = self.turn(runtime, most - made)?;
            made += turns;
            idle = if turns > 0 { 0 } else { idle + 1 };
            self.look(runtime)?;
            let on_loop = OnLoop::enter(runtime)?;
            runtime.fire_timers(&mut Vec::new());
            drop(on_loop);
            if idle == 2 && runtime.queue.queue_idle() {
                idle = 0;
            }
        }
        Ok(made)
    }
}
