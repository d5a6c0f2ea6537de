//! `attach`: something of the caller's that lives as long as the operation.

use super::abandon::{Around, drop_operation};
use super::{Promise, Watch};
use crate::foreign::Opaque;
use crate::value::Outcome;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

struct Attached(Option<(Watch, Opaque)>);

impl Attached {
    fn free(&mut self) {
        if let Some((operation, attachment)) = self.0.take() {
            drop_operation(operation, Around::Attachment(attachment));
        }
    }
}

impl Future for Attached {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some((operation, _)) = &mut self.0 else { return Poll::Pending };
        if !operation.poll_settled(cx) {
            return Poll::Pending;
        }
        let outcome = operation.outcome();
        self.free();
        Poll::Ready(outcome)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.free();
    }
}

impl Promise {
    /// The same outcome, with `attachment` freed when the result settles or is dropped, and after the
    /// operation itself. (PROM-17)
    pub fn attach(&self, attachment: Opaque) -> Promise {
        let operation = Watch::new(self.clone());
        self.start_on(self.home(), "attach", Attached(Some((operation, attachment))))
    }
}
