//! Dropping what nobody holds any more, however long the chain.
//!
//! Dropping the source of one cell may take the last holder of another. Instead of recursing, what is left to do goes
//! to a list of this thread that the outermost abandonment works off, last in, first out: an operation is gone before
//! what was put on the list ahead of it, its attachments or its `finally`. These wait until all is over that its end
//! has set off, a callback that is still running for instance, which may use what is attached; see `aftermath`.

use super::aftermath::{Aftermath, Part, cause, known_cause, on_no_account, under};
use super::coroutine;
use super::each::Each;
use super::source::Continuation;
use super::{Cell, Promise, Resolution, Watch, When};
use crate::foreign::Opaque;
use crate::nesting::{is_deep, one_deeper};
use crate::runtime::{Shared, Status};
use crate::sync::{Lasting, per_thread};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What is left to do.
enum Left {
    /// A cell that lost its last holder meanwhile.
    Cell(Arc<Cell>),
    /// A cell that became ready when its loop had ended.
    Stranded(Arc<Cell>),
    /// What was around an operation, once the aftermath of that is over.
    Around(Aftermath, Around),
    /// The same, when it is.
    Alone(Around),
}

/// What was around an operation.
pub(super) enum Around {
    /// An attachment, to be freed.
    Attachment(Opaque),
    /// A sequence that waited for what its callback returned.
    Each(Box<Each>),
    /// A `finally` whose promise has been cancelled.
    Finally(Arc<Shared>, Continuation),
    /// A coroutine that has been cancelled.
    Coroutine(Arc<Shared>, u64),
}

/// Something that is left to do, and on whose account.
pub(super) struct Entry {
    left: Left,
    cause: Option<Part>,
}

impl Entry {
    fn new(left: Left) -> Self {
        Self { left, cause: known_cause() }
    }

    /// A clean-up that panics has nobody left to tell, and does not keep the others from running.
    fn run(self) {
        let done = catch_unwind(AssertUnwindSafe(|| under(self.cause, || self.left.run())));
        drop(done);
    }
}

impl Left {
    fn run(self) {
        match self {
            Self::Cell(cell) => cell.abandon(),
            Self::Stranded(cell) => cell.end_stranded(),
            Self::Around(aftermath, around) => {
                if aftermath.is_over() {
                    return around.run();
                }
                let soon = matches!(around, Around::Attachment(_));
                let entry = Entry { left: Left::Alone(around), cause: cause() };
                aftermath.put_off(soon, entry).into_iter().for_each(Entry::run);
            }
            Self::Alone(around) => around.run(),
        }
    }
}

impl Around {
    fn run(self) {
        match self {
            Self::Attachment(attachment) => drop(attachment),
            Self::Each(each) => drop(each),
            Self::Finally(runtime, continuation) => run_finally(runtime, continuation),
            Self::Coroutine(runtime, number) => coroutine::go_on(&runtime, number),
        }
    }
}

fn run_finally(runtime: Arc<Shared>, continuation: Continuation) {
    // A loop that has ended runs nothing any more, and what is to be cleaned up must not stay. One callback may release a promise
    // with another, and that one too.
    let promise = if runtime.on_loop() && !is_deep() || runtime.status() == Status::Closed {
        match one_deeper(|| on_no_account(|| continuation.run(Err(runtime.gone())))) {
            Resolution::Promise(promise) => promise,
            Resolution::Outcome(_) => return,
        }
    } else {
        Promise::finally(runtime.clone(), continuation)
    };
    let Some(part) = cause().map(Part::late) else { return promise.detach(None) };
    let over = move |outcome| {
        drop(part);
        Resolution::Outcome(outcome)
    };
    promise.continue_on(runtime, When::Finally, Continuation::Closure(Box::new(over))).detach(None);
}

per_thread! {
    static LEFT: Lasting<Option<Vec<Entry>>> = const { Lasting::new(ManuallyDrop::new(None)) };
    /// How long an abandonment by this thread may wait for a callback.
    static BOUND: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

pub(super) fn bound() -> Option<u64> {
    BOUND.with(std::cell::Cell::get)
}

/// Shows the list of this thread to `look`, in which nothing foreign may run or be dropped.
fn list<R>(look: impl FnOnce(&mut Option<Vec<Entry>>) -> R) -> R {
    LEFT.with(|list| look(&mut list.borrow_mut()))
}

/// Adds to the list; gives it back if there is none.
fn add(entry: Entry) -> Option<Entry> {
    list(|list| match list {
        Some(list) => {
            list.push(entry);
            None
        }
        None => Some(entry),
    })
}

/// Drops an operation and then, once everything that this has set off is over, what was around it.
pub(super) fn drop_operation(operation: Watch, around: Around) {
    if operation.promise.cell().is_settled() {
        let entry = add(Entry::new(Left::Alone(around)));
        drop(operation);
        return entry.into_iter().for_each(Entry::run);
    }
    let (aftermath, part) = Aftermath::new();
    let Some(entry) = add(Entry::new(Left::Around(aftermath, around))) else {
        return under(Some(part), || drop(operation));
    };
    with_list(|| {
        let entry = add(entry);
        under(Some(part), || drop(operation));
        entry.into_iter().for_each(Entry::run);
    });
}

/// Abandons a cell, now or, inside another abandonment of this thread, right after it.
pub(super) fn abandon(cell: &Arc<Cell>) {
    if cell.runtime.owner.is_of_parent() {
        return;
    }
    work_off(Entry::new(Left::Cell(cell.clone())));
}

/// Ends a cell that nothing will ever poll again.
pub(crate) fn strand(cell: Arc<Cell>) {
    work_off(Entry::new(Left::Stranded(cell)));
}

pub(super) fn work_off(first: Entry) {
    if let Some(first) = add(first) {
        with_list(|| first.run());
    }
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
struct SetAside(Option<Vec<Entry>>);

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
