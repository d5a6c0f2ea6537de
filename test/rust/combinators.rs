//! Combinators hold what they are made of, and drop it before anyone learns the result.

use crate::gate::*;
use kjasync::promise::{Promise, Resolution, When};
use kjasync::runtime::Runtime;
use kjasync::{Error, ErrorKind, Value};
use std::sync::{Arc, Mutex};

/// A pending promise that tells when its operation is gone.
fn watched(runtime: &Runtime, gone: &Count) -> Promise {
    runtime.never().unwrap().attach(opaque(gone.on_drop()))
}

// parity: PROM-31
#[test]
fn all_waits_for_all_or_for_the_first_error() {
    let runtime = runtime();
    assert!(outcome(&Promise::all(&runtime, &[]).unwrap()).is_ok());
    let pairs: Vec<_> = (0..1000).map(|_| runtime.fulfiller().unwrap()).collect();
    let (fulfillers, promises): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let all = Promise::all(&runtime, &promises).unwrap();
    for fulfiller in fulfillers.iter().skip(1).rev() {
        fulfiller.settle(Ok(Value::Unit));
    }
    assert!(all.outcome().is_none());
    fulfillers[0].settle(Ok(Value::Unit));
    assert!(outcome(&all).is_ok());

    let gone = Count::default();
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let all = Promise::all(&runtime, &[watched(&runtime, &gone), promise, watched(&runtime, &gone)]).unwrap();
    let at_result = gone.clone();
    let then = all.then(When::Error, move |_| Ok(Value::U64(at_result.get() as u64)));
    fulfiller.settle(Err(Error::new(ErrorKind::Disconnected, "gone")));
    assert_eq!(failure(&all), ErrorKind::Disconnected);
    assert_eq!(number(&then), 2, "the others are gone before the result is known");
}

// parity: PROM-16
#[test]
fn a_race_lets_go_of_the_losers_first() {
    let runtime = runtime();
    assert_eq!(kind(Promise::race(&runtime, &[])), Some(ErrorKind::InvalidArgument));
    let gone = Count::default();
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let losers: Vec<_> = (0..10).map(|_| watched(&runtime, &gone)).collect();
    let kept = watched(&runtime, &gone);
    let race = Promise::race(&runtime, &[losers, vec![kept.clone(), promise]].concat()).unwrap();
    let at_result = gone.clone();
    let then = race.then(When::Both, move |_| Ok(Value::U64(at_result.get() as u64)));
    fulfiller.settle(Ok(Value::U64(1)));
    assert_eq!((number(&race), number(&then)), (1, 10));
    assert!(kept.outcome().is_none(), "what somebody else holds goes on");
    drop(kept);
    assert_eq!(gone.get(), 11);
}

#[test]
fn the_same_promise_may_come_twice() {
    let runtime = runtime();
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let all = Promise::all(&runtime, &[promise.clone(), promise.clone(), promise]).unwrap();
    fulfiller.settle(Ok(Value::Unit));
    assert!(outcome(&all).is_ok());
}

// parity: TIME-04
#[test]
fn a_timeout_cancels_what_it_bounds() {
    let runtime = runtime();
    let gone = Count::default();
    let bounded = watched(&runtime, &gone).timeout(MILLISECOND);
    assert_eq!(failure(&bounded), ErrorKind::TimedOut);
    assert_eq!(gone.get(), 1);
    let settled = runtime.settled(Ok(Value::U64(4))).unwrap().timeout(0);
    assert_eq!(number(&settled), 4);
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let bounded = promise.timeout(3600 * SECOND);
    fulfiller.settle(Ok(Value::U64(5)));
    assert_eq!(number(&bounded), 5);
}

// parity: FORK-01, FORK-03
#[test]
fn branches_are_cancelled_one_by_one() {
    let runtime = runtime();
    let gone = Count::default();
    let original = watched(&runtime, &gone);
    let branches = [original.fork(), original.fork(), original.fork()];
    drop(original);
    let [a, b, c] = branches;
    a.cancel();
    assert_eq!(failure(&a), ErrorKind::Canceled);
    drop(b);
    assert_eq!(gone.get(), 0);
    drop(c);
    assert_eq!(gone.get(), 1);
}

// parity: PROM-17
#[test]
fn an_attachment_outlives_the_operation() {
    let runtime = runtime();
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let log = log.clone();
        opaque(on_drop(move || log.lock().unwrap().push(what)))
    };
    let inner = runtime.never().unwrap().attach(note("inner"));
    let outer = inner.then(When::Value, |outcome| outcome).attach(note("middle")).fork().attach(note("outer"));
    drop(inner);
    drop(outer);
    assert_eq!(*log.lock().unwrap(), ["inner", "middle", "outer"]);

    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let freed = Count::default();
    let attached = promise.attach(opaque(freed.on_drop()));
    let at_result = freed.clone();
    let then = attached.then(When::Value, move |_| Ok(Value::U64(at_result.get() as u64)));
    fulfiller.settle(Ok(Value::Unit));
    assert_eq!(number(&then), 1, "freed before the result is delivered");
}

#[test]
fn finally_runs_once_however_it_ends() {
    let runtime = runtime();
    let ran = Count::default();
    let watch = |promise: &Promise| {
        let ran = ran.clone();
        promise.then(When::Finally, move |outcome| {
            ran.add();
            // Its own value does not replace the outcome.
            outcome.map(|_| Value::U64(99)).or(Ok(Value::U64(99)))
        })
    };
    assert_eq!(number(&watch(&runtime.settled(Ok(Value::U64(1))).unwrap())), 1);
    assert_eq!(ran.get(), 1);
    let failed = runtime.settled(Err(Error::new(ErrorKind::Overloaded, ""))).unwrap();
    assert_eq!(failure(&watch(&failed)), ErrorKind::Overloaded);
    assert_eq!(ran.get(), 2);
    let never = runtime.never().unwrap();
    let cancelled = watch(&never);
    cancelled.cancel();
    drop(watch(&never));
    let timed = watch(&never).timeout(1);
    assert_eq!(failure(&timed), ErrorKind::TimedOut);
    eventually("each has run", || ran.get() == 5);
    let again = runtime.settled(Ok(Value::Unit)).unwrap().then(When::Both, |outcome| outcome);
    assert!(outcome(&again).is_ok());
    assert_eq!(ran.get(), 5);
}

#[test]
fn finally_delays_the_outcome_and_may_fail_it() {
    let runtime = runtime();
    let (fulfiller, delays) = runtime.fulfiller().unwrap();
    let settled = runtime.settled(Ok(Value::U64(1))).unwrap();
    let delayed = settled.then(When::Finally, move |_| delays);
    assert!(delayed.wait(Some(0)).is_err());
    fulfiller.settle(Ok(Value::U64(2)));
    assert_eq!(number(&delayed), 1);
    let failed = settled.then(When::Finally, |_| Resolution::Outcome(Err(Error::new(ErrorKind::Busy, ""))));
    assert_eq!(failure(&failed), ErrorKind::Busy);
}

/// One thread polls a race and drops the loser, whose callback runs just now and drops the race.
#[test]
fn a_loser_that_cancels_the_race_from_its_callback_does_not_hang() {
    for by_timeout in [false, true] {
        let runtime = runtime();
        let (begun, end) = (Gate::default(), Gate::default());
        let (open, wait) = (begun.clone(), end.clone());
        let target: Arc<Mutex<Option<Promise>>> = Arc::default();
        let canceled = target.clone();
        let loser = runtime.executor().unwrap().start(move || {
            open.open();
            wait.pass();
            let promise = canceled.lock().unwrap().clone().unwrap();
            promise.cancel();
            Ok(Value::Unit)
        });
        let loser = loser.unwrap();
        begun.pass();
        let (fulfiller, winner) = runtime.fulfiller().unwrap();
        let race = if by_timeout {
            loser.timeout(2 * MILLISECOND)
        } else {
            Promise::race(&runtime, &[loser.clone(), winner.fork()]).unwrap()
        };
        drop((loser, winner));
        *target.lock().unwrap() = Some(race.clone());
        let waiter = std::thread::spawn(move || race.wait(None).unwrap().map(drop));
        fulfiller.settle(Ok(Value::Unit));
        // Nobody announces that the thread polls and waits for the loser's callback.
        std::thread::sleep(std::time::Duration::from_millis(10));
        end.open();
        let _ = ends("the await", move || waiter.join().unwrap());
        assert!(outcome(&runtime.sleep(1).unwrap()).is_ok(), "the loop goes on");
        target.lock().unwrap().take();
    }
}
