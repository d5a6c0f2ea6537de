//! Settling by hand, from any thread.

use crate::gate::*;
use kjasync::promise::When;
use kjasync::{Error, ErrorKind, Value};
use std::sync::{Arc, Mutex};

// parity: FULF-10
#[test]
fn no_fulfilment_is_lost_while_threads_await() {
    let runtime = runtime();
    for round in 0..2000u64 {
        let (fulfiller, promise) = runtime.fulfiller().unwrap();
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let promise = promise.clone();
                std::thread::spawn(move || number(&promise))
            })
            .collect();
        (0..round % 100).for_each(|_| std::hint::spin_loop());
        assert!(fulfiller.settle(Ok(Value::U64(round))));
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), round);
        }
    }
}

// parity: FULF-01, FULF-02, FULF-03
#[test]
fn the_first_call_counts() {
    let runtime = runtime();
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    assert!(fulfiller.is_waiting());
    assert!(fulfiller.settle(Err(Error::new(ErrorKind::Overloaded, "first"))));
    assert!(!fulfiller.is_waiting());
    assert!(!fulfiller.settle(Ok(Value::Unit)));
    assert_eq!(failure(&promise), ErrorKind::Overloaded);
}

// parity: FULF-04
#[test]
fn dropped_unused_it_rejects() {
    let runtime = runtime();
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let waiter = std::thread::spawn(move || failure(&promise));
    drop(fulfiller);
    assert_eq!(ends("the await", move || waiter.join().unwrap()), ErrorKind::Failed);
}

// parity: FULF-08
#[test]
fn it_may_let_another_promise_decide() {
    let runtime = runtime();
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let (inner, decides) = runtime.fulfiller().unwrap();
    assert!(fulfiller.forward(decides));
    assert!(!fulfiller.settle(Ok(Value::U64(1))), "it has been decided who decides");
    assert!(promise.outcome().is_none());
    inner.settle(Ok(Value::U64(2)));
    assert_eq!(number(&promise), 2);

    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let (inner, decides) = runtime.fulfiller().unwrap();
    fulfiller.forward(decides);
    drop(promise);
    assert!(!inner.is_waiting(), "cancelling the one cancels what it waits for");

    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    fulfiller.forward(promise.clone());
    assert_eq!(failure(&promise), ErrorKind::Failed);
}

// parity: FULF-13
#[test]
fn results_of_one_thread_arrive_in_order() {
    let runtime = runtime();
    let log = Arc::new(Mutex::new(Vec::new()));
    let pairs: Vec<_> = (0..500).map(|_| runtime.fulfiller().unwrap()).collect();
    let (fulfillers, promises): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let watched: Vec<_> = promises
        .iter()
        .enumerate()
        .map(|(n, promise)| {
            let log = log.clone();
            promise.then(When::Value, move |_| {
                log.lock().unwrap().push(n);
                Ok(Value::Unit)
            })
        })
        .collect();
    std::thread::spawn(move || fulfillers.iter().for_each(|f| assert!(f.settle(Ok(Value::Unit))))).join().unwrap();
    for promise in &watched {
        assert!(outcome(promise).is_ok());
    }
    assert_eq!(*log.lock().unwrap(), (0..500).collect::<Vec<_>>());
}

// parity: FULF-10
#[test]
fn after_shutdown_it_does_nothing() {
    let runtime = runtime();
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    runtime.shutdown().unwrap();
    fulfiller.settle(Ok(Value::Unit));
    assert!(promise.wait(Some(0)).is_ok());
}
