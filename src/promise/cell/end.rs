//! Ending many cells at once, as a shutdown does.

use super::{Cell, Phase, Source, discard};
use crate::error::Error;
use std::sync::Arc;

impl Cell {
    /// Ends all of them as `cancel` does; by the thread that ends their runtime. None of them learns what the end of another leads
    /// to, whatever their order: a turn that is passed on, a value that is dropped, a promise that is rejected.
    pub(crate) fn end_all(cells: Vec<Arc<Self>>, error: &Error, deadline: u64) {
        let (parked, others): (Vec<_>, Vec<_>) = cells.into_iter().partition(|cell| cell.park());
        // One that another of them was built on is ended by that, before what comes after it.
        let discarded = |cell: Arc<Self>| {
            let source = cell.take_parked(error)?;
            discard(source, &cell);
            Some(cell)
        };
        let ended: Vec<_> = parked.into_iter().filter_map(discarded).collect();
        ended.into_iter().for_each(|cell| cell.settle(Err(error.clone()), false, None));
        for cell in others {
            cell.cancel(error.clone(), Some(deadline));
        }
    }

    /// From now on nobody else polls or cancels it. `false` if somebody polls it now, or it has settled.
    fn park(&self) -> bool {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.phase, Phase::polling()) {
            Phase::Idle(source) => {
                state.phase = Phase::Parked(source);
                true
            }
            other => {
                state.phase = other;
                false
            }
        }
    }

    /// What it was parked with, unless it has been ended since; this thread settles it.
    fn take_parked(&self, error: &Error) -> Option<Source> {
        self.state.lock().phase.take_parked(error)
    }
}

impl Phase {
    pub(super) fn take_parked(&mut self, error: &Error) -> Option<Source> {
        match std::mem::replace(self, Self::ending(error)) {
            Self::Parked(source) => Some(source),
            other => {
                *self = other;
                None
            }
        }
    }
}
