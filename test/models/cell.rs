//! The promise cell: poll, cancel, settle from outside, await and the drop of the last holder at once.

use super::*;
use crate::error::ErrorKind;
use crate::promise::{Canceled, Fulfiller, When, wait_for};

fn fulfiller(shared: &Arc<Shared>) -> (Fulfiller, Promise) {
    Fulfiller::new(shared.clone())
}

#[test]
fn settles_once() {
    explore(3, || {
        let shared = crate::runtime::model::new();
        let (fulfiller, promise) = fulfiller(&shared);
        let fulfiller = Arc::new(fulfiller);
        let other = fulfiller.clone();
        let settler = loom::thread::spawn(move || other.settle(Ok(Value::U64(1))));
        let canceled = promise.clone();
        let canceler = loom::thread::spawn(move || canceled.cancel() == Canceled::Gone);
        let first = fulfiller.settle(Ok(Value::U64(2)));
        let read = promise.outcome().map(|outcome| number(&outcome));
        let winners = [first, settler.join().unwrap(), canceler.join().unwrap()];
        assert_eq!(winners.iter().filter(|won| **won).count(), 1);
        let last = promise.outcome().map(|outcome| number(&outcome));
        assert_eq!(
            last,
            Some(if winners[0] {
                Some(2)
            } else if winners[1] {
                Some(1)
            } else {
                None
            })
        );
        assert!(read.is_none() || read == last);
    });
}

#[test]
fn who_awaits_hears_of_it() {
    explore(3, || {
        let shared = crate::runtime::model::new();
        let (fulfiller, promise) = fulfiller(&shared);
        let awaited = promise.clone();
        let waiter = loom::thread::spawn(move || number(&awaited.wait(None).unwrap()));
        fulfiller.settle(Ok(Value::U64(1)));
        assert_eq!(waiter.join().unwrap(), Some(1));
    });
}

#[test]
fn a_release_ends_an_await_and_frees_the_value_once() {
    explore(3, || {
        let shared = crate::runtime::model::new();
        let drops = Drops::new();
        let promise = Readiness::new().promise(&shared, &drops);
        let cell = promise.cell().clone();
        let waiter = loom::thread::spawn(move || wait_for(&cell, None).unwrap().unwrap_err().kind());
        drop(promise);
        assert_eq!(drops.get(), 1);
        assert_eq!(waiter.join().unwrap(), ErrorKind::Canceled);
    });
}

/// The awaiting thread polls; the operation becomes ready meanwhile, and cancelled.
#[test]
fn what_is_cancelled_while_polled_is_gone_when_the_cancel_returns() {
    explore(2, || {
        let shared = crate::runtime::model::new();
        let (drops, readiness) = (Drops::new(), Readiness::new());
        let promise = readiness.promise(&shared, &drops);
        let awaited = promise.clone();
        let waiter = loom::thread::spawn(move || number(&awaited.wait(None).unwrap()));
        let setter = loom::thread::spawn(move || readiness.set());
        let canceled = promise.cancel();
        assert_eq!(drops.get(), 1);
        let outcome = promise.outcome().expect("settled when the cancel returns");
        assert_eq!(number(&outcome).is_some(), canceled == Canceled::TooLate);
        assert_eq!(waiter.join().unwrap(), number(&outcome));
        setter.join().unwrap();
        assert_eq!(drops.get(), 1);
    });
}

/// The starting thread polls once; meanwhile the operation becomes ready, and the loop finds it busy.
#[test]
fn a_wake_up_during_the_first_poll_is_not_lost() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let readiness = Readiness::new();
        let ready = readiness.clone();
        let setter = loom::thread::spawn(move || ready.set());
        let promise = readiness.promise(&shared, &Drops::new());
        // On the loop, which nobody helps: this thread sleeps.
        let seen = promise.then(When::Both, |outcome| outcome);
        assert_eq!(number(&seen.wait(None).unwrap()), Some(7));
        setter.join().unwrap();
        end(&shared, thread);
    });
}

/// A thread that polls gives up; what woke it last has to reach the loop.
#[test]
fn giving_up_hands_the_last_wake_up_to_the_loop() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let (drops, readiness) = (Drops::new(), Readiness::new());
        let promise = readiness.promise(&shared, &drops);
        let seen = promise.then(When::Both, |outcome| outcome);
        let setter = loom::thread::spawn(move || readiness.set());
        let _ = promise.wait(Some(0));
        assert_eq!(number(&seen.wait(None).unwrap()), Some(7));
        setter.join().unwrap();
        end(&shared, thread);
    });
}

/// A promise that only passes on another is skipped; a thread that awaits it has to hear of that.
#[test]
fn skipping_a_link_ends_an_await_of_it() {
    explore(2, || {
        let shared = crate::runtime::model::new();
        let (outer, result) = fulfiller(&shared);
        let (inner, first) = fulfiller(&shared);
        let link = first.fork();
        drop(first);
        let cell = link.cell().clone();
        let waiter = loom::thread::spawn(move || drop(wait_for(&cell, None)));
        outer.forward(link);
        waiter_then_settle(waiter, &inner, &result);
    });
}

fn waiter_then_settle(waiter: JoinHandle<()>, inner: &Fulfiller, result: &Promise) {
    inner.settle(Ok(Value::U64(3)));
    waiter.join().unwrap();
    assert_eq!(number(&result.wait(None).unwrap()), Some(3));
}

/// One thread polls a timeout and drops the operation, whose callback, on the loop, cancels the timeout.
#[test]
fn two_polls_that_cancel_each_other_both_end() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let bounded: Arc<Mutex<Option<Promise>>> = Arc::new(Mutex::new(None));
        let canceled = bounded.clone();
        let call = crate::runtime::model::executor(&shared).start(move || {
            let bounded = canceled.lock().unwrap().take();
            if let Some(bounded) = bounded {
                bounded.cancel();
            }
            Ok(Value::Unit)
        });
        let promise = call.unwrap().timeout(5);
        *bounded.lock().unwrap() = Some(promise.clone());
        crate::runtime::model::advance_to(&shared, 5);
        let _ = promise.wait(None);
        drop((bounded, promise));
        end(&shared, thread);
    });
}

#[test]
fn a_detached_promise_is_dropped_when_it_settles() {
    explore(3, || {
        let shared = crate::runtime::model::new();
        let (fulfiller, promise) = fulfiller(&shared);
        let cell = promise.cell().clone();
        let detacher = loom::thread::spawn(move || promise.detach(None));
        fulfiller.settle(Ok(Value::Unit));
        detacher.join().unwrap();
        assert!(!cell.has_holders());
    });
}
