//! Timers: never early, in order, gone when cancelled.

use crate::gate::*;
use kjasync::promise::{Canceled, Promise, When};
use kjasync::runtime::clock;
use kjasync::{ErrorKind, Value};
use std::sync::{Arc, Mutex};

// parity: TIME-01, TIME-03
#[test]
fn never_early() {
    let runtime = runtime();
    let all: Vec<_> = (0..500u64)
        .map(|n| {
            let deadline = clock::after(n * 7919 % 20_000_000);
            runtime.sleep_until(deadline).unwrap().then(When::Value, move |_| {
                assert!(clock::now() >= deadline);
                Ok(Value::Unit)
            })
        })
        .collect();
    assert!(outcome(&Promise::all(&runtime, &all).unwrap()).is_ok());
}

// parity: TIME-02
#[test]
fn in_the_order_of_deadlines_then_of_creation() {
    let runtime = runtime();
    let log = Arc::new(Mutex::new(Vec::new()));
    let base = clock::after(20 * MILLISECOND);
    let all: Vec<_> = (0..200u64)
        .map(|n| {
            let (log, group) = (log.clone(), n % 4);
            runtime.sleep_until(base + group * 1000).unwrap().then(When::Value, move |_| {
                log.lock().unwrap().push((group, n));
                Ok(Value::Unit)
            })
        })
        .collect();
    assert!(outcome(&Promise::all(&runtime, &all).unwrap()).is_ok());
    let log = log.lock().unwrap();
    assert!(log.is_sorted(), "{log:?}");
}

#[test]
fn the_past_and_the_end_of_time() {
    let runtime = runtime();
    for past in [0, 1, clock::now()] {
        assert!(runtime.sleep_until(past).unwrap().outcome().is_some());
    }
    let far = [u64::MAX, u64::MAX - 1, 1 << 62, 86_400 * 365 * 300 * SECOND];
    let pending: Vec<_> = far.iter().map(|nanos| runtime.sleep(*nanos).unwrap()).collect();
    let near = runtime.sleep(MILLISECOND).unwrap();
    assert!(outcome(&near).is_ok());
    let bounded = runtime.never().unwrap().timeout(u64::MAX);
    assert!(pending.iter().chain([&bounded]).all(|promise| promise.outcome().is_none()));
    drop(pending);
    assert!(outcome(&runtime.sleep(MILLISECOND).unwrap()).is_ok());
}

/// The loop sleeps until a late timer; an earlier one, from another thread, must wake it.
#[test]
fn an_earlier_timer_overtakes_a_later_one() {
    let runtime = runtime();
    let _late = runtime.sleep(3600 * SECOND).unwrap();
    for n in 0..200u64 {
        let early = runtime.sleep(n % 7 * 10_000).unwrap();
        let fired = Gate::default();
        let open = fired.clone();
        early
            .then(When::Both, move |_| {
                open.open();
                Ok(Value::Unit)
            })
            .detach(None);
        fired.pass();
    }
}

// parity: TIME-05
#[test]
fn a_cancelled_timer_never_fires() {
    let runtime = runtime();
    let (fired, expected) = (Count::default(), Count::default());
    let kept: Vec<_> = (0..2000u64)
        .filter_map(|n| {
            let fired = fired.clone();
            let promise = runtime.sleep(5 * MILLISECOND + n).unwrap().then(When::Value, move |_| {
                fired.add();
                Ok(Value::Unit)
            });
            if n % 2 == 0 && promise.cancel() != Canceled::TooLate {
                assert_eq!(failure(&promise), ErrorKind::Canceled);
                return None;
            }
            expected.add();
            Some(promise)
        })
        .collect();
    assert!(outcome(&Promise::all(&runtime, &kept).unwrap()).is_ok());
    assert_eq!(fired.get(), expected.get());
    assert!(expected.get() < 2000, "none was cancelled in time");
}

#[test]
fn timers_are_started_and_cancelled_by_many_threads() {
    let runtime = Arc::new(runtime());
    let threads: Vec<_> = (0..4u64)
        .map(|seed| {
            let runtime = runtime.clone();
            std::thread::spawn(move || {
                let mut random = Random::new(seed + 1);
                let mut pending = Vec::new();
                for _ in 0..3000 {
                    pending.push(runtime.sleep(random.next() % (2 * MILLISECOND)).unwrap());
                    if random.below(3) == 0 {
                        pending.swap_remove(random.below(pending.len()));
                    }
                }
                assert!(outcome(&Promise::all(&runtime, &pending).unwrap()).is_ok());
            })
        })
        .collect();
    for thread in threads {
        ends("a thread's timers", move || thread.join().unwrap());
    }
}

// parity: PROM-26
#[test]
fn a_yield_comes_after_what_is_queued() {
    let runtime = Arc::new(runtime());
    let log = Arc::new(Mutex::new(Vec::new()));
    let (inner, notes) = (runtime.clone(), log.clone());
    let done = runtime.executor().unwrap().start(move || {
        let note = |n: u32| {
            let notes = notes.clone();
            move |_| {
                notes.lock().unwrap().push(n);
                Ok(Value::Unit)
            }
        };
        let first = inner.settled(Ok(Value::Unit)).unwrap().then(When::Value, note(1));
        let second = inner.settled(Ok(Value::Unit)).unwrap().then(When::Value, note(2));
        let yielded = inner.yield_now().unwrap().then(When::Value, note(3));
        Promise::all(&inner, &[yielded, first, second]).unwrap()
    });
    assert!(outcome(&done.unwrap()).is_ok());
    assert_eq!(*log.lock().unwrap(), [1, 2, 3]);
}
