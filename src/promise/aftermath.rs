//! What the end of an operation sets off, and who waits until that is over.
//!
//! An operation that is dropped is gone at once, but coroutines clean up, a `finally` waits for its turn on its loop, and a callback that
//! is running has yet to return. Each of these is a part of the aftermath of whoever let go. It is waited for by what was
//! around the operation (its attachments, its `finally`, the coroutine that waited for it), by a combinator that has dropped what it does
//! not need any more, and by whoever asked with `cancel_start`.
//!
//! Who lets go is found by a place of the thread, its cause: whatever joins an aftermath joins that of the innermost
//! `of` or `under` that it is inside of. What is put off meanwhile takes its cause along (`abandon`).
//!
//! A part is *late* if it only waits for its turn on a loop. Attachments do not wait for those: they are free when a cancel
//! returns, unless code that may use them has begun.

use super::abandon::{Entry, immediately, work_off};
use crate::fork;
use crate::sync::{Lock, global, per_thread};
use crate::value::{Outcome, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, Waker};

/// Held while one aftermath becomes a part of others.
struct Joining(Lock<()>);

global!(JOINING: Joining = Joining(Lock::new(())));

/// Has forked children find nobody joining.
pub(super) fn watch_forks() {
    static ONCE: Once = Once::new();
    fork::keep_usable(&ONCE, &JOINING.0);
}

#[derive(Default)]
struct Parts {
    early: usize,
    late: usize,
    waker: Option<Waker>,
    /// What is to be done when the early parts are over.
    soon: Vec<Entry>,
    /// What is to be done when all is over.
    then: Vec<Entry>,
    /// The others that this is a part of.
    part_of: Vec<Part>,
}

impl Parts {
    fn count(&mut self, late: bool) -> &mut usize {
        if late { &mut self.late } else { &mut self.early }
    }

    fn is_over(&self) -> bool {
        self.early + self.late == 0
    }
}

/// The side of whoever waits.
pub(crate) struct Aftermath(Arc<Lock<Parts>>);

/// Something that is not over until this and all its clones are dropped.
pub(super) struct Part {
    parts: Arc<Lock<Parts>>,
    late: bool,
    left: bool,
}

impl Aftermath {
    /// With its first part.
    pub(super) fn new() -> (Self, Part) {
        let parts = Arc::new(Lock::new(Parts { early: 1, ..Parts::default() }));
        (Self(parts.clone()), Part { parts, late: false, left: false })
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.lock().is_over()
    }

    /// Has this done when it is over, or, for `soon`, when its early parts are; gives it back if so.
    pub(super) fn put_off(&self, soon: bool, entry: Entry) -> Option<Entry> {
        let mut parts = self.0.lock();
        if if soon { parts.early == 0 } else { parts.is_over() } {
            return Some(entry);
        }
        if soon { &mut parts.soon } else { &mut parts.then }.push(entry);
        None
    }

    /// Makes it a part of others, but of none that is itself a part of this one, or of one of its parts: neither would ever
    /// be over. A destructor brings that about which releases what it is dropped with.
    pub(super) fn join(&self, others: impl IntoIterator<Item = Part>) {
        let mut others: Vec<_> = others.into_iter().collect();
        if others.is_empty() {
            return;
        }
        // One at a time: two that join each other would both see no ring.
        let joining = JOINING.0.lock();
        let mut joined: Vec<_> = others.extract_if(.., |other| !other.is_inside(self)).collect();
        let mut parts = self.0.lock();
        if !parts.is_over() {
            parts.part_of.append(&mut joined);
        }
        drop((parts, joining));
    }
}

impl Future for Aftermath {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut parts = self.0.lock();
        if parts.is_over() {
            return Poll::Ready(Ok(Value::Unit));
        }
        let old = parts.waker.replace(cx.waker().clone());
        drop(parts);
        drop(old);
        Poll::Pending
    }
}

impl Part {
    /// Another part of the same.
    fn another(&self, late: bool) -> Self {
        *self.parts.lock().count(late) += 1;
        Self { parts: self.parts.clone(), late, left: false }
    }

    /// Whether what this is a part of is itself one, by whatever way.
    fn is_inside(&self, aftermath: &Aftermath) -> bool {
        let (mut seen, mut left) = (BTreeSet::new(), vec![self.parts.clone()]);
        while let Some(parts) = left.pop() {
            if Arc::ptr_eq(&parts, &aftermath.0) {
                return true;
            }
            if seen.insert(Arc::as_ptr(&parts)) {
                left.extend(parts.lock().part_of.iter().map(|part| part.parts.clone()));
            }
        }
        false
    }

    /// It only waits for its turn.
    pub(super) fn late(self) -> Self {
        self.another(true)
    }
}

impl Clone for Part {
    fn clone(&self) -> Self {
        self.another(self.late)
    }
}

impl Part {
    /// What is over with it, if it was the last.
    fn leave(&mut self) -> Vec<Self> {
        if std::mem::replace(&mut self.left, true) {
            return Vec::new();
        }
        let mut parts = self.parts.lock();
        *parts.count(self.late) -= 1;
        let soon = if parts.early == 0 { std::mem::take(&mut parts.soon) } else { Vec::new() };
        let over = if parts.is_over() { std::mem::take(&mut *parts) } else { Parts::default() };
        drop(parts);
        if let Some(waker) = over.waker {
            waker.wake();
        }
        soon.into_iter().chain(over.then).for_each(work_off);
        over.part_of
    }
}

impl Drop for Part {
    /// One after another, however many are a part of the next.
    fn drop(&mut self) {
        let mut left = self.leave();
        while let Some(mut part) = left.pop() {
            left.append(&mut part.leave());
        }
    }
}

enum Cause {
    /// Nobody wants to know.
    Nobody,
    /// Somebody does, and nothing has joined yet.
    Unasked,
    Part(Part),
}

per_thread!(static CAUSE: RefCell<Cause> = const { RefCell::new(Cause::Nobody) });

fn replace(cause: Cause) -> Cause {
    CAUSE.try_with(|own| own.replace(cause)).unwrap_or(Cause::Nobody)
}

/// On whose account this thread drops things.
pub(super) fn cause() -> Option<Part> {
    let cause = |own: &RefCell<Cause>| {
        let mut own = own.borrow_mut();
        if matches!(*own, Cause::Unasked) {
            *own = Cause::Part(Aftermath::new().1);
        }
        if let Cause::Part(part) = &*own { Some(part.clone()) } else { None }
    };
    CAUSE.try_with(cause).ok().flatten()
}

/// As `cause`, unless that is nobody's yet: for what is done before the thread goes back there.
pub(super) fn known_cause() -> Option<Part> {
    let cause = |own: &RefCell<Cause>| if let Cause::Part(part) = &*own.borrow() { Some(part.clone()) } else { None };
    CAUSE.try_with(cause).ok().flatten()
}

/// Drops things on this account, or on the one that the thread is inside of.
pub(super) fn under<R>(cause: Option<Part>, release: impl FnOnce() -> R) -> R {
    let Some(cause) = cause else { return release() };
    let outer = replace(Cause::Part(cause));
    let result = release();
    drop(replace(outer));
    result
}

/// Runs code of others, who drop things on their own account.
pub(super) fn on_no_account<R>(run: impl FnOnce() -> R) -> R {
    let outer = replace(Cause::Nobody);
    let result = run();
    drop(replace(outer));
    result
}

/// Drops things, and gives what that has set off and is not over.
pub(super) fn of(release: impl FnOnce()) -> Option<Aftermath> {
    let outer = replace(Cause::Unasked);
    immediately(release);
    match replace(outer) {
        Cause::Part(part) => {
            let aftermath = Aftermath(part.parts.clone());
            drop(part);
            Some(aftermath).filter(|aftermath| !aftermath.is_over())
        }
        _ => None,
    }
}
