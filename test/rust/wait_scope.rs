//! A wait scope turns inside its owner's calls, and nowhere else.

use crate::alone::{alone, descriptors};
use crate::gate::*;
use kjasync::promise::When;
use kjasync::runtime::{Runtime, clock};
use kjasync::{ErrorKind, Outcome, Value};
use std::sync::Arc;

// parity: LOOP-08, PROM-13
#[test]
fn poll_runs_what_is_ready_and_returns() {
    let scope = wait_scope();
    let ran = Count::default();
    let count = ran.clone();
    let promise = scope.settled(Ok(Value::Unit)).unwrap().then(When::Value, move |_| {
        count.add();
        Ok(Value::Unit)
    });
    let never = scope.never().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert_eq!(ran.get(), 0, "nothing runs outside the owner's calls");
    assert!(scope.poll(u64::MAX).unwrap() > 0);
    assert_eq!(ran.get(), 1);
    assert!(promise.outcome().is_some() && never.outcome().is_none());
    scope.poll(u64::MAX).unwrap();
    assert_eq!(ran.get(), 1);
}

#[test]
fn run_turns_for_the_time_given() {
    let scope = wait_scope();
    let early = scope.sleep(MILLISECOND).unwrap();
    let late = scope.sleep(3600 * SECOND).unwrap();
    let begin = clock::now();
    scope.run(5 * MILLISECOND).unwrap();
    assert!(clock::now() - begin >= 5 * MILLISECOND);
    // A machine that is held up may find the end of the run first.
    while early.outcome().is_none() {
        assert!(clock::now() - begin < 20 * SECOND);
        scope.run(MILLISECOND).unwrap();
    }
    assert!(late.outcome().is_none());
}

// parity: PROM-12, PROM-38
#[test]
fn another_thread_is_refused() {
    let scope = Arc::new(wait_scope());
    let pending = scope.never().unwrap();
    let (foreign, promise) = (scope.clone(), pending.clone());
    let kinds = std::thread::spawn(move || {
        [
            kind(foreign.never()),
            kind(foreign.sleep(1)),
            kind(foreign.fulfiller()),
            kind(foreign.poll(u64::MAX)),
            kind(foreign.run(1)),
            kind(foreign.shutdown()),
            kind(promise.wait(None)),
        ]
    });
    assert_eq!(kinds.join().unwrap(), [Some(ErrorKind::WrongThread); 7]);
    assert!(scope.is_alive());
    // Cancelling is for any thread.
    std::thread::spawn(move || pending.cancel()).join().unwrap();
}

// parity: EXEC-04, FULF-10
#[test]
fn other_threads_call_in_and_settle_while_the_owner_waits() {
    let scope = wait_scope();
    let executor = scope.executor().unwrap();
    let (fulfiller, promise) = scope.fulfiller().unwrap();
    let owner = std::thread::current().id();
    let thread = std::thread::spawn(move || {
        let started = executor
            .start(move || {
                assert_eq!(std::thread::current().id(), owner);
                fulfiller.settle(Ok(Value::U64(5)));
                Ok(Value::Unit)
            })
            .unwrap();
        // Settled on the owner's thread; the call's promise may be looked at from here.
        eventually("the call has run", || started.outcome().is_some());
    });
    assert_eq!(number(&promise), 5);
    // The call's own promise settles on a turn of the loop.
    while !thread.is_finished() {
        scope.run(MILLISECOND).unwrap();
    }
    thread.join().unwrap();
}

// parity: PROM-12
#[test]
fn a_callback_cannot_turn_the_loop_it_runs_in() {
    let scope = Arc::new(wait_scope());
    let inner = scope.clone();
    let promise = scope.settled(Ok(Value::Unit)).unwrap().then(When::Value, move |_| -> Outcome {
        assert_eq!(kind(inner.poll(u64::MAX)), Some(ErrorKind::WouldDeadlock));
        assert_eq!(kind(inner.run(1)), Some(ErrorKind::WouldDeadlock));
        assert_eq!(kind(inner.never().unwrap().wait(None)), Some(ErrorKind::WouldDeadlock));
        assert_eq!(kind(inner.shutdown()), Some(ErrorKind::WouldDeadlock));
        Ok(Value::Unit)
    });
    assert!(outcome(&promise).is_ok());
}

#[test]
fn a_deadline_ends_the_wait_and_leaves_the_promise() {
    let scope = wait_scope();
    let (fulfiller, promise) = scope.fulfiller().unwrap();
    let begin = clock::now();
    assert_eq!(kind(promise.wait(Some(clock::after(2 * MILLISECOND)))), Some(ErrorKind::TimedOut));
    assert!(clock::now() - begin >= 2 * MILLISECOND);
    fulfiller.settle(Ok(Value::U64(1)));
    assert_eq!(number(&promise), 1);
}

/// The owner is inside its loop while another thread drops the runtime.
fn dropped_while_driven(scope: Arc<Runtime>) {
    let promise = scope.never().unwrap();
    let inside = Gate::default();
    let open = inside.clone();
    let _seen = scope.settled(Ok(Value::Unit)).unwrap().then(When::Value, move |_| {
        open.open();
        Ok(Value::Unit)
    });
    let dropper = std::thread::spawn(move || {
        inside.pass();
        drop(scope);
    });
    assert!(promise.wait(Some(clock::after(20 * MILLISECOND))).is_err() || promise.outcome().is_some());
    dropper.join().unwrap();
}

#[test]
fn it_may_be_dropped_by_any_thread_at_any_time() {
    alone("wait_scope::it_may_be_dropped_by_any_thread_at_any_time", || {
        drop(wait_scope());
        let before = descriptors();
        for _ in 0..20 {
            dropped_while_driven(Arc::new(wait_scope()));
            let scope = wait_scope();
            let held = Count::default();
            let _pending = scope.never().unwrap().attach(opaque(held.on_drop()));
            std::thread::spawn(move || drop(scope)).join().unwrap();
            drop(_pending);
            assert_eq!(held.get(), 1);
        }
        assert_eq!(descriptors(), before);
    });
}
