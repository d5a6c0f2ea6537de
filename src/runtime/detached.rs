//! Promises that the runtime itself holds. (PROM-19)

use crate::error::Error;
use crate::promise::{Canceled, Cell, Promise};
use crate::sync::Lock;
use crate::trim::Trim;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
struct Members {
    /// With their numbers, which grow.
    promises: HashMap<usize, (u64, Promise)>,
    last: u64,
    closed: bool,
}

#[derive(Default)]
pub(crate) struct Detached(Lock<Members>);

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl Detached {
    pub(crate) fn add(&self, promise: Promise) {
        let cell = promise.cell().clone();
        let mut members = self.0.lock();
        if members.closed {
            drop(members);
            // The runtime holds nothing any more.
            drop(promise);
            return;
        }
        members.last += 1;
        let number = members.last;
        let replaced = members.promises.insert(Arc::as_ptr(&cell) as usize, (number, promise));
        drop(members);
        drop(replaced);
        // Marked, then looked at; the cell settles, then looks for the mark. One of the two sees the other.
        cell.mark_detached();
        if cell.is_settled() {
            self.remove(&cell);
        }
    }

    pub(crate) fn remove(&self, cell: &Arc<Cell>) {
        let mut members = self.0.lock();
        let removed = members.promises.remove(&(Arc::as_ptr(cell) as usize));
        members.promises.trim();
        drop(members);
        drop(removed);
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().promises.len()
    }

    /// Takes every member, in the order in which they came.
    pub(super) fn take(&self) -> Vec<Promise> {
        let promises = std::mem::take(&mut self.0.lock().promises);
        let mut promises: Vec<_> = promises.into_values().collect();
        promises.sort_unstable_by_key(|(number, _)| *number);
        promises.into_iter().map(|(_, promise)| promise).collect()
    }

    /// Cancels every member. (LOOP-06)
    pub(super) fn cancel_all(&self, error: &Error, deadline: Option<u64>) {
        for promise in self.take() {
            if promise.cell().cancel(error.clone(), deadline) == Canceled::StillRunning {
                self.add(promise);
            }
        }
    }

    /// Cancels every member, and from now on whatever is added.
    pub(super) fn close(&self, error: &Error) {
        self.0.lock().closed = true;
        self.cancel_all(error, None);
    }
}
