//! The loop's thread, and how a runtime ends.
//!
//! There are no more starts. Detached promises are cancelled; every handle of the runtime leaves the table, so
//! that promises reject and sockets close; the loop runs what that has queued (the `finally`s) and ends; its
//! thread is joined. All of it within the bound: what is still in a callback by then is reported, and ends by
//! itself when that returns.

use super::on_loop::OnLoop;
use super::{Hooks, Runtime, Shared, clock};
use crate::error::{Error, ErrorKind};
use crate::promise::{Cell, immediately, this_thread, within};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

pub(super) struct LoopThread {
    thread: JoinHandle<()>,
    ended: Receiver<()>,
}

impl LoopThread {
    pub(super) fn spawn(
        shared: &Arc<Shared>,
        tokio: tokio::runtime::Runtime,
        pump: tokio::task::JoinHandle<()>,
        hooks: Option<Hooks>,
    ) -> Result<Self, Error> {
        let (running, ended) = channel();
        let shared = shared.clone();
        let body = move || {
            let entered = OnLoop::enter(&shared);
            if let Some(hooks) = &hooks {
                hooks.start.run(&hooks.ctx);
            }
            // The pump catches what callbacks panic with; it ends when the queue is told to stop.
            let _ = tokio.block_on(pump);
            finish(&shared, || drop(tokio));
            if let Some(hooks) = &hooks {
                hooks.stop.run(&hooks.ctx);
            }
            drop(hooks);
            drop(entered);
            drop(running);
        };
        let thread = std::thread::Builder::new()
            .name("kjasync-loop".to_owned())
            .spawn(body)
            .map_err(|error| Error::from_io("starting a loop thread", &error))?;
        Ok(Self { thread, ended })
    }

    /// Joins the thread if it ends before the deadline.
    fn join(self, deadline: u64) -> Result<(), Self> {
        let left = Duration::from_nanos(deadline.saturating_sub(clock::now()));
        match self.ended.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) => Err(self),
            _ => {
                // The body catches foreign panics, and the thread has nothing left to say.
                let _ = self.thread.join();
                Ok(())
            }
        }
    }
}

/// The last steps, once nothing turns the loop any more.
pub(super) fn finish(shared: &Arc<Shared>, drop_reactor: impl FnOnce()) {
    finish_queue(shared);
    let handle = shared.tokio.lock().take();
    drop(handle);
    drop_reactor();
}

pub(crate) fn finish_queue(shared: &Arc<Shared>) {
    let error = Error::shutdown();
    shared.detached.cancel_all(&error, None);
    shared.coroutines.end_all(&error);
    // From here on a `finally` runs where it is dropped; what was handed to the loop before is in the set.
    shared.owner.set_closed();
    shared.detached.close(&error);
    shared.queue.close();
    shared.timers.wake_all();
    shared.pauses.iter().for_each(|pauses| pauses.wake_all());
    shared.locals.clear();
}

impl Runtime {
    /// Ends the runtime: rejects what is pending, closes every socket, joins the thread. A second call
    /// does nothing. (LOOP-06, EXEC-08)
    ///
    /// # Errors
    /// `WouldDeadlock` on a loop's thread, and inside a destructor that this runtime's shutdown runs. `TimedOut` if a callback
    /// still runs at the end of the bound; the runtime ends when it returns, and another call waits for that again.
    pub fn shutdown(&self) -> Result<(), Error> {
        self.check_may_end()?;
        if self.shared.scope.get().is_some_and(|scope| !scope.is_owner()) && self.is_alive() {
            return Err(Error::wrong_thread());
        }
        self.end(clock::after(self.shared.shutdown_nanos))
    }

    /// Whether this thread may wait for the end: nothing that the end waits for is further up on its stack.
    pub(crate) fn check_may_end(&self) -> Result<(), Error> {
        if self.shared.is_ended_here() || super::on_any_loop() { Err(Error::would_deadlock()) } else { Ok(()) }
    }

    /// Shuts down for good: nobody waits for it once more when it is dropped.
    ///
    /// # Errors
    /// `TimedOut` as in `shutdown`.
    pub(crate) fn release(&self) -> Result<(), Error> {
        let ended = self.end(clock::after(self.shared.shutdown_nanos));
        self.released.store(true, Ordering::Relaxed);
        ended
    }

    fn close(&self, deadline: u64) {
        close(&self.shared, deadline);
    }

    fn end(&self, deadline: u64) -> Result<(), Error> {
        if self.shared.owner.is_of_parent() {
            return Err(Error::shutdown());
        }
        self.close(deadline);
        let shared = &self.shared;
        if let Some(driven) = shared.scope.get().and_then(|scope| scope.take()) {
            immediately(|| driven.end(shared));
        }
        let mut thread = self.thread.lock();
        match thread.take().map(|loop_thread| loop_thread.join(deadline)) {
            Some(Err(still_running)) => {
                *thread = Some(still_running);
                Err(Error::new(
                    ErrorKind::TimedOut,
                    "a callback still runs on the loop; the runtime ends when it returns",
                ))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn close(shared: &Arc<Shared>, deadline: u64) {
    if shared.owner.start_closing() {
        let ending = Ending::begin(shared);
        // Even inside a destructor, where what is dropped would have its turn later.
        immediately(|| within(deadline, || close_all(shared, deadline)));
        drop(ending);
        shared.queue.stop();
    }
}

/// This thread ends all that the runtime has, until dropped.
struct Ending<'a>(&'a Shared);

impl<'a> Ending<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.ended_by.store(this_thread(), Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.ended_by.store(0, Ordering::Relaxed);
    }
}

fn close_all(shared: &Arc<Shared>, deadline: u64) {
    shared.sleepers.wake_all();
    // Held until every promise has been rejected: whoever reads from one must not see the end of the stream.
    let belongings = shared.belongings.close();
    shared.coroutines.close(&Error::shutdown(), deadline);
    // Taken first, for what comes to the set from now on has to run.
    let detached = shared.detached.take();
    let mut cells = shared.roots.close();
    cells.extend(detached.iter().map(|promise| promise.cell().clone()));
    Cell::end_all(cells, &Error::shutdown(), deadline);
    detached.into_iter().for_each(|promise| promise.end(deadline));
    (shared.end_handles)(&shared.owner, deadline);
    belongings.iter().for_each(|object| object.end());
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if self.shared.owner.is_of_parent() {
            // The thread that it names is not one of this process.
            std::mem::forget(self.thread.lock().take());
            return;
        }
        if *self.released.get_mut() {
            return;
        }
        let deadline = clock::after(self.shared.shutdown_nanos);
        if super::on_any_loop() {
            // A loop's thread cannot be joined from here; told to stop, it ends by itself.
            self.close(deadline);
            if let Some(driven) = self.shared.scope.get().and_then(|scope| scope.take()) {
                let shared = self.shared.clone();
                std::thread::spawn(move || driven.end(&shared));
            }
            return;
        }
        // Nobody is left to be told that a callback outlives the bound.
        let _ = self.end(deadline);
    }
}
