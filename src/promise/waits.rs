//! Which thread waits for the end of which poll, as far as `cancel` does: two polls that cancel each other must not
//! wait for each other.

use super::Cell;
use crate::fork;
use crate::sync::{Lock, global, per_thread};
use std::collections::BTreeMap;
use std::sync::{Arc, Once};

pub(super) struct Waits(Lock<BTreeMap<usize, (usize, Arc<Cell>)>>);

global!(pub(super) WAITS: Waits = Waits(Lock::new(BTreeMap::new())));

/// A number for this thread that no other living thread has.
pub(crate) fn this_thread() -> usize {
    per_thread!(static KEY: u8 = const { 0 });
    KEY.with(|key| std::ptr::from_ref(key) as usize)
}

/// Has forked children find nobody waiting.
pub(crate) fn watch_forks() {
    static ONCE: Once = Once::new();
    super::aftermath::watch_forks();
    fork::keep_usable(&ONCE, &WAITS.0);
}

impl Waits {
    /// `false` if thread `by`, which polls the cell, waits itself for a poll of this thread.
    pub(super) fn begin(&self, by: usize, cell: &Arc<Cell>) -> bool {
        let own = this_thread();
        let mut waits = self.0.lock();
        let mut last = by;
        while let Some((next, _)) = waits.get(&last).filter(|(_, cell)| !cell.is_settled()) {
            if *next == own {
                return false;
            }
            last = *next;
        }
        waits.insert(own, (by, cell.clone()));
        true
    }

    pub(super) fn end(&self) {
        let ended = self.0.lock().remove(&this_thread());
        drop(ended);
    }
}
