//! A canceler: one switch for many promises.

use super::{Cell, Promise, Watch};
use crate::error::Error;
use crate::object::{Object, Owner};
use crate::runtime::{Runtime, Shared};
use crate::sync::Lock;
use crate::value::Outcome;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

#[derive(Default)]
struct Wrapped {
    last: u64,
    cells: BTreeMap<u64, Arc<Cell>>,
}

impl Wrapped {
    fn remove(&mut self, number: u64) -> Option<Arc<Cell>> {
        self.cells.remove(&number)
    }
}

/// Cancels every promise that it wrapped and that is still pending. Dropping it does so too. (CANC-05)
pub struct Canceler {
    runtime: Arc<Shared>,
    wrapped: Arc<Lock<Wrapped>>,
}

struct Wrapper {
    input: Watch,
    number: u64,
    canceler: Weak<Lock<Wrapped>>,
}

impl Future for Wrapper {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        if self.input.poll_settled(cx) { Poll::Ready(self.input.outcome()) } else { Poll::Pending }
    }
}

impl Drop for Wrapper {
    fn drop(&mut self) {
        if let Some(canceler) = self.canceler.upgrade() {
            let cell = canceler.lock().remove(self.number);
            drop(cell);
        }
    }
}

impl Canceler {
    /// One that has wrapped nothing.
    pub fn new(runtime: &Runtime) -> Result<Self, Error> {
        runtime.shared().check()?;
        Ok(Self { runtime: runtime.shared().clone(), wrapped: Arc::default() })
    }

    /// The same outcome, unless the canceler comes first. The operation ends with it if nobody else holds the
    /// promise. (CANC-01, CANC-08)
    pub fn wrap(&self, promise: &Promise) -> Promise {
        let number = {
            let mut wrapped = self.wrapped.lock();
            wrapped.last += 1;
            wrapped.last
        };
        let canceler = Arc::downgrade(&self.wrapped);
        let wrapper = Wrapper { input: Watch::new(promise.clone()), number, canceler };
        let wrapper = promise.start_on(self.runtime.clone(), "canceler", wrapper);
        let cell = wrapper.cell().clone();
        self.wrapped.lock().cells.insert(number, cell);
        // Settled before it was noted: nobody else takes the note back.
        if wrapper.cell().is_settled() {
            let cell = self.wrapped.lock().remove(number);
            drop(cell);
        }
        wrapper
    }

    /// Rejects every wrapped promise that is pending; their operations are gone when this returns. (CANC-02,
    /// CANC-03, CANC-04)
    pub fn cancel(&self, error: &Error) {
        let cells = std::mem::take(&mut self.wrapped.lock().cells);
        for cell in cells.into_values() {
            cell.cancel_now(error.clone());
        }
    }

    /// Releases the wrapped promises: they go on and cannot be cancelled from here any more. (CANC-06)
    pub fn forget(&self) {
        let cells = std::mem::take(&mut self.wrapped.lock().cells);
        drop(cells);
    }

    /// Whether nothing that it wrapped is pending. (CANC-07)
    pub fn is_empty(&self) -> bool {
        self.wrapped.lock().cells.is_empty()
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }
}

impl Object for Canceler {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

impl Drop for Canceler {
    fn drop(&mut self) {
        self.cancel(&Error::canceled());
    }
}
