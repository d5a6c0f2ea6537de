//! A task set whose tasks end as others add, clear, and wait.

use super::*;
use crate::promise::TaskSet;

#[test]
fn a_clear_and_the_end_of_a_task_leave_nothing() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let (drops, ready, tasks) = (Drops::new(), Readiness::new(), TaskSet::of(&shared, 2, |_| ()));
        tasks.add(&ready.promise(&shared, &drops)).unwrap();
        let empty = tasks.on_empty().unwrap();
        let setter = loom::thread::spawn(move || ready.set());
        tasks.clear();
        assert!(tasks.is_empty());
        assert!(empty.wait(None).unwrap().is_ok());
        setter.join().unwrap();
        end(&shared, thread);
        assert_eq!(drops.get(), 1);
    });
}

#[test]
fn who_waits_for_the_last_task_hears_of_it() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let (drops, tasks) = (Drops::new(), TaskSet::of(&shared, 2, |_| ()));
        let (first, last) = (Readiness::new(), Readiness::new());
        tasks.add(&first.promise(&shared, &drops)).unwrap();
        let setter = loom::thread::spawn(move || first.set());
        // It may be full of none by now, and must not be taken for empty while one is being added.
        tasks.add(&last.promise(&shared, &drops)).unwrap();
        let empty = tasks.on_empty().unwrap();
        last.set();
        assert!(empty.wait(None).unwrap().is_ok());
        assert!(tasks.is_empty());
        setter.join().unwrap();
        end(&shared, thread);
        assert_eq!(drops.get(), 2);
    });
}
