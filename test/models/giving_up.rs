//! Somebody looks at an operation, finds it pending and gives up, just as it settles: what it took is not lost.

use super::*;
use crate::coordination::Queue;
use crate::error::ErrorKind;
use crate::promise::{Canceled, Fulfiller, When};

#[test]
fn what_settles_as_a_timeout_passes_comes_first() {
    explore(3, || {
        let shared = crate::runtime::model::new();
        let (fulfiller, promise) = Fulfiller::new(shared.clone());
        let bounded = promise.timeout(5);
        drop(promise);
        crate::runtime::model::advance_to(&shared, 5);
        let settler = loom::thread::spawn(move || fulfiller.settle(Ok(Value::U64(7))));
        let outcome = bounded.wait(None).unwrap();
        let in_time = settler.join().unwrap();
        assert_eq!(number(&outcome), in_time.then_some(7), "{outcome:?}");
    });
}

/// The loop takes a value for the pop while another thread, which awaits the timeout, drops it.
#[test]
fn a_timeout_does_not_lose_what_the_loop_has_taken() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let queue = Queue::of(&shared, 1);
        let pop = queue.pop().unwrap();
        let bounded = pop.timeout(5);
        drop(pop);
        crate::runtime::model::advance_to(&shared, 5);
        queue.try_push(Value::U64(7)).unwrap();
        match bounded.wait(None).unwrap() {
            Ok(value) => assert_eq!((number(&Ok(value)), queue.len()), (Some(7), 0)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                assert_eq!(queue.len(), 1);
            }
        }
        end(&shared, thread);
    });
}

#[test]
fn what_a_released_promise_has_taken_goes_back() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let queue = Queue::of(&shared, 1);
        let pop = queue.pop().unwrap();
        queue.try_push(Value::U64(7)).unwrap();
        drop(pop);
        assert_eq!(queue.len(), 1);
        end(&shared, thread);
    });
}

/// What passes on an outcome is cancelled as it does.
#[test]
fn what_a_branch_passes_on_is_kept_or_goes_back() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let queue = Queue::of(&shared, 1);
        let pop = queue.pop().unwrap();
        let branch = pop.then(When::Error, |outcome| outcome);
        drop(pop);
        queue.try_push(Value::U64(7)).unwrap();
        let canceled = branch.cancel();
        let outcome = branch.outcome().expect("settled when the cancel returns");
        assert_eq!(number(&outcome).is_some(), canceled == Canceled::TooLate);
        assert_eq!(queue.len(), usize::from(outcome.is_err()));
        end(&shared, thread);
    });
}

/// One holder learns of the value while another lets go.
#[test]
fn what_somebody_learns_of_does_not_go_back() {
    explore(1, || {
        let (shared, thread) = with_loop();
        let queue = Queue::of(&shared, 1);
        let pop = queue.pop().unwrap();
        let other = pop.fork();
        queue.try_push(Value::U64(7)).unwrap();
        let dropper = loom::thread::spawn(move || drop(other));
        assert_eq!(number(&pop.wait(None).unwrap()), Some(7));
        drop(pop);
        dropper.join().unwrap();
        assert_eq!(queue.len(), 0);
        end(&shared, thread);
    });
}
