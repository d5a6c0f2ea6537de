//! A listener behind a wrapper.
//!
//! The first in the line of accepts takes connections from the inner listener and begins their handshakes, as long as
//! there is none that has been finished. A handshake belongs to the listener, not to an accept: its last step puts the
//! connection where the next accept finds it.

use super::listener::{Accepting, Source};
use super::network_wrapper::connection;
use super::{Address, Listener, NetworkWrapper};
use crate::coordination::{Consumers, Turn};
use crate::error::Error;
use crate::promise::{TaskSet, When};
use crate::runtime::Shared;
use crate::stream::Connection;
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use std::collections::VecDeque;
use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

#[derive(Default)]
struct Handshakes {
    under_way: usize,
    /// Finished, and waiting for an accept.
    finished: VecDeque<Arc<Connection>>,
    closed: bool,
}

/// What handshakes and accepts share.
#[derive(Default)]
struct Line {
    accepts: Arc<Consumers>,
    handshakes: Lock<Handshakes>,
}

impl Line {
    fn end(&self, outcome: Outcome) -> Outcome {
        let outcome = connection(outcome);
        let mut handshakes = self.handshakes.lock();
        handshakes.under_way -= 1;
        let (kept, outcome) = match outcome {
            Ok(connection) if !handshakes.closed => (Some(connection), Ok(Value::Unit)),
            outcome => (None, outcome.map(Connection::into_value)),
        };
        handshakes.finished.extend(kept);
        drop(handshakes);
        self.accepts.line().wake_first();
        outcome
    }
}

/// A listener and what wraps the connections that it gives.
pub(super) struct Wrapped {
    wrapper: Arc<NetworkWrapper>,
    inner: Arc<Listener>,
    line: Arc<Line>,
    tasks: TaskSet,
}

impl Wrapped {
    pub(super) fn new(wrapper: &Arc<NetworkWrapper>, inner: &Arc<Listener>) -> Arc<Self> {
        let hearing = wrapper.clone();
        // Counted here, with those that are finished.
        let tasks = TaskSet::of(wrapper.runtime(), usize::MAX, move |error| hearing.accept_failed(error));
        Arc::new(Self { wrapper: wrapper.clone(), inner: inner.clone(), line: Arc::default(), tasks })
    }

    fn begin(&self, connection: Arc<Connection>) -> Result<(), Error> {
        self.line.handshakes.lock().under_way += 1;
        let runtime = self.wrapper.runtime();
        let mut handshake = self.wrapper.accepted(connection);
        if let Some(nanos) = self.wrapper.options().accept_timeout {
            handshake = handshake.timeout_on(runtime.clone(), nanos);
        }
        let line = self.line.clone();
        self.tasks.add(&handshake.then_on(runtime.clone(), When::Both, move |outcome| line.end(outcome)))?;
        // Closed meanwhile, perhaps before there was this one to end.
        if self.line.handshakes.lock().closed {
            self.tasks.clear();
        }
        Ok(())
    }
}

struct Accept {
    /// The place in the inner listener's line, while this one is the first in its own.
    incoming: Option<Accepting>,
    /// Why nothing more comes from there.
    failed: Option<Error>,
    turn: Turn,
    source: Arc<Wrapped>,
}

impl Future for Accept {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        let first = this.turn.poll(cx).is_ready();
        loop {
            let under_way = {
                let mut handshakes = this.source.line.handshakes.lock();
                if handshakes.closed {
                    return Poll::Ready(Err(Error::closed()));
                }
                if !first {
                    return Poll::Pending;
                }
                let accepts = &this.source.line.accepts;
                if let Some(returned) = accepts.take_returned() {
                    return Poll::Ready(Ok(returned));
                }
                if let Some(finished) = handshakes.finished.pop_front() {
                    return Poll::Ready(Ok(accepts.give(Connection::into_value(finished))));
                }
                handshakes.under_way
            };
            if let Some(failed) = &this.failed {
                // What was accepted before may still succeed.
                return if under_way == 0 { Poll::Ready(Err(failed.clone())) } else { Poll::Pending };
            }
            if under_way >= this.source.wrapper.options().max_handshakes {
                this.incoming = None;
                return Poll::Pending;
            }
            let incoming = this.incoming.get_or_insert_with(|| this.source.inner.accepting());
            let Poll::Ready(outcome) = incoming.as_mut().poll(cx) else { return Poll::Pending };
            this.incoming = None;
            match connection(outcome) {
                Ok(connection) => this.source.begin(connection)?,
                Err(error) => this.failed = Some(error),
            }
        }
    }
}

impl Source for Wrapped {
    fn runtime(&self) -> &Arc<Shared> {
        self.wrapper.runtime()
    }

    fn accept(self: Arc<Self>) -> Accepting {
        let turn = self.line.accepts.turn();
        Box::pin(Accept { incoming: None, failed: None, turn, source: self })
    }

    fn local_address(&self) -> Result<Address, Error> {
        self.inner.local_address()
    }

    fn port(&self) -> Result<u16, Error> {
        self.inner.port()
    }

    fn option<'a>(&self, level: i32, option: i32, buffer: &'a mut [MaybeUninit<u8>]) -> Result<&'a [u8], Error> {
        self.inner.option(level, option, buffer)
    }

    fn set_option(&self, level: i32, option: i32, value: &[u8]) -> Result<(), Error> {
        self.inner.set_option(level, option, value)
    }

    fn close(&self) {
        let unwanted = {
            let mut handshakes = self.line.handshakes.lock();
            handshakes.closed = true;
            std::mem::take(&mut handshakes.finished)
        };
        drop(unwanted);
        self.tasks.clear();
        self.inner.close();
        self.line.accepts.close();
    }
}
