//! The loop's queue: cells that are ready to be polled, from any thread.
//!
//! # No lost wake-up
//!
//! The loop goes to sleep in this order: it sets `asleep`, then looks at the list under its lock. A pusher
//! adds to the list under the lock, then reads `asleep`. If the loop's look came first, the pusher's lock
//! came after it and so sees `asleep`; if the push came first, the loop sees the cell.

use crate::promise::Cell;
use crate::sync::Lock;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

/// What an empty list may keep of a burst's memory, in cells.
const KEPT: usize = 4096;

pub(crate) struct Queue {
    ready: Lock<Ready>,
    asleep: AtomicBool,
    waker: Lock<Option<Waker>>,
}

struct Ready {
    cells: VecDeque<Arc<Cell>>,
    /// What waits until there is nothing else to do; the latest comes first. (PROM-25)
    last: Vec<Arc<Cell>>,
    /// Something came from another thread since the loop last asked.
    foreign: bool,
    stopping: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        let ready =
            Ready { cells: VecDeque::new(), last: Vec::new(), foreign: false, stopping: false, closed: false };
        Self { ready: Lock::new(ready), asleep: AtomicBool::new(false), waker: Lock::new(None) }
    }

    pub(crate) fn push(&self, cell: Arc<Cell>, last: bool) {
        let foreign = !cell.runtime.on_loop();
        let mut ready = self.ready.lock();
        if ready.closed {
            // Outside the lock: it may be the cell's last reference.
            drop(ready);
            drop(cell);
            return;
        }
        if last {
            ready.last.push(cell);
        } else {
            ready.cells.push_back(cell);
        }
        ready.foreign |= foreign;
        drop(ready);
        self.wake();
    }

    /// Puts cells in front, the last one first.
    pub(super) fn put_back(&self, cells: Vec<Arc<Cell>>) {
        if cells.is_empty() {
            return;
        }
        let mut ready = self.ready.lock();
        if ready.closed {
            drop(ready);
            drop(cells);
            return;
        }
        cells.into_iter().for_each(|cell| ready.cells.push_front(cell));
    }

    /// Wakes the loop if it sleeps.
    pub(super) fn wake(&self) {
        if self.asleep.load(Ordering::Acquire) && self.asleep.swap(false, Ordering::AcqRel) {
            // Under the lock, so that once `close` has taken the waker nobody has it, or the loop behind it.
            if let Some(waker) = &*self.waker.lock() {
                waker.wake_by_ref();
            }
        }
    }

    /// Moves what is ready into `older`; returns whether some of it is foreign.
    pub(super) fn take(&self, older: &mut VecDeque<Arc<Cell>>) -> bool {
        let mut ready = self.ready.lock();
        if older.is_empty() {
            std::mem::swap(&mut ready.cells, older);
            ready.cells.shrink_to(KEPT);
        } else {
            older.append(&mut ready.cells);
        }
        std::mem::take(&mut ready.foreign)
    }

    /// The latest of what waits for everything else.
    pub(super) fn take_last(&self) -> Option<Arc<Cell>> {
        self.ready.lock().last.pop()
    }

    /// Announces that the loop is about to sleep; `false` if there is something to do first.
    pub(super) fn sleep(&self, waker: &Waker) -> bool {
        let old = self.waker.lock().replace(waker.clone());
        drop(old);
        self.asleep.store(true, Ordering::Release);
        let ready = self.ready.lock();
        let idle = ready.cells.is_empty() && ready.last.is_empty() && !ready.stopping;
        drop(ready);
        if !idle {
            self.asleep.store(false, Ordering::Release);
        }
        idle
    }

    pub(super) fn is_idle(&self) -> bool {
        self.asleep.load(Ordering::Acquire) && self.ready.lock().cells.is_empty()
    }

    pub(super) fn awake(&self) {
        self.asleep.store(false, Ordering::Release);
    }

    /// Asks the loop to end once the queue is empty.
    pub(super) fn stop(&self) {
        self.ready.lock().stopping = true;
        self.wake();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.ready.lock().stopping
    }

    /// From now on pushes are dropped, as is what is left.
    pub(super) fn close(&self) {
        let mut ready = self.ready.lock();
        ready.closed = true;
        let left = (std::mem::take(&mut ready.cells), std::mem::take(&mut ready.last));
        drop(ready);
        drop(left);
        let waker = self.waker.lock().take();
        drop(waker);
    }
}
