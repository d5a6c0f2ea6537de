//! What will produce the outcome of a cell.

use super::abandon::{Around, drop_operation};
use super::aftermath::Aftermath;
use super::call;
use super::coroutine::Coroutine;
use super::each::Each;
use super::{Cell, Promise, Resolution, Watch};
use crate::error::Error;
use crate::foreign::ForeignCallback;
use crate::runtime::{Shared, Status, Timer};
use crate::value::{Outcome, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Code that runs on the loop with the outcome of another promise.
pub(crate) enum Continuation {
    Foreign(ForeignCallback),
    /// A callback that runs more than once.
    Repeated(Arc<ForeignCallback>),
    Closure(Box<dyn FnOnce(Outcome) -> Resolution + Send>),
}

impl Continuation {
    pub(super) fn run(self, input: Outcome) -> Resolution {
        match self {
            Self::Foreign(callback) => call::invoke(&callback, input),
            Self::Repeated(callback) => call::invoke(&callback, input),
            Self::Closure(closure) => closure(input),
        }
    }
}

/// For which outcomes a continuation runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// For values; errors pass through.
    Value,
    /// For errors; values pass through.
    Error,
    /// For both.
    Both,
    /// For both, and when the promise is cancelled; the outcome passes through.
    Finally,
}

impl When {
    fn name(self) -> &'static str {
        match self {
            Self::Value => "then",
            Self::Error => "catch",
            Self::Both => "handle_both",
            Self::Finally => "finally",
        }
    }
}

pub(crate) struct Then {
    pub(super) input: Watch,
    pub(super) continuation: Option<Continuation>,
    pub(super) when: When,
}

pub(crate) enum Source {
    /// A fulfiller.
    Outside,
    Future {
        future: Pin<Box<dyn Future<Output = Outcome> + Send>>,
        /// What it is and what it waits for, for traces.
        name: &'static str,
        awaits: Option<Arc<Cell>>,
        /// Only the loop polls it, since it runs callbacks.
        on_loop: bool,
    },
    Timer(Timer),
    /// Runs once, on the loop.
    Call(Option<Continuation>),
    Then(Then),
    /// Passes on another promise's outcome.
    Forward(Watch),
    /// Runs a callback for each of what it brings, on the loop.
    Each(Box<Each>),
    Coroutine(Box<Coroutine>),
    /// Has ended like this; the outcome is told when all is over that its end has set off.
    Ended(Outcome, Aftermath),
}

pub(crate) enum Step {
    Pending,
    /// Ready to run its callback, which only the loop may do.
    NeedsLoop,
    /// What has come, or was passed on: it would be lost with this outcome.
    Settle(Outcome),
    /// What a callback came to.
    Return(Outcome),
    Become(Promise),
    /// A callback has run, and there may be more at once.
    Again,
    /// A callback has run and has left this to be waited for.
    Wait(Promise),
}

impl From<Resolution> for Step {
    fn from(resolution: Resolution) -> Self {
        match resolution {
            Resolution::Outcome(outcome) => Self::Return(outcome),
            Resolution::Promise(promise) => Self::Become(promise),
        }
    }
}

impl Source {
    pub(super) fn forward(promise: Promise) -> Self {
        Self::Forward(Watch::new(promise))
    }

    /// What it is, and the cell that it waits for.
    pub(super) fn describe(&self) -> (&'static str, Option<Arc<Cell>>) {
        match self {
            Self::Outside => ("fulfiller", None),
            Self::Future { name, awaits, .. } => (name, awaits.clone()),
            Self::Timer(_) => ("timer", None),
            Self::Call(_) => ("call", None),
            Self::Then(Then { input, when, .. }) => (when.name(), Some(input.promise.cell().clone())),
            Self::Forward(input) => ("fork", Some(input.promise.cell().clone())),
            Self::Each(each) => ("each", each.awaits()),
            Self::Coroutine(coroutine) => ("coroutine", coroutine.awaits()),
            Self::Ended(..) => ("clean_up", None),
        }
    }

    /// Whether it needs no waker: a poll does not wait for anything.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Call(_) => true,
            Self::Then(then) => then.input.promise.cell().is_settled(),
            Self::Coroutine(coroutine) => coroutine.is_ready(),
            _ => false,
        }
    }

    /// Whether it may hold other operations, which end with it.
    pub(super) fn may_hold_others(&self) -> bool {
        match self {
            Self::Outside | Self::Timer(_) | Self::Call(_) | Self::Forward(_) | Self::Ended(..) => false,
            Self::Then(then) => then.continuation.is_some(),
            Self::Future { .. } | Self::Each(_) | Self::Coroutine(_) => true,
        }
    }

    /// Whether it is of use that a thread other than the loop polls it.
    pub(super) fn may_be_driven(&self) -> bool {
        match self {
            Self::Outside | Self::Call(_) | Self::Then(_) | Self::Each(_) | Self::Coroutine(_) => false,
            Self::Future { on_loop, .. } => !on_loop,
            Self::Timer(_) | Self::Forward(_) | Self::Ended(..) => true,
        }
    }

    /// Whether a shutdown comes to a cell that waits like this from nowhere else: see `runtime::roots`.
    pub(super) fn is_root(&self, runtime: &Shared) -> bool {
        match self {
            Self::Outside | Self::Future { .. } | Self::Each(_) => true,
            // Coroutines have a list of their own, and what has ended only waits for an aftermath.
            Self::Timer(_) | Self::Call(_) | Self::Coroutine(_) | Self::Ended(..) => false,
            Self::Then(Then { input, .. }) | Self::Forward(input) => input.is_of_another_loop(runtime),
        }
    }

    /// Polls it; inside the loop, which is given then, it may run its callback.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, on_loop: Option<&Shared>) -> Step {
        match self {
            Self::Outside => Step::Pending,
            Self::Future { on_loop: true, .. } if on_loop.is_none() => Step::NeedsLoop,
            Self::Future { future, .. } => match future.as_mut().poll(cx) {
                Poll::Ready(outcome) => Step::Settle(outcome),
                Poll::Pending => Step::Pending,
            },
            Self::Timer(timer) => match Pin::new(timer).poll(cx) {
                Poll::Ready(()) => Step::Settle(Ok(Value::Unit)),
                Poll::Pending => Step::Pending,
            },
            Self::Call(continuation) => {
                let Some(runtime) = on_loop else { return Step::NeedsLoop };
                if runtime.status() != Status::Live {
                    return Step::Return(Err(Error::shutdown()));
                }
                match continuation.take() {
                    Some(continuation) => continuation.run(Ok(Value::Unit)).into(),
                    None => Step::Return(Err(Error::canceled())),
                }
            }
            Self::Then(then) => then.poll(cx, on_loop),
            Self::Each(each) => each.poll(cx, on_loop.is_some()),
            Self::Coroutine(coroutine) => coroutine.poll(cx, on_loop.is_some()),
            Self::Ended(outcome, aftermath) => match Pin::new(aftermath).poll(cx) {
                Poll::Ready(_) => Step::Settle(outcome.clone()),
                Poll::Pending => Step::Pending,
            },
            Self::Forward(watch) => loop {
                if watch.poll_settled(cx) {
                    break Step::Settle(watch.outcome());
                }
                match watch.promise.cell().take_forward(watch.key) {
                    Some(next) => *watch = next,
                    None => break Step::Pending,
                }
            },
        }
    }

    /// Has it wait for what its callback has left; not for itself, which would never come.
    pub(super) fn wait(&mut self, promise: Promise, cell: &Arc<Cell>) {
        let own = promise.is(cell);
        let promise = if own { Promise::settled(cell.runtime.clone(), Err(Error::own_result())) } else { promise };
        match self {
            Self::Each(each) => each.wait(promise),
            Self::Coroutine(coroutine) => coroutine.wait(promise),
            _ => {}
        }
    }

    /// Drops the source, which ends the operation. A `finally` or a coroutine that has not ended gets its turn.
    pub(super) fn discard(self, runtime: &Arc<Shared>) {
        match self {
            Self::Then(Then { input, continuation: Some(continuation), when: When::Finally }) => {
                drop_operation(input, Around::Finally(runtime.clone(), continuation));
            }
            Self::Each(each) => each.discard(),
            Self::Coroutine(coroutine) => coroutine.discard(),
            _ => {}
        }
    }
}

impl Then {
    fn poll(&mut self, cx: &mut Context<'_>, on_loop: Option<&Shared>) -> Step {
        if !self.input.poll_settled(cx) {
            return Step::Pending;
        }
        let outcome = self.input.outcome();
        let runs = match self.when {
            When::Value => outcome.is_ok(),
            When::Error => outcome.is_err(),
            When::Both | When::Finally => true,
        };
        if !runs {
            return Step::Settle(outcome);
        }
        let Some(runtime) = on_loop else { return Step::NeedsLoop };
        // In a shutdown only clean-ups begin.
        if self.when != When::Finally && runtime.status() != Status::Live {
            return Step::Settle(Err(Error::shutdown()));
        }
        let Some(continuation) = self.continuation.take() else {
            return Step::Settle(outcome);
        };
        if self.when != When::Finally {
            return continuation.run(outcome.map(Value::claim)).into();
        }
        match continuation.run(outcome.clone().map(Value::shown)) {
            Resolution::Outcome(Ok(_)) => Step::Return(outcome),
            Resolution::Outcome(failed) => Step::Return(failed),
            Resolution::Promise(promise) => {
                Step::Become(promise.then(When::Value, move |_| Resolution::Outcome(outcome)))
            }
        }
    }
}
