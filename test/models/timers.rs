//! A timer that is given up as it fires, and one that is started as its loop ends.

use super::*;
use crate::error::ErrorKind;
use crate::runtime::Timer;

#[test]
fn one_that_is_cancelled_as_it_fires_settles_once_and_leaves() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let timer = Promise::timer(shared.clone(), Timer::at(&shared, 5));
        let cancelled = timer.clone();
        let canceller = loom::thread::spawn(move || _ = cancelled.cancel());
        crate::runtime::model::advance_to(&shared, 5);
        canceller.join().unwrap();
        let outcome = timer.wait(None).unwrap();
        assert!(outcome.map_or_else(|error| error.kind() == ErrorKind::Canceled, |value| value.is_unit()));
        end(&shared, thread);
        assert_eq!(crate::runtime::model::timers(&shared), 0);
    });
}

#[test]
fn one_that_starts_as_its_loop_ends_is_rejected() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let starting = shared.clone();
        let starter = loom::thread::spawn(move || Promise::timer(starting.clone(), Timer::at(&starting, 5)));
        end(&shared, thread);
        let timer = starter.join().unwrap();
        assert!(timer.outcome().is_some_and(|outcome| outcome.is_err_and(|error| error.kind() == ErrorKind::Shutdown)));
        drop(timer);
        assert_eq!(crate::runtime::model::timers(&shared), 0);
    });
}
