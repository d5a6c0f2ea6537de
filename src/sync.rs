//! What threads meet at: the one lock of the crate, and the atomics, parking and thread-locals of the standard
//! library. Built with `--cfg kja_model` all of it is loom's, so that the models in `test/models` run the real code.

#[cfg(kja_model)]
pub(crate) use for_models::{atomic, global, per_thread, thread};
#[cfg(kja_model)]
pub(crate) use loom::sync::MutexGuard;
#[cfg(not(kja_model))]
pub(crate) use std::{
    sync::{MutexGuard, atomic},
    thread, thread_local as per_thread,
};

#[cfg(kja_model)]
use loom::sync::Mutex;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
#[cfg(not(kja_model))]
use std::sync::Mutex;
use std::sync::PoisonError;

/// A mutex without poisoning: every section it protects is a few assignments, or a system call, in which nothing
/// foreign runs, so a panic while it is held cannot leave its data half changed.
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    #[cfg(not(kja_model))]
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    #[cfg(kja_model)]
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a thread-local that must outlast all others is made of: it has no destructor, so it is there in the last moments of a
/// thread too, when destructors of others and `atexit` handlers run. Whoever puts something in takes it out again.
pub(crate) type Lasting<T> = RefCell<ManuallyDrop<T>>;

/// A static with locks in it, which a model makes anew for each run.
#[cfg(not(kja_model))]
macro_rules! global {
    ($visible:vis $name:ident: $type:ty = $init:expr) => {
        $visible static $name: $type = $init;
    };
}
#[cfg(not(kja_model))]
pub(crate) use global;

#[cfg(kja_model)]
mod for_models {
    macro_rules! global {
        (pub($($seen:tt)+) $name:ident: $type:ty = $init:expr) => {
            loom::lazy_static! { pub($($seen)+) static ref $name: $type = $init; }
        };
        ($name:ident: $type:ty = $init:expr) => {
            loom::lazy_static! { static ref $name: $type = $init; }
        };
    }

    macro_rules! per_thread {
        ($($(#[$doc:meta])* static $name:ident: $type:ty = $init:expr);* $(;)?) => {
            $(loom::thread_local!(static $name: $type = $init);)*
        };
    }

    pub(crate) use {global, per_thread};

    pub(crate) mod atomic {
        pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

        /// Stores by swapping: loom leaves open in which order a plain store and another thread's swap come, even
        /// when the swap has not seen the store, which no machine does.
        pub(crate) struct AtomicBool(loom::sync::atomic::AtomicBool);

        impl AtomicBool {
            pub(crate) fn new(value: bool) -> Self {
                Self(loom::sync::atomic::AtomicBool::new(value))
            }

            pub(crate) fn load(&self, ordering: Ordering) -> bool {
                self.0.load(ordering)
            }

            pub(crate) fn store(&self, value: bool, _: Ordering) {
                self.0.swap(value, Ordering::AcqRel);
            }

            pub(crate) fn swap(&self, value: bool, ordering: Ordering) -> bool {
                self.0.swap(value, ordering)
            }
        }
    }

    /// Parking as the standard library has it. Loom's own loses an `unpark` that finds its thread at a lock.
    pub(crate) mod thread {
        use loom::sync::{Condvar, Mutex};
        use std::sync::Arc;

        #[derive(Clone)]
        pub(crate) struct Thread(Arc<(Mutex<bool>, Condvar)>);

        impl Thread {
            pub(crate) fn unpark(&self) {
                *self.0.0.lock().unwrap() = true;
                self.0.1.notify_one();
            }
        }

        loom::thread_local!(static OWN: Thread = Thread(Arc::new((Mutex::new(false), Condvar::new()))));

        pub(crate) fn current() -> Thread {
            OWN.with(Thread::clone)
        }

        pub(crate) fn park() {
            let own = current();
            let mut unparked = own.0.0.lock().unwrap();
            while !*unparked {
                unparked = own.0.1.wait(unparked).unwrap();
            }
            *unparked = false;
        }

        /// Time stands still in a model: a deadline that is not over never is.
        pub(crate) fn park_timeout(_: std::time::Duration) {
            park();
        }
    }
}
