//! Coroutines: they run on their loop, one piece at a time, and to their end.

use crate::gate::*;
use kjasync::promise::{Canceled, Fulfiller, Next, Promise, Resumed, When};
use kjasync::runtime::{Mode, Runtime};
use kjasync::{ErrorKind, Value};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

fn start(runtime: &Runtime, code: impl FnMut(Resumed) -> Next + Send + 'static) -> Promise {
    runtime.executor().unwrap().start_coroutine(code).unwrap()
}

fn done() -> Next {
    Next::Done(Ok(Value::Unit))
}

/// How what it waited for ended, and whether it was told that it was cancelled.
type Seen = (Result<(), ErrorKind>, bool);

/// What it was resumed with, again and again.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    fn note(&self, resumed: &Resumed) {
        let outcome = resumed.outcome.as_ref().map(drop).map_err(kjasync::Error::kind);
        self.0.lock().unwrap().push((outcome, resumed.canceled));
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Notes what it is resumed with, and waits for these promises, one after another.
fn noting(log: &Log, mut waits: Vec<Next>) -> impl FnMut(Resumed) -> Next + Send + 'static {
    let log = log.clone();
    waits.reverse();
    move |resumed| {
        log.note(&resumed);
        waits.pop().unwrap_or_else(done)
    }
}

/// Returns when the loop has done what was queued.
fn let_rest(runtime: &Runtime) {
    outcome(&runtime.executor().unwrap().start(|| Ok(Value::Unit)).unwrap()).unwrap();
}

fn on_both(test: impl Fn(&Runtime)) {
    test(&runtime());
    test(&wait_scope());
}

// parity: PROM-33, FIBER-01
#[test]
fn it_waits_for_one_promise_after_another_and_gives_a_result() {
    on_both(|runtime| {
        let mut left = 1000;
        let mut sum = 0;
        let executor = runtime.executor().unwrap();
        let promise = start(runtime, move |resumed| {
            if let Ok(Value::U64(number)) = resumed.outcome {
                sum += number;
            }
            if left == 0 {
                return Next::Done(Ok(Value::U64(sum)));
            }
            left -= 1;
            Next::Wait(executor.start(|| Ok(Value::U64(3))).unwrap())
        });
        assert_eq!(number(&promise), 3000);
    });
}

#[test]
fn it_hears_of_the_errors_of_what_it_waits_for() {
    on_both(|runtime| {
        let log = Log::default();
        let (fulfiller, promise) = runtime.fulfiller().unwrap();
        let canceled = runtime.never().unwrap();
        canceled.cancel();
        let coroutine = start(runtime, noting(&log, vec![Next::Wait(promise), Next::Wait(canceled)]));
        drop(fulfiller);
        outcome(&coroutine).unwrap();
        assert_eq!(log.take(), [(Ok(()), false), (Err(ErrorKind::Failed), false), (Err(ErrorKind::Canceled), false)]);
    });
}

/// What is settled when the code asks for it does not keep the loop from doing other things.
#[test]
fn waits_that_are_over_leave_the_loop_its_turns() {
    on_both(|runtime| {
        let settled = runtime.settled(Ok(Value::Unit)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let coroutine =
            start(runtime, move |_| if seen.load(Ordering::SeqCst) { done() } else { Next::Wait(settled.clone()) });
        let stopper = runtime.executor().unwrap().start(move || {
            stop.store(true, Ordering::SeqCst);
            Ok(Value::Unit)
        });
        outcome(&stopper.unwrap()).unwrap();
        outcome(&coroutine).unwrap();
    });
}

#[test]
fn its_own_promise_is_no_wait_for_ever() {
    let runtime = runtime();
    let own: Arc<Mutex<Option<Promise>>> = Arc::default();
    let wanted = own.clone();
    let log = Log::default();
    let begun = Gate::default();
    let may_begin = begun.clone();
    let code_log = log.clone();
    let coroutine = start(&runtime, move |resumed| {
        may_begin.pass();
        code_log.note(&resumed);
        match wanted.lock().unwrap().take() {
            Some(own) => Next::Wait(own),
            None => done(),
        }
    });
    *own.lock().unwrap() = Some(coroutine.clone());
    begun.open();
    outcome(&coroutine).unwrap();
    assert_eq!(log.take().len(), 2);
}

#[test]
fn a_panic_is_its_result() {
    on_both(|runtime| assert_eq!(failure(&start(runtime, |_| panic!("no"))), ErrorKind::Panic));
}

/// Each runs on its own loop, whatever loop the promises are of.
// parity: EXEC-04
#[test]
fn it_stays_on_its_loop() {
    let (own, other) = (runtime(), runtime());
    let thread = Arc::new(Mutex::new(None::<ThreadId>));
    let inside = Arc::new(AtomicBool::new(false));
    let overlaps = Count::default();
    let started: Vec<_> = (0..4u64)
        .map(|n| {
            let (thread, inside, overlaps) = (thread.clone(), inside.clone(), overlaps.clone());
            let executors = [own.executor().unwrap(), other.executor().unwrap()];
            let mut left = 500;
            start(&own, move |_| {
                if inside.swap(true, Ordering::SeqCst) {
                    overlaps.add();
                }
                let current = std::thread::current().id();
                if *thread.lock().unwrap().get_or_insert(current) != current {
                    overlaps.add();
                }
                std::thread::yield_now();
                inside.store(false, Ordering::SeqCst);
                if left == 0 {
                    return done();
                }
                left -= 1;
                Next::Wait(executors[(left + n) as usize % 2].start(|| Ok(Value::Unit)).unwrap())
            })
        })
        .collect();
    for coroutine in started {
        outcome(&coroutine).unwrap();
    }
    assert_eq!(overlaps.get(), 0);
}

/// A coroutine that waits for this promise, once it does.
fn waiting(runtime: &Runtime, log: &Log, waits: Vec<Next>) -> Promise {
    let coroutine = start(runtime, noting(log, waits));
    let_rest(runtime);
    assert!(coroutine.outcome().is_none());
    assert_eq!(log.take(), [(Ok(()), false)]);
    coroutine
}

const TOLD: Seen = (Err(ErrorKind::Canceled), true);

// parity: FIBER-02, CANC-04
#[test]
fn cancelled_it_lets_go_at_once_and_runs_to_its_end() {
    on_both(|runtime| {
        let log = Log::default();
        for from_elsewhere in [false, true] {
            let dropped = Count::default();
            let guard = dropped.on_drop();
            let wait = runtime.never().unwrap().attach(opaque(guard));
            let clean_up = runtime.sleep(MILLISECOND).unwrap();
            let coroutine = waiting(runtime, &log, vec![Next::Wait(wait), Next::Wait(clean_up)]);
            if from_elsewhere {
                let coroutine = coroutine.clone();
                ends("a cancel", move || coroutine.cancel());
            } else {
                coroutine.cancel();
            }
            assert_eq!((dropped.get(), failure(&coroutine)), (1, ErrorKind::Canceled));
            outcome(&runtime.sleep(2 * MILLISECOND).unwrap()).unwrap();
            let_rest(runtime);
            assert_eq!(log.take(), [TOLD, (Ok(()), false)]);
        }
    });
}

#[test]
fn a_dropped_one_runs_to_its_end_too() {
    on_both(|runtime| {
        let log = Log::default();
        let freed = Count::default();
        let guard = freed.on_drop();
        let mut code = noting(&log, vec![Next::Wait(runtime.never().unwrap())]);
        let coroutine = start(runtime, move |resumed| {
            let _ = &guard;
            code(resumed)
        });
        let_rest(runtime);
        log.take();
        drop(coroutine);
        let_rest(runtime);
        assert_eq!((log.take(), freed.get()), (vec![TOLD], 1));
    });
}

#[test]
fn cancelled_before_it_has_begun_it_never_runs() {
    let runtime = runtime();
    let (busy, go) = (Gate::default(), Gate::default());
    let (is_busy, may_go) = (busy.clone(), go.clone());
    let holding = runtime.executor().unwrap().start(move || {
        is_busy.open();
        may_go.pass();
        Ok(Value::Unit)
    });
    busy.pass();
    let freed = Arc::new(Mutex::new(None));
    let place = freed.clone();
    let guard = on_drop(move || *place.lock().unwrap() = Some(std::thread::current().id()));
    let coroutine = start(&runtime, move |_| {
        let _ = &guard;
        panic!("it runs");
    });
    coroutine.cancel();
    assert_eq!(failure(&coroutine), ErrorKind::Canceled);
    assert!(freed.lock().unwrap().is_none(), "freed off the loop");
    go.open();
    outcome(&holding.unwrap()).unwrap();
    let_rest(&runtime);
    let loop_thread = Arc::new(Mutex::new(None));
    let place = loop_thread.clone();
    let seen = runtime.executor().unwrap().start(move || {
        *place.lock().unwrap() = Some(std::thread::current().id());
        Ok(Value::Unit)
    });
    outcome(&seen.unwrap()).unwrap();
    assert_eq!(*freed.lock().unwrap(), *loop_thread.lock().unwrap());
}

/// What is shielded goes on, and the code hears of the cancellation afterwards, at its next wait.
#[test]
fn a_shielded_wait_is_not_dropped() {
    on_both(|runtime| {
        let log = Log::default();
        let (fulfiller, promise) = runtime.fulfiller().unwrap();
        let (second, shielded) = runtime.fulfiller().unwrap();
        let never = runtime.never().unwrap();
        let held = never.clone();
        let waits = vec![Next::WaitShielded(promise), Next::WaitShielded(shielded), Next::Wait(never)];
        let coroutine = waiting(runtime, &log, waits);
        coroutine.cancel();
        assert_eq!(failure(&coroutine), ErrorKind::Canceled);
        let_rest(runtime);
        assert_eq!(log.take(), []);
        fulfiller.settle(Ok(Value::Unit));
        second.settle(Ok(Value::Unit));
        let_rest(runtime);
        eventually("the end", || {
            let_rest(runtime);
            log.0.lock().unwrap().len() == 3
        });
        assert_eq!(log.take(), [(Ok(()), false), (Ok(()), false), TOLD]);
        assert!(!held.has_branches());
    });
}

/// It cancels itself: that takes effect at its next wait.
// parity: PROM-39
#[test]
fn code_that_runs_is_stopped_at_its_next_wait() {
    on_both(|runtime| {
        let log = Log::default();
        let own: Arc<Mutex<Option<Promise>>> = Arc::default();
        let (fulfiller, first) = runtime.fulfiller().unwrap();
        let never = runtime.never().unwrap();
        let (place, code_log) = (own.clone(), log.clone());
        let mut waits = vec![Next::Wait(never), Next::Wait(first)];
        let coroutine = start(runtime, move |resumed| {
            code_log.note(&resumed);
            if waits.len() == 1
                && let Some(own) = place.lock().unwrap().take()
            {
                own.cancel();
            }
            waits.pop().unwrap_or_else(done)
        });
        *own.lock().unwrap() = Some(coroutine.clone());
        fulfiller.settle(Ok(Value::Unit));
        assert_eq!(failure(&coroutine), ErrorKind::Canceled);
        let_rest(runtime);
        assert_eq!(log.take(), [(Ok(()), false), (Ok(()), false), TOLD]);
    });
}

/// The youngest first, to their ends, and every wait of theirs fails.
// parity: LOOP-06
#[test]
fn a_shutdown_runs_what_has_begun_to_its_end() {
    for runtime in [runtime(), wait_scope()] {
        let other = crate::gate::runtime();
        let order: Arc<Mutex<Vec<(u64, Seen)>>> = Arc::default();
        let mut held = Vec::new();
        let nests = |n: u64, waits: Vec<Next>| {
            let order = order.clone();
            let mut waits = waits.into_iter();
            move |resumed: Resumed| {
                let outcome = resumed.outcome.as_ref().map(drop).map_err(kjasync::Error::kind);
                order.lock().unwrap().push((n, (outcome, resumed.canceled)));
                waits.next().unwrap_or_else(done)
            }
        };
        let never = || runtime.never().unwrap();
        // In its clean-up already, in a wait of its own runtime and of another one, and shielded.
        let (_fulfiller, first) = runtime.fulfiller().unwrap();
        let cleaning = start(&runtime, nests(1, vec![Next::Wait(first), Next::Wait(other.never().unwrap())]));
        let waiting = start(&runtime, nests(2, vec![Next::Wait(never()), Next::Wait(never()), Next::Wait(never())]));
        let shielded = start(&runtime, nests(3, vec![Next::WaitShielded(never()), Next::Wait(never())]));
        let_rest(&runtime);
        cleaning.cancel();
        let_rest(&runtime);
        order.lock().unwrap().clear();
        held.extend([cleaning, waiting, shielded]);
        runtime.shutdown().unwrap();
        let (shutdown, told) = ((Err(ErrorKind::Shutdown), false), (Err(ErrorKind::Shutdown), true));
        let expected = [(3, shutdown), (3, told), (2, told), (2, shutdown), (2, shutdown), (1, shutdown)];
        assert_eq!(*order.lock().unwrap(), expected);
        for promise in &held[1..] {
            assert_eq!(failure(promise), ErrorKind::Shutdown);
        }
        let refused = runtime.executor();
        assert!(refused.is_err());
    }
}

#[test]
fn after_a_shutdown_a_start_is_refused() {
    let runtime = runtime();
    let executor = runtime.executor().unwrap();
    runtime.shutdown().unwrap();
    let freed = Count::default();
    let guard = freed.on_drop();
    let refused = executor.start_coroutine(move |_| {
        let _ = &guard;
        done()
    });
    assert_eq!((kind(refused), freed.get()), (Some(ErrorKind::Shutdown), 1));
}

/// Threads cancel and settle what coroutines wait for, as a shutdown may come: each runs to its end, on the loop, hears
/// of a cancellation once at most, and frees its context there.
#[test]
fn whatever_comes_each_runs_to_its_end_once() {
    for round in 0..60u64 {
        let runtime = Arc::new(runtime());
        let (begun, ended, off_loop, told) = (Count::default(), Count::default(), Count::default(), Count::default());
        let mut fulfillers: Vec<Fulfiller> = Vec::new();
        let mut promises = Vec::new();
        for n in 0..20 {
            let mut waits = Vec::new();
            for m in 0..3 {
                let (fulfiller, promise) = runtime.fulfiller().unwrap();
                fulfillers.push(fulfiller);
                waits.push(if (n + m) % 3 == 0 { Next::WaitShielded(promise) } else { Next::Wait(promise) });
            }
            let (begun, ended, off_loop, told) = (begun.clone(), ended.clone(), off_loop.clone(), told.clone());
            let (owner, freed_off_loop) = (Arc::downgrade(&runtime), off_loop.clone());
            let guard = on_drop(move || {
                if owner.upgrade().is_some_and(|runtime| !runtime.on_loop()) {
                    freed_off_loop.add();
                }
            });
            let owner = Arc::downgrade(&runtime);
            let mut first = true;
            promises.push(start(&runtime, move |resumed: Resumed| {
                let _ = &guard;
                if std::mem::take(&mut first) {
                    begun.add();
                }
                if resumed.canceled {
                    told.add();
                }
                if owner.upgrade().is_some_and(|runtime| !runtime.on_loop()) {
                    off_loop.add();
                }
                waits.pop().unwrap_or_else(|| {
                    ended.add();
                    done()
                })
            }));
        }
        let canceler = {
            let promises = promises.clone();
            std::thread::spawn(move || {
                promises.iter().step_by(2).for_each(|promise| assert!(promise.cancel() != Canceled::StillRunning))
            })
        };
        let settler = std::thread::spawn(move || {
            for fulfiller in &fulfillers {
                fulfiller.settle(Ok(Value::Unit));
            }
        });
        if round % 2 == 0 {
            runtime.shutdown().unwrap();
        }
        ends("the canceler", move || canceler.join().unwrap());
        ends("the settler", move || settler.join().unwrap());
        drop(promises);
        runtime.shutdown().unwrap();
        assert_eq!((begun.get(), off_loop.get()), (ended.get(), 0));
        assert!(told.get() <= begun.get());
    }
}

/// A coroutine whose clean-up takes until the fulfiller is used, and notes its end.
fn slow_to_end(runtime: &Runtime, order: &Arc<Mutex<Vec<u64>>>, n: u64, wait: Promise) -> (Fulfiller, Promise) {
    let (fulfiller, clean_up) = runtime.fulfiller().unwrap();
    let (order, mut wait, mut clean_up) = (order.clone(), Some(wait), Some(clean_up));
    let promise = start(runtime, move |resumed| {
        if let Some(wait) = wait.take() {
            return Next::Wait(wait);
        }
        match clean_up.take() {
            Some(clean_up) if resumed.canceled => Next::Wait(clean_up),
            _ => {
                order.lock().unwrap().push(n);
                done()
            }
        }
    });
    let_rest(runtime);
    (fulfiller, promise)
}

/// Who is cancelled cleans up after those that it waited for, from whatever thread that comes.
// parity: CANC-04
#[test]
fn clean_ups_go_from_the_inside_out() {
    on_both(|runtime| {
        for from_elsewhere in [false, true] {
            let order = Arc::default();
            let (first, inner) = slow_to_end(runtime, &order, 1, runtime.never().unwrap());
            let (second, middle) = slow_to_end(runtime, &order, 2, inner);
            let attached = middle.attach(opaque(on_drop({
                let order: Arc<Mutex<Vec<u64>>> = order.clone();
                move || order.lock().unwrap().push(3)
            })));
            drop(middle);
            let note = order.clone();
            let last = attached.then(When::Finally, move |outcome| {
                note.lock().unwrap().push(4);
                outcome
            });
            drop(attached);
            let ended = if from_elsewhere {
                let last = last.clone();
                ends("a cancel", move || last.cancel_start())
            } else {
                last.cancel_start()
            };
            assert_eq!(failure(&last), ErrorKind::Canceled);
            let_rest(runtime);
            assert!(ended.outcome().is_none() && order.lock().unwrap().is_empty());
            second.settle(Ok(Value::Unit));
            let_rest(runtime);
            assert!(ended.outcome().is_none() && order.lock().unwrap().is_empty());
            first.settle(Ok(Value::Unit));
            outcome(&ended).unwrap();
            assert_eq!(*order.lock().unwrap(), [1, 2, 3, 4]);
        }
    });
}

#[test]
fn a_cancel_that_sets_nothing_off_is_over_at_once() {
    on_both(|runtime| {
        let promise = runtime.never().unwrap();
        assert!(promise.cancel_start().outcome().is_some_and(|outcome| outcome.is_ok()));
        assert!(promise.cancel_start().outcome().is_some_and(|outcome| outcome.is_ok()));
        assert_eq!(failure(&promise), ErrorKind::Canceled);
    });
}

/// What a combinator drops has ended its clean-up when the result is known.
// parity: PROM-16, PROM-31, PROM-32, TIME-04
#[test]
fn a_combinator_waits_for_the_clean_ups_of_what_it_lets_go_of() {
    type Combine = fn(&Runtime, Promise, Promise) -> Promise;
    let race: Combine = |runtime, slow, fast| Promise::race(runtime, &[slow, fast]).unwrap();
    let any: Combine = |runtime, slow, fast| Promise::any(runtime, &[slow, fast]).unwrap();
    let all: Combine = |runtime, slow, fast| {
        let failed = fast.then(When::Value, |_| Err(kjasync::Error::new(ErrorKind::Busy, "busy")));
        Promise::all(runtime, &[slow, failed]).unwrap()
    };
    let timeout: Combine = |_, slow, _| slow.timeout(1000);
    let cases = [(race, None), (any, None), (all, Some(ErrorKind::Busy)), (timeout, Some(ErrorKind::TimedOut))];
    for (combine, failed) in cases {
        for mode in [Mode::Thread, Mode::WaitScope] {
            let runtime = &runtime_with(|options| (options.mode, options.virtual_time) = (mode, true));
            let order = Arc::default();
            let (end, slow) = slow_to_end(runtime, &order, 1, runtime.never().unwrap());
            let (decide, fast) = runtime.fulfiller().unwrap();
            let result = combine(runtime, slow, fast);
            decide.settle(Ok(Value::Unit));
            runtime.advance(1000).unwrap();
            let_rest(runtime);
            let_rest(runtime);
            assert!(result.outcome().is_none(), "settled too early");
            end.settle(Ok(Value::Unit));
            assert_eq!(outcome(&result).err().map(|error| error.kind()), failed);
            assert_eq!(*order.lock().unwrap(), [1]);
        }
    }
}

/// What has been decided stays, though it is cancelled while it waits for a clean-up.
#[test]
fn a_decided_combinator_keeps_its_outcome() {
    on_both(|runtime| {
        let order = Arc::default();
        let (end, slow) = slow_to_end(runtime, &order, 1, runtime.never().unwrap());
        let (decide, fast) = runtime.fulfiller().unwrap();
        let result = Promise::race(runtime, &[fast, slow]).unwrap();
        decide.settle(Ok(Value::U64(5)));
        let_rest(runtime);
        assert!(result.outcome().is_none());
        let ended = result.cancel_start();
        assert_eq!(number(&result), 5);
        let_rest(runtime);
        assert!(ended.outcome().is_none());
        end.settle(Ok(Value::Unit));
        outcome(&ended).unwrap();
    });
}

/// Those of another loop too; and a shutdown does not wait for them.
#[test]
fn clean_ups_of_another_loop_are_waited_for() {
    for shut_down in [false, true] {
        let (own, other) = (runtime(), runtime());
        let order = Arc::default();
        let (end, inner) = slow_to_end(&other, &order, 1, other.never().unwrap());
        let (last, outer) = slow_to_end(&own, &order, 2, inner);
        last.settle(Ok(Value::Unit));
        outer.cancel();
        let_rest(&other);
        let_rest(&own);
        assert!(order.lock().unwrap().is_empty());
        if shut_down {
            own.shutdown().unwrap();
            assert_eq!(*order.lock().unwrap(), [2]);
        }
        end.settle(Ok(Value::Unit));
        eventually("both ended", || order.lock().unwrap().len() == 2);
    }
}

/// Code that runs is told of the cancel when it returns; until then nobody thinks that it is over.
#[test]
fn what_runs_is_waited_for() {
    let runtime = Arc::new(runtime());
    let (busy, go) = (Gate::default(), Gate::default());
    let (is_busy, may_go) = (busy.clone(), go.clone());
    let (fulfiller, clean_up) = runtime.fulfiller().unwrap();
    let (never, mut clean_up, mut first) = (runtime.never().unwrap(), Some(clean_up), true);
    let ended = Count::default();
    let count = ended.clone();
    let coroutine = start(&runtime, move |resumed| {
        if std::mem::take(&mut first) {
            is_busy.open();
            may_go.pass();
            return Next::Wait(never.clone());
        }
        match clean_up.take() {
            Some(clean_up) if resumed.canceled => Next::Wait(clean_up),
            _ => {
                count.add();
                done()
            }
        }
    });
    busy.pass();
    let canceling = std::thread::spawn(move || coroutine.cancel_start());
    go.open();
    let over = ends("a cancel", move || canceling.join().unwrap());
    let_rest(&runtime);
    assert!(over.outcome().is_none());
    fulfiller.settle(Ok(Value::Unit));
    outcome(&over).unwrap();
    assert_eq!(ended.get(), 1);
}
