//! An event that happens once.

use crate::error::Error;
use crate::object::{Object, Owner};
use crate::promise::{Fulfiller, Promise};
use crate::runtime::{Runtime, Shared};
use crate::value::Value;
use std::sync::Arc;

/// Happens once, at any thread's word; whoever waits for it, before or after, learns of it.
pub struct Event {
    fulfiller: Fulfiller,
    promise: Promise,
}

impl Event {
    /// One that has not happened.
    pub fn new(runtime: &Runtime) -> Result<Self, Error> {
        let (fulfiller, promise) = runtime.fulfiller()?;
        Ok(Self { fulfiller, promise })
    }

    /// Lets it happen; later calls do nothing.
    pub fn set(&self) {
        self.fulfiller.settle(Ok(Value::Unit));
    }

    /// Whether it has happened.
    pub fn is_set(&self) -> bool {
        self.promise.outcome().is_some()
    }

    /// Settles once it has happened. Any number may wait; dropping the promise is leaving.
    pub fn wait(&self) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(self.promise.fork_on(self.runtime().clone()))
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        self.fulfiller.runtime()
    }
}

impl Object for Event {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}
