//! The thread that is inside a loop, and what it does next.
//!
//! What an event makes ready runs right after it, ahead of older work and in the order in which it became
//! ready (PROM-09). It waits on a stack of this thread, where it costs no lock; what is left when the thread
//! leaves the loop goes to the front of the runtime's queue.

use super::{RuntimeId, Shared};
use crate::error::Error;
use crate::promise::Cell;
use crate::sync::{Lasting, per_thread};
use std::mem::ManuallyDrop;
use std::sync::Arc;

struct Place {
    /// The runtime whose loop this thread is inside.
    runtime: Option<Arc<Shared>>,
    next: Vec<Arc<Cell>>,
    /// The cell that is being polled. One that wakes itself lets others have their turn first.
    polled: *const Cell,
}

per_thread! {
    /// Who leaves a loop leaves it empty.
    static PLACE: Lasting<Place> =
        const { Lasting::new(ManuallyDrop::new(Place { runtime: None, next: Vec::new(), polled: std::ptr::null() })) };
}

/// Shows this thread's place to `look`, in which nothing foreign may run or be dropped.
fn place<R>(look: impl FnOnce(&mut Place) -> R) -> R {
    PLACE.with(|place| look(&mut place.borrow_mut()))
}

/// Whether this thread is inside any loop, where blocking is refused.
pub(crate) fn on_any_loop() -> bool {
    place(|place| place.runtime.is_some())
}

pub(super) fn is_inside(runtime: RuntimeId) -> bool {
    place(|place| place.is_inside(runtime))
}

/// The loop that what is built on a promise of `runtime` belongs to: the one that this thread is inside, or else that one.
pub(crate) fn home(runtime: &Arc<Shared>) -> Arc<Shared> {
    place(|place| place.runtime.as_ref().filter(|inside| inside.id != runtime.id).cloned())
        .unwrap_or_else(|| runtime.clone())
}

impl Place {
    fn is_inside(&self, runtime: RuntimeId) -> bool {
        self.runtime.as_ref().is_some_and(|inside| inside.id == runtime)
    }
}

/// Being inside a loop, until dropped.
pub(super) struct OnLoop<'a>(&'a Arc<Shared>);

impl<'a> OnLoop<'a> {
    pub(super) fn enter(runtime: &'a Arc<Shared>) -> Result<Self, Error> {
        let entered = place(|place| {
            let free = place.runtime.is_none();
            if free {
                place.runtime = Some(runtime.clone());
            }
            free
        });
        if entered { Ok(Self(runtime)) } else { Err(Error::would_deadlock()) }
    }
}

impl Drop for OnLoop<'_> {
    fn drop(&mut self) {
        let (runtime, next) = place(|place| (place.runtime.take(), std::mem::take(&mut place.next)));
        self.0.queue.put_back(next);
        drop(runtime);
    }
}

/// Whether a cell that became ready goes on the stack: this thread is inside its runtime's loop.
pub(super) fn takes(cell: &Arc<Cell>) -> bool {
    place(|place| place.is_inside(cell.runtime.id) && place.polled != Arc::as_ptr(cell))
}

/// Puts a cell on the stack, which takes it.
pub(super) fn push(cell: Arc<Cell>) {
    place(|place| place.next.push(cell));
}

/// The cell to poll next, if an event of this thread left one.
pub(super) fn pop() -> Option<Arc<Cell>> {
    place(|place| place.next.pop())
}

/// Polls a cell. What it makes ready comes off the stack next, first come first.
pub(super) fn poll(runtime: &Shared, cell: &Arc<Cell>) {
    place(|place| place.polled = Arc::as_ptr(cell));
    let _polled = Polled;
    in_order(|| match &runtime.slow {
        Some(slow) => slow.watch(|| cell.poll_from_queue()),
        None => cell.poll_from_queue(),
    });
}

/// Polling a cell, until dropped.
struct Polled;

impl Drop for Polled {
    fn drop(&mut self) {
        place(|place| place.polled = std::ptr::null());
    }
}

/// Has what `event` makes ready come off the stack first come first.
pub(super) fn in_order(event: impl FnOnce()) {
    let _event = Event { before: place(|place| place.next.len()) };
    event();
}

/// What makes cells ready, until dropped.
struct Event {
    /// How many were on the stack before.
    before: usize,
}

impl Drop for Event {
    fn drop(&mut self) {
        place(|place| place.next.get_mut(self.before..).into_iter().for_each(<[_]>::reverse));
    }
}
