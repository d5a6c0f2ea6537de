//! The loop's queue: cells that are ready to be polled, from any thread.
//!
//! # No lost wake-up
//!
//! The loop goes to sleep in this order: it sets `asleep`, then looks at the list under its lock. A pusher
//! adds to the list under the lock, then reads `asleep`. If the loop's look came first, the pusher's lock
//! came after it and so sees `asleep`; if the push came first, the loop sees the cell.

use super::Runnable;
use super::pollable::Bell;
use crate::promise::{Cell, Turn, strand};
use crate::sync::Lock;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::trim::Trim;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

const QUEUED: u8 = 1;
const REST: u8 = 2;
const COME: u8 = 4;

pub(crate) struct Queue {
    ready: Lock<Ready>,
    /// Which parts of `ready` have something in them; written under its lock. To the loop a hint: before it sleeps it
    /// looks itself.
    filled: AtomicU8,
    asleep: AtomicBool,
    waker: Lock<Option<Waker>>,
    wake: Lock<Wake>,
    runnable: Option<Runnable>,
    /// For a host that polls a descriptor: rings when something is queued while nobody drives the loop.
    bell: Lock<Option<Bell>>,
}

/// A wake of a wait scope by hand: one that is left, or who waits for one.
#[derive(Default)]
struct Wake {
    left: bool,
    waits: Option<Waker>,
}

/// What a loop does once its queue is empty.
pub(super) enum Rest {
    /// What waited for that.
    Last,
    Stopping,
    /// What waits for the loop to be idle, once the sockets have nothing either.
    Idle,
    Nothing,
}

#[derive(Default)]
struct Ready {
    cells: VecDeque<Arc<Cell>>,
    /// What a look has made ready, while nobody is inside the loop.
    come: VecDeque<Arc<Cell>>,
    /// What waits until there is nothing else to do; the latest comes first. (PROM-25)
    last: Vec<Arc<Cell>>,
    /// What waits until the loop would sleep. (PROM-28)
    idle: Vec<Arc<Cell>>,
    /// Something came from another thread since the loop last asked.
    foreign: bool,
    stopping: bool,
    closed: bool,
}

impl Ready {
    fn is_runnable(&self) -> bool {
        !(self.cells.is_empty() && self.come.is_empty() && self.last.is_empty())
    }
}

impl Queue {
    pub(super) fn new(runnable: Option<Runnable>) -> Self {
        let (ready, waker, wake) = (Lock::new(Ready::default()), Lock::new(None), Lock::new(Wake::default()));
        // Until it is first driven, a loop is told of as one that sleeps.
        let (filled, asleep) = (AtomicU8::new(0), AtomicBool::new(runnable.is_some()));
        Self { ready, filled, asleep, waker, wake, runnable, bell: Lock::new(None) }
    }

    pub(crate) fn push(&self, cell: Arc<Cell>, turn: Turn) {
        let foreign = !cell.runtime.on_loop();
        let mut ready = self.ready.lock();
        if ready.closed {
            drop(ready);
            strand(cell);
            return;
        }
        match turn {
            Turn::Queued => ready.cells.push_back(cell),
            Turn::Last => ready.last.push(cell),
            Turn::Idle => ready.idle.push(cell),
        }
        ready.foreign |= foreign;
        self.note(&ready);
        drop(ready);
        self.wake();
    }

    /// Keeps what is ready for whoever enters the loop next: `next` in front, the last one first, and `come`, which goes to them.
    pub(super) fn put_back(&self, next: Vec<Arc<Cell>>, come: VecDeque<Arc<Cell>>) {
        if next.is_empty() && come.is_empty() {
            return;
        }
        let mut ready = self.ready.lock();
        if ready.closed {
            drop(ready);
            next.into_iter().chain(come).for_each(strand);
            return;
        }
        next.into_iter().for_each(|cell| ready.cells.push_front(cell));
        ready.come = come;
        self.note(&ready);
    }

    /// What a look had made ready when the loop was left.
    pub(super) fn take_come(&self) -> VecDeque<Arc<Cell>> {
        if !self.has(COME) {
            return VecDeque::new();
        }
        let mut ready = self.ready.lock();
        let come = std::mem::take(&mut ready.come);
        self.note(&ready);
        come
    }

    fn note(&self, ready: &Ready) {
        let queued = if ready.cells.is_empty() { 0 } else { QUEUED };
        let rest = if ready.last.is_empty() && ready.idle.is_empty() && !ready.stopping { 0 } else { REST };
        let come = if ready.come.is_empty() { 0 } else { COME };
        self.filled.store(queued | rest | come, Ordering::Release);
    }

    fn has(&self, part: u8) -> bool {
        self.filled.load(Ordering::Acquire) & part != 0
    }

    /// Wakes the loop if it sleeps.
    pub(super) fn wake(&self) {
        if self.asleep.load(Ordering::Acquire) && self.asleep.swap(false, Ordering::AcqRel) {
            // Under the lock, so that once `close` has taken the waker nobody has it, or the loop behind it.
            if let Some(waker) = &*self.waker.lock() {
                waker.wake_by_ref();
            }
            self.ring();
            if let Some(runnable) = &self.runnable {
                runnable.hook.run(&runnable.ctx);
            }
        }
    }

    fn ring(&self) {
        if let Some(bell) = &*self.bell.lock() {
            bell.ring();
        }
    }

    /// From now on this rings when there is something to do, as it does now if there is.
    pub(super) fn set_bell(&self, bell: Option<Bell>) {
        let old = std::mem::replace(&mut *self.bell.lock(), bell);
        drop(old);
    }

    pub(super) fn has_bell(&self) -> bool {
        self.bell.lock().is_some()
    }

    /// Has the pump look again at when to wake.
    pub(super) fn rouse(&self) {
        if let Some(waker) = &*self.waker.lock() {
            waker.wake_by_ref();
        }
    }

    /// As `wake`, for a change made outside the lock: the loop, about to sleep, sees it, or is seen to sleep.
    pub(super) fn wake_surely(&self) {
        drop(self.ready.lock());
        self.wake();
    }

    pub(super) fn leave_wake(&self) {
        let waits = {
            let mut wake = self.wake.lock();
            wake.left = true;
            wake.waits.take()
        };
        if let Some(waits) = waits {
            waits.wake();
        }
        self.ring();
    }

    /// Takes a wake that was left; otherwise `waker` is woken by the next one.
    pub(super) fn take_wake(&self, waker: &Waker) -> bool {
        let mut wake = self.wake.lock();
        let left = std::mem::take(&mut wake.left);
        let old = if left { wake.waits.take() } else { wake.waits.replace(waker.clone()) };
        drop(wake);
        drop(old);
        left
    }

    pub(super) fn is_runnable(&self) -> bool {
        self.ready.lock().is_runnable()
    }

    /// Nobody drives the loop any more: if nothing is left to do, what comes next is told of.
    pub(super) fn rest(&self) {
        if let Some(bell) = &*self.bell.lock() {
            bell.silence();
        }
        let ready = self.ready.lock();
        let queued = ready.is_runnable();
        if !queued {
            self.asleep.store(true, Ordering::Release);
        }
        let any = queued || !ready.idle.is_empty();
        drop(ready);
        if any {
            self.ring();
        }
    }

    /// Queues what waits for the loop to be idle; `false` if nothing does.
    pub(super) fn queue_idle(&self) -> bool {
        let mut ready = self.ready.lock();
        let idle = std::mem::take(&mut ready.idle);
        let any = !idle.is_empty();
        ready.cells.extend(idle);
        self.note(&ready);
        any
    }

    /// What to poll next, for a loop that is driven turn by turn.
    pub(super) fn pop(&self) -> Option<Arc<Cell>> {
        let mut ready = self.ready.lock();
        let next = ready.cells.pop_front().or_else(|| ready.last.pop());
        ready.cells.trim();
        ready.last.trim();
        self.note(&ready);
        next
    }

    /// Moves what is ready into `older`; returns whether some of it is foreign.
    pub(super) fn take(&self, older: &mut VecDeque<Arc<Cell>>) -> bool {
        if !self.has(QUEUED) {
            return false;
        }
        let mut ready = self.ready.lock();
        if older.is_empty() {
            std::mem::swap(&mut ready.cells, older);
            ready.cells.trim();
        } else {
            older.append(&mut ready.cells);
        }
        self.note(&ready);
        std::mem::take(&mut ready.foreign)
    }

    /// Gives back what `take` took and nobody has polled, in front of what has come since.
    pub(super) fn return_taken(&self, older: &mut VecDeque<Arc<Cell>>) {
        if older.is_empty() {
            return;
        }
        let mut ready = self.ready.lock();
        if ready.closed {
            drop(ready);
            older.drain(..).for_each(strand);
            return;
        }
        older.append(&mut ready.cells);
        std::mem::swap(&mut ready.cells, older);
        self.note(&ready);
    }

    /// What there is to do when nothing is queued. The latest of what waits for everything else goes to `older`.
    pub(super) fn take_rest(&self, older: &mut VecDeque<Arc<Cell>>) -> Rest {
        if !self.has(REST) {
            return Rest::Nothing;
        }
        let mut ready = self.ready.lock();
        if let Some(last) = ready.last.pop() {
            ready.last.trim();
            older.push_back(last);
            self.note(&ready);
            return Rest::Last;
        }
        match (ready.stopping, ready.idle.is_empty()) {
            (true, _) => Rest::Stopping,
            (false, false) => Rest::Idle,
            (false, true) => Rest::Nothing,
        }
    }

    /// Moves what waits for the loop to be idle into `older`.
    pub(super) fn take_idle(&self, older: &mut VecDeque<Arc<Cell>>) {
        let mut ready = self.ready.lock();
        older.extend(std::mem::take(&mut ready.idle));
        self.note(&ready);
    }

    /// Announces that the loop is about to sleep; `false` if there is something to do first.
    pub(super) fn sleep(&self, waker: &Waker) -> bool {
        let mut known = self.waker.lock();
        let changed = known.as_ref().is_none_or(|known| !known.will_wake(waker));
        let old = if changed { known.replace(waker.clone()) } else { None };
        drop(known);
        drop(old);
        self.asleep.store(true, Ordering::Release);
        let ready = self.ready.lock();
        let idle = ready.cells.is_empty() && ready.last.is_empty() && ready.idle.is_empty() && !ready.stopping;
        drop(ready);
        if !idle {
            self.asleep.store(false, Ordering::Release);
        }
        idle
    }

    pub(super) fn awake(&self) {
        self.asleep.store(false, Ordering::Release);
    }

    /// Asks the loop to end once the queue is empty.
    pub(super) fn stop(&self) {
        let mut ready = self.ready.lock();
        ready.stopping = true;
        self.note(&ready);
        drop(ready);
        self.wake();
    }

    /// From now on what is pushed is ended instead, as is what is left: nothing will poll it.
    pub(super) fn close(&self) {
        let mut ready = self.ready.lock();
        let left = std::mem::take(&mut *ready);
        ready.closed = true;
        ready.stopping = true;
        self.note(&ready);
        drop(ready);
        let waker = self.waker.lock().take();
        drop(waker);
        left.come.into_iter().chain(left.cells).chain(left.last).chain(left.idle).for_each(strand);
    }
}
