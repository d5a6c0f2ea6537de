//! Where the times of what is in memory come from.

use crate::runtime::clock::SystemClock;
use std::sync::Arc;

/// Tells when something was changed, in nanoseconds since the beginning of 1970. (FS-19)
#[derive(Clone, Default)]
pub struct FileClock(Option<Arc<dyn Fn() -> u64 + Send + Sync>>);

impl FileClock {
    /// As the machine is set.
    pub const fn system() -> Self {
        Self(None)
    }

    /// As the function says, which may be called on any thread.
    pub fn new(now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// Not under a lock: it may be anything.
    pub(super) fn now(&self) -> u64 {
        self.0.as_ref().map_or_else(|| SystemClock::Calendar.now(), |now| now())
    }
}
