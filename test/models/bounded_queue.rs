//! The bounded queue: what is pushed is popped once, whoever leaves or closes it meanwhile.

use super::*;
use crate::coordination::Queue;
use crate::error::ErrorKind;

fn number(outcome: Outcome) -> u64 {
    match outcome {
        Ok(Value::U64(number)) => number,
        other => panic!("a number was pushed, not {other:?}"),
    }
}

#[test]
fn a_push_and_a_pop_meet() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let queue = Queue::of(&shared, 1);
        let producer = loom::thread::spawn({
            let queue = queue.clone();
            move || queue.push(Value::U64(7)).unwrap().wait(None).unwrap().map(drop)
        });
        assert_eq!(number(queue.pop().unwrap().wait(None).unwrap()), 7);
        assert!(producer.join().unwrap().is_ok());
        end(&shared, thread);
    });
}

#[test]
fn who_waits_for_room_gets_it() {
    explore(1, || {
        let (shared, thread) = with_loop();
        let queue = Queue::of(&shared, 1);
        queue.try_push(Value::U64(1)).unwrap();
        let producer = loom::thread::spawn({
            let queue = queue.clone();
            move || queue.push(Value::U64(2)).unwrap().wait(None).unwrap().map(drop)
        });
        assert_eq!(number(queue.pop().unwrap().wait(None).unwrap()), 1);
        assert!(producer.join().unwrap().is_ok());
        assert_eq!(number(queue.pop().unwrap().wait(None).unwrap()), 2);
        end(&shared, thread);
    });
}

#[test]
fn a_pop_that_is_dropped_takes_nothing_or_all() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let queue = Queue::of(&shared, 1);
        let leaver = loom::thread::spawn({
            let queue = queue.clone();
            move || {
                let pop = queue.pop().unwrap();
                let _ = pop.cancel();
                matches!(pop.outcome(), Some(Ok(_)))
            }
        });
        queue.try_push(Value::U64(1)).unwrap();
        let taken = leaver.join().unwrap();
        assert_eq!(queue.len(), usize::from(!taken));
        end(&shared, thread);
    });
}

#[test]
fn closing_ends_who_waits() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let queue = Queue::of(&shared, 1);
        let consumer = loom::thread::spawn({
            let queue = queue.clone();
            move || queue.pop().unwrap().wait(None).unwrap().unwrap_err().kind()
        });
        queue.close();
        assert_eq!(consumer.join().unwrap(), ErrorKind::Disconnected);
        end(&shared, thread);
    });
}
