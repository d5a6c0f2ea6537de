//! A bounded queue of values between any number of producers and consumers, on loops and on threads.

use super::{Consumers, Turn, Turns};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::promise::Promise;
use crate::runtime::{Belonging, Entry, Runtime, Shared};
use crate::sync::Lock;
use crate::trim::Trim;
use crate::value::{Outcome, Value};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

struct Items {
    stored: VecDeque<Value>,
    closed: bool,
}

struct Inner {
    runtime: Arc<Shared>,
    capacity: usize,
    items: Lock<Items>,
    producers: Turns,
    consumers: Arc<Consumers>,
    entry: Entry,
}

/// Values in the order in which they were pushed; producers and consumers are served in the order in which they
/// came. (QUEUE-03, QUEUE-04)
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Push {
    turn: Turn,
    queue: Queue,
    value: Option<Value>,
}

struct Pop {
    turn: Turn,
    queue: Queue,
}

fn closed() -> Error {
    Error::new(ErrorKind::Disconnected, "the queue was closed")
}

impl Queue {
    /// One that holds `capacity` values at most.
    pub fn new(runtime: &Runtime, capacity: usize) -> Result<Self, Error> {
        runtime.shared().check()?;
        if capacity == 0 {
            return Err(Error::invalid("a queue without room"));
        }
        Ok(Self::of(runtime.shared(), capacity))
    }

    pub(crate) fn of(runtime: &Arc<Shared>, capacity: usize) -> Self {
        let inner = Arc::new(Inner {
            runtime: runtime.clone(),
            capacity,
            items: Lock::new(Items { stored: VecDeque::new(), closed: false }),
            producers: Turns::default(),
            consumers: Arc::default(),
            entry: Entry::default(),
        });
        inner.entry.enter(runtime, &inner);
        Self(inner)
    }

    /// Stores the value if there is room. Whoever gets an answer tells the consumers, with no line locked.
    fn store(&self, value: &mut Option<Value>) -> Option<Result<(), Error>> {
        let mut items = self.0.items.lock();
        if items.closed {
            return Some(Err(closed()));
        }
        if items.stored.len() + self.0.consumers.returned() >= self.0.capacity {
            return None;
        }
        items.stored.extend(value.take());
        Some(Ok(()))
    }

    /// Takes the oldest value, if there is one. Whoever gets it tells the producers, with no line locked.
    fn take(&self) -> Option<Outcome> {
        if let Some(returned) = self.0.consumers.take_returned() {
            return Some(Ok(returned));
        }
        let mut items = self.0.items.lock();
        let oldest = items.stored.pop_front();
        items.stored.trim();
        match oldest {
            Some(value) => Some(Ok(self.0.consumers.give(value))),
            None => items.closed.then(|| Err(closed())),
        }
    }

    fn store_now(&self, value: &mut Option<Value>) -> Option<Result<(), Error>> {
        let (stored, _) = self.0.producers.try_now(|| (self.store(value), false))?;
        if stored.is_some() {
            self.0.consumers.line().wake_first();
        }
        stored
    }

    fn take_now(&self) -> Option<Outcome> {
        let (taken, _) = self.0.consumers.line().try_now(|| (self.take(), false))?;
        if taken.is_some() {
            self.0.producers.wake_first();
        }
        taken
    }

    /// Adds a value, as soon as there is room. (QUEUE-03)
    ///
    /// # Errors
    /// `Disconnected` once the queue is closed.
    ///
    /// # Cancellation
    /// Before the promise has settled: the value is not added. After it: it has been.
    pub fn push(&self, value: Value) -> Result<Promise, Error> {
        self.0.runtime.check_live()?;
        let mut value = Some(value);
        let runtime = self.0.runtime.clone();
        match self.store_now(&mut value) {
            Some(done) => Ok(Promise::settled(runtime, done.map(|()| Value::Unit))),
            None => {
                let push = Push { turn: self.0.producers.take(), queue: self.clone(), value };
                Ok(Promise::start(runtime, "push", push))
            }
        }
    }

    /// Adds a value if there is room now and nobody waits for room.
    ///
    /// # Errors
    /// `Overloaded` if not; `Disconnected` once the queue is closed.
    pub fn try_push(&self, value: Value) -> Result<(), Error> {
        self.0.runtime.check_live()?;
        let mut value = Some(value);
        self.store_now(&mut value).unwrap_or_else(|| Err(Error::new(ErrorKind::Overloaded, "the queue is full")))
    }

    /// Takes the oldest value, as soon as there is one. (QUEUE-01, QUEUE-04)
    ///
    /// # Errors
    /// `Disconnected` once the queue is closed and empty.
    ///
    /// # Cancellation
    /// Nothing is taken. A value that the promise carries, and of which nobody has learned, goes back to the front when
    /// the promise is dropped, also beyond the capacity.
    pub fn pop(&self) -> Result<Promise, Error> {
        self.0.runtime.check()?;
        let runtime = self.0.runtime.clone();
        match self.take_now() {
            Some(outcome) => Ok(Promise::settled(runtime, outcome)),
            None => Ok(Promise::start(runtime, "pop", Pop { turn: self.0.consumers.turn(), queue: self.clone() })),
        }
    }

    /// Rejects everyone who waits for a value now; stored values stay. (QUEUE-05)
    pub fn reject_all(&self, error: &Error) {
        self.0.consumers.line().dismiss(usize::MAX, error);
    }

    /// Rejects whoever has waited longest for a value; `false` if nobody waits. (QUEUE-01)
    pub fn reject_oldest(&self, error: &Error) -> bool {
        self.0.consumers.line().dismiss(1, error) == 1
    }

    /// No more values: later pushes, and those that wait for room, fail; what is stored can still be taken.
    pub fn close(&self) {
        self.0.items.lock().closed = true;
        self.0.producers.wake_all();
        self.0.consumers.line().wake_all();
    }

    /// How many values are stored.
    pub fn len(&self) -> usize {
        self.0.items.lock().stored.len() + self.0.consumers.returned()
    }

    /// Whether no value is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.0.runtime
    }
}

impl Object for Queue {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

impl Belonging for Inner {
    fn end(&self) {
        let unwanted = {
            let mut items = self.items.lock();
            items.closed = true;
            std::mem::take(&mut items.stored)
        };
        drop(unwanted);
        // What a pop that reached nobody has given back, or still will.
        self.consumers.close();
    }
}

impl Future for Push {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        if this.turn.poll(cx).is_pending() && !this.queue.0.items.lock().closed {
            return Poll::Pending;
        }
        match this.queue.store(&mut this.value) {
            Some(done) => {
                this.queue.0.consumers.line().wake_first();
                Poll::Ready(done.map(|()| Value::Unit))
            }
            None => Poll::Pending,
        }
    }
}

impl Future for Pop {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let first = self.turn.poll(cx).is_ready();
        if let Some(error) = self.turn.dismissed() {
            return Poll::Ready(Err(error));
        }
        match first.then(|| self.queue.take()).flatten() {
            Some(outcome) => {
                self.queue.0.producers.wake_first();
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}
