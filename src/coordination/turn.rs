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

/// Numbers grow. Most lines have one place, which takes no memory of its own.
#[derive(Default)]
struct Line {
    last: u64,
    /// The place with the lowest number; without it there is none.
    first: Option<(u64, Place)>,
    others: BTreeMap<u64, Place>,
}

impl Line {
    fn add(&mut self) -> u64 {
        self.last += 1;
        if self.first.is_none() {
            self.first = Some((self.last, Place::default()));
        } else {
            self.others.insert(self.last, Place::default());
        }
        self.last
    }

    fn place(&mut self, number: u64) -> Option<&mut Place> {
        match &mut self.first {
            Some((first, place)) if *first == number => Some(place),
            _ => self.others.get_mut(&number),
        }
    }

    fn remove(&mut self, number: u64) -> Option<Place> {
        if self.first.as_ref().is_none_or(|(first, _)| *first != number) {
            return self.others.remove(&number);
        }
        let (_, place) = std::mem::replace(&mut self.first, self.others.pop_first())?;
        Some(place)
    }

    fn in_line(&mut self) -> impl Iterator<Item = (u64, &mut Place)> {
        let first = self.first.iter_mut().map(|(number, place)| (*number, place));
        let all = first.chain(self.others.iter_mut().map(|(number, place)| (*number, place)));
        all.filter(|(_, place)| place.dismissed.is_none())
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
        let first = line.in_line().next().map(|(number, _)| number) == Some(self.number);
        let waker = line.place(self.number).map(|place| &mut place.waker);
        let old = waker.and_then(|waker| match waker {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => waker.replace(cx.waker().clone()),
        });
        drop(line);
        drop(old);
        if first { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether this is the first in line.
    pub(crate) fn is_first(&self) -> bool {
        self.line.0.lock().in_line().next().is_some_and(|(number, _)| number == self.number)
    }

    /// Nobody waits at this place just now.
    pub(crate) fn forget(&self) {
        let old = self.line.0.lock().place(self.number).and_then(|place| place.waker.take());
        drop(old);
    }

    /// Why this place was sent away, if it was.
    pub(crate) fn dismissed(&self) -> Option<Error> {
        self.line.0.lock().place(self.number)?.dismissed.clone()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut line = self.line.0.lock();
        let own = line.remove(self.number);
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
    fn whoever_is_dismissed_holds_up_nobody() {
        let cx = &mut Context::from_waker(Waker::noop());
        let turns = Turns::default();
        let (a, b, c) = (turns.take(), turns.take(), turns.take());
        let error = Error::invalid("dismissed");
        assert_eq!(turns.dismiss(2, &error), 2);
        assert!(a.dismissed().is_some() && b.dismissed().is_some() && c.dismissed().is_none());
        assert!(c.poll(cx).is_ready());
        let d = turns.take();
        drop(a);
        drop(c);
        assert!(d.poll(cx).is_ready());
        drop((b, d));
        assert!(turns.try_now(|| ((), false)).is_some());
    }

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
