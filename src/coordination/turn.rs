//! Taking turns: whoever asks first goes first, and whoever leaves passes the turn on.

use crate::error::Error;
use crate::sync::Lock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[derive(Default)]
struct Place {
    waker: Option<Waker>,
    /// Why this place is no longer in line.
    dismissed: Option<Error>,
}

#[derive(Default)]
struct Line {
    last: u64,
    places: BTreeMap<u64, Place>,
}

impl Line {
    fn add(&mut self) -> u64 {
        self.last += 1;
        self.places.insert(self.last, Place::default());
        self.last
    }

    fn in_line(&mut self) -> impl Iterator<Item = (&u64, &mut Place)> {
        self.places.iter_mut().filter(|(_, place)| place.dismissed.is_none())
    }
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
        let number = self.0.lock().add();
        Turn { line: self.clone(), number }
    }

    /// Runs `now` if nobody is in line, so that nobody gets in between; `now` must neither block nor wake anyone
    /// in another line. If it says that something is left to do, that gets the first place.
    pub(crate) fn try_now<R>(&self, now: impl FnOnce() -> (R, bool)) -> Option<(R, Option<Turn>)> {
        let mut line = self.0.lock();
        if line.in_line().next().is_some() {
            return None;
        }
        let (result, unfinished) = now();
        let turn = unfinished.then(|| Turn { line: self.clone(), number: line.add() });
        Some((result, turn))
    }

    /// Wakes the first in line, to look at what has changed.
    pub(crate) fn wake_first(&self) {
        let waker = self.0.lock().in_line().next().and_then(|(_, place)| place.waker.clone());
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Wakes everyone in line, to look at what has changed.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = self.0.lock().in_line().filter_map(|(_, place)| place.waker.take()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Sends the first `most` in line away, with this error; how many that were.
    pub(crate) fn dismiss(&self, most: usize, error: &Error) -> usize {
        let wakers: Vec<Option<Waker>> = {
            let mut line = self.0.lock();
            let first = line.in_line().take(most);
            first
                .map(|(_, place)| {
                    place.dismissed = Some(error.clone());
                    place.waker.take()
                })
                .collect()
        };
        let count = wakers.len();
        wakers.into_iter().flatten().for_each(Waker::wake);
        count
    }
}

impl Turn {
    /// Ready once this is the first in line. The waker stays registered, for `wake_all`.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut line = self.line.0.lock();
        let first = line.in_line().next().map(|(number, _)| *number) == Some(self.number);
        let place = line.places.entry(self.number).or_default();
        let same = place.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        let old = if same { None } else { place.waker.replace(cx.waker().clone()) };
        drop(line);
        drop(old);
        if first { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Nobody waits at this place just now.
    pub(crate) fn forget(&self) {
        let old = self.line.0.lock().places.get_mut(&self.number).and_then(|place| place.waker.take());
        drop(old);
    }

    /// Why this place was sent away, if it was.
    pub(crate) fn dismissed(&self) -> Option<Error> {
        self.line.0.lock().places.get(&self.number)?.dismissed.clone()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut line = self.line.0.lock();
        let own = line.places.remove(&self.number);
        let next = line.in_line().next().and_then(|(_, place)| place.waker.take());
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
