//! A bound on the time that an operation may take.

use super::{Promise, Watch};
use crate::error::Error;
use crate::runtime::Timer;
use crate::value::Outcome;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

struct Timeout {
    input: Option<Watch>,
    timer: Timer,
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
            self.input = None;
            return Poll::Ready(Err(Error::timed_out()));
        }
        Poll::Pending
    }
}

impl Promise {
    /// The same outcome, or `TimedOut` after `nanos`; then the operation is cancelled, unless somebody
    /// else holds it. (TIME-04)
    pub fn timeout(&self, nanos: u64) -> Promise {
        self.deadline(self.runtime().clock.after(nanos))
    }

    /// As `timeout`, at this time of the runtime's clock. (TIME-04)
    pub fn deadline(&self, time: u64) -> Promise {
        let timer = Timer::at(self.runtime(), time);
        let timeout = Timeout { input: Some(Watch::new(self.clone())), timer };
        self.start_on("timeout", timeout)
    }
}
