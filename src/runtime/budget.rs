//! How much the loop does before it looks at timers and sockets: so many turns, and not for long.
//!
//! Turns last from less than a tenth of a microsecond to whatever a callback takes, and looking at the clock after each
//! would cost the short ones too much. So the clock is read after a number of turns that follows what they took of late.

use super::clock::{self, Clock};

/// How long the loop goes on, about. A look costs about a fiftieth of it.
const NANOS: u64 = 50_000;

/// After how many turns the clock is read at the latest.
const MOST_UNTIMED: usize = 32;

/// How many turns the loop makes if it is not told.
const TURNS: usize = 256;

pub(super) struct Budget {
    turns: usize,
    timed: bool,
    spent: usize,
    /// Since when, if the clock has been read since the last look.
    since: Option<u64>,
    /// After how many turns to read it next, and how many lie between two such times.
    next: usize,
    step: usize,
}

impl Budget {
    /// Of so many turns, however long they take; 0 leaves it to the loop. With virtual time turns alone count: what
    /// happens is to depend on nothing else.
    pub(super) fn new(turns: usize, clock: &Clock) -> Self {
        let timed = turns == 0 && !clock.is_virtual();
        let turns = if turns == 0 { TURNS } else { turns };
        Self { turns, timed, spent: 0, since: None, next: 1, step: 1 }
    }

    /// How many turns have been made since the last look.
    pub(super) fn spent(&self) -> usize {
        self.spent
    }

    /// Another turn has been made.
    pub(super) fn spend(&mut self) {
        self.spent += 1;
    }

    /// Whether it is time for a look.
    pub(super) fn is_spent(&mut self) -> bool {
        self.spent >= self.turns || (self.timed && self.spent >= self.next && self.is_late(clock::now()))
    }

    fn is_late(&mut self, now: u64) -> bool {
        let since = *self.since.get_or_insert(now);
        let took = now.saturating_sub(since);
        if took >= NANOS {
            // As many as fit into the time, had they been as long as these.
            self.step = (self.step as u64 * NANOS / took).max(1) as usize;
            self.since = Some(now);
            return true;
        }
        if took < NANOS / 2 {
            self.step = (self.step * 2).min(MOST_UNTIMED);
        }
        self.next = self.spent + self.step;
        false
    }

    /// The loop has looked, because this was spent.
    pub(super) fn renew(&mut self) {
        let by_time = self.spent < self.turns;
        self.since = self.since.filter(|_| by_time);
        self.spent = 0;
        self.next = self.step;
    }

    /// The loop has looked because there was nothing to do.
    pub(super) fn rest(&mut self) {
        self.since = None;
        self.spent = 0;
        self.next = self.step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many turns of this length fit in before it is late.
    fn turns_of(budget: &mut Budget, now: &mut u64, nanos: u64) -> usize {
        loop {
            budget.spend();
            *now += nanos;
            if budget.spent >= budget.turns || (budget.spent >= budget.next && budget.is_late(*now)) {
                let spent = budget.spent;
                budget.renew();
                return spent;
            }
        }
    }

    // parity: LOOP-09
    #[test]
    fn short_turns_are_counted_and_long_ones_timed() {
        let mut budget = Budget::new(0, &Clock::new(false));
        let mut now = 1;
        for _ in 0..3 {
            assert_eq!(turns_of(&mut budget, &mut now, 60), 256);
        }
        // The first long ones come unexpectedly, then it knows them.
        assert!(turns_of(&mut budget, &mut now, 15_000) <= 2 * MOST_UNTIMED);
        for _ in 0..10 {
            let turns = turns_of(&mut budget, &mut now, 15_000);
            assert!((3..=7).contains(&turns), "{turns}");
        }
        assert_eq!(turns_of(&mut budget, &mut now, 1_000_000), 1);
        // And back.
        (0..10).for_each(|_| {
            turns_of(&mut budget, &mut now, 60);
        });
        assert_eq!(turns_of(&mut budget, &mut now, 60), 256);
    }

    // parity: LOOP-09
    #[test]
    fn a_loop_that_is_told_to_looks_after_each_turn() {
        let mut budget = Budget::new(1, &Clock::new(false));
        budget.spend();
        assert!(budget.is_spent());
        budget.renew();
        assert!(!budget.is_spent());
    }
}
