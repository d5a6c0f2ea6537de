//! Threads that do what blocks, for those who must not. They are the process's, come when there is something to do, and go again.
//!
//! The system offers no way to interrupt them. They therefore hold nothing of a loop: a runtime that is shut down meanwhile is gone at
//! once, and what they were at goes on unseen.

use crate::error::{Error, ErrorKind};
use crate::fork;
use crate::promise::Promise;
use crate::runtime::Runtime;
use crate::sync::thread::{self, Thread};
use crate::sync::{Lock, global};
use crate::value::Outcome;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How many operations run at once.
const MOST_THREADS: usize = 16;
/// How many more wait for that.
const MOST_WAITING: usize = 4096;
/// How long a thread stays when there is nothing to do.
const STAYS: Duration = Duration::from_millis(200);

type Work = Box<dyn FnOnce() -> Outcome + Send>;

#[derive(Default)]
enum State {
    Waiting(Work),
    Running,
    Done(Outcome),
    /// Nobody wants to know any more, or somebody knows.
    #[default]
    Over,
}

#[derive(Default)]
struct Job {
    state: State,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Pool {
    /// Which process the threads are in.
    process: u32,
    threads: usize,
    /// Those that have nothing to do, with a number each.
    idle: Vec<(u64, Thread)>,
    waiting: BTreeMap<u64, Arc<Lock<Job>>>,
    last: u64,
}

global!(POOL: Lock<Pool> = Lock::new(Pool::new()));

impl Pool {
    const fn new() -> Self {
        Self { process: 0, threads: 0, idle: Vec::new(), waiting: BTreeMap::new(), last: 0 }
    }

    /// Forgets what a parent's threads do, and what waits for them: it is not this process's to drop.
    fn in_this_process(&mut self) -> &mut Self {
        if self.process != fork::process() {
            std::mem::forget(std::mem::replace(self, Self { process: fork::process(), ..Self::new() }));
        }
        self
    }
}

fn pool() -> &'static Lock<Pool> {
    static ONCE: Once = Once::new();
    let pool: &'static Lock<Pool> = &POOL;
    fork::keep_usable(&ONCE, pool);
    pool
}

/// An operation on its way, or the wish to know what has become of it.
struct Operation {
    number: u64,
    job: Arc<Lock<Job>>,
}

impl Future for Operation {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let before;
        {
            let mut job = self.job.lock();
            if let State::Done(_) = job.state
                && let State::Done(outcome) = std::mem::take(&mut job.state)
            {
                return Poll::Ready(outcome);
            }
            before = job.waker.replace(cx.waker().clone());
        }
        drop(before);
        Poll::Pending
    }
}

/// What has not begun never will.
impl Drop for Operation {
    fn drop(&mut self) {
        let waiting = pool().lock().waiting.remove(&self.number);
        let left = {
            let mut job = self.job.lock();
            (std::mem::take(&mut job.state), job.waker.take())
        };
        drop((waiting, left));
    }
}

fn run(job: &Lock<Job>) {
    let work = match std::mem::replace(&mut job.lock().state, State::Running) {
        State::Waiting(work) => work,
        // Cancelled since.
        other => {
            job.lock().state = State::Over;
            return drop(other);
        }
    };
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(Error::from_panic(payload)));
    let (unwanted, waker) = {
        let mut job = job.lock();
        match job.state {
            State::Running => (std::mem::replace(&mut job.state, State::Done(outcome)), job.waker.take()),
            _ => (State::Done(outcome), None),
        }
    };
    drop(unwanted);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn work_until_idle(number: u64) {
    loop {
        let next = {
            let mut pool = pool().lock();
            let next = pool.waiting.pop_first();
            if next.is_none() {
                pool.idle.push((number, thread::current()));
            }
            next
        };
        if let Some((_, job)) = next {
            run(&job);
            continue;
        }
        thread::park_timeout(STAYS);
        let mut pool = pool().lock();
        // Who is no longer there has been called.
        if let Some(place) = pool.idle.iter().position(|(idle, _)| *idle == number) {
            pool.idle.swap_remove(place);
            if pool.waiting.is_empty() {
                pool.threads -= 1;
                return;
            }
        }
    }
}

/// Does a piece of work that blocks on a thread of the pool: 16 at once, in the order in which they were started. (FS-05)
///
/// # Errors
/// `Overloaded` if 4096 wait already, or if there is no thread to be had.
///
/// # Cancellation
/// One that has not begun never does, and what it holds is dropped. One that has begun goes on unseen, and its outcome is dropped.
pub fn start(runtime: &Runtime, work: impl FnOnce() -> Outcome + Send + 'static) -> Result<Promise, Error> {
    let shared = runtime.shared().clone();
    shared.check()?;
    let job = Arc::new(Lock::new(Job { state: State::Waiting(Box::new(work)), waker: None }));
    let (number, called) = {
        let mut guard = pool().lock();
        let pool = guard.in_this_process();
        if pool.waiting.len() >= MOST_WAITING {
            return Err(Error::new(ErrorKind::Overloaded, format!("{MOST_WAITING} operations on files wait already")));
        }
        pool.last += 1;
        let number = pool.last;
        pool.waiting.insert(number, job.clone());
        let called = pool.idle.pop();
        if called.is_none() && pool.threads < MOST_THREADS {
            pool.threads += 1;
            (number, None)
        } else {
            (number, Some(called))
        }
    };
    let operation = Operation { number, job };
    match called {
        Some(Some((_, idle))) => idle.unpark(),
        Some(None) => {}
        None => {
            let spawned = std::thread::Builder::new()
                .name("kjasync-file".to_owned())
                .spawn(move || work_until_idle(number))
                .map_err(|error| Error::from_io("starting a thread for files", &error));
            if let Err(error) = spawned {
                let mut pool = pool().lock();
                pool.threads -= 1;
                // Others will do it, if there are any.
                if pool.threads == 0 {
                    drop(pool);
                    return Err(error);
                }
            }
        }
    }
    Ok(Promise::start(shared, "file", operation))
}
