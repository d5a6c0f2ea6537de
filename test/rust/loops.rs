//! Promises between loops: what a loop builds on another's promise is its own.

use crate::gate::*;
use kjasync::promise::{Promise, Resolution, TaskSet, When};
use kjasync::runtime::Runtime;
use kjasync::{Error, ErrorKind, Outcome, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Code of one loop: `steps` waits for another loop's timer, and after each a piece of code that must run alone.
fn piece(
    own: Arc<Runtime>,
    other: Arc<Runtime>,
    inside: Arc<AtomicUsize>,
    overlaps: Arc<AtomicUsize>,
    steps: u32,
) -> Promise {
    let waited = other.sleep(1000).unwrap();
    waited.then(When::Value, move |_| -> Resolution {
        assert!(own.on_loop());
        overlaps.fetch_add(inside.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        for _ in 0..200 {
            std::hint::spin_loop();
        }
        inside.fetch_sub(1, Ordering::SeqCst);
        match steps {
            0 => Ok(Value::Unit).into(),
            _ => piece(own, other, inside, overlaps, steps - 1).into(),
        }
    })
}

#[test]
fn callbacks_of_one_loop_run_one_at_a_time_whatever_they_wait_for() {
    let (own, b, c) = (Arc::new(runtime()), Arc::new(runtime()), Arc::new(runtime()));
    let (inside, overlaps) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let pieces: Vec<_> = [b, c, own.clone()]
        .into_iter()
        .map(|other| {
            let (own_, inside, overlaps) = (own.clone(), inside.clone(), overlaps.clone());
            own.executor().unwrap().start(move || piece(own_, other, inside, overlaps, 300)).unwrap()
        })
        .collect();
    for piece in pieces {
        assert!(outcome(&piece).is_ok());
    }
    assert_eq!(overlaps.load(Ordering::SeqCst), 0);
}

#[test]
fn code_of_a_wait_scope_goes_on_in_the_scope() {
    let (scope, other) = (Arc::new(wait_scope()), Arc::new(runtime()));
    let (inside, overlaps) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (own, runs) = (scope.clone(), overlaps.clone());
    let code = scope.executor().unwrap().start(move || piece(own, other, inside, runs, 20)).unwrap();
    assert!(outcome(&code).is_ok());
    assert_eq!(overlaps.load(Ordering::SeqCst), 0);
}

/// Two loops, each of whose callbacks returns a promise of the other's, and neither keeps what is done.
#[test]
fn a_long_exchange_between_two_loops_takes_constant_memory() {
    fn toss(own: Arc<Runtime>, other: Arc<Runtime>, left: u32) -> Promise {
        let on_other = other.executor().unwrap();
        let next = move || -> Resolution {
            match left {
                0 => Ok(Value::U64(7)).into(),
                _ => toss(other, own, left - 1).into(),
            }
        };
        on_other.start(next).unwrap()
    }
    let (a, b) = (Arc::new(runtime()), Arc::new(runtime()));
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    let (one, other) = (a.clone(), b.clone());
    let watched = toss(a.clone(), b.clone(), 20_000);
    // A look now and then, on a loop of its own.
    let watcher = runtime();
    while watched.outcome().is_none() {
        let promises = (one.stats().promises + other.stats().promises) as usize;
        seen.fetch_max(promises, Ordering::SeqCst);
        assert!(outcome(&watcher.yield_now().unwrap()).is_ok());
    }
    assert_eq!(number(&watched), 7);
    assert!(most.load(Ordering::SeqCst) < 100, "{} promises at once", most.load(Ordering::SeqCst));
}

#[test]
fn what_a_loop_has_built_ends_with_it_and_its_input_goes_on() {
    let (a, b) = (runtime(), runtime());
    let (held, ran) = (Count::default(), Count::default());
    let input = b.never().unwrap().attach(opaque(held.on_drop()));
    let (handed, run) = (input.clone(), ran.clone());
    let (tell, told) = std::sync::mpsc::channel();
    let build = move || -> Outcome {
        let guarded = handed.then(When::Finally, move |outcome| {
            run.add();
            outcome
        });
        tell.send(guarded).unwrap();
        Ok(Value::Unit)
    };
    assert!(outcome(&a.executor().unwrap().start(build).unwrap()).is_ok());
    let guarded = told.recv().unwrap();
    a.shutdown().unwrap();
    drop(guarded);
    assert_eq!((held.get(), ran.get()), (0, 1));
    assert!(input.outcome().is_none());
    drop(input);
    assert_eq!(held.get(), 1);
}

// parity: LOOP-06
#[test]
fn what_waits_for_a_loop_that_ends_is_rejected_and_cleans_up_on_its_own() {
    let (a, b) = (Arc::new(runtime()), runtime());
    let (held, ran) = (Count::default(), Count::default());
    // Nobody but A holds it, and it has no handle.
    let input = b.never().unwrap().attach(opaque(held.on_drop()));
    let (own, run) = (a.clone(), ran.clone());
    let build = move || -> Resolution {
        let clean_up = move |outcome| {
            assert!(own.on_loop());
            run.add();
            outcome
        };
        input.then(When::Finally, clean_up).into()
    };
    let guarded = a.executor().unwrap().start(build).unwrap();
    assert!(outcome(&a.yield_until_queue_empty().unwrap()).is_ok());
    b.shutdown().unwrap();
    assert_eq!(failure(&guarded), ErrorKind::Shutdown);
    assert_eq!((held.get(), ran.get()), (1, 1));
}

// parity: TASK-02
#[test]
fn a_task_set_hears_of_errors_on_its_own_loop() {
    let (own, other) = (Arc::new(runtime()), runtime());
    let (tell, told) = std::sync::mpsc::channel();
    let hearing = own.clone();
    let tasks = TaskSet::new(&own, 10, move |_: Error| tell.send(hearing.on_loop()).unwrap()).unwrap();
    let failed = other.settled(Err(Error::new(ErrorKind::Failed, "as asked"))).unwrap();
    // From another loop's callback, and from outside.
    tasks.add(&failed).unwrap();
    let tasks = Arc::new(tasks);
    let adding = tasks.clone();
    let add = move || -> Outcome { adding.add(&failed).map(|()| Value::Unit) };
    assert!(outcome(&other.executor().unwrap().start(add).unwrap()).is_ok());
    assert!(outcome(&tasks.on_empty().unwrap()).is_ok());
    assert!(told.recv().unwrap() && told.recv().unwrap());
}
