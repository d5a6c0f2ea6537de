//! Coroutines: code that waits for one promise after another, and runs to its end.
//!
//! One cell serves it from its start to its end, so a wait costs no promise of its own. All of the code runs on one loop, one
//! piece at a time, whatever loops the promises are of.
//!
//! # Cancellation
//!
//! What the code waits for is dropped there and then, as with any promise. The code itself is resumed once more on
//! its loop and told so; it may wait again, for its clean-up, until it returns a result, which nobody hears of. From the
//! cancel on it is in the hands of the runtime: its cell has settled, and whatever is left of the code moves to a cell of its own.
//! Waits that are shielded are not dropped: the code hears of the cancellation at the next one that is not.
//!
//! # Where it ends
//!
//! The runtime knows every coroutine from its start to its end (`Coroutines`). A shutdown cancels them all, and their
//! code runs to its end on the loop's thread after everything else, the youngest first: whoever has started another one
//! is older. By then each of their waits fails. So the context is used and freed on the loop's thread only,
//! unless a start was refused.

use super::abandon::{Around, drop_operation};
use super::aftermath::{self, Aftermath, Part};
use super::source::{Source, Step};
use super::{Cell, Promise, Watch, call};
use crate::error::Error;
use crate::foreign::ForeignCallback;
use crate::runtime::Shared;
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

/// What a coroutine is resumed with.
pub struct Resumed {
    /// How what it waited for ended; unit at its start.
    pub outcome: Outcome,
    /// It has been cancelled: this is told once, and nothing is heard of the result any more.
    pub canceled: bool,
}

/// What a coroutine does next.
pub enum Next {
    /// It has ended.
    Done(Outcome),
    /// It waits for this promise.
    Wait(Promise),
    /// It waits for this promise, and a cancellation does not drop that.
    WaitShielded(Promise),
}

/// The code, which runs each time that it is resumed.
pub(crate) enum Code {
    Foreign(ForeignCallback),
    Closure(Box<dyn FnMut(Resumed) -> Next + Send>),
}

impl Code {
    fn resume(&mut self, resumed: Resumed) -> Next {
        match self {
            Self::Foreign(callback) => call::resume(callback, resumed),
            Self::Closure(closure) => catch_unwind(AssertUnwindSafe(|| closure(resumed)))
                .unwrap_or_else(|payload| Next::Done(Err(Error::from_panic(payload)))),
        }
    }
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No code has run.
    New,
    Running,
    /// It has been cancelled, which the code does not know yet.
    Canceled,
    /// The code knows, and cleans up.
    CleaningUp,
    /// Cancelled before any code has run: it is only to be freed.
    Unused,
    Ended,
}

struct Wait {
    promise: Watch,
    shielded: bool,
}

pub(crate) struct Coroutine {
    runtime: Arc<Shared>,
    number: u64,
    code: Code,
    stage: Stage,
    wait: Option<Wait>,
    /// The last wait that the code has asked for is shielded.
    shield: bool,
    /// It ran in this turn of the loop.
    ran: bool,
    /// What was set off by dropping what it asked for though it had been cancelled.
    released: Option<Aftermath>,
    /// What its clean-up is a part of.
    part_of: Option<Part>,
}

impl Coroutine {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, on_loop: bool) -> Step {
        if let Some(wait) = &mut self.wait
            && !wait.promise.poll_settled(cx)
        {
            self.ran = false;
            return Step::Pending;
        }
        if let Some(aftermath) = &mut self.released
            && Pin::new(aftermath).poll(cx).is_pending()
        {
            return Step::Pending;
        }
        if !on_loop || std::mem::take(&mut self.ran) {
            return Step::NeedsLoop;
        }
        if self.stage == Stage::Unused {
            return self.done(Ok(Value::Unit));
        }
        self.ran = true;
        let outcome = self.wait.take().map(|wait| wait.promise.outcome().map(Value::claim));
        match self.resume(outcome) {
            Next::Done(outcome) => self.done(outcome),
            Next::Wait(promise) => self.wait_for(promise, false),
            Next::WaitShielded(promise) => self.wait_for(promise, true),
        }
    }

    /// `outcome` is that of what it waited for, if it did.
    fn resume(&mut self, outcome: Option<Outcome>) -> Next {
        let canceled = self.stage == Stage::Canceled && outcome.is_none();
        self.stage = match self.stage {
            Stage::New => Stage::Running,
            Stage::Canceled if canceled => Stage::CleaningUp,
            stage => stage,
        };
        let gone = || if canceled { Err(self.runtime.gone()) } else { Ok(Value::Unit) };
        let outcome = outcome.unwrap_or_else(gone);
        self.code.resume(Resumed { outcome, canceled })
    }

    fn done(&mut self, outcome: Outcome) -> Step {
        self.stage = Stage::Ended;
        Step::Return(outcome)
    }

    fn wait_for(&mut self, promise: Promise, shielded: bool) -> Step {
        if self.stage == Stage::Canceled && !shielded {
            // Cancelled while it was shielded: this is where it hears of it.
            self.released = aftermath::of(|| drop(promise));
            self.ran = false;
            return Step::Again;
        }
        self.shield = shielded;
        Step::Wait(promise)
    }

    pub(super) fn wait(&mut self, promise: Promise) {
        self.wait = Some(Wait { promise: Watch::new(promise), shielded: self.shield });
    }

    /// The cell that it waits for.
    pub(super) fn awaits(&self) -> Option<Arc<Cell>> {
        self.wait.as_ref().map(|wait| wait.promise.promise.cell().clone())
    }

    /// Whether a poll does not wait for anything.
    pub(super) fn is_ready(&self) -> bool {
        self.wait.is_none() && self.released.is_none()
    }

    /// Its cell has settled: what is left to do after a cancellation is the runtime's.
    pub(super) fn discard(mut self: Box<Self>) {
        if self.stage == Stage::Ended {
            return;
        }
        let (runtime, number) = (self.runtime.clone(), self.number);
        self.ran = false;
        if self.part_of.is_none() {
            self.part_of = aftermath::cause();
        }
        let released = match (self.stage, &self.wait) {
            (Stage::Running, Some(Wait { shielded: false, .. })) => self.wait.take(),
            _ => None,
        };
        self.stage = match self.stage {
            Stage::New => Stage::Unused,
            Stage::Running => Stage::Canceled,
            stage => stage,
        };
        runtime.coroutines.put(self);
        match released {
            Some(wait) => drop_operation(wait.promise, Around::Coroutine(runtime, number)),
            None => go_on(&runtime, number),
        }
    }

    /// Runs the code to its end, here and now; whatever it waits for fails.
    fn end(mut self) {
        if matches!(self.stage, Stage::New | Stage::Unused) {
            return;
        }
        let mut wait = self.wait.take();
        loop {
            let outcome = match wait.take() {
                Some(wait) if wait.shielded || self.stage == Stage::CleaningUp => {
                    Some(wait.promise.promise.outcome().unwrap_or_else(|| Err(Error::shutdown())))
                }
                _ => None,
            };
            let (promise, shielded) = match self.resume(outcome) {
                Next::Done(_) => return,
                Next::Wait(promise) => (promise, false),
                Next::WaitShielded(promise) => (promise, true),
            };
            wait = Some(Wait { promise: Watch::new(promise), shielded });
        }
    }
}

impl Drop for Coroutine {
    fn drop(&mut self) {
        self.runtime.coroutines.remove(self.number);
    }
}

impl Promise {
    /// Starts a coroutine, which runs for the first time in its turn; or, if it has begun elsewhere, goes on when the promise
    /// that it waits for has settled. `true` beside that for a wait that is shielded.
    ///
    /// # Errors
    /// `Shutdown`.
    pub(crate) fn coroutine(runtime: Arc<Shared>, code: Code, first: Option<(Promise, bool)>) -> Result<Self, Error> {
        let cell = runtime.clone().coroutines.start(|number| {
            let wait = first.map(|(promise, shielded)| Wait { promise: Watch::new(promise), shielded });
            let stage = if wait.is_some() { Stage::Running } else { Stage::New };
            let coroutine = Coroutine {
                runtime: runtime.clone(),
                number,
                code,
                stage,
                wait,
                shield: false,
                ran: false,
                released: None,
                part_of: None,
            };
            Cell::new(runtime, Source::Coroutine(Box::new(coroutine)))
        })?;
        cell.poll(false);
        Ok(Self(cell))
    }
}

/// Has what is left of a coroutine go on, once what it waited for is gone.
pub(super) fn go_on(runtime: &Arc<Shared>, number: u64) {
    let cell =
        runtime.coroutines.take_out(number, |coroutine| Cell::new(runtime.clone(), Source::Coroutine(coroutine)));
    if let Some(cell) = cell {
        cell.poll(false);
    }
}

/// Where a coroutine is.
enum Place {
    /// Its own cell, or that of what is left of it.
    Cell(Arc<Cell>),
    /// Between the two, or left to the end of its runtime.
    Out(Box<Coroutine>),
}

#[derive(Default)]
struct Known {
    last: u64,
    places: BTreeMap<u64, Place>,
    closing: bool,
}

/// The coroutines of a runtime that have not ended, by their age.
#[derive(Default)]
pub(crate) struct Coroutines(Lock<Known>);

impl Coroutines {
    /// `make` must not run or drop anything foreign.
    fn start(&self, make: impl FnOnce(u64) -> Arc<Cell>) -> Result<Arc<Cell>, Error> {
        let mut known = self.0.lock();
        if known.closing {
            drop(known);
            return Err(Error::shutdown());
        }
        known.last += 1;
        let number = known.last;
        let cell = make(number);
        known.places.insert(number, Place::Cell(cell.clone()));
        Ok(cell)
    }

    fn put(&self, coroutine: Box<Coroutine>) {
        let left = self.0.lock().places.insert(coroutine.number, Place::Out(coroutine));
        drop(left);
    }

    /// The new cell of one that is out; `None` if that is left to the end of the runtime.
    fn take_out(&self, number: u64, make: impl FnOnce(Box<Coroutine>) -> Arc<Cell>) -> Option<Arc<Cell>> {
        let mut known = self.0.lock();
        if known.closing {
            return None;
        }
        match known.places.remove(&number) {
            Some(Place::Out(coroutine)) => {
                let cell = make(coroutine);
                known.places.insert(number, Place::Cell(cell.clone()));
                Some(cell)
            }
            Some(place) => {
                known.places.insert(number, place);
                None
            }
            None => None,
        }
    }

    fn remove(&self, number: u64) {
        let place = self.0.lock().places.remove(&number);
        drop(place);
    }

    /// Cancels them all, and lets nobody start or go on any more.
    pub(crate) fn close(&self, error: &Error, deadline: u64) {
        let cells: Vec<_> = {
            let mut known = self.0.lock();
            known.closing = true;
            let in_cells = |place: &Place| if let Place::Cell(cell) = place { Some(cell.clone()) } else { None };
            known.places.values().filter_map(in_cells).collect()
        };
        for cell in cells {
            cell.cancel(error.clone(), Some(deadline));
        }
    }

    /// Runs what is left of them to its end, the youngest first. On the loop's thread, when nothing turns the loop.
    pub(crate) fn end_all(&self, error: &Error) {
        loop {
            let last = self.0.lock().places.pop_last();
            match last {
                None => return,
                Some((_, Place::Out(coroutine))) => coroutine.end(),
                // It comes out, unless it has just ended.
                Some((_, Place::Cell(cell))) => drop(cell.cancel(error.clone(), None)),
            }
        }
    }
}
