//! Letting go of what nobody holds any more, however long the chain.
//!
//! Dropping the source of one cell may take the last holder of another. Instead of recursing, what is left to do goes
//! to a list of this thread that the outermost abandonment works off, last in, first out: an operation is gone before
//! what was put on the list ahead of it, its attachments or its `finally`.

use super::source::Continuation;
use super::{Cell, Promise, Resolution, Watch};
use crate::error::Error;
use crate::foreign::Opaque;
use crate::runtime::{Shared, Status};
use crate::sync::per_thread;
use std::cell::RefCell;
use std::sync::Arc;

/// What is left to do.
pub(super) enum Left {
    /// A cell that lost its last holder meanwhile.
    Cell(Arc<Cell>),
    /// A cell that became ready when its loop had ended.
    Stranded(Arc<Cell>),
    /// An attachment, to be freed.
    Attachment(Opaque),
    /// A `finally` whose promise has been cancelled.
    Finally(Arc<Shared>, Continuation),
}

impl Left {
    fn run(self) {
        match self {
            Self::Cell(cell) => cell.abandon(),
            Self::Stranded(cell) => drop(cell.cancel(Error::shutdown(), Some(0))),
            Self::Attachment(attachment) => drop(attachment),
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

/// Lets go of an operation, and once it is gone does what is left to do after it.
pub(super) fn let_go(operation: Watch, after: Left) {
    let after = add(after);
    // Without a list this abandons the operation at once.
    drop(operation);
    after.into_iter().for_each(Left::run);
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
    let Some(first) = add(first) else { return };
    // During the destruction of the thread there is no list, and this recurses instead.
    let _ = LEFT.try_with(|list| *list.borrow_mut() = Some(Vec::new()));
    first.run();
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
