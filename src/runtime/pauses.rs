//! Asking again after a while, where the system does not tell.

use super::{Shared, Timer};
use std::sync::Arc;

/// Pauses of which each is twice as long as the one before, up to a bound. They go by real time.
pub(crate) struct Pauses {
    next: u64,
    longest: u64,
}

impl Pauses {
    /// From `first` to `longest`, in nanoseconds.
    pub(crate) fn new(first: u64, longest: u64) -> Self {
        Self { next: first, longest }
    }

    pub(crate) fn next(&mut self, runtime: &Arc<Shared>) -> Timer {
        let nanos = self.next;
        self.next = nanos.saturating_mul(2).min(self.longest);
        Timer::pause(runtime, nanos)
    }
}
