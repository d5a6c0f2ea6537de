//! Promises: holders of a cell, and what can be built from them.
//!
//! A [`Promise`] is one holder of an operation that has been started. Dropping the last holder cancels the
//! operation and everything it was built from that nothing else holds; when the drop returns it is
//! gone. (PROM-01) Combinators keep a holder of their own on each input.

mod abandon;
mod aftermath;
mod attach;
mod call;
mod canceler;
mod cell;
mod coroutine;
mod each;
mod fulfiller;
mod join;
mod retry;
mod source;
mod task_set;
mod timeout;
mod trace;
mod wait;
mod waiters;
mod waits;

pub use canceler::Canceler;
pub use cell::Canceled;
pub use coroutine::{Next, Resumed};
pub use fulfiller::Fulfiller;
pub(crate) use retry::Attempt;
pub use retry::Retry;
pub use source::When;
pub use task_set::TaskSet;

pub(crate) use abandon::{immediately, strand, within};
pub(crate) use call::{Frame, invoke, invoke_with, with as with_call};
pub(crate) use cell::{Cell, Turn};
pub(crate) use coroutine::{Code, Coroutines};
use each::Each;
pub(crate) use each::{ForEach, Items};
pub(crate) use source::Continuation;
use source::{Source, Then};
pub(crate) use wait::wait_for;
pub(crate) use waits::{this_thread, watch_forks};

use crate::error::Error;
use crate::runtime::{Runtime, Shared, Timer, home};
use crate::value::{Outcome, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// One holder of a started operation.
pub struct Promise(Arc<Cell>);

/// What a continuation results in: an outcome now, or that of another promise. (PROM-07)
pub enum Resolution {
    /// Settled at once.
    Outcome(Outcome),
    /// Settles as this promise does.
    Promise(Promise),
}

impl From<Outcome> for Resolution {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl From<Promise> for Resolution {
    fn from(promise: Promise) -> Self {
        Self::Promise(promise)
    }
}

impl Promise {
    fn from_source(runtime: Arc<Shared>, source: Source) -> Self {
        let cell = Cell::new(runtime, source);
        // Even on the loop a continuation is queued, never run inside the call that makes it. (PROM-02)
        cell.poll(false);
        Self(cell)
    }

    /// Starts a future: it is polled once on this thread, then by the loop or by whoever awaits it. The
    /// name is for traces.
    pub(crate) fn start(
        runtime: Arc<Shared>,
        name: &'static str,
        future: impl Future<Output = Outcome> + Send + 'static,
    ) -> Self {
        Self::from_source(runtime, Source::Future { future: Box::pin(future), name, awaits: None, on_loop: false })
    }

    /// As `start`, for a future that runs callbacks: only the loop polls it.
    pub(crate) fn start_on_loop(
        runtime: Arc<Shared>,
        name: &'static str,
        future: impl Future<Output = Outcome> + Send + 'static,
    ) -> Self {
        Self::from_source(runtime, Source::Future { future: Box::pin(future), name, awaits: None, on_loop: true })
    }

    /// As `start`, for a future that waits for this promise.
    fn start_on(
        &self,
        runtime: Arc<Shared>,
        name: &'static str,
        future: impl Future<Output = Outcome> + Send + 'static,
    ) -> Self {
        let awaits = Some(self.0.clone());
        Self::from_source(runtime, Source::Future { future: Box::pin(future), name, awaits, on_loop: false })
    }

    /// Runs a callback on the loop for each of what comes; a value that one returns ends the sequence and is its own,
    /// what it returns as a promise is waited for first.
    pub(crate) fn each(runtime: Arc<Shared>, items: impl Items + 'static, run: ForEach) -> Self {
        Self::from_source(runtime, Source::Each(Box::new(Each::new(Box::new(items), run))))
    }

    pub(crate) fn timer(runtime: Arc<Shared>, timer: Timer) -> Self {
        Self::from_source(runtime, Source::Timer(timer))
    }

    /// A promise that has settled. (PROM-02, PROM-03)
    pub(crate) fn settled(runtime: Arc<Shared>, outcome: Outcome) -> Self {
        Self(Cell::settled(runtime, outcome))
    }

    /// Runs a continuation on the loop.
    pub(crate) fn call(runtime: Arc<Shared>, continuation: Continuation) -> Self {
        Self::from_source(runtime, Source::Call(Some(continuation)))
    }

    /// Runs what is left of a cancelled `finally` on the loop, even if a shutdown cancels this too.
    fn finally(runtime: Arc<Shared>, continuation: Continuation) -> Self {
        Self::settled(runtime.clone(), Err(runtime.gone())).continue_on(runtime, When::Finally, continuation)
    }

    /// As `call`, once the loop has nothing else to do; the latest of several comes first. (PROM-25)
    pub(crate) fn call_last(runtime: Arc<Shared>, continuation: Continuation) -> Self {
        let cell = Cell::with_turn(runtime, Source::Call(Some(continuation)), Turn::Last);
        cell.poll(false);
        Self(cell)
    }

    /// As `call`, once the loop has nothing else to do and no socket is ready either. (PROM-28)
    pub(crate) fn call_idle(runtime: Arc<Shared>, continuation: Continuation) -> Self {
        let cell = Cell::with_turn(runtime, Source::Call(Some(continuation)), Turn::Idle);
        cell.poll(false);
        Self(cell)
    }

    pub(crate) fn outside(runtime: Arc<Shared>) -> Self {
        Self(Cell::outside(runtime))
    }

    /// The loop that what is built on this promise belongs to: the one that this thread is inside, or else the promise's.
    fn home(&self) -> Arc<Shared> {
        home(&self.0.runtime)
    }

    /// What follows on this promise, whose holder it becomes.
    pub(crate) fn then_continue(self, when: When, continuation: Continuation) -> Self {
        let home = self.home();
        self.continue_on(home, when, continuation)
    }

    fn continue_on(self, runtime: Arc<Shared>, when: When, continuation: Continuation) -> Self {
        let then = Then { input: Watch::new(self), continuation: Some(continuation), when };
        let foreign = then.input.is_of_another_loop(&runtime);
        let cell = Cell::new(runtime, Source::Then(then));
        // One that waits for its own loop needs no more than that; a poll also notes it as a root.
        if foreign || !cell.wait_for_input() {
            cell.poll(false);
        }
        Self(cell)
    }

    /// Runs `f` for the outcomes that `when` names, on the loop that the calling thread is inside, or else on this
    /// promise's. (PROM-05, PROM-06, PROM-10)
    ///
    /// # Cancellation
    /// Dropping the result before `f` began means that `f` never runs, except with [`When::Finally`].
    pub fn then<R: Into<Resolution>>(&self, when: When, f: impl FnOnce(Outcome) -> R + Send + 'static) -> Self {
        self.then_on(self.home(), when, f)
    }

    /// As `then`, on this loop wherever it is called.
    pub(crate) fn then_on<R: Into<Resolution>>(
        &self,
        runtime: Arc<Shared>,
        when: When,
        f: impl FnOnce(Outcome) -> R + Send + 'static,
    ) -> Self {
        let continuation = Continuation::Closure(Box::new(move |outcome| f(outcome).into()));
        self.clone().continue_on(runtime, when, continuation)
    }

    /// Another promise for the same outcome, cancelled on its own. (FORK-01, FORK-03)
    pub fn fork(&self) -> Self {
        self.fork_on(self.home())
    }

    /// As `fork`, for this loop wherever it is called.
    pub(crate) fn fork_on(&self, runtime: Arc<Shared>) -> Self {
        Self::from_source(runtime, Source::forward(self.clone()))
    }

    /// Gives the promise to the runtime, which holds it until it settles or the runtime shuts down;
    /// `on_error` runs on the loop if it fails. (PROM-19)
    pub fn detach(self, on_error: Option<Box<dyn FnOnce(Error) + Send>>) {
        let watched = match on_error {
            None => self,
            Some(f) => self.then(When::Error, move |outcome| {
                if let Err(error) = outcome {
                    f(error);
                }
                Ok(Value::Unit)
            }),
        };
        watched.give_to_runtime();
    }

    pub(crate) fn give_to_runtime(self) {
        let runtime = self.0.runtime.clone();
        runtime.detached.add(self);
    }

    /// Settles the promise as cancelled and ends the operation; gone when this returns. (PROM-01, CANC-04)
    pub fn cancel(&self) -> Canceled {
        self.0.cancel_now(Error::canceled())
    }

    /// As `cancel`; the result settles when all is over that this has set off: clean-ups of coroutines, `finally`s, the callback
    /// that runs. From inside that callback it has settled. (CANC-04)
    pub fn cancel_start(&self) -> Self {
        let mut canceled = Canceled::Gone;
        let aftermath = aftermath::of(|| canceled = self.cancel());
        let runtime = self.0.runtime.clone();
        match aftermath.filter(|_| canceled != Canceled::AfterThisPoll) {
            Some(aftermath) => Self::start(runtime, "clean_up", aftermath),
            None => Self::settled(runtime, Ok(Value::Unit)),
        }
    }

    /// Cancels with a reason of the caller's. (CANC-03)
    pub fn cancel_with(&self, error: Error) -> Canceled {
        self.0.cancel_now(error)
    }

    /// Rejects it because its runtime shuts down, and drops it without waiting longer than that may take.
    pub(crate) fn end(self, deadline: u64) {
        // Dropping one whose callback is running would wait for it.
        if self.0.cancel(Error::shutdown(), Some(deadline)) == Canceled::StillRunning {
            self.give_to_runtime();
        }
    }

    /// Whether this runtime's loop runs it, and its shutdown ends it.
    pub fn belongs_to(&self, runtime: &Runtime) -> bool {
        Arc::ptr_eq(&self.0.runtime, runtime.shared())
    }

    /// Whether somebody else holds the operation too: a branch, a combinator, another handle. (FORK-02)
    pub fn has_branches(&self) -> bool {
        self.0.has_other_holders()
    }

    /// The outcome, once there is one.
    pub fn outcome(&self) -> Option<Outcome> {
        self.0.outcome()
    }

    /// Lets go at once, even inside the destructor of something that another promise held.
    pub(crate) fn release(self) {
        immediately(|| drop(self));
    }

    pub(crate) fn is(&self, cell: &Arc<Cell>) -> bool {
        Arc::ptr_eq(&self.0, cell)
    }

    pub(crate) fn cell(&self) -> &Arc<Cell> {
        &self.0
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.0.runtime
    }
}

impl Clone for Promise {
    fn clone(&self) -> Self {
        self.0.add_holder();
        Self(self.0.clone())
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if self.0.remove_holder() && !self.0.goes_at_once() {
            abandon::abandon(&self.0);
        }
    }
}

/// A holder that also waits: at most one waiter in the promise's list, gone when this is dropped. What it gives is passed
/// on: whoever shows it to somebody claims its value.
pub(crate) struct Watch {
    promise: Promise,
    key: u64,
}

impl Watch {
    pub(crate) fn new(promise: Promise) -> Self {
        Self { promise, key: 0 }
    }

    fn is_of_another_loop(&self, runtime: &Shared) -> bool {
        self.promise.runtime().id != runtime.id
    }

    /// Becomes a waiter, which it is not yet; `false` if the promise has settled.
    fn wait(&mut self, waker: Waker) -> bool {
        match self.promise.0.add_waiter(waker) {
            Some(key) => {
                self.key = key;
                true
            }
            None => false,
        }
    }

    pub(crate) fn poll_settled(&mut self, cx: &mut Context<'_>) -> bool {
        self.promise.0.poll_settled(&mut self.key, cx.waker())
    }

    /// The outcome of a promise known to have settled.
    pub(crate) fn outcome(&self) -> Outcome {
        self.promise.0.passed_on().unwrap_or_else(|| Err(Error::pending()))
    }

    /// Waits no longer, which ends the operation unless somebody else holds it. What has settled by then comes first.
    pub(crate) fn give_up(self) -> Option<Outcome> {
        self.promise.0.give_up()
    }
}

impl Future for Watch {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        if self.poll_settled(cx) { Poll::Ready(self.outcome()) } else { Poll::Pending }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.key != 0 {
            self.promise.0.forget_waiter(self.key);
        }
    }
}
