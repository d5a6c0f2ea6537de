//! Signals, as promises and as a sequence.

use crate::coordination::{Consumers, Turn};
use crate::error::Error;
use crate::object::{Object, Owner};
use crate::os::signal::{Capture, Delivery, take};
use crate::promise::{ForEach, Items, Promise, Resolution};
use crate::runtime::{Belonging, Entry, Runtime, Shared};
use crate::stream::{Direction, Socket};
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub use crate::os::signal::send;

/// A subscription to some signals, from when it is made until it is closed or dropped. What comes between two waits is kept.
/// (UNIX-01, UNIX-02)
pub struct Signal {
    runtime: Arc<Shared>,
    /// Goes before the pipe, into which its handler writes.
    capture: Lock<Option<Capture>>,
    pipe: Socket,
    consumers: Arc<Consumers>,
    entry: Entry,
}

/// One delivery of a signal.
pub struct SignalInfo {
    runtime: Arc<Shared>,
    delivery: Delivery,
    merged: u64,
}

/// A place in the line of those who wait.
struct Wait {
    signal: Arc<Signal>,
    turn: Turn,
}

impl Signal {
    /// Subscribes to these signals. Any number of subscriptions may be for one signal, and each gets all that come.
    ///
    /// # Errors
    /// `InvalidArgument` for SIGKILL, SIGSTOP, SIGCHLD, SIGILL, SIGFPE, SIGSEGV, SIGBUS, numbers that are no signals, and none;
    /// `Busy` if somebody has put another handler in the place of ours.
    pub fn new(runtime: &Runtime, signals: &[i32]) -> Result<Arc<Self>, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        let (capture, reader) = Capture::new(signals)?;
        let pipe = Socket::for_reading(runtime, reader)?;
        let capture = Lock::new(Some(capture));
        let (consumers, entry) = (Arc::default(), Entry::default());
        let this = Arc::new(Self { runtime: runtime.clone(), capture, pipe, consumers, entry });
        this.entry.enter(runtime, &this);
        Ok(this)
    }

    /// The next delivery; several waits are served in order. The promise carries a [`SignalInfo`].
    ///
    /// # Cancellation
    /// The delivery stays for the next wait, also if the promise has it and nobody has seen it.
    pub fn next(self: &Arc<Self>) -> Result<Promise, Error> {
        self.runtime.check()?;
        let wait = self.wait();
        Ok(Promise::start(self.runtime.clone(), "signal", async move {
            let consumers = &wait.signal.consumers;
            consumers.take(&wait.turn, poll_fn(|cx| wait.poll_new(cx))).await
        }))
    }

    /// Runs `on_signal` on the loop for one delivery after another. What that returns decides: unit goes on, a promise is
    /// waited for first and decides then, any other value ends it and is the outcome, and so does an error. Other waits wait
    /// until it ends.
    ///
    /// # Cancellation
    /// What has not been given to the callback stays for the next wait; a promise that the last callback returned is dropped.
    pub fn each<R: Into<Resolution>>(
        self: &Arc<Self>,
        on_signal: impl FnMut(Arc<SignalInfo>) -> R + Send + 'static,
    ) -> Result<Promise, Error> {
        self.each_with(ForEach::closure(Value::into_object::<SignalInfo>, on_signal))
    }

    pub(crate) fn each_with(self: &Arc<Self>, run: ForEach) -> Result<Promise, Error> {
        self.runtime.check()?;
        Ok(Promise::each(self.runtime.clone(), self.wait(), run))
    }

    /// Ends the subscription now; waits reject as canceled.
    pub fn close(&self) {
        let capture = self.capture.lock().take();
        drop(capture);
        self.pipe.close();
        self.consumers.close();
    }

    fn wait(self: &Arc<Self>) -> Wait {
        Wait { signal: self.clone(), turn: self.consumers.turn() }
    }

    fn take(&self, delivery: Delivery) -> Value {
        let merged = self.capture.lock().as_ref().map_or(0, Capture::take_merged);
        Value::object(Arc::new(SignalInfo { runtime: self.runtime.clone(), delivery, merged }))
    }
}

impl Wait {
    /// The next to come, if this is the first in line.
    fn poll_new(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let signal = &*self.signal;
        signal.pipe.with_fd(|_| ())?;
        ready!(self.turn.poll(cx));
        let taken = ready!(signal.pipe.poll_io(Direction::Read, cx, take, |_| false))?;
        let taken = taken.map_err(|error| match error.raw_os_error() {
            Some(libc::EPIPE) => Error::closed(),
            _ => Error::from_io("taking a signal", &error),
        });
        Poll::Ready(taken.map(|delivery| signal.take(delivery)))
    }
}

impl Items for Wait {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        if self.turn.poll(cx).is_ready()
            && let Some(returned) = self.signal.consumers.take_returned()
        {
            return Poll::Ready(Some(Ok(returned)));
        }
        self.poll_new(cx).map(Some)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.signal.pipe.forget_reader();
    }
}

impl SignalInfo {
    /// The number of the signal.
    pub fn number(&self) -> i32 {
        self.delivery.number()
    }

    /// Why it was sent: `si_code`.
    pub fn code(&self) -> i32 {
        self.delivery.code()
    }

    /// The process that sent it and the user of that, if it was a process that did.
    pub fn sender(&self) -> Option<(i32, u32)> {
        self.delivery.sender()
    }

    /// The value that `sigqueue` sent along.
    pub fn value(&self) -> Option<u64> {
        self.delivery.value()
    }

    /// How many more came behind it and were not kept, since too many waited.
    pub fn merged(&self) -> u64 {
        self.merged
    }

    /// Its `siginfo_t`, as the system has it.
    pub fn bytes(&self) -> &[u8] {
        self.delivery.bytes()
    }
}

impl Object for Signal {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime.owner)
    }
}

impl Belonging for Signal {
    fn end(&self) {
        self.close();
    }
}

impl Object for SignalInfo {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime.owner)
    }
}
