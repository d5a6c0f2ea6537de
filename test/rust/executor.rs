//! Calls into a loop from any thread: each runs or is refused, and its context is destroyed once.

use crate::alone::alone;
use crate::c::*;
use crate::gate::*;
use kjasync::runtime::clock;
use kjasync::{ErrorKind, Value};
use std::sync::{Arc, Mutex};

// parity: EXEC-09
#[test]
fn calls_of_one_thread_start_in_order() {
    let runtime = runtime();
    let log = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..4u64)
        .map(|thread| {
            let (executor, log) = (runtime.executor().unwrap(), log.clone());
            std::thread::spawn(move || {
                let calls: Vec<_> = (0..500u64)
                    .map(|n| {
                        let log = log.clone();
                        let call = executor.start(move || {
                            log.lock().unwrap().push((thread, n));
                            Ok(Value::U64(n))
                        });
                        call.unwrap()
                    })
                    .collect();
                for (n, call) in calls.iter().enumerate() {
                    assert_eq!(number(call), n as u64);
                }
            })
        })
        .collect();
    for thread in threads {
        ends("a caller", move || thread.join().unwrap());
    }
    let log = log.lock().unwrap();
    for thread in 0..4 {
        let own: Vec<u64> = log.iter().filter(|(t, _)| *t == thread).map(|(_, n)| *n).collect();
        assert_eq!(own, (0..500).collect::<Vec<_>>());
    }
}

// parity: EXEC-02, EXEC-03, EXEC-08
#[test]
fn after_shutdown_it_says_so() {
    let runtime = runtime();
    let executor = runtime.executor().unwrap();
    let clone = executor.clone();
    assert!(clone.is_live());
    runtime.shutdown().unwrap();
    drop(runtime);
    assert!(!executor.is_live() && !clone.is_live());
    let dropped = Count::default();
    let guard = dropped.on_drop();
    let refused = clone.start(move || {
        drop(guard);
        Ok(Value::Unit)
    });
    assert_eq!(kind(refused), Some(ErrorKind::Shutdown));
    assert_eq!(dropped.get(), 1);
}

// parity: EXEC-04, EXEC-09
#[test]
fn a_result_that_is_a_promise_is_waited_for() {
    let runtime = Arc::new(runtime());
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let begun = Gate::default();
    let open = begun.clone();
    let call = runtime.executor().unwrap().start(move || {
        open.open();
        promise
    });
    let call = call.unwrap();
    begun.pass();
    // The next call does not wait for it. (EXEC-09)
    assert_eq!(number(&runtime.executor().unwrap().start(|| Ok(Value::U64(1))).unwrap()), 1);
    assert!(call.outcome().is_none());
    fulfiller.settle(Ok(Value::U64(2)));
    assert_eq!(number(&call), 2);
}

/// What became of calls that raced with a shutdown.
#[derive(Default)]
struct Tally {
    made: Count,
    refused: Count,
    ran: Count,
    destroyed: Count,
}

// parity: EXEC-08
#[test]
fn a_call_that_races_with_shutdown_runs_or_fails_and_frees_its_context() {
    alone("executor::a_call_that_races_with_shutdown_runs_or_fails_and_frees_its_context", || {
        let tally = Arc::new(Tally::default());
        for round in 0..400 {
            let runtime = new_runtime();
            let executor = executor(runtime);
            let callers: Vec<_> = (0..2)
                .map(|caller| {
                    let tally = tally.clone();
                    std::thread::spawn(move || {
                        while (caller == 0 && round % 2 == 0) || kja_executor_is_live(executor) {
                            if !call(executor, &tally, caller == 0) {
                                return;
                            }
                        }
                    })
                })
                .collect();
            eventually("calls arrive", || tally.ran.get() > 3 * round);
            ok(kja_runtime_shutdown(runtime));
            for caller in callers {
                ends("a caller", move || caller.join().unwrap());
            }
            ok(kja_runtime_release(runtime));
            ok(kja_executor_release(executor));
            assert_eq!(kja_handle_count(), 0, "in round {round}");
            assert_eq!(tally.destroyed.get(), tally.made.get(), "in round {round}");
        }
        assert!(tally.ran.get() > 0 && tally.refused.get() > 0);
    });
}

/// One call; `false` once the loop is gone.
fn call(executor: u64, tally: &Arc<Tally>, block: bool) -> bool {
    tally.made.add();
    let (ran, guard) = (tally.ran.clone(), tally.destroyed.on_drop());
    let (run, ctx, destroy) = callback(move |_| {
        let _guard = guard;
        ran.add();
    });
    let mut promise = 0;
    // SAFETY: `callback` made the context for both functions; `promise` is a local.
    let status = unsafe {
        if block {
            kja_executor_execute(executor, run, ctx, destroy)
        } else {
            kja_executor_execute_start(executor, run, ctx, destroy, &mut promise)
        }
    };
    let status = if status == KJA_OK && !block { kja_promise_await_for(promise, 20 * SECOND) } else { status };
    if !block {
        let released = kja_promise_release(promise);
        assert!(released == KJA_OK || released == KJA_ERR_BAD_HANDLE);
    }
    match status {
        KJA_OK => true,
        KJA_ERR_SHUTDOWN | KJA_ERR_BAD_HANDLE => {
            tally.refused.add();
            false
        }
        other => panic!("status {other}"),
    }
}

// parity: EXEC-07, EXEC-08
#[test]
fn a_synchronous_call_that_waits_for_a_promise_ends_with_the_runtime() {
    let runtime = new_runtime();
    let executor = executor(runtime);
    let begun = Gate::default();
    let open = begun.clone();
    let caller = std::thread::spawn(move || {
        let (run, ctx, destroy) = callback(move |call| {
            ok(kja_call_return_promise(call, never(runtime)));
            open.open();
        });
        // SAFETY: `callback` made all three for each other.
        unsafe { kja_executor_execute(executor, run, ctx, destroy) }
    });
    begun.pass();
    ok(kja_runtime_shutdown(runtime));
    assert_eq!(ends("the call", move || caller.join().unwrap()), KJA_ERR_SHUTDOWN);
    ok(kja_executor_release(executor));
    ok(kja_runtime_release(runtime));
}

// parity: EXEC-05
#[test]
fn a_cancelled_call_that_has_not_begun_never_runs() {
    let runtime = runtime();
    let executor = runtime.executor().unwrap();
    let (hold, held) = (Gate::default(), Gate::default());
    let (open, wait) = (held.clone(), hold.clone());
    let holding = executor.start(move || {
        open.open();
        wait.pass();
        Ok(Value::Unit)
    });
    held.pass();
    let destroyed = Count::default();
    let guard = destroyed.on_drop();
    let call = executor.start(move || {
        let _guard = &guard;
        panic!("runs after its cancel");
        #[allow(unreachable_code)]
        Ok(Value::Unit)
    });
    call.unwrap().cancel();
    assert_eq!(destroyed.get(), 1, "gone when the cancel returns, though the loop is held up");
    hold.open();
    assert!(outcome(&holding.unwrap()).is_ok());
}

// parity: EXEC-05
#[test]
fn a_cancel_waits_for_a_call_that_has_begun() {
    let runtime = runtime();
    let (begun, end) = (Gate::default(), Gate::default());
    let (open, wait) = (begun.clone(), end.clone());
    let over = Count::default();
    let count = over.clone();
    let call = runtime.executor().unwrap().start(move || {
        open.open();
        wait.pass();
        count.add();
        Ok(Value::Unit)
    });
    let call = call.unwrap();
    begun.pass();
    let canceler = std::thread::spawn({
        let (call, over) = (call.clone(), over.clone());
        move || (call.cancel(), over.get())
    });
    assert_eq!(kind(call.wait(Some(clock::after(2 * MILLISECOND)))), Some(ErrorKind::TimedOut));
    end.open();
    let (canceled, over) = ends("the cancel", move || canceler.join().unwrap());
    assert_eq!(over, 1);
    // A thread that is held up cancels what has settled.
    let late = canceled == kjasync::promise::Canceled::TooLate;
    assert_eq!(outcome(&call).is_ok(), late);
}
