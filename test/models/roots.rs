//! Noting what is pending against a shutdown, against settling, and against each other.

use super::*;
use crate::error::{Error, ErrorKind};
use crate::promise::When;

fn is_shutdown(promise: &Promise) -> bool {
    promise.outcome().is_some_and(|outcome| outcome.is_err_and(|error| error.kind() == ErrorKind::Shutdown))
}

#[test]
fn what_starts_during_a_shutdown_is_rejected_though_nobody_has_its_handle() {
    for outside in [false, true] {
        explore(2, move || {
            let (shared, thread) = with_loop();
            let (drops, starting) = (Drops::new(), shared.clone());
            let guarded = drops.clone();
            let starter = loom::thread::spawn(move || {
                if outside {
                    return Promise::outside(starting);
                }
                Readiness::new().promise(&starting, &guarded)
            });
            end(&shared, thread);
            let promise = starter.join().unwrap();
            assert!(is_shutdown(&promise));
            assert_eq!(drops.get(), usize::from(!outside));
        });
    }
}

#[test]
fn what_settles_during_a_shutdown_settles_once_and_leaves() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let drops = Drops::new();
        let readiness = [Readiness::new(), Readiness::new()];
        let promises: Vec<_> = readiness.iter().map(|ready| ready.promise(&shared, &drops)).collect();
        let first = readiness[0].clone();
        let setter = loom::thread::spawn(move || first.set());
        end(&shared, thread);
        setter.join().unwrap();
        assert!(is_shutdown(&promises[0]) || promises[0].outcome().is_some_and(|outcome| number(&outcome) == Some(7)));
        assert!(is_shutdown(&promises[1]));
        // What is waited for keeps a waker.
        drop((promises, readiness));
        assert_eq!(drops.get(), 2);
        assert_eq!(shared.promises.load(crate::sync::atomic::Ordering::SeqCst), 0);
    });
}

#[test]
fn those_that_leave_at_once_leave_the_others_in_their_places() {
    explore(2, || {
        let shared = crate::runtime::model::new();
        let promises: Vec<_> = (0..3).map(|_| Promise::outside(shared.clone())).collect();
        let mut threads = Vec::new();
        for promise in promises.iter().take(2).cloned() {
            threads.push(loom::thread::spawn(move || _ = promise.cancel()));
        }
        for thread in threads {
            thread.join().unwrap();
        }
        crate::runtime::model::shut_down(&shared);
        assert!(is_shutdown(&promises[2]));
        drop(promises);
        assert_eq!(shared.promises.load(crate::sync::atomic::Ordering::SeqCst), 0);
    });
}

#[test]
fn what_waits_for_another_loop_ends_with_its_own() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let other = crate::runtime::model::new();
        let input = Promise::outside(other.clone());
        let waits = input.then_on(shared.clone(), When::Value, |outcome| outcome);
        let settling = input.clone();
        let settler = loom::thread::spawn(move || _ = settling.cancel_with(Error::timed_out()));
        end(&shared, thread);
        let kind = waits.outcome().expect("its loop has ended").unwrap_err().kind();
        assert!(kind == ErrorKind::Shutdown || kind == ErrorKind::TimedOut);
        settler.join().unwrap();
    });
}
