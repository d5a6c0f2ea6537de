//! A call against a shutdown: it runs or it is refused, and what it holds goes once.

use super::*;
use crate::error::ErrorKind;
use crate::promise::When;

#[test]
fn a_call_runs_or_is_refused() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let (drops, runs) = (Drops::new(), Drops::new());
        let executor = crate::runtime::model::executor(&shared);
        let (guard, run) = (drops.guard(), runs.guard());
        let caller = loom::thread::spawn(move || {
            let call = executor.start(move || {
                let _guard = &guard;
                drop(run);
                Ok(Value::U64(1))
            });
            match call.and_then(|call| call.wait(None)).and_then(|outcome| outcome) {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Shutdown);
                    false
                }
            }
        });
        crate::runtime::model::shut_down(&shared);
        caller.join().unwrap();
        thread.join().unwrap();
        assert_eq!((drops.get(), runs.get()), (1, 1));
    });
}

#[test]
fn a_call_settles_though_nobody_waits() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let executor = crate::runtime::model::executor(&shared);
        let caller = loom::thread::spawn(move || executor.start(|| Ok(Value::Unit)));
        end(&shared, thread);
        let call = caller.join().unwrap();
        assert!(call.is_err() || call.is_ok_and(|call| call.outcome().is_some()));
    });
}

#[test]
fn a_call_that_waits_for_a_promise_ends_with_the_runtime() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let executor = crate::runtime::model::executor(&shared);
        let never = Promise::outside(shared.clone());
        let caller = loom::thread::spawn(move || {
            let call = executor.start(move || never);
            call.and_then(|call| call.wait(None)).and_then(|outcome| outcome).unwrap_err().kind()
        });
        end(&shared, thread);
        assert_eq!(caller.join().unwrap(), ErrorKind::Shutdown);
    });
}

#[test]
fn a_finally_runs_once_though_the_runtime_ends() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let (runs, drops) = (Drops::new(), Drops::new());
        let (run, guard) = (runs.guard(), drops.guard());
        let guarded = Promise::outside(shared.clone()).then(When::Finally, move |outcome| {
            let _guard = &guard;
            drop(run);
            outcome
        });
        let dropper = loom::thread::spawn(move || drop(guarded));
        crate::runtime::model::shut_down(&shared);
        dropper.join().unwrap();
        thread.join().unwrap();
        assert_eq!((runs.get(), drops.get()), (1, 1));
    });
}
