//! Permits, given out in the order in which they were asked for.

use super::{Turn, Turns};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::promise::Promise;
use crate::runtime::{Runtime, Shared};
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

struct Inner {
    runtime: Arc<Shared>,
    permits: u64,
    free: Lock<u64>,
    line: Turns,
}

/// A number of permits. With one it is a mutex.
#[derive(Clone)]
pub struct Semaphore(Arc<Inner>);

/// Some permits of a semaphore, given back when dropped.
pub struct Permit {
    semaphore: Semaphore,
    count: u64,
}

struct Acquire {
    turn: Turn,
    semaphore: Semaphore,
    count: u64,
}

impl Semaphore {
    /// One with this many permits, all of them free.
    pub fn new(runtime: &Runtime, permits: u64) -> Result<Self, Error> {
        runtime.shared().check()?;
        if permits == 0 {
            return Err(Error::invalid("a semaphore without permits"));
        }
        Ok(Self::of(runtime.shared(), permits))
    }

    pub(crate) fn of(runtime: &Arc<Shared>, permits: u64) -> Self {
        let line = Turns::default();
        Self(Arc::new(Inner { runtime: runtime.clone(), permits, free: Lock::new(permits), line }))
    }

    fn check(&self, count: u64) -> Result<(), Error> {
        self.0.runtime.check()?;
        if count == 0 || count > self.0.permits {
            return Err(Error::invalid(format!("{count} of {} permits", self.0.permits)));
        }
        Ok(())
    }

    fn take(&self, count: u64) -> Option<Permit> {
        let mut free = self.0.free.lock();
        *free = free.checked_sub(count)?;
        Some(Permit { semaphore: self.clone(), count })
    }

    /// Waits for that many permits at once, behind whoever asked before. The promise carries a [`Permit`].
    ///
    /// # Cancellation
    /// The place in the line is given up. Permits that had been given out with the promise go back when its
    /// value is dropped.
    pub fn acquire(&self, count: u64) -> Result<Promise, Error> {
        self.check(count)?;
        let acquire = Acquire { turn: self.0.line.take(), semaphore: self.clone(), count };
        Ok(Promise::start(self.0.runtime.clone(), "acquire", acquire))
    }

    /// That many permits, if they are free and nobody is in line.
    ///
    /// # Errors
    /// `Busy` if not.
    pub fn try_acquire(&self, count: u64) -> Result<Permit, Error> {
        self.check(count)?;
        let taken = self.0.line.try_now(|| (self.take(count), false));
        taken.and_then(|(permit, _)| permit).ok_or_else(|| Error::new(ErrorKind::Busy, "the permits are taken"))
    }

    /// How many permits are free.
    pub fn free(&self) -> u64 {
        *self.0.free.lock()
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.0.runtime
    }
}

impl Object for Semaphore {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

impl Permit {
    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        self.semaphore.runtime()
    }
}

impl Object for Permit {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

impl Future for Acquire {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        ready!(self.turn.poll(cx));
        match self.semaphore.take(self.count) {
            Some(permit) => Poll::Ready(Ok(Value::object(Arc::new(permit)))),
            None => Poll::Pending,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.semaphore.0.free.lock() += self.count;
        self.semaphore.0.line.wake_first();
    }
}
