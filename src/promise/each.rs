//! Operations that bring one thing after another and run a callback for each.
//!
//! One cell and one callback serve the whole sequence: what comes costs no promise and no handle of its
//! own. The next thing is asked for only when its callback could run at once, so a cancel loses nothing that has come.

use super::abandon::{Around, drop_operation};
use super::source::Step;
use super::{Cell, Promise, Resolution, Watch, call};
use crate::error::Error;
use crate::foreign::ForeignCallback;
use crate::value::{Outcome, Value};
use std::sync::Arc;
use std::task::{Context, Poll};

/// How many callbacks run in one turn of the loop, if there is always more.
const MOST_IN_A_TURN: u32 = 8;

/// After how many bytes a turn ends in any case.
const MOST_BYTES_IN_A_TURN: usize = 32 * 1024;

/// What brings them.
pub(crate) trait Items: Send {
    /// The next one; `None` at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>>;
}

/// Code that runs on the loop for each of them.
pub(crate) enum ForEach {
    Foreign(ForeignCallback),
    Closure(Box<dyn FnMut(Value) -> Resolution + Send>),
}

impl ForEach {
    /// Runs this for each, as what `take` makes of it.
    pub(crate) fn closure<T: 'static, R: Into<Resolution>>(
        take: fn(Value) -> Option<T>,
        mut run: impl FnMut(T) -> R + Send + 'static,
    ) -> Self {
        Self::Closure(Box::new(move |item| match take(item) {
            Some(item) => run(item).into(),
            None => Err(Error::wrong_type()).into(),
        }))
    }

    fn run(&mut self, item: Value) -> Resolution {
        match self {
            Self::Foreign(callback) => call::invoke(callback, Ok(item)),
            Self::Closure(closure) => closure(item),
        }
    }
}

pub(crate) struct Each {
    items: Box<dyn Items>,
    run: ForEach,
    /// What the last callback returned and is waited for before the next.
    waits: Option<Watch>,
    in_this_turn: u32,
    bytes_in_this_turn: usize,
}

impl Each {
    pub(super) fn new(items: Box<dyn Items>, run: ForEach) -> Self {
        Self { items, run, waits: None, in_this_turn: 0, bytes_in_this_turn: 0 }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, on_loop: bool) -> Step {
        if let Some(watch) = &mut self.waits {
            if !watch.poll_settled(cx) {
                return self.rest(Step::Pending);
            }
            let outcome = watch.outcome();
            self.waits = None;
            match outcome {
                Ok(value) if value.is_unit() => drop(value.claim()),
                outcome => return Step::Settle(outcome),
            }
        }
        if !on_loop || self.in_this_turn == MOST_IN_A_TURN || self.bytes_in_this_turn >= MOST_BYTES_IN_A_TURN {
            return self.rest(Step::NeedsLoop);
        }
        let item = match self.items.poll_next(cx) {
            Poll::Pending => return self.rest(Step::Pending),
            Poll::Ready(None) => return Step::Settle(Ok(Value::Unit)),
            Poll::Ready(Some(Err(error))) => return Step::Settle(Err(error)),
            Poll::Ready(Some(Ok(item))) => item,
        };
        self.in_this_turn += 1;
        self.bytes_in_this_turn += item.byte_count();
        match self.run.run(item.claim()) {
            Resolution::Outcome(Ok(Value::Unit)) => Step::Again,
            Resolution::Outcome(done) => Step::Return(done),
            Resolution::Promise(promise) => Step::Wait(promise),
        }
    }

    fn rest(&mut self, step: Step) -> Step {
        (self.in_this_turn, self.bytes_in_this_turn) = (0, 0);
        step
    }

    pub(super) fn wait(&mut self, promise: Promise) {
        self.waits = Some(Watch::new(promise));
    }

    /// The cell that it waits for.
    pub(super) fn awaits(&self) -> Option<Arc<Cell>> {
        self.waits.as_ref().map(|watch| watch.promise.cell().clone())
    }

    /// Ends what the last callback returned first: that may use the buffer or the context, which go with the rest.
    pub(super) fn discard(mut self: Box<Self>) {
        if let Some(watch) = self.waits.take() {
            drop_operation(watch, Around::Each(self));
        }
    }
}
