//! `all`, `join`, `all_settled`, `race` and `any`: many promises into one.

use super::{Promise, Watch};
use crate::error::Error;
use crate::runtime::Runtime;
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Which inputs were woken since the last look, so that a look costs as much as what changed.
struct Woken {
    indices: Lock<Vec<usize>>,
    parent: Lock<Waker>,
}

struct InputWaker {
    woken: Arc<Woken>,
    index: usize,
}

impl Wake for InputWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut indices = self.woken.indices.lock();
        let first = indices.is_empty();
        indices.push(self.index);
        drop(indices);
        // Whoever came first has woken it, and it has not looked since.
        if first {
            let parent = self.woken.parent.lock().clone();
            parent.wake();
        }
    }
}

/// What ends a join, and how.
enum Goal {
    /// All succeed, or one fails.
    All,
    /// One settles.
    First,
    /// One succeeds, or all fail: then the error of the last.
    Any,
    /// All settle; a success.
    Settled,
    /// All settle; the error of the first in order that failed, if one did.
    Joined(Option<(usize, Error)>),
}

impl Goal {
    /// Notes how an input ended; an outcome ends the join.
    fn note(&mut self, index: usize, outcome: Outcome, left: usize) -> Option<Outcome> {
        let done = |outcome| (left == 0).then_some(outcome);
        match (self, outcome) {
            (Self::First, outcome) => Some(outcome),
            (Self::Any, Ok(value)) => Some(Ok(value)),
            (Self::All, Err(error)) => Some(Err(error)),
            (Self::Any, Err(error)) => done(Err(error)),
            (Self::All | Self::Settled, _) => done(Ok(Value::Unit)),
            (Self::Joined(failed), outcome) => {
                if let Err(error) = outcome
                    && failed.as_ref().is_none_or(|(first, _)| index < *first)
                {
                    *failed = Some((index, error));
                }
                done(failed.as_ref().map_or(Ok(Value::Unit), |(_, error)| Err(error.clone())))
            }
        }
    }
}

struct Join {
    inputs: Vec<Option<Watch>>,
    left: usize,
    goal: Goal,
    /// Values that a success claims: nobody is handed them, but who learns of it learns of them. An error gives them back.
    unclaimed: Vec<Value>,
    woken: Option<Arc<Woken>>,
}

impl Join {
    fn start(runtime: &Runtime, name: &'static str, inputs: &[Promise], goal: Goal) -> Result<Promise, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        if inputs.is_empty() {
            return match goal {
                Goal::First | Goal::Any => Err(Error::no_promises()),
                _ => Ok(Promise::settled(runtime.clone(), Ok(Value::Unit))),
            };
        }
        let inputs: Vec<_> = inputs.iter().cloned().map(|promise| Some(Watch::new(promise))).collect();
        let join = Self { left: inputs.len(), inputs, goal, unclaimed: Vec::new(), woken: None };
        Ok(Promise::start(runtime.clone(), name, join))
    }

    /// Looks at one input; an outcome ends the join.
    fn look(&mut self, index: usize, waker: &Waker) -> Option<Outcome> {
        let slot = self.inputs.get_mut(index)?;
        if !slot.as_mut()?.poll_settled(&mut Context::from_waker(waker)) {
            return None;
        }
        let outcome = slot.take()?.outcome();
        self.left -= 1;
        if let Ok(value @ Value::Unclaimed(_)) = &outcome {
            self.unclaimed.push(value.clone());
        }
        self.goal.note(index, outcome, self.left)
    }

    fn look_at_all(&mut self, cx: &mut Context<'_>) -> Option<Outcome> {
        let woken = Arc::new(Woken { indices: Lock::new(Vec::new()), parent: Lock::new(cx.waker().clone()) });
        for index in 0..self.inputs.len() {
            let settled = self.inputs[index].as_ref().is_some_and(|watch| watch.promise.cell().is_settled());
            // A waker of its own for pending inputs only: ready ones cost no allocation.
            let outcome = if settled {
                self.look(index, Waker::noop())
            } else {
                self.look(index, &Waker::from(Arc::new(InputWaker { woken: woken.clone(), index })))
            };
            if outcome.is_some() {
                return outcome;
            }
        }
        self.woken = Some(woken);
        None
    }
}

impl Future for Join {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        let decided = match this.woken.clone() {
            None => this.look_at_all(cx),
            Some(woken) => {
                let old = std::mem::replace(&mut *woken.parent.lock(), cx.waker().clone());
                drop(old);
                let indices = std::mem::take(&mut *woken.indices.lock());
                indices.into_iter().find_map(|index| {
                    let waker = Waker::from(Arc::new(InputWaker { woken: woken.clone(), index }));
                    this.look(index, &waker)
                })
            }
        };
        if let Some(Ok(Value::Unit)) = &decided {
            std::mem::take(&mut this.unclaimed).into_iter().for_each(|value| drop(value.claim()));
        }
        // The cell drops the losers, with this, before anyone learns the result.
        decided.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Promise {
    /// Unit once all have succeeded, or the first error; what is still pending and held by nobody else is
    /// cancelled then. Of none: settled at once. (PROM-31)
    pub fn all(runtime: &Runtime, inputs: &[Promise]) -> Result<Promise, Error> {
        Join::start(runtime, "all", inputs, Goal::All)
    }

    /// Waits for all to settle, also after an error; then unit, or the error of the first in order that failed.
    /// Of none: settled at once. (PROM-30)
    pub fn join(runtime: &Runtime, inputs: &[Promise]) -> Result<Promise, Error> {
        Join::start(runtime, "join", inputs, Goal::Joined(None))
    }

    /// Unit once all have settled, in whatever way. Of none: settled at once.
    pub fn all_settled(runtime: &Runtime, inputs: &[Promise]) -> Result<Promise, Error> {
        Join::start(runtime, "all_settled", inputs, Goal::Settled)
    }

    /// The outcome, value or error, of the first to settle; the others are dropped before it is
    /// delivered. (PROM-16)
    pub fn race(runtime: &Runtime, inputs: &[Promise]) -> Result<Promise, Error> {
        Join::start(runtime, "race", inputs, Goal::First)
    }

    /// The value of the first to succeed; the others are dropped before it is delivered. If all fail, the error
    /// of the last to do so. (PROM-32)
    pub fn any(runtime: &Runtime, inputs: &[Promise]) -> Result<Promise, Error> {
        Join::start(runtime, "any", inputs, Goal::Any)
    }
}
