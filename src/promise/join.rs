//! `all` and `race`: many promises into one.

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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    All,
    First,
}

struct Join {
    inputs: Vec<Option<Watch>>,
    left: usize,
    until: Until,
    woken: Option<Arc<Woken>>,
}

impl Join {
    fn new(inputs: &[Promise], until: Until) -> Self {
        let inputs: Vec<_> = inputs.iter().cloned().map(|promise| Some(Watch::new(promise))).collect();
        Self { left: inputs.len(), inputs, until, woken: None }
    }

    /// Looks at one input; an outcome ends the join.
    fn look(&mut self, index: usize, waker: &Waker) -> Option<Outcome> {
        let slot = self.inputs.get_mut(index)?;
        if !slot.as_mut()?.poll_settled(&mut Context::from_waker(waker)) {
            return None;
        }
        let outcome = slot.take()?.outcome();
        self.left -= 1;
        (self.until == Until::First || outcome.is_err()).then_some(outcome)
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
        if let Some(outcome) = decided {
            // The losers are gone before anyone learns the result.
            this.inputs.clear();
            return Poll::Ready(outcome);
        }
        if this.left == 0 && this.until == Until::All { Poll::Ready(Ok(Value::Unit)) } else { Poll::Pending }
    }
}

impl Promise {
    /// Unit once all have succeeded, or the first error; what is still pending and held by nobody else is
    /// cancelled then. Of none: settled at once. (PROM-31)
    pub fn all(runtime: &Runtime, inputs: &[Promise]) -> Result<Promise, Error> {
        runtime.shared().check()?;
        Ok(Promise::start(runtime.shared().clone(), Join::new(inputs, Until::All)))
    }

    /// The outcome, value or error, of the first to settle; the others are dropped before it is
    /// delivered. (PROM-16)
    pub fn race(runtime: &Runtime, inputs: &[Promise]) -> Result<Promise, Error> {
        runtime.shared().check()?;
        if inputs.is_empty() {
            return Err(Error::no_promises());
        }
        Ok(Promise::start(runtime.shared().clone(), Join::new(inputs, Until::First)))
    }
}
