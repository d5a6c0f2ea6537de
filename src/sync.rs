//! The one lock of the crate.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mutex without poisoning: every section it protects is a few assignments in which nothing foreign
/// runs, so a panic while it is held cannot leave its data half changed.
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
