//! Accepts that follow one another, with a callback for each.

use super::Listener;
use super::listener::Accepting;
use crate::error::Error;
use crate::promise::{ForEach, Items, Promise, Resolution};
use crate::stream::Connection;
use crate::value::{Outcome, Value};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// All that comes to a listener from now on.
struct Accepts {
    listener: Arc<Listener>,
    next: Option<Accepting>,
}

impl Items for Accepts {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let next = self.next.get_or_insert_with(|| self.listener.accepting());
        let accepted = ready!(next.as_mut().poll(cx));
        self.next = None;
        Poll::Ready(Some(accepted))
    }
}

impl Listener {
    /// Accepts one connection after another and runs `on_connection` on the loop for each. What that returns decides:
    /// unit goes on, a promise is waited for first and decides then, any other value ends it and is the outcome, and
    /// so does an error, that of an accept too. Each accept has its place in the line behind those that wait. (NET-16)
    ///
    /// # Cancellation
    /// As [`Listener::accept`]; a promise that the last callback returned is dropped.
    pub fn accept_each<R: Into<Resolution>>(
        self: &Arc<Self>,
        on_connection: impl FnMut(Arc<Connection>) -> R + Send + 'static,
    ) -> Result<Promise, Error> {
        self.accept_each_with(ForEach::closure(Value::into_object::<Connection>, on_connection))
    }

    pub(crate) fn accept_each_with(self: &Arc<Self>, run: ForEach) -> Result<Promise, Error> {
        self.runtime().check()?;
        let accepts = Accepts { listener: self.clone(), next: None };
        Ok(Promise::each(self.runtime().clone(), accepts, run))
    }
}
