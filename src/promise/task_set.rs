//! A task set: promises that nobody awaits, held together, with someone to hear of their errors.

use super::{Fulfiller, Promise, Resolution, When};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::runtime::{Lent, Runtime, Shared};
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// Hears of each task that fails, on the loop.
pub(crate) type OnError = dyn Fn(Error) + Send + Sync;

#[derive(Default)]
struct Tasks {
    last: u64,
    /// `None` while a task is being added.
    members: BTreeMap<u64, Option<Promise>>,
    on_empty: Option<Fulfiller>,
}

struct Inner {
    tasks: Lock<Tasks>,
    on_error: Lent<OnError>,
}

/// Holds each added promise until it settles. Dropping the set cancels the rest. (TASK-03)
pub struct TaskSet {
    runtime: Arc<Shared>,
    limit: usize,
    inner: Arc<Inner>,
}

impl TaskSet {
    /// An empty set for `limit` tasks at a time. `on_error` runs on the loop for each task that fails. (TASK-02)
    pub fn new(
        runtime: &Runtime,
        limit: usize,
        on_error: impl Fn(Error) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        runtime.shared().check()?;
        if limit == 0 {
            return Err(Error::invalid("a task set for no task"));
        }
        Ok(Self::of(runtime.shared(), limit, on_error))
    }

    pub(crate) fn of(runtime: &Arc<Shared>, limit: usize, on_error: impl Fn(Error) + Send + Sync + 'static) -> Self {
        let inner = Inner { tasks: Lock::default(), on_error: Lent::new(runtime, Arc::new(on_error)) };
        Self { runtime: runtime.clone(), limit, inner: Arc::new(inner) }
    }

    /// Holds the promise until it settles. Tasks may add tasks. (TASK-01, TASK-08)
    ///
    /// # Errors
    /// `Overloaded`, with nothing done, if the set is full.
    pub fn add(&self, promise: &Promise) -> Result<(), Error> {
        self.runtime.check()?;
        let number = {
            let mut tasks = self.inner.tasks.lock();
            if tasks.members.len() >= self.limit {
                return Err(Error::new(
                    ErrorKind::Overloaded,
                    format!("the task set has {} tasks already", self.limit),
                ));
            }
            tasks.last += 1;
            let number = tasks.last;
            tasks.members.insert(number, None);
            number
        };
        let inner = Arc::downgrade(&self.inner);
        let task = promise.then_on(self.runtime.clone(), When::Both, move |outcome| finished(&inner, number, outcome));
        let mut unwanted = Some(task);
        if let Some(member) = self.inner.tasks.lock().members.get_mut(&number) {
            *member = unwanted.take();
        }
        // Finished, or cleared, before it could be put in its place.
        drop(unwanted);
        Ok(())
    }

    /// How many tasks are pending. (TASK-04)
    pub fn len(&self) -> usize {
        self.inner.tasks.lock().members.len()
    }

    /// Whether no task is pending. (TASK-04)
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Settles when the set is empty, at once if it is. (TASK-05)
    ///
    /// # Errors
    /// `Busy` if such a promise is pending.
    pub fn on_empty(&self) -> Result<Promise, Error> {
        self.runtime.check()?;
        let mut tasks = self.inner.tasks.lock();
        if tasks.members.is_empty() {
            return Ok(Promise::settled(self.runtime.clone(), Ok(Value::Unit)));
        }
        if tasks.on_empty.as_ref().is_some_and(Fulfiller::is_waiting) {
            return Err(Error::new(ErrorKind::Busy, "somebody waits for this task set to be empty already"));
        }
        let (fulfiller, promise) = Fulfiller::new(self.runtime.clone());
        let old = tasks.on_empty.replace(fulfiller);
        drop(tasks);
        drop(old);
        Ok(promise)
    }

    /// Cancels every task; they are gone when this returns, but for one that calls this: that ends when its
    /// callback returns. (TASK-06)
    pub fn clear(&self) {
        let (members, on_empty) = {
            let mut tasks = self.inner.tasks.lock();
            (std::mem::take(&mut tasks.members), tasks.on_empty.take())
        };
        drop(members);
        settle(on_empty);
    }

    /// What each task waits for, as `Promise::trace` has it. (TASK-07)
    pub fn trace(&self) -> Vec<Vec<&'static str>> {
        let members: Vec<Promise> = self.inner.tasks.lock().members.values().flatten().cloned().collect();
        members.iter().map(Promise::trace).collect()
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }
}

impl Object for TaskSet {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

impl Drop for TaskSet {
    fn drop(&mut self) {
        self.clear();
    }
}

fn settle(on_empty: Option<Fulfiller>) {
    if let Some(fulfiller) = on_empty {
        fulfiller.settle(Ok(Value::Unit));
    }
}

/// Runs on the loop as the last step of a task.
fn finished(inner: &Weak<Inner>, number: u64, outcome: Outcome) -> Resolution {
    let Some(inner) = inner.upgrade() else { return Ok(Value::Unit).into() };
    if let Err(error) = outcome
        && let Ok(on_error) = inner.on_error.get()
    {
        on_error(error);
    }
    let (member, on_empty) = {
        let mut tasks = inner.tasks.lock();
        let member = tasks.members.remove(&number);
        let on_empty = if tasks.members.is_empty() { tasks.on_empty.take() } else { None };
        (member, on_empty)
    };
    drop(member);
    settle(on_empty);
    Ok(Value::Unit).into()
}
