//! The thread that is inside a loop, and what it does next.
//!
//! What an event makes ready runs right after it, ahead of older work and in the order in which it became
//! ready (PROM-09). It waits on a stack of this thread, where it costs no lock; what is left when the thread
//! leaves the loop goes to the front of the runtime's queue.
//!
//! What a look at timers and sockets makes ready waits in a line of its own, first come first: a loop that has more to do
//! than fits between two looks gets to everything in turn, and timers keep their order.

use super::{RuntimeId, Shared};
use crate::error::Error;
use crate::promise::Cell;
use crate::sync::{Lasting, per_thread};
use crate::trim::Trim;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::sync::Arc;

struct Place {
    /// The runtime whose loop this thread is inside.
    runtime: Option<Arc<Shared>>,
    next: Vec<Arc<Cell>>,
    /// What became ready while no cell was being polled: timers, sockets.
    come: VecDeque<Arc<Cell>>,
    /// The cell that is being polled. One that wakes itself lets others have their turn first.
    polled: *const Cell,
}

per_thread! {
    /// Who leaves a loop leaves it empty.
    static PLACE: Lasting<Place> = const {
        Lasting::new(ManuallyDrop::new(Place {
            runtime: None,
            next: Vec::new(),
            come: VecDeque::new(),
            polled: std::ptr::null(),
        }))
    };
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
    fn pop_above(&mut self, floor: usize) -> Option<Arc<Cell>> {
        if self.next.len() > floor {
            return self.next.pop();
        }
        if self.next.is_empty() {
            self.next.trim();
        }
        None
    }

    fn pop_come(&mut self) -> Option<Arc<Cell>> {
        let come = self.come.pop_front();
        if come.is_none() {
            self.come.trim();
        }
        come
    }

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
        if !entered {
            return Err(Error::would_deadlock());
        }
        let come = runtime.queue.take_come();
        place(|place| place.come = come);
        Ok(Self(runtime))
    }
}

impl Drop for OnLoop<'_> {
    fn drop(&mut self) {
        let (runtime, next, come) =
            place(|place| (place.runtime.take(), std::mem::take(&mut place.next), std::mem::take(&mut place.come)));
        self.0.queue.put_back(next, come);
        drop(runtime);
    }
}

/// Whether a cell that became ready goes to `push`: this thread is inside its runtime's loop.
pub(super) fn takes(cell: &Arc<Cell>) -> bool {
    place(|place| place.is_inside(cell.runtime.id) && place.polled != Arc::as_ptr(cell))
}

/// Takes a cell: onto the stack, or into the line of what has come if no cell is being polled.
pub(super) fn push(cell: Arc<Cell>) {
    place(|place| if place.polled.is_null() { place.come.push_back(cell) } else { place.next.push(cell) });
}

/// The cell to poll next, if an event of this thread left one.
pub(super) fn pop() -> Option<Arc<Cell>> {
    place(|place| place.pop_above(0).or_else(|| place.pop_come()))
}

/// In which order the loop polls what is ready: what events have left on the stack, then what has come, then what was queued.
///
/// Each of them gets its time. Once the stack has not been empty from one look to the next, what has come goes ahead of it until the
/// look after that; and what was queued goes ahead of what has come after every second look that interrupts the loop.
pub(super) struct Order {
    /// Whether the stack has been empty since the last look.
    was_empty: bool,
    /// Whether what has come is ahead of the stack, and how much of the stack waits for it.
    is_ahead: bool,
    floor: usize,
    queued_first: bool,
}

impl Order {
    pub(super) fn new() -> Self {
        Self { was_empty: true, is_ahead: false, floor: 0, queued_first: false }
    }

    /// Begins anew after a look.
    pub(super) fn look(&mut self) {
        self.is_ahead = !self.was_empty && !self.is_ahead;
        self.floor = if self.is_ahead { place(|place| place.next.len()) } else { 0 };
        self.was_empty = false;
    }

    /// The loop has been interrupted for a look, or has come to an end of what there was.
    pub(super) fn stop(&mut self, interrupted: bool) {
        self.queued_first = interrupted && !self.queued_first;
    }

    /// The next cell, from what was queued too.
    pub(super) fn pop(&mut self, queued: &mut VecDeque<Arc<Cell>>) -> Option<Arc<Cell>> {
        place(|place| {
            if let Some(next) = place.pop_above(self.floor) {
                return Some(next);
            }
            if self.floor > 0 {
                if let Some(come) = place.pop_come() {
                    return Some(come);
                }
                self.floor = 0;
                if let Some(next) = place.pop_above(0) {
                    return Some(next);
                }
            }
            self.was_empty = true;
            if self.queued_first {
                return queued.pop_front().or_else(|| place.pop_come());
            }
            place.pop_come().or_else(|| queued.pop_front())
        })
    }
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
fn in_order(event: impl FnOnce()) {
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
