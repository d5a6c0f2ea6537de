//! Models of what threads do to each other, run by loom through every interleaving up to a number of forced
//! switches.
//!
//! The code is the library's own: built with `--cfg kja_model`, `src/sync.rs` gives it loom's locks, atomics,
//! parking and thread-locals, and the loop is a model's thread that runs the real pump. `test/models/run` runs
//! them. `test/models/mutations` breaks the library, one line at a time, in a copy, and checks that the model
//! that protects that line fails.
//!
//! What they leave out: reference counts (`std`'s `Arc`, which `Wake` requires, is not switched at), the
//! kernel and tokio's reactor (sockets are tried by the stress test instead), time that passes (a deadline is over
//! or never will be), and weaker orderings of the counters that only statistics read.

mod bounded_queue;
mod cell;
mod closable;
mod coroutine;
mod each;
mod executor;
mod giving_up;
mod handle;
mod queue;
mod roots;
mod task_set;
mod timers;
mod two_loops;

use crate::promise::Promise;
use crate::runtime::Shared;
use crate::value::{Outcome, Value};
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::JoinHandle;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Every interleaving with at most so many switches away from a thread that could go on. Two find nearly
/// every mistake of this kind; each more multiplies the time.
fn explore(switches: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.max_branches = 20_000;
    builder.check(model);
}

/// A runtime and its loop.
fn with_loop() -> (Arc<Shared>, JoinHandle<()>) {
    let shared = crate::runtime::model::new();
    let turning = shared.clone();
    let thread = loom::thread::spawn(move || crate::runtime::model::turn(&turning));
    (shared, thread)
}

fn end(shared: &Arc<Shared>, thread: JoinHandle<()>) {
    crate::runtime::model::shut_down(shared);
    thread.join().unwrap();
}

/// Counts its drops.
#[derive(Clone)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn guard(&self) -> Guard {
        Guard(self.0.clone())
    }
}

struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Stands for a socket: ready once `set` has been called, of which it tells the last that asked.
#[derive(Clone)]
struct Readiness(Arc<Mutex<(bool, Option<Waker>)>>);

struct Ready {
    of: Readiness,
    _guard: Guard,
}

impl Readiness {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((false, None))))
    }

    fn set(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn promise(&self, shared: &Arc<Shared>, drops: &Drops) -> Promise {
        Promise::start(shared.clone(), "model", Ready { of: self.clone(), _guard: drops.guard() })
    }
}

impl Future for Ready {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.of.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(Ok(Value::U64(7)));
        }
        let old = state.1.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }
}

fn number(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Ok(Value::U64(number)) => Some(*number),
        _ => None,
    }
}
