//! Ending an operation: by whoever cancels it, by who waits for it no longer, and with its last holder.

use super::{CANCELED, Cell, NOTED, Noted, Phase, SETTLED, discard};
use crate::error::Error;
use crate::promise::abandon::{bound, immediately};
use crate::promise::aftermath;
use crate::promise::source::Source;
use crate::promise::waits::{WAITS, this_thread};
use crate::sync::atomic::Ordering;
use crate::value::Outcome;
use std::sync::Arc;

/// What `cancel` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceled {
    /// The operation is gone and the promise has settled.
    Gone,
    /// The promise had settled before.
    TooLate,
    /// Called from inside the operation's own poll or callback: it ends when that returns.
    AfterThisPoll,
    /// Its callback was still running at the deadline; it ends when that returns.
    StillRunning,
}

impl Cell {
    /// Ends the operation now. See the module's page for what "now" means.
    pub(crate) fn cancel(self: &Arc<Self>, error: Error, deadline: Option<u64>) -> Canceled {
        self.cancel_by(error, deadline, discard)
    }

    fn cancel_by(
        self: &Arc<Self>,
        error: Error,
        deadline: Option<u64>,
        discard: impl FnOnce(Source, &Arc<Cell>),
    ) -> Canceled {
        let mut state = self.state.lock();
        match &mut state.phase {
            Phase::Settled(_) => Canceled::TooLate,
            Phase::Parked(_) if self.runtime.is_ended_here() => {
                let source = state.phase.take_parked(&error);
                drop(state);
                if let Some(source) = source {
                    discard(source, self);
                }
                self.settle(Err(error), false, None);
                Canceled::Gone
            }
            Phase::Polling { .. } | Phase::Parked(_) => {
                let by = match &mut state.phase {
                    Phase::Polling { by, cancel, .. } => {
                        cancel.get_or_insert(Noted { error, causes: Vec::new() }).causes.extend(aftermath::cause());
                        self.flags.fetch_or(NOTED, Ordering::AcqRel);
                        *by
                    }
                    _ => self.runtime.ended_by(),
                };
                drop(state);
                if by == this_thread() || !WAITS.begin(by, self) {
                    return Canceled::AfterThisPoll;
                }
                let settled = self.park_until_settled(deadline);
                WAITS.end();
                match settled {
                    true if self.has(CANCELED) => Canceled::Gone,
                    true => Canceled::TooLate,
                    false => Canceled::StillRunning,
                }
            }
            Phase::Idle(Source::Ended(outcome, aftermath)) => {
                let outcome = outcome.clone();
                aftermath.join(aftermath::cause());
                let ended = std::mem::replace(&mut state.phase, Phase::Settled(outcome));
                self.flags.fetch_or(SETTLED, Ordering::AcqRel);
                self.tell(state);
                drop(ended);
                Canceled::TooLate
            }
            Phase::Idle(_) => {
                let Phase::Idle(source) = std::mem::replace(&mut state.phase, Phase::ending(&error)) else {
                    unreachable!("matched as idle under the same lock")
                };
                drop(state);
                discard(source, self);
                self.settle(Err(error), false, None);
                Canceled::Gone
            }
        }
    }

    /// As `cancel`, and so is all that the operation was built from, even inside an abandonment.
    pub(crate) fn cancel_now(self: &Arc<Self>, error: Error) -> Canceled {
        immediately(|| self.cancel(error, None))
    }

    /// Ends a cell that became ready when its loop had ended. What it was built from is gone before anybody learns of
    /// it; who waits for it is ended next, not inside this call.
    pub(in crate::promise) fn end_stranded(self: &Arc<Self>) {
        let discard = |source, cell: &Arc<Cell>| immediately(|| discard(source, cell));
        self.cancel_by(Error::shutdown(), Some(0), discard);
    }

    /// Ends the operation for somebody who has waited for it and waits no longer, unless others hold it. What has
    /// settled by then comes first: the outcome.
    pub(in crate::promise) fn give_up(self: &Arc<Self>) -> Option<Outcome> {
        // While there is a holder its value stays.
        if !self.is_settled()
            && (self.has_other_holders()
                || immediately(|| self.cancel(self.runtime.gone(), bound())) != Canceled::TooLate)
        {
            return None;
        }
        self.passed_on()
    }

    /// The last holder has let go: cancels what is pending, drops what has settled.
    pub(in crate::promise) fn abandon(self: &Arc<Self>) {
        let canceled = if self.is_settled() { Canceled::TooLate } else { self.cancel(self.runtime.gone(), bound()) };
        if canceled == Canceled::TooLate {
            let value = self.state.lock().take_value(self.runtime.gone());
            drop(value);
        }
    }
}
