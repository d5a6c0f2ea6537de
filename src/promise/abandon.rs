//! Letting go of what nobody holds any more, however long the chain.
//!
//! Dropping the source of one cell may take the last holder of another. Instead of recursing, what is left to do goes
//! to a list of this thread that the outermost abandonment works off, last in, first out: an operation is gone before
//! what was put on the list ahead of it, its attachments or its `finally`. If its callback is still running, then these
//! wait until that has returned: the callback may use what is attached.

use super::each::Each;
use super::source::Continuation;
use super::{Cell, Promise, Resolution, Watch};
use crate::error::Error;
use crate::foreign::Opaque;
use crate::runtime::{Shared, Status};
use crate::sync::{Lock, per_thread};
use std::cell::RefCell;
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
}

impl Left {
    fn run(self) {
        match self {
            Self::Cell(cell) if cell.abandon() => postpone(&cell),
            Self::Cell(_) => {}
            Self::Stranded(cell) => cell.end_stranded(),
            Self::Attachment(attachment) => drop(attachment),
            Self::Each(each) => drop(each),
            Self::Finally(runtime, continuation) => run_finally(runtime, continuation),
        }
    }
}

fn run_finally(runtime: Arc<Shared>, continuation: Continuation) {
    // A loop that has ended runs nothing any more, and what is to be cleaned up must not stay.
    if runtime.on_loop() || runtime.status() == Status::Closed {
        if let Resolution::Promise(promise) = continuation.run(Err(Error::canceled())) {
            promise.detach(None);
        }
    } else {
        Promise::finally(runtime, continuation).detach(None);
    }
}

per_thread! {
    static LEFT: RefCell<Option<Vec<Left>>> = const { RefCell::new(None) };
    /// How long an abandonment by this thread may wait for a callback.
    static BOUND: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

pub(super) fn bound() -> Option<u64> {
    BOUND.try_with(std::cell::Cell::get).unwrap_or(None)
}

/// Adds to the list; gives it back if there is none, or if the thread is being destroyed.
fn add(left: Left) -> Option<Left> {
    let mut left = Some(left);
    let _ = LEFT.try_with(|list| {
        if let Some(list) = &mut *list.borrow_mut() {
            list.extend(left.take());
        }
    });
    left
}

/// What waits for a callback that is still running: kept by its cell as a waiter, and done when that lets go of it.
struct Postponed(Lock<Vec<Left>>);

impl Wake for Postponed {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Postponed {
    fn drop(&mut self) {
        let left = std::mem::take(&mut *self.0.lock());
        // A `finally` that panics has nobody left to tell.
        let done = catch_unwind(AssertUnwindSafe(|| immediately(|| left.into_iter().rev().for_each(work_off))));
        drop(done);
    }
}

/// Has what is to be done after an operation wait for the end of its callback.
fn postpone(running: &Arc<Cell>) {
    let mut postponed = Vec::new();
    let _ = LEFT.try_with(|list| {
        if let Some(list) = &mut *list.borrow_mut() {
            let waits = |left: &Left| matches!(left, Left::Attachment(_) | Left::Each(_) | Left::Finally(..));
            let (wait, rest): (Vec<_>, Vec<_>) = std::mem::take(list).into_iter().partition(waits);
            (postponed, *list) = (wait, rest);
        }
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

/// Runs `begin` with a new list, and works that off. During the destruction of the thread there is none, and this
/// recurses instead.
fn with_list(begin: impl FnOnce()) {
    let _ = LEFT.try_with(|list| *list.borrow_mut() = Some(Vec::new()));
    begin();
    while let Ok(Some(next)) = LEFT.try_with(|list| list.borrow_mut().as_mut().and_then(Vec::pop)) {
        next.run();
    }
    let _ = LEFT.try_with(|list| list.borrow_mut().take());
}

/// Runs `release` with a list of its own: what it abandons is gone when it returns.
pub(super) fn immediately<R>(release: impl FnOnce() -> R) -> R {
    let outer = LEFT.try_with(|list| list.borrow_mut().take()).ok().flatten();
    let result = release();
    if outer.is_some() {
        let _ = LEFT.try_with(|list| *list.borrow_mut() = outer);
    }
    result
}

/// Runs `release`; what it abandons is waited for until the deadline at most.
pub(crate) fn within(deadline: u64, release: impl FnOnce()) {
    let outer = BOUND.try_with(|bound| bound.replace(Some(deadline)));
    release();
    let _ = BOUND.try_with(|bound| bound.set(outer.unwrap_or(None)));
}
