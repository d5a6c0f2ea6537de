//! Driving a loop by hand, and what may be asked of one that runs.

use super::{Runtime, clock};
use crate::error::{Error, ErrorKind};
use crate::promise::{Continuation, Promise};
use crate::value::Value;
use std::sync::atomic::Ordering;

impl Runtime {
    fn scope(&self) -> Result<&super::WaitScope, Error> {
        self.shared.check()?;
        self.shared.scope.get().ok_or_else(Error::not_a_wait_scope)
    }

    /// Wait scope: runs what is ready and looks at sockets and timers, without blocking, until there is nothing
    /// left or `most` turns have been made. Returns how many. (LOOP-08)
    pub fn poll(&self, most: u64) -> Result<u64, Error> {
        self.scope()?.poll(&self.shared, most)
    }

    /// Wait scope: runs what is queued, at most `most` turns, without a look at sockets or timers. Returns how
    /// many turns it made. (LOOP-03)
    pub fn turn(&self, most: u64) -> Result<u64, Error> {
        self.scope()?.turn(&self.shared, most)
    }

    /// Whether `turn` would do something. Any thread. (LOOP-04)
    pub fn is_runnable(&self) -> bool {
        self.shared.queue.is_runnable()
    }

    /// Wait scope: turns the loop for that long, or until `wake`. Returns how many turns it made. With virtual
    /// time it moves the clock on by that much. (LOOP-11)
    pub fn run(&self, nanos: u64) -> Result<u64, Error> {
        let scope = self.scope()?;
        let before = self.shared.turns.load(Ordering::Relaxed);
        if self.shared.clock.is_virtual() {
            self.advance(nanos)?;
        } else {
            let deadline = clock::after(nanos);
            scope.drive(&self.shared, Some(deadline), |waker| self.shared.queue.take_wake(waker))?;
        }
        Ok(self.shared.turns.load(Ordering::Relaxed) - before)
    }

    /// Wait scope: a descriptor of the runtime's that is readable when `poll` has something to do, for the loop of a host. Timers are
    /// among that, and what other threads have queued. (UNIX-15, UNIX-16)
    ///
    /// # Errors
    /// `Unimplemented` on systems without epoll.
    pub fn pollable_fd(&self) -> Result<i32, Error> {
        self.scope()?.pollable(&self.shared)
    }

    /// Has the `run` that is under way, or the next one, return early. Any thread. (LOOP-14)
    pub fn wake(&self) -> Result<(), Error> {
        self.shared.check_live()?;
        self.shared.queue.leave_wake();
        Ok(())
    }

    /// The time that this runtime's timers go by.
    pub fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    /// When the next timer is due, if there is one. (TIME-07)
    pub fn next_timer(&self) -> Option<u64> {
        self.shared.timers.first()
    }

    /// How many whole units until the next timer is due, rounded up, `most` if that is less or there is none.
    /// (TIME-08)
    pub fn timeout_to_next_timer(&self, unit: u64, most: u64) -> u64 {
        let left = |at: u64| at.saturating_sub(self.now()).div_ceil(unit.max(1));
        self.next_timer().map_or(most, |at| left(at).min(most))
    }

    /// Moves virtual time on. On a wait scope it stops at each timer on the way and runs what that sets off;
    /// with a loop thread the timers fire soon after. (TIME-06)
    ///
    /// # Errors
    /// `InvalidArgument` if time is not virtual.
    pub fn advance(&self, nanos: u64) -> Result<(), Error> {
        let shared = &self.shared;
        shared.check()?;
        if !shared.clock.is_virtual() {
            return Err(Error::new(ErrorKind::InvalidArgument, "the time of this runtime is not virtual"));
        }
        let target = shared.clock.after(nanos);
        if shared.scope.get().is_none() || shared.on_loop() {
            shared.clock.advance_to(target);
            shared.queue.wake_surely();
            return Ok(());
        }
        self.poll(u64::MAX)?;
        while let Some(at) = self.next_timer().filter(|at| *at <= target) {
            shared.clock.advance_to(at);
            self.poll(u64::MAX)?;
        }
        shared.clock.advance_to(target);
        Ok(())
    }

    /// Cancels every detached promise; they are gone when this returns. (LOOP-07)
    pub fn cancel_detached(&self) -> Result<(), Error> {
        self.shared.check()?;
        self.shared.detached.cancel_all(&Error::canceled(), None);
        Ok(())
    }

    /// Settles on a later turn, after what is queued now. (PROM-26)
    pub fn yield_now(&self) -> Result<Promise, Error> {
        self.shared.check()?;
        Ok(Promise::call(self.shared.clone(), nothing()))
    }

    /// Settles once nothing else is queued. (PROM-27)
    pub fn yield_until_queue_empty(&self) -> Result<Promise, Error> {
        self.shared.check()?;
        Ok(Promise::call_last(self.shared.clone(), nothing()))
    }

    /// Settles once nothing is queued and no socket is ready: when the loop would sleep. (PROM-28)
    pub fn yield_until_would_sleep(&self) -> Result<Promise, Error> {
        self.shared.check()?;
        Ok(Promise::call_idle(self.shared.clone(), nothing()))
    }
}

fn nothing() -> Continuation {
    Continuation::Closure(Box::new(|_| Ok(Value::Unit).into()))
}
