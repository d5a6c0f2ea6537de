//! What a read took and could not keep, because it failed or was cancelled: it comes first in the next read.

use crate::sync::Lock;
use bytes::Bytes;
use std::sync::atomic::{AtomicBool, Ordering};

/// Belongs to a connection, and is changed only by who holds the right to read from it.
#[derive(Default)]
pub(super) struct Unread {
    bytes: Lock<Bytes>,
    /// Whether there are any: most reads need not look.
    any: AtomicBool,
}

impl Unread {
    pub(super) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    pub(super) fn len(&self) -> usize {
        if self.is_empty() { 0 } else { self.bytes.lock().len() }
    }

    /// Puts bytes in front of what is there.
    pub(super) fn give_back(&self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let mut kept = self.bytes.lock();
        *kept = if kept.is_empty() { bytes } else { [bytes, kept.clone()].concat().into() };
        self.any.store(true, Ordering::Release);
    }

    pub(super) fn take(&self, most: usize) -> Bytes {
        if self.is_empty() {
            return Bytes::new();
        }
        let mut kept = self.bytes.lock();
        if kept.len() > most {
            return kept.split_to(most);
        }
        self.any.store(false, Ordering::Release);
        std::mem::take(&mut *kept)
    }

    /// Nobody wants it any more.
    pub(super) fn discard(&self) {
        let discarded = std::mem::take(&mut *self.bytes.lock());
        self.any.store(false, Ordering::Release);
        drop(discarded);
    }
}
