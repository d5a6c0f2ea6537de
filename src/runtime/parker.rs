//! A thread that sleeps until somebody wakes it.

use super::clock;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::per_thread;
use crate::sync::thread::{self, Thread};
use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

pub(crate) struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Parker {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { thread: thread::current(), woken: AtomicBool::new(false) })
    }

    /// The calling thread's own.
    pub(crate) fn current() -> Arc<Self> {
        per_thread!(static PARKER: Arc<Parker> = Parker::new());
        PARKER.try_with(Arc::clone).unwrap_or_else(|_| Self::new())
    }

    pub(crate) fn clear(&self) {
        self.woken.swap(false, Ordering::Acquire);
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Sleeps until woken, or until the deadline: then `false`.
    pub(crate) fn park(&self, deadline: Option<u64>) -> bool {
        while !self.woken.swap(false, Ordering::Acquire) {
            match deadline.map(|deadline| deadline.saturating_sub(clock::now())) {
                None => thread::park(),
                Some(0) => return false,
                Some(nanos) => thread::park_timeout(Duration::from_nanos(nanos)),
            }
        }
        true
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}
