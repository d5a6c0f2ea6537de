//! Something that any thread uses for a moment and that any thread may close.
//!
//! A use costs two atomic additions and no lock, so a destructor that runs inside one may use or close it again. What
//! is closed is dropped by whoever used it last, or by `close` if nobody does.
//!
//! # Why this is sound
//!
//! The state is a count of users and two bits. The value is touched only by a user that came before `CLOSED` was set,
//! and dropped only by who turns "`CLOSED` and no users" into `DROPPED`, which happens once: later users find `CLOSED`
//! and do not touch it. Each change of the state is an acquire and a release, so the drop comes after every use.
#![allow(unsafe_code)]

use crate::sync::atomic::{AtomicU32, Ordering};
use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;

const CLOSED: u32 = 1;
const DROPPED: u32 = 2;
const USER: u32 = 4;

pub(crate) struct Closable<T> {
    state: AtomicU32,
    value: UnsafeCell<ManuallyDrop<T>>,
}

// SAFETY: users share the value, as `T: Sync` allows; the thread that drops it is its only one then, as `T: Send` allows.
unsafe impl<T: Send + Sync> Sync for Closable<T> {}

/// The value, until this is dropped.
pub(crate) struct InUse<'a, T>(&'a Closable<T>);

impl<T> Closable<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { state: AtomicU32::new(0), value: UnsafeCell::new(ManuallyDrop::new(value)) }
    }

    /// `None` once it is closed.
    pub(crate) fn get(&self) -> Option<InUse<'_, T>> {
        let before = self.state.fetch_add(USER, Ordering::AcqRel);
        if before & CLOSED == 0 {
            return Some(InUse(self));
        }
        self.leave();
        None
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLOSED == 0
    }

    /// Nobody new may use it; `true` if it was open.
    pub(crate) fn close(&self) -> bool {
        let before = self.state.fetch_or(CLOSED, Ordering::AcqRel);
        if before == 0 {
            self.drop_value();
        }
        before & CLOSED == 0
    }

    fn leave(&self) {
        if self.state.fetch_sub(USER, Ordering::AcqRel) == USER | CLOSED {
            self.drop_value();
        }
    }

    /// Drops the value if it is closed and still nobody uses it.
    fn drop_value(&self) {
        if self.state.compare_exchange(CLOSED, CLOSED | DROPPED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            // SAFETY: closed and unused, and only one thread gets here: see the module's page.
            unsafe { ManuallyDrop::drop(&mut *self.value.get()) };
        }
    }
}

impl<T> std::ops::Deref for InUse<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this user came before the close, and while there is a user the value is not dropped.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> Drop for InUse<'_, T> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl<T> Drop for Closable<T> {
    fn drop(&mut self) {
        self.close();
    }
}
