//! Values that belong to a loop and end with it.

use super::{Runtime, Status};
use crate::error::Error;
use crate::foreign::Opaque;
use crate::sync::Lock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One value for each key.
#[derive(Default)]
pub(super) struct Locals(Lock<BTreeMap<u64, Arc<Opaque>>>);

impl Locals {
    pub(super) fn clear(&self) {
        let values = std::mem::take(&mut *self.0.lock());
        drop(values);
    }
}

/// A key that nobody else in this process has.
pub fn new_local_key() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Runtime {
    /// Keeps a value under a key until the runtime ends, unless there is one: that stays, and the new one is freed.
    /// Gives what is kept. (LOOP-16)
    pub fn local_or_insert(&self, key: u64, value: Opaque) -> Result<Arc<Opaque>, Error> {
        let shared = self.shared();
        shared.check_live()?;
        let value = Arc::new(value);
        let kept = shared.locals.0.lock().entry(key).or_insert_with(|| value.clone()).clone();
        // Ended meanwhile: nobody would free it.
        if shared.status() == Status::Closed {
            shared.locals.clear();
            return Err(Error::shutdown());
        }
        Ok(kept)
    }

    /// What is kept under a key. (LOOP-16)
    pub fn local(&self, key: u64) -> Option<Arc<Opaque>> {
        self.shared().locals.0.lock().get(&key).cloned()
    }
}
