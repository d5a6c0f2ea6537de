//! A promise of one loop whose continuation belongs to another: what is handed over arrives once, and what is given up does not.

use super::*;
use crate::error::ErrorKind;
use crate::promise::{Canceled, Fulfiller, When, wait_for};

/// One loop turns; the other only has the promise, which a thread settles as that loop would.
fn handed_over(shared: &Arc<Shared>, runs: &Drops) -> (JoinHandle<bool>, Promise, Arc<Shared>) {
    let other = crate::runtime::model::new();
    let (fulfiller, input) = Fulfiller::new(other.clone());
    let run = runs.guard();
    let built = input.then_on(shared.clone(), When::Value, move |outcome| {
        drop(run);
        outcome
    });
    drop(input);
    let settler = loom::thread::spawn(move || fulfiller.settle(Ok(Value::U64(1))));
    (settler, built, other)
}

#[test]
fn what_one_loop_settles_goes_on_once_on_the_other() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let runs = Drops::new();
        let (settler, built, _other) = handed_over(&shared, &runs);
        let outcome = wait_for(built.cell(), None).expect("no deadline");
        assert!(matches!(outcome, Ok(Value::U64(1))));
        assert_eq!(runs.get(), 1);
        assert!(settler.join().unwrap(), "somebody waits for it");
        end(&shared, thread);
    });
}

#[test]
fn what_is_given_up_on_the_one_loop_is_gone_though_the_other_settles_it() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let runs = Drops::new();
        let (settler, built, other) = handed_over(&shared, &runs);
        let canceled = built.cancel();
        // Freed, or run, by the time that the cancel returns.
        assert_eq!(runs.get(), 1);
        let kind = built.outcome().expect("it has ended").err().map(|error| error.kind());
        match canceled {
            Canceled::TooLate => assert_eq!(kind, None),
            _ => assert_eq!(kind, Some(ErrorKind::Canceled)),
        }
        settler.join().unwrap();
        drop(built);
        end(&shared, thread);
        for loops in [&shared, &other] {
            assert_eq!(loops.promises.load(crate::sync::atomic::Ordering::SeqCst), 0);
        }
    });
}
