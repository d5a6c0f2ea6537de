//! Promises that the runtime itself holds. (PROM-19)

use crate::error::Error;
use crate::promise::{Canceled, Cell, Promise};
use crate::sync::Lock;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Detached(Lock<HashMap<usize, Promise>>);

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl Detached {
    pub(crate) fn add(&self, promise: Promise) {
        let cell = promise.cell().clone();
        let replaced = self.0.lock().insert(Arc::as_ptr(&cell) as usize, promise);
        drop(replaced);
        // Marked, then looked at; the cell settles, then looks for the mark. One of the two sees the other.
        cell.mark_detached();
        if cell.is_settled() {
            self.remove(&cell);
        }
    }

    pub(crate) fn remove(&self, cell: &Arc<Cell>) {
        let removed = self.0.lock().remove(&(Arc::as_ptr(cell) as usize));
        drop(removed);
    }

    /// Cancels every member. (LOOP-06)
    pub(super) fn cancel_all(&self, error: &Error, deadline: Option<u64>) {
        let members = std::mem::take(&mut *self.0.lock());
        for promise in members.into_values() {
            if promise.cell().cancel(error.clone(), deadline) == Canceled::StillRunning {
                self.add(promise);
            }
        }
    }
}
