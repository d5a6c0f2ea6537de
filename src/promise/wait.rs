//! Awaiting a promise by blocking: the thread that waits polls the operation itself.
//!
//! A round trip then costs one wake-up, not one to reach the loop and one to come back. Before it
//! sleeps, the thread looks for a while, giving the CPU away between looks; each look polls the operation, so
//! data that arrives meanwhile is taken from the socket without the loop's help.

use super::Promise;
use super::cell::Cell;
use crate::error::Error;
use crate::runtime::{Parker, Status, clock, on_any_loop};
use crate::value::Outcome;
use std::sync::Arc;
use std::task::Waker;

impl Promise {
    /// Blocks until the promise settles, or until `deadline` on the monotonic clock: then `TimedOut`, with
    /// the operation still pending. (PROM-12)
    ///
    /// # Errors
    /// `WouldDeadlock` on a loop's thread, `WrongThread` for a wait scope that belongs to another thread.
    pub fn wait(&self, deadline: Option<u64>) -> Result<Outcome, Error> {
        wait_for(self.cell(), deadline)
    }

    /// Blocks until the owner of the promise's wait scope has driven it to its end.
    pub(crate) fn wait_for_owner(&self) -> Result<Outcome, Error> {
        if on_any_loop() {
            return Err(Error::would_deadlock());
        }
        Waiting::new(self.cell()).run(None);
        self.outcome().ok_or_else(Error::pending)
    }
}

/// Blocks until the cell settles. Holds no claim on it: a release elsewhere ends the wait. The result is
/// the outcome, or why it could not be waited for.
pub(crate) fn wait_for(cell: &Arc<Cell>, deadline: Option<u64>) -> Result<Outcome, Error> {
    if let Some(outcome) = cell.outcome() {
        return Ok(outcome);
    }
    if on_any_loop() {
        return Err(Error::would_deadlock());
    }
    if let Some(scope) = cell.runtime.wait_scope() {
        let mut key = 0;
        let driven = scope.drive(&cell.runtime, deadline, |waker| cell.poll_settled(&mut key, waker));
        if key != 0 {
            cell.forget_waiter(key);
        }
        driven?;
    } else {
        Waiting::new(cell).run(deadline);
    }
    cell.outcome().ok_or_else(Error::timed_out)
}

struct Waiting<'a> {
    cell: &'a Arc<Cell>,
    parker: Arc<Parker>,
    key: u64,
    driving: bool,
}

impl<'a> Waiting<'a> {
    fn new(cell: &'a Arc<Cell>) -> Self {
        let parker = Parker::current();
        parker.clear();
        let driving = cell.start_driving(&parker);
        Self { cell, parker, key: 0, driving }
    }

    fn run(mut self, deadline: Option<u64>) {
        let waker = Waker::from(self.parker.clone());
        if self.cell.poll_settled(&mut self.key, &waker) {
            return;
        }
        if self.look(deadline) {
            return;
        }
        let runtime = self.cell.runtime.clone();
        let parker = self.parker.clone();
        let _sleeper = runtime.sleepers.enter(&parker);
        while !self.progress() {
            if runtime.status() != Status::Live {
                // A call may be queued behind a callback that does not return.
                self.cell.cancel(Error::shutdown(), deadline);
                return;
            }
            if !parker.park(deadline) {
                return;
            }
        }
    }

    /// Polls if that is this thread's task; `true` once settled.
    fn progress(&mut self) -> bool {
        self.parker.clear();
        if self.driving {
            self.cell.poll(false);
        }
        self.cell.is_settled()
    }

    fn look(&mut self, deadline: Option<u64>) -> bool {
        let nanos = self.cell.runtime.look_nanos();
        if nanos == 0 {
            return false;
        }
        let until = clock::after(nanos).min(deadline.unwrap_or(u64::MAX));
        loop {
            if self.progress() {
                return true;
            }
            if clock::now() >= until {
                return false;
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.key != 0 {
            self.cell.forget_waiter(self.key);
        }
        if self.driving {
            self.cell.stop_driving();
            // What woke this thread after its last poll is the loop's to see.
            if self.parker.is_woken() && !self.cell.is_settled() {
                self.cell.schedule();
            }
        }
    }
}
