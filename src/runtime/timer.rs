//! Timers: a heap of deadlines, one for each runtime, that any thread may add to and take from.
//!
//! A timer is removed the moment it is dropped; nothing fires later and nothing stays behind. (TIME-05)
//! The loop sleeps until the earliest deadline that it knows (`armed`) and is woken only for an earlier one. It does
//! not raise `armed` when that timer is removed: waking once for nothing costs less than a wake-up for every
//! timer that is started and soon cancelled.

use super::Shared;
use super::clock::{self, Clock};
use super::pollable::Alarm;
use super::timer_slots::Slots;
use crate::sync::Lock;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::trim::Trim;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A future that is ready once its deadline has passed.
pub(crate) struct Timer {
    runtime: Arc<Shared>,
    deadline: u64,
    slot: Option<u32>,
    /// By the system's clock, whatever the runtime's is.
    is_pause: bool,
}

impl Timer {
    fn new(runtime: &Arc<Shared>, deadline: u64, is_pause: bool) -> Self {
        Self { runtime: runtime.clone(), deadline, slot: None, is_pause }
    }

    pub(crate) fn at(runtime: &Arc<Shared>, deadline: u64) -> Self {
        Self::new(runtime, deadline, false)
    }

    pub(crate) fn after(runtime: &Arc<Shared>, nanos: u64) -> Self {
        Self::at(runtime, runtime.clock.after(nanos))
    }

    /// A wait for the system, which goes on while a virtual clock stands still.
    pub(crate) fn pause(runtime: &Arc<Shared>, nanos: u64) -> Self {
        Self::new(runtime, clock::after(nanos), true)
    }

    fn is_due(&self) -> bool {
        let now = if self.is_pause { clock::now() } else { self.runtime.clock.now() };
        now >= self.deadline
    }

    fn timers(&self) -> &Timers {
        self.runtime.pauses.as_ref().filter(|_| self.is_pause).unwrap_or(&self.runtime.timers)
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_due() {
            return Poll::Ready(());
        }
        let timers = self.timers();
        let mut heap = timers.heap.lock();
        let (slot, replaced) = match self.slot {
            Some(slot) => (slot, heap.set_waker(slot, self.deadline, cx.waker())),
            None => (heap.insert(self.deadline, cx.waker().clone()), None),
        };
        timers.note_first(&heap);
        drop(heap);
        drop(replaced);
        if self.deadline < timers.armed.load(Ordering::Acquire) {
            self.runtime.queue.wake();
        }
        self.slot = Some(slot);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            let timers = self.timers();
            let mut heap = timers.heap.lock();
            let waker = heap.remove(slot);
            timers.note_first(&heap);
            drop(heap);
            drop(waker);
        }
    }
}

/// How many are woken between two looks at the sockets.
const AT_ONCE: usize = 256;

/// No deadline at all.
const NONE: u64 = u64::MAX;

pub(crate) struct Timers {
    heap: Lock<Heap>,
    /// The earliest deadline of the heap, or `NONE`; written under its lock. To the loop it is a hint: before it
    /// sleeps it asks the heap.
    first: AtomicU64,
    /// When the loop will wake by itself. Written by the loop only.
    armed: AtomicU64,
}

impl Timers {
    pub(super) fn new() -> Self {
        Self { heap: Lock::new(Heap::default()), first: AtomicU64::new(NONE), armed: AtomicU64::new(0) }
    }

    fn note_first(&self, heap: &Heap) {
        // A timer for ever is one all the same.
        let first = heap.first().map_or(NONE, |first| first.min(NONE - 1));
        if let Some(alarm) = &heap.alarm
            && self.first.load(Ordering::Acquire) != first
        {
            alarm.set(heap.first());
        }
        self.first.store(first, Ordering::Release);
    }

    /// From now on this goes off when the earliest timer is due.
    pub(super) fn set_alarm(&self, alarm: Option<Alarm>) {
        let mut heap = self.heap.lock();
        if let Some(alarm) = &alarm {
            alarm.set(heap.first());
        }
        let old = std::mem::replace(&mut heap.alarm, alarm);
        drop(heap);
        drop(old);
    }

    /// Wakes what is due, in the order of deadlines, then of creation: not all of a great many at once, so that taking
    /// them out of the heap holds nothing else up. (TIME-02)
    pub(super) fn fire(&self, clock: &Clock, due: &mut Vec<Waker>) {
        // Most turns of a loop have no timer at all: those cost neither a lock nor a look at the clock.
        let first = self.first.load(Ordering::Acquire);
        if first != NONE {
            let now = clock.now();
            if first <= now {
                self.take_due(now, AT_ONCE, due);
            }
        }
    }

    fn take_due(&self, now: u64, most: usize, due: &mut Vec<Waker>) {
        let mut heap = self.heap.lock();
        heap.take_due(now, most, due);
        self.note_first(&heap);
        drop(heap);
        due.drain(..).for_each(Waker::wake);
    }

    /// When the next timer is due. (TIME-07)
    pub(super) fn first(&self) -> Option<u64> {
        self.heap.lock().first()
    }

    pub(super) fn len(&self) -> usize {
        self.heap.lock().entries.len()
    }

    /// Wakes everything: nothing will be due any more.
    pub(super) fn wake_all(&self) {
        self.take_due(u64::MAX, usize::MAX, &mut Vec::new());
    }

    /// While the loop is awake it looks at the heap itself: nobody needs to wake it.
    pub(super) fn disarm(&self) {
        self.armed.store(0, Ordering::Release);
    }

    /// Fixes when the loop wakes by itself, given when it was going to.
    pub(super) fn arm(&self, before: Option<u64>, clock: &Clock) -> Option<u64> {
        let kept = before.filter(|at| *at > clock.now());
        let first = Some(self.first.load(Ordering::Acquire)).filter(|first| *first != NONE);
        let at = [kept, first].into_iter().flatten().min();
        self.armed.store(at.unwrap_or(u64::MAX), Ordering::Release);
        at
    }

    /// Whether a timer was added that `arm` did not see. Asked once the loop is marked as asleep: a timer
    /// added later finds that mark, as in the queue.
    pub(super) fn has_earlier_than(&self, armed: Option<u64>) -> bool {
        self.first().is_some_and(|first| armed.is_none_or(|armed| first < armed))
    }
}

/// The place of what is not in the heap.
pub(super) const NOWHERE: u32 = u32::MAX;

struct Entry {
    deadline: u64,
    order: u64,
    slot: u32,
}

impl Entry {
    fn key(&self) -> (u64, u64) {
        (self.deadline, self.order)
    }
}

#[derive(Default)]
struct Heap {
    entries: Vec<Entry>,
    slots: Slots,
    order: u64,
    /// Set to the earliest deadline.
    alarm: Option<Alarm>,
}

impl Heap {
    fn first(&self) -> Option<u64> {
        self.entries.first().map(|entry| entry.deadline)
    }

    fn insert(&mut self, deadline: u64, waker: Waker) -> u32 {
        let slot = self.slots.insert(waker);
        self.push(deadline, slot);
        slot
    }

    fn push(&mut self, deadline: u64, slot: u32) {
        self.order += 1;
        let place = self.entries.len();
        self.entries.push(Entry { deadline, order: self.order, slot });
        self.slots.get_mut(slot).place = place as u32;
        self.sift_up(place);
    }

    fn set_waker(&mut self, slot: u32, deadline: u64, waker: &Waker) -> Option<Waker> {
        if self.slots.get_mut(slot).place == NOWHERE {
            // Fired, yet polled before its time by this clock: it goes back.
            self.push(deadline, slot);
        }
        let known = &mut self.slots.get_mut(slot).waker;
        if known.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return None;
        }
        known.replace(waker.clone())
    }

    fn remove(&mut self, slot: u32) -> Option<Waker> {
        let place = self.slots.get_mut(slot).place;
        if place != NOWHERE {
            self.take_entry(place as usize);
        }
        self.slots.remove(slot)
    }

    fn take_due(&mut self, now: u64, most: usize, due: &mut Vec<Waker>) {
        while due.len() < most && self.first().is_some_and(|deadline| deadline <= now) {
            let entry = self.take_entry(0);
            let slot = self.slots.get_mut(entry.slot);
            slot.place = NOWHERE;
            due.extend(slot.waker.take());
        }
    }

    fn take_entry(&mut self, place: usize) -> Entry {
        let entry = self.entries.swap_remove(place);
        self.entries.trim();
        if place < self.entries.len() {
            self.settle_at(place);
            if self.sift_up(place) == place {
                self.sift_down(place);
            }
        }
        entry
    }

    fn settle_at(&mut self, place: usize) {
        let slot = self.entries[place].slot;
        self.slots.get_mut(slot).place = place as u32;
    }

    fn exchange(&mut self, a: usize, b: usize) {
        self.entries.swap(a, b);
        self.settle_at(a);
        self.settle_at(b);
    }

    fn sift_up(&mut self, mut place: usize) -> usize {
        while place > 0 && self.entries[place].key() < self.entries[(place - 1) / 4].key() {
            self.exchange(place, (place - 1) / 4);
            place = (place - 1) / 4;
        }
        place
    }

    fn sift_down(&mut self, mut place: usize) {
        loop {
            let children = place * 4 + 1..(place * 4 + 5).min(self.entries.len());
            let Some(least) = children.min_by_key(|child| self.entries[*child].key()) else { return };
            if self.entries[place].key() <= self.entries[least].key() {
                return;
            }
            self.exchange(place, least);
            place = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::task::Wake;

    struct Note(u64, Arc<Mutex<Vec<u64>>>);

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            self.1.lock().expect("no panic under this lock").push(self.0);
        }
    }

    // parity: TIME-02, TIME-05
    #[test]
    fn fires_by_deadline_then_by_age_and_never_what_was_removed() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut heap = Heap::default();
        // 7919 is coprime to 1000: every deadline from 0 to 999 comes twice, in a scrambled order.
        let slots: Vec<u32> =
            (0..2000u64).map(|n| heap.insert(n * 7919 % 1000, Waker::from(Arc::new(Note(n, log.clone()))))).collect();
        for slot in slots.iter().step_by(3) {
            assert!(heap.remove(*slot).is_some());
        }
        let mut due = Vec::new();
        heap.take_due(499, usize::MAX, &mut due);
        let early = due.len();
        heap.take_due(u64::MAX, early + 1, &mut due);
        assert_eq!(due.len(), early + 1);
        heap.take_due(u64::MAX, usize::MAX, &mut due);
        due.into_iter().for_each(Waker::wake);
        let mut expected: Vec<u64> = (0..2000).filter(|n| n % 3 != 0).collect();
        expected.sort_by_key(|n| (n * 7919 % 1000, *n));
        assert_eq!(early, expected.iter().filter(|n| *n * 7919 % 1000 <= 499).count());
        assert_eq!(*log.lock().expect("no panic under this lock"), expected);
    }

    #[test]
    fn chunks_without_timers_give_their_memory_back() {
        let mut heap = Heap::default();
        for round in 0..3 {
            let mut slots: Vec<u32> = (0..10_000).map(|n| heap.insert(n, Waker::noop().clone())).collect();
            assert_eq!(heap.slots.with_memory(), 10_000usize.div_ceil(64));
            let last = slots.pop().expect("the last one stays");
            if round == 1 {
                slots.reverse();
            }
            slots.into_iter().for_each(|slot| drop(heap.remove(slot)));
            assert!(heap.slots.with_memory() <= 2 && heap.entries.capacity() <= 2048, "{}", heap.slots.with_memory());
            heap.remove(last);
            for n in 0..1000 {
                let slot = heap.insert(n, Waker::noop().clone());
                heap.remove(slot);
                assert_eq!(heap.slots.with_memory(), 1);
            }
        }
    }

    #[test]
    fn a_slot_is_free_again_only_after_removal() {
        let mut heap = Heap::default();
        let slot = heap.insert(1, Waker::noop().clone());
        heap.take_due(1, usize::MAX, &mut Vec::new());
        assert_ne!(heap.insert(2, Waker::noop().clone()), slot);
        heap.remove(slot);
        assert_eq!(heap.insert(3, Waker::noop().clone()), slot);
    }
}
