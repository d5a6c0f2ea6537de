//! An operation on files that waits for a thread of the pool, of which all are held up.

use crate::sources::{Operation, ensure, step};
use crate::world::World;
use kjasync::filesystem::start;
use kjasync::{Outcome, Value};
use std::sync::{Arc, Condvar, Mutex};

/// How many operations run at once.
const THREADS: usize = 16;

#[derive(Default)]
struct Gate {
    /// How many have come to it, and whether it is open.
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) -> Outcome {
        let mut state = self.state.lock().expect("no panic");
        state.0 += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| !state.1).expect("no panic"));
        Ok(Value::Unit)
    }

    fn until_all_have_come(&self) {
        let state = self.state.lock().expect("no panic");
        drop(self.changed.wait_while(state, |state| state.0 < THREADS).expect("no panic"));
    }
}

/// Opens the gate, at the latest when it is dropped.
struct Opens(Arc<Gate>);

impl Opens {
    fn open(&self) {
        self.0.state.lock().expect("no panic").1 = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Opens {
    fn drop(&mut self) {
        self.open();
    }
}

pub(crate) fn waiting(world: &World<'_>) -> Operation {
    let gate = Arc::new(Gate::default());
    let hold = || {
        let gate = gate.clone();
        start(&world.runtime, move || gate.pass()).expect("it starts")
    };
    let held: Vec<_> = (0..THREADS).map(|_| hold()).collect();
    gate.until_all_have_come();
    // They go on unseen.
    drop(held);
    let opens = Arc::new(Opens(gate));
    let settle = opens.clone();
    let probe = Arc::new(());
    let over = Arc::downgrade(&probe);
    let work = move || {
        drop(probe);
        Ok(Value::U64(1))
    };
    Operation {
        promise: start(&world.runtime, work).expect("it starts"),
        over: Arc::new(move || over.strong_count() == 0),
        settle: step(move |_| settle.open()),
        peer: None,
        close: None,
        after: Box::new(move |world, _| {
            opens.open();
            let another = start(&world.runtime, || Ok(Value::U64(2))).and_then(|another| world.outcome(&another));
            ensure(matches!(another, Ok(Value::U64(2))), "the threads do nothing any more")
        }),
    }
}
