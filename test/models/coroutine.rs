//! A coroutine that is cancelled, whose wait settles, and whose runtime ends: its code runs to its end, on the loop, and
//! what it holds goes once.

use super::*;
use crate::promise::{Fulfiller, Next, Resumed};
use std::sync::atomic::AtomicBool;

/// How often its code has begun, has been told that it was cancelled, and has ended.
#[derive(Clone)]
struct Counts {
    begun: Drops,
    told: Drops,
    ended: Drops,
    freed: Drops,
}

impl Counts {
    fn new() -> Self {
        Self { begun: Drops::new(), told: Drops::new(), ended: Drops::new(), freed: Drops::new() }
    }

    /// Waits for `wait`; where it is cancelled, for `clean_up`.
    fn start(&self, shared: &Arc<Shared>, wait: Next, clean_up: Option<Next>) -> Promise {
        let (counts, guard) = (self.clone(), self.freed.guard());
        let (mut wait, mut clean_up, inside) = (Some(wait), clean_up, AtomicBool::new(false));
        let code = move |resumed: Resumed| {
            let _guard = &guard;
            assert!(!inside.swap(true, std::sync::atomic::Ordering::SeqCst), "two pieces at once");
            let next = match wait.take() {
                Some(wait) => {
                    drop(counts.begun.guard());
                    Some(wait)
                }
                None if resumed.canceled => {
                    drop(counts.told.guard());
                    clean_up.take()
                }
                None => None,
            };
            inside.store(false, std::sync::atomic::Ordering::SeqCst);
            next.unwrap_or_else(|| {
                drop(counts.ended.guard());
                Next::Done(Ok(Value::Unit))
            })
        };
        crate::runtime::model::executor(shared).start_coroutine(code).unwrap()
    }

    fn check(&self) {
        assert_eq!((self.begun.get(), self.freed.get()), (self.ended.get(), 1));
        assert!(self.told.get() <= 1);
    }
}

fn fulfiller(shared: &Arc<Shared>) -> (Fulfiller, Promise) {
    Fulfiller::new(shared.clone())
}

#[test]
fn a_cancelled_one_runs_to_its_end() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let (fulfiller, wait) = fulfiller(&shared);
        let counts = Counts::new();
        let promise = counts.start(&shared, Next::Wait(wait), None);
        let settler = loom::thread::spawn(move || fulfiller.settle(Ok(Value::Unit)));
        drop(promise);
        settler.join().unwrap();
        end(&shared, thread);
        counts.check();
    });
}

#[test]
fn a_shielded_wait_settles_while_it_is_cancelled() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let (fulfiller, wait) = fulfiller(&shared);
        let counts = Counts::new();
        let promise = counts.start(&shared, Next::WaitShielded(wait), None);
        let settler = loom::thread::spawn(move || fulfiller.settle(Ok(Value::Unit)));
        promise.cancel();
        settler.join().unwrap();
        end(&shared, thread);
        counts.check();
    });
}

#[test]
fn a_clean_up_ends_though_the_runtime_does() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let counts = Counts::new();
        let (never, clean_up) = (Promise::outside(shared.clone()), Promise::outside(shared.clone()));
        let promise = counts.start(&shared, Next::Wait(never), Some(Next::Wait(clean_up)));
        let canceler = loom::thread::spawn(move || drop(promise));
        end(&shared, thread);
        canceler.join().unwrap();
        counts.check();
    });
}
