//! Threads that sleep until a promise of the runtime settles, for the shutdown to wake.

use super::Parker;
use crate::sync::Lock;
use std::sync::Arc;
use std::task::Wake;

#[derive(Default)]
pub(crate) struct Sleepers(Lock<Vec<Arc<Parker>>>);

/// A place among the sleepers, given up when dropped.
pub(crate) struct Sleeper<'a> {
    sleepers: &'a Sleepers,
    parker: &'a Arc<Parker>,
}

impl Sleepers {
    /// Who looks at the runtime's status after this misses no shutdown.
    pub(crate) fn enter<'a>(&'a self, parker: &'a Arc<Parker>) -> Sleeper<'a> {
        self.0.lock().push(parker.clone());
        Sleeper { sleepers: self, parker }
    }

    pub(super) fn wake_all(&self) {
        self.0.lock().iter().for_each(Wake::wake_by_ref);
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut sleepers = self.sleepers.0.lock();
        let place = sleepers.iter().position(|parker| Arc::ptr_eq(parker, self.parker));
        let own = place.map(|place| sleepers.swap_remove(place));
        drop(sleepers);
        drop(own);
    }
}
