//! A sequence whose things come as the loop looks for them, and as it is cancelled.

use super::*;
use crate::promise::{ForEach, Items, Resolution};

#[derive(Default)]
struct Given {
    things: Vec<u64>,
    ended: bool,
    waker: Option<Waker>,
}

#[derive(Clone)]
struct Giver(Arc<Mutex<Given>>);

struct Things {
    from: Giver,
    _guard: Guard,
}

impl Giver {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Given::default())))
    }

    fn give(&self, thing: Option<u64>) {
        let waker = {
            let mut given = self.0.lock().unwrap();
            match thing {
                Some(thing) => given.things.insert(0, thing),
                None => given.ended = true,
            }
            given.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A sequence of them, which adds them up.
    fn sum(&self, shared: &Arc<Shared>, sum: &Arc<AtomicUsize>, drops: &Drops) -> Promise {
        let sum = sum.clone();
        let add = move |thing: Value| {
            let thing = number(&Ok(thing)).expect("only numbers are given");
            sum.fetch_add(usize::try_from(thing).unwrap(), Ordering::SeqCst);
            Resolution::Outcome(Ok(Value::Unit))
        };
        Promise::each(
            shared.clone(),
            Things { from: self.clone(), _guard: drops.guard() },
            ForEach::Closure(Box::new(add)),
        )
    }
}

impl Items for Things {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let mut given = self.from.0.lock().unwrap();
        match given.things.pop() {
            Some(thing) => Poll::Ready(Some(Ok(Value::U64(thing)))),
            None if given.ended => Poll::Ready(None),
            None => {
                let old = given.waker.replace(cx.waker().clone());
                drop(given);
                drop(old);
                Poll::Pending
            }
        }
    }
}

#[test]
fn each_thing_has_its_callback() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let (giver, sum, drops) = (Giver::new(), Arc::new(AtomicUsize::new(0)), Drops::new());
        let sequence = giver.sum(&shared, &sum, &drops);
        let giving = loom::thread::spawn(move || [Some(1), Some(2), None].map(|thing| giver.give(thing)));
        assert!(sequence.wait(None).unwrap().is_ok_and(|value| value.is_unit()));
        assert_eq!((sum.load(Ordering::SeqCst), drops.get()), (3, 1));
        giving.join().unwrap();
        end(&shared, thread);
    });
}

#[test]
fn after_a_cancel_none_has_its_callback() {
    explore(2, || {
        let (shared, thread) = with_loop();
        let (giver, sum, drops) = (Giver::new(), Arc::new(AtomicUsize::new(0)), Drops::new());
        let sequence = giver.sum(&shared, &sum, &drops);
        let giving = loom::thread::spawn(move || giver.give(Some(1)));
        let _ = sequence.cancel();
        let before = sum.load(Ordering::SeqCst);
        assert_eq!(drops.get(), 1);
        giving.join().unwrap();
        end(&shared, thread);
        assert_eq!(sum.load(Ordering::SeqCst), before);
    });
}
