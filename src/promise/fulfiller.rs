//! Promises that are settled by hand, from any thread.

use super::{Cell, Promise};
use crate::error::Error;
use crate::object::{Object, Owner};
use crate::runtime::Shared;
use crate::value::Outcome;
use std::sync::Arc;

/// Settles one promise; the first call counts. (FULF-01, FULF-07, FULF-10)
///
/// Dropped unused, it rejects the promise. (FULF-04) It holds no claim on the promise: once that has no
/// holder left, fulfilling does nothing.
pub struct Fulfiller(Arc<Cell>);

impl Fulfiller {
    pub(crate) fn new(runtime: Arc<Shared>) -> (Self, Promise) {
        let promise = Promise::outside(runtime);
        (Self(promise.cell().clone()), promise)
    }

    /// Settles the promise; `false` if it is too late. (FULF-01, FULF-02)
    pub fn settle(&self, outcome: Outcome) -> bool {
        self.0.settle_from_outside(outcome)
    }

    /// Lets another promise decide; `false` if it is too late. (FULF-08)
    pub fn forward(&self, promise: Promise) -> bool {
        self.0.forward_from_outside(promise)
    }

    /// Whether the promise is unsettled and somebody holds it. (FULF-03)
    pub fn is_waiting(&self) -> bool {
        !self.0.is_settled() && self.0.has_holders()
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.0.runtime
    }
}

impl Object for Fulfiller {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

impl Drop for Fulfiller {
    fn drop(&mut self) {
        self.0.settle_from_outside(Err(Error::unfulfilled()));
    }
}
