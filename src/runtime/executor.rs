//! Calling into a loop from any thread.

use super::{Shared, Status};
use crate::error::Error;
use crate::object::Object;
use crate::promise::{Code, Continuation, Next, Promise, Resolution, Resumed};
use crate::value::Outcome;
use std::sync::Arc;

/// A handle on a loop that does not keep it alive. (EXEC-01, EXEC-02)
#[derive(Clone)]
pub struct Executor(pub(super) Arc<Shared>);

impl Executor {
    /// Whether the loop runs. `true` is a hint: it may end the next moment. (EXEC-03)
    pub fn is_live(&self) -> bool {
        self.0.status() == Status::Live
    }

    /// Runs `f` on the loop. (EXEC-04, EXEC-09)
    ///
    /// # Errors
    /// `Shutdown` if the loop is gone. (EXEC-08)
    pub fn start<R: Into<Resolution>>(&self, f: impl FnOnce() -> R + Send + 'static) -> Result<Promise, Error> {
        self.start_continuation(Continuation::Closure(Box::new(move |_| f().into())))
    }

    pub(crate) fn start_continuation(&self, continuation: Continuation) -> Result<Promise, Error> {
        self.0.check_live()?;
        Ok(Promise::call(self.0.clone(), continuation))
    }

    /// Starts a coroutine on the loop: `code` runs at its start and each time that what it waits for has settled, until
    /// it is done. (PROM-33)
    ///
    /// # Errors
    /// `Shutdown` if the loop is gone.
    ///
    /// # Cancellation
    /// What it waits for is gone at once. Code that has run before runs on the loop until it is done, told by
    /// [`Resumed::canceled`]; its result is dropped.
    pub fn start_coroutine(&self, code: impl FnMut(Resumed) -> Next + Send + 'static) -> Result<Promise, Error> {
        Promise::coroutine(self.0.clone(), Code::Closure(Box::new(code)), None)
    }

    /// As `start`, once the loop has nothing else queued. (PROM-25)
    pub(crate) fn start_last(&self, continuation: Continuation) -> Result<Promise, Error> {
        self.0.check_live()?;
        Ok(Promise::call_last(self.0.clone(), continuation))
    }

    /// Runs on the loop and blocks until the result is there. On the loop's own thread it runs at
    /// once, and a result that is a pending promise is an error. (EXEC-07)
    pub(crate) fn execute(&self, continuation: Continuation) -> Result<Outcome, Error> {
        let promise = self.start_continuation(continuation)?;
        if self.0.on_loop() {
            promise.cell().poll(true);
            return promise.outcome().ok_or_else(Error::would_deadlock);
        }
        match self.0.wait_scope() {
            Some(scope) if !scope.is_owner() => promise.wait_for_owner(),
            _ => promise.wait(None),
        }
    }
}

/// Outlives its runtime, to say that it has ended. (EXEC-08)
impl Object for Executor {}
