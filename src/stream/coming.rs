//! The connection that a promised one will stand for, and what is to be done with it when it comes.
//!
//! What comes may be a promised connection too, which may come to stand for this one. So arrivals are settled one at a time,
//! and whoever comes last in a ring is refused. And nobody can count beforehand how deep a chain becomes whose lower end
//! comes last: what passes through several is counted on the way, and dropping them takes no stack.

use super::{Connection, Transport};
use crate::error::{Error, ErrorKind};
use crate::fork;
use crate::nesting::{MOST_LAYERS, drop_in_turn, too_many};
use crate::promise::{Promise, Watch, When};
use crate::sync::{Lock, global, per_thread};
use crate::value::Value;
use std::cell::Cell;
use std::sync::{Arc, Once, OnceLock};

/// What is to be done with the connection when it comes.
#[derive(Default)]
pub(super) struct Wants {
    pub(super) pumps: isize,
    pub(super) abort_read: bool,
    pub(super) abort_write: Option<Error>,
    pub(super) shutdown_write: bool,
    pub(super) close: bool,
}

pub(crate) struct Coming {
    /// Until it has come.
    promise: Lock<Option<Promise>>,
    /// It was there from the beginning, and its layers are among those of the promised connection.
    counted: bool,
    arrived: OnceLock<Result<Arc<Connection>, Error>>,
    wants: Lock<Wants>,
    /// Does what is wanted when the connection comes, even if nobody asks anything of it then.
    arrival: Lock<Option<Promise>>,
}

// Arrivals, one at a time.
global!(ARRIVING: Lock<()> = Lock::new(()));

per_thread! {
    /// Through how many layers this thread passes just now.
    static PASSED: Cell<usize> = const { Cell::new(0) };
}

/// Passing through a connection with this many layers, until dropped.
struct Passing(usize);

impl Passing {
    fn through(layers: usize) -> Result<Self, Error> {
        let passed = PASSED.with(|passed| passed.replace(passed.get() + layers));
        let passing = Self(layers);
        if passed + layers > MOST_LAYERS { Err(too_many("connections")) } else { Ok(passing) }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        PASSED.with(|passed| passed.set(passed.get() - self.0));
    }
}

impl Coming {
    pub(super) fn new(promise: &Promise, counted: bool) -> Arc<Self> {
        static ONCE: Once = Once::new();
        let arriving: &'static Lock<()> = &ARRIVING;
        fork::keep_usable(&ONCE, arriving);
        Arc::new(Self {
            counted,
            promise: Lock::new(Some(promise.clone())),
            arrived: OnceLock::new(),
            wants: Lock::default(),
            arrival: Lock::new(None),
        })
    }

    /// The connection, if it is there, with what was wanted before.
    pub(super) fn came(&self) -> Option<Result<Arc<Connection>, Error>> {
        if let Some(arrived) = self.arrived.get() {
            return Some(arrived.clone());
        }
        let Some(outcome) = self.promise.lock().as_ref().map(Promise::outcome) else {
            return self.arrived.get().cloned();
        };
        let wrong_type = Error::wrong_type;
        let came = outcome?.and_then(|value| value.into_object::<Connection>().ok_or_else(wrong_type));
        {
            let _one = ARRIVING.lock();
            if self.arrived.get().is_none() {
                let checked = came.as_ref().map_err(Error::clone).and_then(|connection| {
                    self.check(connection)?;
                    Ok(connection.clone())
                });
                let _ = self.arrived.set(checked);
            }
        }
        // Somebody else may have held the lock that long; what is dropped here is dropped outside of it.
        drop(came);
        let settled = self.promise.lock().take();
        drop(settled);
        let arrived = self.arrived.get().cloned()?;
        if let Ok(connection) = &arrived {
            self.do_what_is_wanted(connection);
        }
        Some(arrived)
    }

    /// Asks something of the connection that came.
    pub(super) fn pass<R>(&self, to: &Arc<Connection>, ask: impl FnOnce(&dyn Transport) -> R) -> Result<R, Error> {
        let _passing = Passing::through(if self.counted { 0 } else { to.layers() })?;
        Ok(ask(&**to.transport()))
    }

    /// Whether this one may stand for the connection: it may not come to stand for itself.
    fn check(&self, connection: &Arc<Connection>) -> Result<(), Error> {
        let mut next = connection.clone();
        for _ in 0..MOST_LAYERS {
            let after = match next.transport().stands_for() {
                Some(coming) if std::ptr::eq(coming, self) => {
                    return Err(Error::new(ErrorKind::Failed, "a promised connection cannot stand for itself"));
                }
                Some(coming) => coming.arrived.get().and_then(|arrived| arrived.as_ref().ok()).cloned(),
                None => None,
            };
            let Some(after) = after else { return Ok(()) };
            next = after;
        }
        Err(too_many("connections"))
    }

    fn do_what_is_wanted(&self, connection: &Arc<Connection>) {
        let wants = std::mem::take(&mut *self.wants.lock());
        // What a connection refuses is asked of it no more than once.
        let _ = self.pass(connection, |transport| {
            for _ in 0..wants.pumps {
                transport.pumping(true);
            }
            if wants.abort_read {
                let _ = transport.abort_read();
            }
            if let Some(error) = wants.abort_write {
                transport.abort_write(error);
            }
            if wants.shutdown_write
                && let Ok(shutting) = connection.shutdown_write()
            {
                shutting.detach(None);
            }
            if wants.close {
                connection.close();
            }
        });
    }

    /// Notes something for when it comes, though nobody may ask anything of it then.
    pub(super) fn note(&self, add: impl FnOnce(&mut Wants)) {
        add(&mut self.wants.lock());
    }

    /// Has this done when the connection comes.
    pub(super) fn want(self: &Arc<Self>, add: impl FnOnce(&mut Wants)) {
        self.note(add);
        // It may have come just now; then it is done.
        if let Some(came) = self.came() {
            if let Ok(connection) = came {
                self.do_what_is_wanted(&connection);
            }
            return;
        }
        if self.arrival.lock().is_some() {
            return;
        }
        let Some(promise) = self.promise.lock().clone() else { return };
        let coming = Arc::downgrade(self);
        // On the loop that the promise belongs to, wherever this is asked.
        let arrival = promise.then_on(promise.runtime().clone(), When::Value, move |outcome| {
            if let Some(coming) = coming.upgrade() {
                let _ = coming.came();
            }
            outcome.map(|_| Value::Unit)
        });
        let old = self.arrival.lock().replace(arrival);
        drop(old);
    }

    /// A place in the line of the promise's waiters; none once it has come.
    pub(super) fn watch(&self) -> Option<Watch> {
        Some(Watch::new(self.promise.lock().clone()?))
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        let promise = self.promise.lock().take();
        // One that nobody has looked at yet would be dropped by the promise.
        let unseen = promise.as_ref().and_then(Promise::outcome).and_then(Result::ok);
        let seen = self.arrived.take().and_then(Result::ok);
        drop(promise);
        let connections = [seen, unseen.and_then(Value::into_object::<Connection>)];
        connections.into_iter().flatten().for_each(|connection| drop_in_turn(move || drop(connection)));
    }
}
