//! Events to wait for, and things that tell when they are dropped.

use kjasync::promise::Promise;
use kjasync::runtime::{Mode, Options, Runtime, clock};
use kjasync::{Error, ErrorKind, Opaque, Outcome, Value};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

pub(crate) const MILLISECOND: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1000 * MILLISECOND;
/// No test waits longer than this for something that should happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A door that opens once.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    #[track_caller]
    pub(crate) fn pass(&self) {
        assert!(self.pass_within(PATIENCE), "the gate did not open");
    }

    pub(crate) fn pass_within(&self, time: Duration) -> bool {
        let (open, _) = self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), time, |open| !*open).unwrap();
        *open
    }
}

/// A number that several threads add to.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Something that counts when it is dropped.
    pub(crate) fn on_drop(&self) -> OnDrop<impl FnMut() + Send + 'static> {
        let count = self.clone();
        on_drop(move || {
            count.add();
        })
    }
}

pub(crate) struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub(crate) fn on_drop<F: FnMut() + Send + 'static>(f: F) -> OnDrop<F> {
    OnDrop(f)
}

/// A value as the library's opaque pointer, dropped by its destructor.
pub(crate) fn opaque<T: Send + 'static>(value: T) -> Opaque {
    let (pointer, destroy) = crate::c::owned(value);
    // SAFETY: a boxed value that may be sent.
    unsafe { Opaque::new(pointer, destroy) }
}

pub(crate) fn runtime() -> Runtime {
    Runtime::new(Options::default()).expect("a runtime")
}

pub(crate) fn runtime_with(change: impl FnOnce(&mut Options)) -> Runtime {
    let mut options = Options::default();
    change(&mut options);
    Runtime::new(options).expect("a runtime")
}

pub(crate) fn wait_scope() -> Runtime {
    runtime_with(|options| options.mode = Mode::WaitScope)
}

/// The outcome of a promise that has to settle.
#[track_caller]
pub(crate) fn outcome(promise: &Promise) -> Outcome {
    promise.wait(Some(clock::after(PATIENCE.as_nanos() as u64))).expect("it settles")
}

#[track_caller]
pub(crate) fn number(promise: &Promise) -> u64 {
    match outcome(promise) {
        Ok(Value::U64(number)) => number,
        other => panic!("not a number: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn failure(promise: &Promise) -> ErrorKind {
    outcome(promise).expect_err("it fails").kind()
}

pub(crate) fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// Runs `f` on a thread of its own, which has to end.
#[track_caller]
pub(crate) fn ends<T: Send + 'static>(what: &str, f: impl FnOnce() -> T + Send + 'static) -> T {
    ends_within(PATIENCE.as_secs(), what, f)
}

/// As `ends`, for what takes its time.
#[track_caller]
pub(crate) fn ends_within<T: Send + 'static>(seconds: u64, what: &str, f: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    let thread = std::thread::spawn(move || done.send(f()));
    match result.recv_timeout(Duration::from_secs(seconds)) {
        Ok(result) => {
            let _ = thread.join();
            result
        }
        Err(_) if thread.is_finished() => panic!("{what} panicked"),
        Err(_) => panic!("{what} does not end"),
    }
}

/// Waits for something that nobody announces.
#[track_caller]
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}

/// A generator of numbers that a seed repeats (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }
}
