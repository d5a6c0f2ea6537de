//! The loop always turns, nobody waits behind anybody, and blocking on the loop is refused.

use crate::alone::{alone, descriptors, threads};
use crate::c::*;
use crate::gate::*;
use kjasync::promise::{Promise, When};
use kjasync::runtime::clock;
use kjasync::{ErrorKind, Outcome, Value};
use std::sync::Arc;

// parity: LOOP-05
#[test]
fn runtimes_are_separate() {
    let one = runtime();
    let other = Arc::new(runtime());
    let check = other.clone();
    let seen = one.executor().unwrap().start(move || Ok(Value::U64(u64::from(check.on_loop())))).unwrap();
    assert_eq!(number(&seen), 0);
    one.shutdown().unwrap();
    assert!(other.is_alive() && !one.is_alive());
    assert_eq!(kind(one.never()), Some(ErrorKind::Shutdown));
    assert!(outcome(&other.sleep(1).unwrap()).is_ok());
}

// parity: PROM-12
#[test]
fn everything_that_blocks_is_refused_on_a_loop() {
    let here = Arc::new(runtime());
    let elsewhere = Arc::new(runtime());
    let (h, e) = (here.clone(), elsewhere.clone());
    let done = here.executor().unwrap().start(move || -> Outcome {
        let pending = [h.never().unwrap(), e.never().unwrap()];
        for promise in &pending {
            assert_eq!(kind(promise.wait(None)), Some(ErrorKind::WouldDeadlock));
            assert_eq!(kind(promise.wait(Some(0))), Some(ErrorKind::WouldDeadlock));
        }
        assert_eq!(kind(h.shutdown()), Some(ErrorKind::WouldDeadlock));
        assert_eq!(kind(e.shutdown()), Some(ErrorKind::WouldDeadlock));
        assert!(h.is_alive() && e.is_alive());
        // What has settled can be read anywhere.
        assert!(h.settled(Ok(Value::Unit)).unwrap().wait(None).unwrap().is_ok());
        Ok(Value::Unit)
    });
    assert!(outcome(&done.unwrap()).is_ok());
}

// parity: PROM-12, EXEC-07
#[test]
fn the_c_abi_refuses_to_block_on_a_loop() {
    let runtime = new_runtime();
    let executor = executor(runtime);
    let promise = never(runtime);
    let (tell, told) = std::sync::mpsc::channel();
    let done = start(executor, move |_| {
        let (run, ctx, destroy) = callback(move |call| {
            // A pending promise as the result of a synchronous call on the loop itself.
            ok(kja_call_return_promise(call, never(runtime)));
        });
        // SAFETY: `callback` made all three for each other.
        let executed = unsafe { kja_executor_execute(executor, run, ctx, destroy) };
        tell.send([
            kja_promise_await(promise),
            kja_promise_await_for(promise, 1),
            kja_runtime_shutdown(runtime),
            kja_runtime_release(runtime),
            executed,
        ])
        .unwrap();
    });
    ok(status(done));
    assert_eq!(told.recv().unwrap(), [KJA_ERR_WOULD_DEADLOCK; 5]);
    ok(kja_runtime_release(runtime));
    ok(kja_executor_release(executor));
}

// parity: PROM-12
#[test]
fn many_threads_await_and_the_loop_goes_on() {
    let runtime = Arc::new(runtime());
    let (fulfiller, promise) = runtime.fulfiller().unwrap();
    let pending = runtime.sleep(SECOND * 3600).unwrap();
    let waiters: Vec<_> = (0..16)
        .map(|n| {
            let promise = if n % 2 == 0 { promise.clone() } else { pending.clone() };
            std::thread::spawn(move || promise.wait(Some(clock::after(60 * SECOND))).unwrap())
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(number(&runtime.executor().unwrap().start(|| Ok(Value::U64(3))).unwrap()), 3);
    }
    assert!(outcome(&runtime.sleep(MILLISECOND).unwrap()).is_ok());
    fulfiller.settle(Ok(Value::U64(9)));
    pending.cancel();
    for (n, waiter) in waiters.into_iter().enumerate() {
        let outcome = ends("an await", move || waiter.join().unwrap());
        match (n % 2, outcome) {
            (0, Ok(Value::U64(9))) => {}
            (1, Err(error)) if error.kind() == ErrorKind::Canceled => {}
            (_, other) => panic!("{n}: {other:?}"),
        }
    }
}

#[test]
fn cancel_release_and_shutdown_overtake_an_await() {
    for way in 0..3 {
        let runtime = new_runtime();
        let promise = never(runtime);
        let asleep = Gate::default();
        let waiter = std::thread::spawn({
            let asleep = asleep.clone();
            move || {
                asleep.open();
                kja_promise_await(promise)
            }
        });
        asleep.pass();
        // Often enough the await has begun, and sleeps, when this comes.
        let pause = sleep(runtime, way * MILLISECOND);
        ok(status(pause));
        let expected = match way {
            0 => {
                ok(kja_promise_cancel(promise));
                [KJA_ERR_CANCELED, KJA_ERR_CANCELED]
            }
            1 => {
                ok(kja_promise_release(promise));
                [KJA_ERR_CANCELED, KJA_ERR_BAD_HANDLE]
            }
            _ => {
                ok(kja_runtime_shutdown(runtime));
                [KJA_ERR_SHUTDOWN, KJA_ERR_BAD_HANDLE]
            }
        };
        let status = ends("the await", move || waiter.join().unwrap());
        assert!(expected.contains(&status), "{way}: {status}");
        ok(kja_runtime_release(runtime));
    }
}

// parity: PROM-08, PROM-18
#[test]
fn the_loop_turns_while_no_one_is_in_a_call() {
    let runtime = runtime();
    let fired = Gate::default();
    let open = fired.clone();
    runtime
        .sleep(MILLISECOND)
        .unwrap()
        .then(When::Both, move |_| {
            open.open();
            Ok(Value::Unit)
        })
        .detach(None);
    fired.pass();
}

#[test]
fn no_descriptor_thread_or_handle_is_left() {
    alone("runtime::no_descriptor_thread_or_handle_is_left", || {
        drop(runtime());
        let before = (descriptors(), threads());
        for round in 0..50 {
            let runtime = new_runtime();
            let promises = [never(runtime), sleep(runtime, SECOND), sleep(runtime, 1)];
            // SAFETY: as many promises as said; `out` is a local.
            let all = made(|out| unsafe { kja_promise_all(runtime, promises.as_ptr(), promises.len(), out) });
            assert_eq!(kja_promise_await_for(all, MILLISECOND), KJA_ERR_TIMED_OUT);
            if round % 2 == 0 {
                ok(kja_runtime_shutdown(runtime));
            }
            ok(kja_runtime_release(runtime));
            assert_eq!(kja_handle_count(), 0);
            assert_eq!(descriptors(), before.0);
        }
        eventually("the threads are gone", || threads() == before.1);
    });
}

#[test]
fn a_promise_of_another_runtime_may_be_part_of_a_combination() {
    let (one, other) = (runtime(), runtime());
    let (fulfiller, promise) = one.fulfiller().unwrap();
    let joined = Promise::all(&other, &[promise.clone(), other.sleep(1).unwrap()]).unwrap();
    assert!(joined.outcome().is_none());
    fulfiller.settle(Ok(Value::Unit));
    assert!(outcome(&joined).is_ok());
    let (_fulfiller, promise) = one.fulfiller().unwrap();
    let race = Promise::race(&other, &[promise]).unwrap();
    one.shutdown().unwrap();
    drop(_fulfiller);
    assert!(outcome(&race).is_err());
}
