//! Shutdown ends: it rejects what is pending, runs what has to run, and returns within its bound.

use crate::alone::{alone, descriptors, threads};
use crate::c::*;
use crate::gate::*;
use crate::loopback::*;
use kjasync::promise::{Promise, When};
use kjasync::runtime::clock;
use kjasync::{ErrorKind, Outcome, Value};
use std::sync::Arc;

// parity: LOOP-06
#[test]
fn everything_that_is_pending_fails() {
    let runtime = new_runtime();
    let (fulfiller, promise) = fulfiller(runtime);
    let executor = executor(runtime);
    let pending = [never(runtime), sleep(runtime, 3600 * SECOND), promise, then(promise, |_| panic!("runs"))];
    let waiters: Vec<_> = pending
        .into_iter()
        .map(|promise| {
            let begun = Gate::default();
            let open = begun.clone();
            let thread = std::thread::spawn(move || {
                open.open();
                kja_promise_await(promise)
            });
            begun.pass();
            thread
        })
        .collect();
    ok(status(sleep(runtime, MILLISECOND)));
    ok(kja_runtime_shutdown(runtime));
    for waiter in waiters {
        let status = ends("an await", move || waiter.join().unwrap());
        assert!(status == KJA_ERR_SHUTDOWN || status == KJA_ERR_BAD_HANDLE, "{status}");
    }
    for promise in pending {
        fails(kja_promise_status(promise), KJA_ERR_BAD_HANDLE);
    }
    fails(kja_fulfiller_unit(fulfiller), KJA_ERR_BAD_HANDLE);
    ok(kja_runtime_shutdown(runtime));
    ok(kja_executor_release(executor));
    ok(kja_runtime_release(runtime));
}

/// Promises that only Rust holds, or that only another promise holds, are no handles.
// parity: LOOP-06
#[test]
fn what_has_no_handle_fails_too() {
    let runtime = Arc::new(runtime());
    let other = crate::gate::runtime();
    let (_client, server) = pair(&runtime);
    let (_fulfiller, promise) = runtime.fulfiller().unwrap();
    let pending = [
        promise,
        runtime.sleep(3600 * SECOND).unwrap(),
        server.read(1, 1).unwrap(),
        runtime.never().unwrap().then(When::Value, |outcome| outcome),
    ];
    let waiters: Vec<_> = pending
        .iter()
        .map(|promise| {
            let promise = promise.clone();
            std::thread::spawn(move || promise.wait(None).unwrap().unwrap_err().kind())
        })
        .collect();
    let elsewhere: Vec<_> = [
        runtime.sleep(3600 * SECOND),
        server.write(b"x").and_then(|_| server.read_all(9)).or(runtime.sleep(SECOND * 3600)),
    ]
    .into_iter()
    .map(|promise| Promise::all(&other, &[promise.unwrap()]).unwrap())
    .collect();
    assert!(outcome(&runtime.sleep(MILLISECOND).unwrap()).is_ok());
    runtime.shutdown().unwrap();
    for waiter in waiters {
        assert_eq!(ends("an await", move || waiter.join().unwrap()), ErrorKind::Shutdown);
    }
    for promise in &elsewhere {
        assert_eq!(failure(promise), ErrorKind::Shutdown);
    }
    for promise in pending {
        assert!(ends("an await that comes late", move || promise.wait(None)).is_ok());
    }
}

#[test]
fn it_runs_the_finallys_it_has_caused() {
    let runtime = new_runtime();
    let executor = executor(runtime);
    let (begun, end) = (Gate::default(), Gate::default());
    let (open, wait) = (begun.clone(), end.clone());
    start(executor, move |_| {
        open.open();
        wait.pass();
    });
    begun.pass();
    let (ran, freed) = (Count::default(), Count::default());
    let pending = never(runtime);
    for n in 0..100 {
        let (count, guard) = (ran.clone(), freed.on_drop());
        let guarded = finally(pending, move |call| {
            let _guard = guard;
            assert_eq!(kja_call_status(call), KJA_ERR_SHUTDOWN);
            count.add();
        });
        if n % 2 == 0 {
            // SAFETY: no context.
            ok(unsafe { kja_promise_detach(guarded, None, std::ptr::null_mut(), None) });
        }
    }
    let stopper = std::thread::spawn(move || kja_runtime_shutdown(runtime));
    eventually("it has begun", || kja_promise_status(pending) == KJA_ERR_BAD_HANDLE);
    end.open();
    ok(ends("the shutdown", move || stopper.join().unwrap()));
    assert_eq!((ran.get(), freed.get()), (100, 100));
    ok(kja_executor_release(executor));
    ok(kja_runtime_release(runtime));
}

#[test]
fn a_finally_whose_loop_is_gone_still_frees_what_it_holds() {
    let (one, other) = (runtime(), runtime());
    let (ran, freed) = (Count::default(), Count::default());
    let (count, guard) = (ran.clone(), freed.on_drop());
    let guarded = one.never().unwrap().then(When::Finally, move |outcome| {
        let _guard = &guard;
        count.add();
        outcome
    });
    let held = Promise::race(&other, &[guarded]).unwrap();
    one.shutdown().unwrap();
    drop(one);
    drop(held);
    assert_eq!((ran.get(), freed.get()), (1, 1));
}

/// A callback does not return; what depends on it is cancelled within the bound nevertheless.
#[test]
fn the_bound_holds_however_deep_the_stuck_callback_is() {
    for depth in 0..4 {
        let runtime = new_runtime_with(|options| options.shutdown_nanos = 20 * MILLISECOND);
        let executor = executor(runtime);
        let (begun, end) = (Gate::default(), Gate::default());
        let (open, wait) = (begun.clone(), end.clone());
        let mut last = start(executor, move |_| {
            open.open();
            wait.pass();
        });
        begun.pass();
        for n in 0..depth {
            let next = match n {
                // SAFETY: `out` is a local.
                0 => made(|out| unsafe { kja_promise_timeout(last, 3600 * SECOND, out) }),
                // SAFETY: as above, and `last` outlives the call.
                1 => made(|out| unsafe { kja_promise_all(runtime, &last, 1, out) }),
                _ => attach(last, ()),
            };
            ok(kja_promise_release(last));
            last = next;
        }
        let begin = clock::now();
        let stopper = std::thread::spawn(move || (kja_runtime_shutdown(runtime), clock::now()));
        let (status, ended) = {
            let stopped = stopper;
            let late = end.clone();
            // Opened late, so that a shutdown that waits for it is seen to be late and does not hang the test.
            let opener = std::thread::spawn(move || {
                late.pass_within(std::time::Duration::from_secs(3));
                late.open();
            });
            let result = ends("the shutdown", move || stopped.join().unwrap());
            end.open();
            opener.join().unwrap();
            result
        };
        assert_eq!(status, KJA_ERR_TIMED_OUT);
        assert!(ended - begin < 2 * SECOND, "depth {depth}: {} ms", (ended - begin) / MILLISECOND);
        eventually("it ends when the callback has returned", || kja_runtime_shutdown(runtime) == KJA_OK);
        ok(kja_executor_release(executor));
        ok(kja_runtime_release(runtime));
    }
}

#[test]
fn handles_made_while_it_ends_are_not_left_behind() {
    alone("shutdown::handles_made_while_it_ends_are_not_left_behind", || {
        for round in 0..500u64 {
            let runtime = new_runtime();
            let starters: Vec<_> = (0..2)
                .map(|n| {
                    std::thread::spawn(move || {
                        loop {
                            let (mut promise, mut settles) = (0, 0);
                            // SAFETY: both out-parameters are locals.
                            let made = unsafe {
                                match n {
                                    0 => kja_timer_sleep_start(runtime, 3600 * SECOND, &mut promise),
                                    _ => kja_fulfiller_new(runtime, &mut settles, &mut promise),
                                }
                            };
                            if made != KJA_OK {
                                assert_eq!((made, promise, settles), (KJA_ERR_SHUTDOWN, 0, 0));
                                return;
                            }
                            let status = kja_promise_await_for(promise, 0);
                            assert!([KJA_ERR_TIMED_OUT, KJA_ERR_SHUTDOWN, KJA_ERR_BAD_HANDLE].contains(&status));
                        }
                    })
                })
                .collect();
            (0..round % 50 * 100).for_each(|_| std::hint::spin_loop());
            ok(kja_runtime_shutdown(runtime));
            for starter in starters {
                ends("a starter", move || starter.join().unwrap());
            }
            assert_eq!(kja_handle_count(), 1, "only the runtime's own, in round {round}");
            ok(kja_runtime_release(runtime));
        }
        assert_eq!(kja_handle_count(), 0);
    });
}

#[test]
fn many_threads_may_shut_down_and_release_at_once() {
    alone("shutdown::many_threads_may_shut_down_and_release_at_once", || {
        let before = (descriptors(), threads());
        for _ in 0..200 {
            let runtime = new_runtime();
            never(runtime);
            let users: Vec<_> = (0..3)
                .map(|n| {
                    std::thread::spawn(move || match n {
                        0 => kja_runtime_shutdown(runtime),
                        1 => {
                            let released = kja_runtime_release(runtime);
                            ok(released);
                            released
                        }
                        // SAFETY: a null out-parameter is refused.
                        _ => unsafe { kja_promise_new_unit(runtime, std::ptr::null_mut()) },
                    })
                })
                .collect();
            for user in users {
                ends("a user", move || user.join().unwrap());
            }
        }
        assert_eq!(kja_handle_count(), 0);
        eventually("descriptors and threads are back", || (descriptors(), threads()) == before);
    });
}

#[test]
fn sockets_are_closed_and_threads_joined() {
    alone("shutdown::sockets_are_closed_and_threads_joined", || {
        drop(runtime());
        let before = (descriptors(), threads());
        for _ in 0..20 {
            let runtime = runtime();
            let kept = pair(&runtime);
            let reading = kept.0.read(1, 1).unwrap();
            let listener = listener(&runtime);
            let accepting = listener.accept().unwrap();
            let writing = stuck_write(&kept.1);
            let connecting = connect(&listener);
            runtime.shutdown().unwrap();
            for promise in [&reading, &accepting, &writing, &connecting] {
                assert!(promise.wait(Some(clock::after(SECOND))).is_ok());
            }
            drop((kept, reading, listener, accepting, writing, connecting, runtime));
            assert_eq!((descriptors(), threads()), before);
        }
    });
}

#[test]
fn a_callback_may_drop_the_runtime_it_runs_on() {
    alone("shutdown::a_callback_may_drop_the_runtime_it_runs_on", || {
        drop(runtime());
        let before = (descriptors(), threads());
        for _ in 0..20 {
            let runtime = Arc::new(runtime());
            let held = Count::default();
            let pending = runtime.never().unwrap().attach(opaque(held.on_drop()));
            let ready = Gate::default();
            let (own, wait) = (runtime.clone(), ready.clone());
            let call = runtime.executor().unwrap().start(move || -> Outcome {
                wait.pass();
                drop(own);
                Ok(Value::Unit)
            });
            drop(runtime);
            ready.open();
            let _ = outcome(&call.unwrap());
            drop(pending);
            assert_eq!(held.get(), 1);
            eventually("the loop is gone", || (descriptors(), threads()) == before);
        }
    });
}
