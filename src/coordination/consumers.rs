//! Operations that take one thing each, in the order in which they came, and what has come back from them.

use super::{Turn, Turns};
use crate::sync::Lock;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::value::{Origin, Outcome, Value};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

#[derive(Default)]
struct Returned {
    /// By when they were taken, the first time.
    values: BTreeMap<u64, Value>,
    closed: bool,
}

/// The line of consumers, and the values that reached none of them: they go to the next in line, ahead of anything new.
#[derive(Default)]
pub(crate) struct Consumers {
    line: Turns,
    taken: AtomicU64,
    returned: Lock<Returned>,
    /// How many are in `returned`; written under its lock. Whoever misses one has been put in line before, and is woken.
    count: AtomicUsize,
}

impl Consumers {
    /// The last place in the line.
    pub(crate) fn turn(&self) -> Turn {
        self.line.take()
    }

    pub(crate) fn line(&self) -> &Turns {
        &self.line
    }

    /// How many values have come back.
    pub(crate) fn returned(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Something new that the first in line takes: it comes back if it reaches nobody.
    pub(crate) fn give(self: &Arc<Self>, value: Value) -> Value {
        self.give_again(self.taken.fetch_add(1, Ordering::Relaxed), value)
    }

    fn give_again(self: &Arc<Self>, number: u64, value: Value) -> Value {
        let origin: Weak<Self> = Arc::downgrade(self);
        value.unclaimed(number, origin)
    }

    /// For the first in line: the oldest that has come back.
    pub(crate) fn take_returned(self: &Arc<Self>) -> Option<Value> {
        if self.returned() == 0 {
            return None;
        }
        let mut returned = self.returned.lock();
        let first = returned.values.pop_first();
        self.count.store(returned.values.len(), Ordering::Release);
        drop(returned);
        first.map(|(number, value)| self.give_again(number, value))
    }

    /// In its turn, what has come back or else what `fresh` brings.
    pub(crate) async fn take(self: &Arc<Self>, turn: &Turn, fresh: impl Future<Output = Outcome>) -> Outcome {
        let mut fresh = pin!(fresh);
        poll_fn(|cx: &mut Context<'_>| {
            if turn.poll(cx).is_ready()
                && let Some(value) = self.take_returned()
            {
                return Poll::Ready(Ok(value));
            }
            fresh.as_mut().poll(cx).map_ok(|value| self.give(value))
        })
        .await
    }

    /// Drops what has come back and what still does, and wakes everyone in line.
    pub(crate) fn close(&self) {
        let mut returned = self.returned.lock();
        let dropped = std::mem::take(&mut returned.values);
        returned.closed = true;
        self.count.store(0, Ordering::Release);
        drop(returned);
        drop(dropped);
        self.line.wake_all();
    }
}

impl Origin for Consumers {
    fn give_back(&self, number: u64, value: Value) {
        let mut returned = self.returned.lock();
        if returned.closed {
            drop(returned);
            drop(value);
            return;
        }
        returned.values.insert(number, value);
        self.count.store(returned.values.len(), Ordering::Release);
        drop(returned);
        self.line.wake_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn what_reaches_nobody_comes_back_in_the_order_in_which_it_was_taken() {
        let consumers = Arc::new(Consumers::default());
        let mut given: Vec<_> = (0..4).map(|n| consumers.give(Value::U64(n))).collect();
        given.swap(0, 2);
        let kept = given.pop().expect("four").claim();
        let shared = given[1].clone();
        drop(given);
        assert_eq!(consumers.returned(), 2, "one has another holder, one was claimed");
        drop((kept, shared));
        let back: Vec<_> = std::iter::from_fn(|| consumers.take_returned()).map(Value::claim).collect();
        assert!(matches!(back[..], [Value::U64(0), Value::U64(1), Value::U64(2)]), "{back:?}");
        let late = consumers.give(Value::Unit);
        consumers.close();
        drop(late);
        assert_eq!(consumers.returned(), 0);
    }

    #[test]
    fn what_comes_back_wakes_the_first_in_line() {
        let consumers = Arc::new(Consumers::default());
        let given = consumers.give(Value::U64(7));
        let turn = consumers.turn();
        let mut next = pin!(consumers.take(&turn, std::future::pending()));
        let woken = crate::runtime::Parker::current();
        let waker = Waker::from(woken.clone());
        let cx = &mut Context::from_waker(&waker);
        assert!(next.as_mut().poll(cx).is_pending());
        woken.clear();
        drop(given);
        assert!(woken.is_woken());
        let Poll::Ready(Ok(value)) = next.poll(cx) else { panic!("it has come back") };
        assert!(matches!(value.claim(), Value::U64(7)));
    }
}
