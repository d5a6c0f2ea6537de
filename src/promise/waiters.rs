//! Who waits for a cell, in the order in which they came. Nearly always nobody or one.

use std::collections::BTreeMap;
use std::task::Waker;

/// The key of whoever has the place that costs no allocation.
const FIRST: u64 = 1;

#[derive(Default)]
pub(super) struct Waiters {
    first: Option<Waker>,
    #[expect(
        clippy::box_collection,
        reason = "every promise has this place, and nearly none has more than one waiter"
    )]
    rest: Option<Box<BTreeMap<u64, Waker>>>,
}

impl Waiters {
    /// Registers `waker` under `key`; 0 asks for a new key. Returns the waker that it replaced.
    pub(super) fn set(&mut self, key: &mut u64, waker: &Waker) -> Option<Waker> {
        let slot = match *key {
            0 => None,
            FIRST => self.first.as_mut(),
            _ => self.rest.as_mut().and_then(|rest| rest.get_mut(key)),
        };
        if let Some(slot) = slot {
            if slot.will_wake(waker) {
                return None;
            }
            return Some(std::mem::replace(slot, waker.clone()));
        }
        *key = self.add(waker.clone());
        None
    }

    /// Adds a waiter; its key.
    pub(super) fn add(&mut self, waker: Waker) -> u64 {
        // The first place goes to nobody while others wait: they came earlier.
        if self.first.is_none() && self.rest.is_none() {
            self.first = Some(waker);
            return FIRST;
        }
        let rest = self.rest.get_or_insert_default();
        let key = rest.last_key_value().map_or(FIRST, |(last, _)| *last) + 1;
        rest.insert(key, waker);
        key
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<Waker> {
        if key == FIRST {
            return self.first.take();
        }
        let rest = self.rest.as_mut()?;
        let waker = rest.remove(&key);
        if rest.is_empty() {
            self.rest = None;
        }
        waker
    }

    pub(super) fn all(&self) -> Vec<Waker> {
        self.first.iter().chain(self.rest.iter().flat_map(|rest| rest.values())).cloned().collect()
    }

    pub(super) fn wake_all(self) {
        if let Some(waker) = self.first {
            waker.wake();
        }
        if let Some(rest) = self.rest {
            rest.into_values().for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::task::Wake;

    struct Note(u32, Arc<Mutex<Vec<u32>>>);

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            self.1.lock().expect("no panic under this lock").push(self.0);
        }
    }

    // parity: FORK-01
    #[test]
    fn wakes_in_the_order_of_arrival_and_forgets_who_left() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let waker = |n| Waker::from(Arc::new(Note(n, log.clone())));
        let mut waiters = Waiters::default();
        let mut keys = [0; 5];
        for (n, key) in keys.iter_mut().enumerate() {
            assert!(waiters.set(key, &waker(n as u32)).is_none());
        }
        assert!(waiters.remove(keys[0]).is_some());
        assert!(waiters.remove(keys[3]).is_some());
        let mut late = 0;
        waiters.set(&mut late, &waker(9));
        assert!(waiters.set(&mut keys[1], &waker(7)).is_some());
        waiters.wake_all();
        assert_eq!(*log.lock().expect("no panic under this lock"), [7, 2, 4, 9]);
    }

    #[test]
    fn a_key_is_not_taken_from_its_holder() {
        let waker = Waker::noop();
        let mut waiters = Waiters::default();
        let (mut a, mut b, mut c) = (0, 0, 0);
        waiters.set(&mut a, waker);
        waiters.set(&mut b, waker);
        waiters.remove(a);
        waiters.set(&mut c, waker);
        assert_ne!(b, c);
    }
}
