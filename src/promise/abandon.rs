//! Letting go of what nobody holds any more, however long the chain.
//!
//! Dropping the source of one cell may take the last holder of another. Instead of recursing, what is left to do goes
//! to a list of this thread that the outermost abandonment works off, last in, first out: an operation is gone before
//! what was put on the list ahead of it, its attachments or its `finally`. If its callback is still running, then these
//! wait until that has returned: the callback may use what is attached.

use super::each::Each;
use super::source::Continuation;
use super::{Cell, Promise, Resolution, Watch};
use crate::foreign::Opaque;
use crate::object::Object;
use crate::runtime::{Shared, Status};
use crate::sync::{Lasting, Lock, per_thread};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// What is left to do.
pub(super) enum Left {
    /// A cell that lost its last holder meanwhile.
    Cell(Arc<Cell>),
    /// A cell that became ready when its loop had ended.
    Stranded(Arc<Cell>),
    /// An attachment, to be freed.
    Attachment(Opaque),
    /// A sequence that waited for what its callback returned.
    Each(Box<Each>),
    /// A `finally` whose promise has been cancelled.
    Finally(Arc<Shared>, Continuation),
    /// An object, to be dropped.
    Object(Arc<dyn Object>),
}

impl Left {
    /// A clean-up that panics has nobody left to tell, and does not keep the others from running.
    fn run(self) {
        let done = catch_unwind(AssertUnwindSafe(|| self.run_uncaught()));
        drop(done);
    }

    fn run_uncaught(self) {
        match self {
            Self::Cell(cell) if cell.abandon() => postpone(&cell),
            Self::Cell(_) => {}
            Self::Stranded(cell) => cell.end_stranded(),
            Self::Attachment(attachment) => drop(attachment),
            Self::Each(each) => drop(each),
            Self::Object(object) => drop(object),
            Self::Finally(runtime, continuation) => run_finally(runtime, continuation),
        }
    }
}

fn run_finally(runtime: Arc<Shared>, continuation: Continuation) {
    // A loop that has ended runs nothing any more, and what is to be cleaned up must not stay.
    if runtime.on_loop() || runtime.status() == Status::Closed {
        if let Resolution::Promise(promise) = continuation.run(Err(runtime.gone())) {
            promise.detach(None);
        }
    } else {
        Promise::finally(runtime, continuation).detach(None);
    }
}

per_thread! {
    static LEFT: Lasting<Option<Vec<Left>>> = const { Lasting::new(ManuallyDrop::new(None)) };
    /// How long an abandonment by this thread may wait for a callback.
    static BOUND: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

pub(super) fn bound() -> Option<u64> {
    BOUND.with(std::cell::Cell::get)
}

/// Shows the list of this thread to `look`, in which nothing foreign may run or be dropped.
fn list<R>(look: impl FnOnce(&mut Option<Vec<Left>>) -> R) -> R {
    LEFT.with(|list| look(&mut list.borrow_mut()))
}

/// Adds to the list; gives it back if there is none.
fn add(left: Left) -> Option<Left> {
    list(|list| match list {
        Some(list) => {
            list.push(left);
            None
        }
        None => Some(left),
    })
}

/// What waits for a callback that is still running: kept by its cell as a waiter, and done when that lets go of it.
struct Postponed(Lock<Vec<Left>>);

impl Wake for Postponed {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Postponed {
    fn drop(&mut self) {
        let left = std::mem::take(&mut *self.0.lock());
        immediately(|| left.into_iter().rev().for_each(work_off));
    }
}

/// Has what is to be done after an operation wait for the end of its callback.
fn postpone(running: &Arc<Cell>) {
    let postponed = list(|list| {
        let Some(list) = list else { return Vec::new() };
        let waits = |left: &Left| matches!(left, Left::Attachment(_) | Left::Each(_) | Left::Finally(..));
        let (wait, rest) = std::mem::take(list).into_iter().partition(waits);
        *list = rest;
        wait
    });
    if !postponed.is_empty() {
        // Returned since: then they are done here and now.
        let _ = running.add_waiter(Waker::from(Arc::new(Postponed(Lock::new(postponed)))));
    }
}

/// Lets go of an operation, and once it is gone does what is left to do after it.
pub(super) fn let_go(operation: Watch, after: Left) {
    let Some(after) = add(after) else { return };
    if operation.promise.cell().is_settled() {
        drop(operation);
        return after.run();
    }
    with_list(|| {
        let after = add(after);
        drop(operation);
        after.into_iter().for_each(Left::run);
    });
}

/// Abandons a cell, now or, inside another abandonment of this thread, right after it.
pub(super) fn abandon(cell: &Arc<Cell>) {
    if cell.runtime.owner.is_of_parent() {
        return;
    }
    work_off(Left::Cell(cell.clone()));
}

/// Ends a cell that nothing will ever poll again.
pub(crate) fn strand(cell: Arc<Cell>) {
    work_off(Left::Stranded(cell));
}

fn work_off(first: Left) {
    if let Some(first) = add(first) {
        with_list(|| first.run());
    }
}

/// Drops an object that may be the last holder of another one like it: now, or inside an abandonment of this thread right
/// after it, so that a chain of them takes no stack.
pub(crate) fn drop_in_turn(object: Arc<dyn Object>) {
    work_off(Left::Object(object));
}

/// Runs `begin` with a new list, and works that off.
fn with_list(begin: impl FnOnce()) {
    list(|list| *list = Some(Vec::new()));
    let _begun = Begun;
    begin();
}

/// A new list of this thread, worked off and given up when this is dropped, be it by a panic.
struct Begun;

impl Drop for Begun {
    fn drop(&mut self) {
        while let Some(next) = list(|list| list.as_mut().and_then(Vec::pop)) {
            next.run();
        }
        list(|list| *list = None);
    }
}

/// A list that is set aside, until dropped.
struct SetAside(Option<Vec<Left>>);

impl Drop for SetAside {
    fn drop(&mut self) {
        if let Some(outer) = self.0.take() {
            list(|list| *list = Some(outer));
        }
    }
}

/// Runs `release` with a list of its own: what it abandons is gone when it returns.
pub(crate) fn immediately<R>(release: impl FnOnce() -> R) -> R {
    let _outer = SetAside(list(Option::take));
    release()
}

/// The bound that held before, which holds again when this is dropped.
struct Bound(Option<u64>);

impl Drop for Bound {
    fn drop(&mut self) {
        BOUND.with(|bound| bound.set(self.0));
    }
}

/// Runs `release`; what it abandons is waited for until the deadline at most.
pub(crate) fn within(deadline: u64, release: impl FnOnce()) {
    let _outer = Bound(BOUND.with(|bound| bound.replace(Some(deadline))));
    release();
}
