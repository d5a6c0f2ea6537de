//! A promise settles once, and whoever waits for it learns so.

use crate::c::*;
use crate::gate::*;
use kjasync::promise::{Promise, Resolution, When};
use kjasync::runtime::clock;
use kjasync::{Error, ErrorKind, Outcome, Value};
use std::sync::Arc;

// parity: PROM-02, PROM-05, PROM-06
#[test]
fn a_continuation_runs_on_the_loop_and_never_inside_the_call() {
    let runtime = Arc::new(runtime());
    let check = runtime.clone();
    let done = runtime.executor().unwrap().start(move || -> Promise {
        let ran = Count::default();
        let (count, loop_) = (ran.clone(), check.clone());
        let then = check.settled(Ok(Value::U64(1))).unwrap().then(When::Both, move |outcome| {
            assert!(loop_.on_loop());
            count.add();
            outcome
        });
        assert_eq!(ran.get(), 0);
        then
    });
    assert_eq!(number(&done.unwrap()), 1);
}

#[test]
fn it_settles_once_whoever_comes_first() {
    let runtime = runtime();
    for round in 0..300u64 {
        let (fulfiller, promise) = runtime.fulfiller().unwrap();
        let fulfiller = Arc::new(fulfiller);
        let values: Vec<u64> = std::thread::scope(|scope| {
            let settlers: Vec<_> = (0..2u64)
                .map(|n| {
                    let fulfiller = fulfiller.clone();
                    scope.spawn(move || fulfiller.settle(Ok(Value::U64(n))))
                })
                .collect();
            let canceler = scope.spawn(|| if round % 2 == 0 { Some(promise.cancel()) } else { None });
            let readers: Vec<_> =
                (0..2).map(|_| scope.spawn(|| outcome(&promise).map_or(9, |v| as_number(&v)))).collect();
            let won = settlers.into_iter().map(|s| s.join().unwrap()).filter(|won| *won).count();
            let gone = canceler.join().unwrap() == Some(kjasync::promise::Canceled::Gone);
            assert_eq!(won + usize::from(gone), 1);
            readers.into_iter().map(|reader| reader.join().unwrap()).collect()
        });
        assert_eq!(values[0], values[1]);
        assert_eq!(outcome(&promise).map_or(9, |v| as_number(&v)), values[0]);
    }
}

fn as_number(value: &Value) -> u64 {
    if let Value::U64(number) = value { *number } else { panic!("not a number: {value:?}") }
}

// parity: PROM-07
#[test]
fn a_promise_as_result_is_followed_even_through_many() {
    let runtime = runtime();
    fn down(runtime: kjasync::runtime::Executor, n: u64) -> Promise {
        let next = runtime.clone();
        runtime
            .start(move || -> Resolution {
                if n == 0 { Ok(Value::U64(42)).into() } else { down(next, n - 1).into() }
            })
            .unwrap()
    }
    assert_eq!(number(&down(runtime.executor().unwrap(), 20_000)), 42);
}

#[test]
fn a_long_chain_settles_and_is_dropped_without_recursion() {
    let runtime = runtime();
    const LONG: u64 = 100_000;
    for cancel in [false, true] {
        let (fulfiller, first) = runtime.fulfiller().unwrap();
        let held = Count::default();
        let mut last = first.attach(opaque(held.on_drop()));
        drop(first);
        for _ in 0..LONG {
            last = last.then(When::Value, |outcome| match outcome {
                Ok(Value::U64(n)) => Ok(Value::U64(n + 1)),
                other => other,
            });
        }
        if cancel {
            drop(last);
            assert_eq!(held.get(), 1, "all of it is gone when the drop returns");
            assert!(!fulfiller.is_waiting());
        } else {
            fulfiller.settle(Ok(Value::U64(0)));
            assert_eq!(number(&last), LONG);
            assert_eq!(held.get(), 1);
        }
    }
}

#[test]
fn its_own_promise_as_result_is_an_error() {
    let runtime = runtime();
    let own: Arc<std::sync::Mutex<Option<Promise>>> = Arc::default();
    let (fulfiller, first) = runtime.fulfiller().unwrap();
    let result = own.clone();
    let then = first.then(When::Value, move |_| result.lock().unwrap().take().unwrap());
    *own.lock().unwrap() = Some(then.clone());
    fulfiller.settle(Ok(Value::Unit));
    assert_eq!(failure(&then), ErrorKind::Failed);
}

// parity: PROM-12
#[test]
fn a_deadline_leaves_the_operation_pending() {
    let runtime = runtime();
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let then = promise.then(When::Value, |outcome| outcome);
    let slept = runtime.sleep(3600 * SECOND).unwrap();
    for promise in [&promise, &then, &slept] {
        let begin = clock::now();
        assert_eq!(kind(promise.wait(Some(begin + MILLISECOND))), Some(ErrorKind::TimedOut));
        assert!(clock::now() >= begin + MILLISECOND);
        assert!(promise.outcome().is_none());
    }
    fulfiller.settle(Ok(Value::U64(3)));
    assert_eq!(number(&then), 3);
}

/// A thread that awaits also polls. When it gives up, what woke it last must reach the loop.
#[test]
fn giving_up_a_wait_loses_no_wake_up() {
    let runtime = runtime();
    for round in 0..3000 {
        let (fulfiller, promise) = runtime.fulfiller().unwrap();
        let fork = promise.fork();
        drop(promise);
        let seen = Gate::default();
        let open = seen.clone();
        let then = fork.then(When::Both, move |_| {
            open.open();
            Ok(Value::Unit)
        });
        let settler = std::thread::spawn(move || {
            (0..round % 60).for_each(|_| std::hint::spin_loop());
            fulfiller.settle(Ok(Value::Unit))
        });
        // Gives up at about the time at which the other thread settles.
        for _ in 0..3 {
            let _ = fork.wait(Some(clock::after(round % 30 * 1000)));
        }
        settler.join().unwrap();
        assert!(seen.pass_within(std::time::Duration::from_secs(5)), "a wake-up was lost in round {round}");
        drop(then);
    }
}

/// The loop may skip a promise that only passes on another; who awaits it has to hear of that.
#[test]
fn awaiting_a_promise_that_becomes_a_result_ends() {
    let runtime = new_runtime();
    let executor = executor(runtime);
    for _ in 0..200 {
        let (fulfiller, promise) = fulfiller(runtime);
        // SAFETY: `out` is a local.
        let fork = made(|out| unsafe { kja_promise_fork(promise, out) });
        ok(kja_promise_release(promise));
        let waiter = std::thread::spawn(move || kja_promise_await(fork));
        let given = start(executor, move |call| ok(kja_call_return_promise(call, fork)));
        eventually("it is given away", || kja_promise_status(fork) == KJA_ERR_BAD_HANDLE);
        let after = start(executor, |_| {});
        ok(status(after));
        ok(kja_promise_release(after));
        ok(kja_fulfiller_unit(fulfiller));
        let waited = ends("the await", move || waiter.join().unwrap());
        assert!([KJA_OK, KJA_ERR_CANCELED, KJA_ERR_BAD_HANDLE].contains(&waited), "{waited}");
        ok(status(given));
        ok(kja_promise_release(given));
        ok(kja_fulfiller_release(fulfiller));
    }
    ok(kja_executor_release(executor));
    ok(kja_runtime_release(runtime));
}

#[test]
fn a_value_is_freed_with_its_last_holder() {
    let runtime = runtime();
    let freed = Count::default();
    let promise = runtime.settled(Ok(Value::Opaque(Arc::new(opaque(freed.on_drop()))))).unwrap();
    let fork = promise.fork();
    let then = promise.then(When::Value, |outcome| outcome);
    assert!(outcome(&then).is_ok() && outcome(&fork).is_ok());
    drop(promise);
    drop(fork);
    assert_eq!(freed.get(), 0);
    drop(then);
    // The loop may still be leaving the callback that had it.
    eventually("the value is freed", || freed.get() == 1);
}

#[test]
fn a_value_that_nobody_can_ask_for_is_freed() {
    let runtime = runtime();
    let freed = Count::default();
    let value = || -> Outcome { Ok(Value::Opaque(Arc::new(opaque(freed.on_drop())))) };
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    drop(promise);
    assert!(!fulfiller.is_waiting());
    assert!(!fulfiller.settle(value()));
    assert_eq!(freed.get(), 1);
    let (begun, end) = (Gate::default(), Gate::default());
    let (open, wait, late) = (begun.clone(), end.clone(), value());
    let call = runtime.executor().unwrap().start(move || {
        open.open();
        wait.pass();
        late
    });
    begun.pass();
    let dropper = std::thread::spawn(move || drop(call));
    end.open();
    ends("the drop", move || dropper.join().unwrap());
    assert_eq!(freed.get(), 2);
}

/// A destructor of a value must not run where others cannot ask the promise about anything.
#[test]
fn no_destructor_runs_under_the_lock_of_a_promise() {
    let runtime = new_runtime();
    let executor = executor(runtime);
    let (begun, end, waited) = (Gate::default(), Gate::default(), Gate::default());
    let (open, wait, seen) = (begun.clone(), end.clone(), waited.clone());
    let in_time = Count::default();
    let count = in_time.clone();
    let call = start(executor, move |call| {
        open.open();
        wait.pass();
        let (value, destroy) = owned(on_drop(move || {
            if seen.pass_within(std::time::Duration::from_secs(5)) {
                count.add();
            }
        }));
        // SAFETY: `owned` made both for each other.
        ok(unsafe { kja_call_return_opaque(call, value, destroy) });
    });
    begun.pass();
    let waiter = std::thread::spawn(move || {
        kja_promise_await(call);
        waited.open();
    });
    let released = std::thread::spawn(move || kja_promise_release(call));
    eventually("it is released", || kja_promise_status(call) == KJA_ERR_BAD_HANDLE);
    end.open();
    ends("the release", move || released.join().unwrap());
    ends("the await", move || waiter.join().unwrap());
    eventually("the value is freed", || in_time.get() == 1);
    ok(kja_executor_release(executor));
    ok(kja_runtime_release(runtime));
}

// parity: PROM-19
#[test]
fn a_detached_promise_runs_to_its_end() {
    let runtime = runtime();
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let (failed, seen) = (Count::default(), Gate::default());
    let (count, open) = (failed.clone(), seen.clone());
    promise.detach(Some(Box::new(move |error| {
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        count.add();
        open.open();
    })));
    assert!(fulfiller.is_waiting());
    fulfiller.settle(Err(Error::new(ErrorKind::Overloaded, "full")));
    seen.pass();
    assert_eq!(failed.get(), 1);
}
