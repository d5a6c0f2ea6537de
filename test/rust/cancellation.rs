//! Cancel means gone now: the product of what can be pending, what is built on it and how it is cancelled.

use crate::alone::{alone, descriptors};
use crate::c::{attach, kja_promise_cancel, kja_promise_release, kja_runtime_release, never, new_runtime, ok, start};
use crate::gate::*;
use crate::loopback::*;
use kjasync::net::ListenOptions;
use kjasync::promise::{Canceled, Promise, When};
use kjasync::runtime::{Runtime, clock};
use kjasync::stream::Connection;
use kjasync::{Outcome, Value};
use std::sync::Arc;

/// What a case may need to stay alive, and how to see that a source left no trace.
struct Case {
    runtime: Arc<Runtime>,
    ran: Count,
    freed: Count,
    finally: Count,
    kept: Vec<Arc<Connection>>,
    keep: Vec<Box<dyn std::any::Any>>,
}

type Source = (&'static str, fn(&mut Case) -> Promise);

const SOURCES: [Source; 9] = [
    ("timer", |case| case.runtime.sleep(3600 * SECOND).unwrap()),
    ("never", |case| case.runtime.never().unwrap()),
    ("fulfiller", |case| {
        let (fulfiller, promise) = case.runtime.fulfiller().unwrap();
        case.keep.push(Box::new(fulfiller));
        promise
    }),
    ("read", |case| {
        let (client, server) = pair(&case.runtime);
        case.kept.extend([client.clone(), server]);
        client.read(1, 10).unwrap()
    }),
    ("write", |case| {
        let (client, server) = pair(&case.runtime);
        case.keep.push(Box::new(server));
        stuck_write(&client)
    }),
    ("accept", |case| {
        let listener = listener(&case.runtime);
        let accepting = listener.accept().unwrap();
        case.keep.push(Box::new(listener));
        accepting
    }),
    ("connect", |case| {
        // Nobody accepts and the backlog is short: after a few, the kernel answers no more.
        let listener = address(&case.runtime, "127.0.0.1:0")
            .listen(&ListenOptions { backlog: 1, ..ListenOptions::default() })
            .unwrap();
        let connecting = (0..64).find_map(|_| {
            let connecting = connect(&listener);
            if connecting.wait(Some(clock::after(MILLISECOND))).is_err() {
                return Some(connecting);
            }
            case.keep.push(Box::new(connecting));
            None
        });
        case.keep.push(Box::new(listener));
        connecting.expect("the backlog is bounded")
    }),
    ("call that waits", |case| {
        let never = case.runtime.never().unwrap();
        let begun = Gate::default();
        let open = begun.clone();
        let call = case.runtime.executor().unwrap().start(move || {
            open.open();
            never
        });
        begun.pass();
        call.unwrap()
    }),
    ("then", |case| {
        let ran = case.ran.clone();
        case.runtime.never().unwrap().then(When::Both, move |outcome| {
            ran.add();
            outcome
        })
    }),
];

type Above = (&'static str, fn(&Case, Promise) -> Promise);

const ABOVE: [Above; 9] = [
    ("none", |_, promise| promise),
    ("then", |case, promise| then(case, &promise, When::Value)),
    ("catch", |case, promise| then(case, &promise, When::Error)),
    ("all", |case, promise| Promise::all(&case.runtime, &[case.runtime.never().unwrap(), promise]).unwrap()),
    ("race", |case, promise| Promise::race(&case.runtime, &[promise, case.runtime.never().unwrap()]).unwrap()),
    ("timeout", |_, promise| promise.timeout(3600 * SECOND)),
    ("fork", |_, promise| promise.fork()),
    ("attach", |case, promise| promise.attach(opaque(case.freed.on_drop()))),
    ("fulfiller", |case, promise| {
        let (fulfiller, outer) = case.runtime.fulfiller().unwrap();
        fulfiller.forward(promise);
        outer
    }),
];

fn then(case: &Case, promise: &Promise, when: When) -> Promise {
    let (ran, guard) = (case.ran.clone(), case.freed.on_drop());
    promise.then(when, move |outcome| {
        let _guard = guard;
        ran.add();
        outcome
    })
}

type Way = (&'static str, fn(&Case, Promise));

const WAYS: [Way; 7] = [
    ("cancel", |_, promise| assert_ne!(promise.cancel(), Canceled::TooLate)),
    ("drop", |_, promise| drop(promise)),
    ("cancel by another thread", |_, promise| {
        std::thread::spawn(move || promise.cancel()).join().unwrap();
    }),
    ("drop on the loop", |case, promise| {
        let call = case.runtime.executor().unwrap().start(move || {
            drop(promise);
            Ok(Value::Unit)
        });
        assert!(outcome(&call.unwrap()).is_ok());
    }),
    ("cancel while awaited", |_, promise| {
        let begun = Gate::default();
        let (awaited, open) = (promise.clone(), begun.clone());
        let waiter = std::thread::spawn(move || {
            open.open();
            awaited.wait(None).unwrap().is_err()
        });
        begun.pass();
        promise.cancel();
        assert!(ends("the await", move || waiter.join().unwrap()));
    }),
    ("timeout", |case, promise| {
        let bounded = promise.timeout(1);
        drop(promise);
        assert!(outcome(&bounded).is_err());
        let _ = case;
    }),
    ("race", |case, promise| {
        let race = Promise::race(&case.runtime, &[promise, case.runtime.settled(Ok(Value::Unit)).unwrap()]).unwrap();
        assert!(outcome(&race).is_ok());
    }),
];

/// One case; afterwards the operation's attachment and finally tell that it is gone.
fn run(runtime: &Arc<Runtime>, source: Source, above: Above, way: Way) {
    let name = format!("{} under {}, {}", source.0, above.0, way.0);
    let mut case = Case {
        runtime: runtime.clone(),
        ran: Count::default(),
        freed: Count::default(),
        finally: Count::default(),
        kept: Vec::new(),
        keep: Vec::new(),
    };
    let operation = source.1(&mut case);
    assert!(operation.outcome().is_none(), "{name}: not pending");
    let gone = Count::default();
    let watched = operation.attach(opaque(gone.on_drop()));
    drop(operation);
    let finally = case.finally.clone();
    let guarded = watched.then(When::Finally, move |outcome: Outcome| {
        finally.add();
        outcome
    });
    drop(watched);
    let built = above.1(&case, guarded);
    assert_eq!((gone.get(), case.freed.get()), (0, 0), "{name}");
    way.1(&case, built);
    assert_eq!(gone.get(), 1, "{name}: the operation is gone");
    let attachments = usize::from(["then", "catch", "attach"].contains(&above.0));
    assert_eq!(case.freed.get(), attachments, "{name}: contexts and attachments");
    eventually(&format!("{name}: finally"), || case.finally.get() > 0);
    // Nothing comes later: everything queued so far has its turn first.
    assert!(outcome(&case.runtime.yield_now().unwrap()).is_ok());
    assert_eq!((case.ran.get(), case.finally.get(), gone.get()), (0, 1, 1), "{name}");
    if let [client, server] = &case.kept[..] {
        assert!(outcome(&server.write(b"on").unwrap()).is_ok());
        assert_eq!(bytes(outcome(&client.read(2, 2).unwrap())), b"on", "{name}: the connection goes on");
    }
}

// parity: CANC-04, PROM-01, PROM-05, PROM-17, TIME-05
#[test]
fn whatever_is_cancelled_in_whatever_way_is_gone() {
    alone("cancellation::whatever_is_cancelled_in_whatever_way_is_gone", || {
        let runtime = Arc::new(runtime());
        run(&runtime, SOURCES[3], ABOVE[0], WAYS[0]);
        let before = descriptors();
        for source in SOURCES {
            for above in ABOVE {
                for way in WAYS {
                    run(&runtime, source, above, way);
                    assert_eq!(descriptors(), before, "{} under {}, {}", source.0, above.0, way.0);
                }
            }
        }
    });
}

#[test]
fn whatever_is_pending_at_shutdown_is_gone() {
    for source in SOURCES {
        for above in ABOVE {
            let mut case = Case {
                runtime: Arc::new(runtime()),
                ran: Count::default(),
                freed: Count::default(),
                finally: Count::default(),
                kept: Vec::new(),
                keep: Vec::new(),
            };
            let gone = Count::default();
            let operation = source.1(&mut case);
            let built = above.1(&case, operation.attach(opaque(gone.on_drop())));
            drop(operation);
            built.detach(None);
            case.runtime.shutdown().unwrap();
            assert_eq!(
                (gone.get(), case.ran.get() > 0 && above.0 != "catch"),
                (1, false),
                "{} under {}",
                source.0,
                above.0
            );
        }
    }
}

// parity: CANC-04
#[test]
fn a_cancel_inside_a_destructor_is_as_immediate() {
    let runtime = new_runtime();
    let executor = crate::c::executor(runtime);
    let gone = Count::default();
    let inner = never(runtime);
    let deep = attach(inner, gone.on_drop());
    // SAFETY: `out` is a local.
    let target = crate::c::made(|out| unsafe { crate::c::kja_promise_fork(deep, out) });
    ok(kja_promise_release(inner));
    ok(kja_promise_release(deep));
    let seen = Count::default();
    let (now, count) = (gone.clone(), seen.clone());
    let pending = never(runtime);
    let outer = attach(
        pending,
        on_drop(move || {
            ok(kja_promise_cancel(target));
            if now.get() == 1 {
                count.add();
            }
        }),
    );
    ok(kja_promise_release(pending));
    ok(kja_promise_release(outer));
    assert_eq!(seen.get(), 1, "gone when the cancel returned");
    ok(crate::c::status(start(executor, |_| {})));
    ok(crate::c::kja_executor_release(executor));
    ok(kja_runtime_release(runtime));
}

#[test]
fn two_threads_cancel_what_a_third_polls() {
    let runtime = Arc::new(runtime());
    for round in 0..500u64 {
        let gone = Count::default();
        let promise = runtime.sleep(round % 5 * 20_000).unwrap().attach(opaque(gone.on_drop())).timeout(SECOND);
        let threads: Vec<_> = (0..3)
            .map(|n| {
                let (promise, gone) = (promise.clone(), gone.clone());
                std::thread::spawn(move || {
                    if n == 0 {
                        let _ = outcome(&promise);
                    } else {
                        promise.cancel();
                    }
                    assert_eq!(gone.get(), 1);
                })
            })
            .collect();
        for thread in threads {
            ends("a thread", move || thread.join().unwrap());
        }
    }
}

// parity: PROM-10
#[test]
fn a_clean_up_that_panics_keeps_no_other_from_running() {
    let runtime = Arc::new(runtime());
    let ran = Count::default();
    let (own, count) = (runtime.clone(), ran.clone());
    let clean_up = move |panics: bool, input: &Promise| {
        let count = count.clone();
        input.then(When::Finally, move |outcome: Outcome| {
            count.add();
            if panics {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
            outcome
        })
    };
    let drop_them = move || -> Outcome {
        let inner = clean_up(false, &own.never().unwrap());
        let outer = clean_up(true, &inner);
        drop(inner);
        drop(outer);
        drop(clean_up(false, &own.never().unwrap()));
        Ok(Value::Unit)
    };
    let executor = runtime.executor().unwrap();
    for round in 1..=3 {
        let drop_them = drop_them.clone();
        assert!(outcome(&executor.start(drop_them).unwrap()).is_ok());
        assert_eq!(ran.get(), 3 * round);
    }
}
