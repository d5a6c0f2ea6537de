//! Ending many cells at once, as a shutdown does.

use super::{Cell, Phase, Source, discard};
use crate::error::Error;
use std::sync::Arc;

/// A cell that will be ended: nobody else polls or cancels it any more.
enum Parked {
    With(Source),
    /// Another thread polls it, or this one further up.
    Polled,
    Settled,
}

impl Cell {
    /// Ends all of them as `cancel` does. None of them learns what the end of another leads to, whatever their order: a
    /// turn that is passed on, a value that is dropped, a promise that is rejected.
    pub(crate) fn end_all(cells: Vec<Arc<Self>>, error: &Error, deadline: u64) {
        let (mut parked, mut polled) = (Vec::new(), Vec::new());
        for cell in cells {
            match cell.park(error) {
                Parked::With(source) => parked.push((cell, source)),
                Parked::Polled => polled.push(cell),
                Parked::Settled => {}
            }
        }
        let discarded = |(cell, source)| {
            discard(source, &cell);
            cell
        };
        let cells: Vec<_> = parked.into_iter().map(discarded).collect();
        cells.into_iter().for_each(|cell| cell.settle(Err(error.clone()), false, None));
        for cell in polled {
            cell.cancel(error.clone(), Some(deadline));
        }
    }

    fn park(&self, error: &Error) -> Parked {
        let mut state = self.state.lock();
        if let Phase::Settled(_) = state.phase {
            return Parked::Settled;
        }
        if let Phase::Polling { .. } = state.phase {
            return Parked::Polled;
        }
        match std::mem::replace(&mut state.phase, Phase::ending(error)) {
            Phase::Idle(source) => Parked::With(source),
            _ => unreachable!("neither settled nor polled, under the same lock"),
        }
    }
}
