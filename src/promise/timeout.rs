//! A bound on the time that an operation may take.

use super::aftermath::{self, Aftermath};
use super::{Promise, Watch};
use crate::error::Error;
use crate::runtime::{Shared, Timer};
use crate::value::Outcome;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

struct Timeout {
    input: Option<Watch>,
    timer: Timer,
    /// What dropping the input has set off.
    released: Option<Aftermath>,
}

impl Future for Timeout {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let Some(input) = &mut self.input
            && input.poll_settled(cx)
        {
            return Poll::Ready(input.outcome());
        }
        if Pin::new(&mut self.timer).poll(cx).is_ready() {
            // Looking and then dropping it would lose what came in between.
            let mut settled = None;
            let input = self.input.take();
            self.released = aftermath::of(|| settled = input.and_then(Watch::give_up));
            return Poll::Ready(settled.unwrap_or_else(|| Err(Error::timed_out())));
        }
        Poll::Pending
    }
}

impl Drop for Timeout {
    /// The cell drops this before anyone learns the result, which comes when all is over that is set off by that.
    fn drop(&mut self) {
        if let Some(released) = &self.released {
            released.join(aftermath::cause());
        }
    }
}

impl Promise {
    /// The same outcome, or `TimedOut` after `nanos` by the clock of the result's loop; then the operation is cancelled,
    /// unless somebody else holds it. (TIME-04)
    pub fn timeout(&self, nanos: u64) -> Promise {
        self.timeout_on(self.home(), nanos)
    }

    /// As `timeout`, on this loop wherever it is called.
    pub(crate) fn timeout_on(&self, runtime: Arc<Shared>, nanos: u64) -> Promise {
        let time = runtime.clock.after(nanos);
        self.deadline_on(runtime, time)
    }

    /// As `timeout`, at this time of that clock. (TIME-04)
    pub fn deadline(&self, time: u64) -> Promise {
        self.deadline_on(self.home(), time)
    }

    fn deadline_on(&self, runtime: Arc<Shared>, time: u64) -> Promise {
        let timer = Timer::at(&runtime, time);
        let timeout = Timeout { input: Some(Watch::new(self.clone())), timer, released: None };
        self.start_on(runtime, "timeout", timeout)
    }
}
