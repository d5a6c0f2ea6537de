//! Forked children. A runtime belongs to the process that made it: in a child its loop has no thread, its locks are as they
//! happened to be, and its poller and its sockets are still the parent's. So nothing of it is used or dropped there.
//!
//! What belongs to the process and not to one runtime has to work in a child, which may make runtimes of its own. A thread that forks
//! holds all locks of that kind meanwhile, so that the child finds them free and what they protect whole.
#![allow(unsafe_code)]

use crate::sync::{self, Lasting, Lock};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// How many forks lie between this process and the first one.
static FORKS: AtomicU32 = AtomicU32::new(0);

static GLOBALS: Mutex<Vec<&'static dyn Global>> = Mutex::new(Vec::new());

/// Something behind locks that belongs to the process. Whoever holds one of them takes no other of them.
pub(crate) trait Global: Sync {
    /// Locks all of it.
    fn hold(&'static self, held: &mut Vec<Box<dyn Held>>);
}

/// A lock that is held across a fork, until dropped.
pub(crate) trait Held {
    /// The thread that forked, the only one of the child, goes on in it.
    fn in_child(&mut self) {}
}

impl<T> Held for sync::MutexGuard<'static, T> {}

impl<T: Send + 'static> Global for Lock<T> {
    fn hold(&'static self, held: &mut Vec<Box<dyn Held>>) {
        held.push(Box::new(self.lock()));
    }
}

/// What a thread that forks has locked; first the list of what there is to lock.
struct Forking {
    held: Vec<Box<dyn Held>>,
    _globals: MutexGuard<'static, Vec<&'static dyn Global>>,
}

thread_local!(static FORKING: Lasting<Option<Forking>> = const { Lasting::new(ManuallyDrop::new(None)) });

/// A number that a process and its forked child do not share.
pub(crate) fn process() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

fn globals() -> MutexGuard<'static, Vec<&'static dyn Global>> {
    GLOBALS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has forks noticed from now on.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: functions of this library, which libc forgets if it is unloaded. It fails without memory only, and then children go
        // unnoticed.
        let _ = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

/// Makes this usable in children; `once` is its own.
pub(crate) fn keep_usable(once: &Once, global: &'static dyn Global) {
    once.call_once(|| {
        watch();
        globals().push(global);
    });
}

unsafe extern "C" fn before() {
    let globals = globals();
    let mut held = Vec::new();
    globals.iter().for_each(|global| global.hold(&mut held));
    FORKING.with_borrow_mut(|forking| **forking = Some(Forking { held, _globals: globals }));
}

fn take_forking() -> Option<Forking> {
    FORKING.with_borrow_mut(|forking| forking.take())
}

unsafe extern "C" fn in_parent() {
    drop(take_forking());
}

unsafe extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    let mut forking = take_forking();
    forking.iter_mut().flat_map(|forking| &mut forking.held).for_each(|held| held.in_child());
}
