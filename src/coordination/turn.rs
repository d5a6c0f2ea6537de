//! Taking turns: whoever asks first goes first, and whoever leaves passes the turn on.

use crate::sync::Lock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct Line {
    last: u64,
    waiting: BTreeMap<u64, Option<Waker>>,
}

/// A line of operations of which one at a time may go on.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Lock<Line>>);

/// A place in the line, given up when dropped.
pub(crate) struct Turn {
    line: Turns,
    number: u64,
}

impl Turns {
    pub(crate) fn take(&self) -> Turn {
        let mut line = self.0.lock();
        line.last += 1;
        let number = line.last;
        line.waiting.insert(number, None);
        Turn { line: self.clone(), number }
    }

    /// Runs `now` if nobody is in line, so that nobody gets in between; `now` must not block. If it says that
    /// something is left to do, that gets the first place.
    pub(crate) fn try_now<R>(&self, now: impl FnOnce() -> (R, bool)) -> Option<(R, Option<Turn>)> {
        let mut line = self.0.lock();
        if !line.waiting.is_empty() {
            return None;
        }
        let (result, unfinished) = now();
        let turn = unfinished.then(|| {
            line.last += 1;
            let number = line.last;
            line.waiting.insert(number, None);
            Turn { line: self.clone(), number }
        });
        Some((result, turn))
    }

    /// Wakes the first in line, to look at what has changed.
    pub(crate) fn wake_first(&self) {
        let waker = self.0.lock().waiting.values().next().cloned().flatten();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn first_waiting(&self) -> Option<u64> {
        self.0.lock().waiting.keys().next().copied()
    }

    pub(crate) fn last_waiting(&self) -> Option<u64> {
        self.0.lock().waiting.keys().next_back().copied()
    }

    /// Wakes everyone in line, to look at what has changed.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = self.0.lock().waiting.values_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Turn {
    /// Which place it is: later ones have higher numbers.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Ready once this is the first in line. The waker stays registered, for `wake_all`.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut line = self.line.0.lock();
        let first = line.waiting.keys().next() == Some(&self.number);
        let place = line.waiting.entry(self.number).or_default();
        let same = place.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        let old = if same { None } else { place.replace(cx.waker().clone()) };
        drop(line);
        drop(old);
        if first { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut line = self.line.0.lock();
        let own = line.waiting.remove(&self.number);
        let next = line.waiting.values_mut().next().and_then(Option::take);
        drop(line);
        drop(own);
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_round_in_order_and_survive_who_leaves() {
        let cx = &mut Context::from_waker(Waker::noop());
        let turns = Turns::default();
        let (a, b, c) = (turns.take(), turns.take(), turns.take());
        assert!(a.poll(cx).is_ready() && b.poll(cx).is_pending() && c.poll(cx).is_pending());
        assert!(turns.try_now(|| ((), false)).is_none());
        drop(b);
        assert!(c.poll(cx).is_pending());
        drop(a);
        assert!(c.poll(cx).is_ready());
        drop(c);
        let (_, rest) = turns.try_now(|| ((), true)).expect("nobody is in line");
        assert!(rest.expect("asked for").poll(cx).is_ready());
    }
}
