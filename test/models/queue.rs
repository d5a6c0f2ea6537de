//! The loop falls asleep while others push and start timers.

use super::*;
use crate::promise::When;
use crate::runtime::Timer;

#[test]
fn a_push_wakes_the_loop() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let calls: Vec<_> = (0..2u64)
            .map(|n| {
                let executor = crate::runtime::model::executor(&shared);
                loom::thread::spawn(move || {
                    let call = executor.start(move || Ok(Value::U64(n))).unwrap();
                    assert_eq!(number(&call.wait(None).unwrap()), Some(n));
                })
            })
            .collect();
        for call in calls {
            call.join().unwrap();
        }
        end(&shared, thread);
    });
}

#[test]
fn an_earlier_timer_wakes_the_loop() {
    explore(4, || {
        let shared = crate::runtime::model::new();
        let late = Promise::timer(shared.clone(), Timer::at(&shared, 9));
        let sleeping = shared.clone();
        let sleeper = loom::thread::spawn(move || crate::runtime::model::sleep_until_known(&sleeping, 5));
        let early = Promise::timer(shared.clone(), Timer::at(&shared, 5));
        assert_eq!(sleeper.join().unwrap(), Some(5));
        drop((early, late));
    });
}

#[test]
fn moving_a_virtual_clock_fires_what_is_due() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let timer = Promise::timer(shared.clone(), Timer::at(&shared, 5));
        let fired = timer.then(When::Both, |_| Ok(Value::U64(1)));
        crate::runtime::model::advance_to(&shared, 5);
        assert_eq!(number(&fired.wait(None).unwrap()), Some(1));
        end(&shared, thread);
    });
}
