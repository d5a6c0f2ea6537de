//! Eight loops hand promises around, and end in the middle of it.

use crate::alone::{alone, descriptors, threads};
use crate::gate::*;
use kjasync::coordination::Queue;
use kjasync::promise::{Promise, TaskSet, When};
use kjasync::runtime::{Runtime, clock};
use kjasync::{ErrorKind, Outcome, Value};
use std::sync::{Arc, Mutex};

const LOOPS: usize = 8;
const PLACES: usize = 64;
const PLAYERS: u64 = 4;

/// What the players share.
struct Table {
    loops: Vec<Mutex<Arc<Runtime>>>,
    places: Vec<Mutex<Option<Promise>>>,
    made: Count,
    freed: Count,
    cleaned: Count,
    guarded: Count,
}

impl Table {
    fn some_loop(&self, random: &mut Random) -> Arc<Runtime> {
        self.loops[random.below(LOOPS)].lock().unwrap().clone()
    }

    fn some_promise(&self, random: &mut Random) -> Option<Promise> {
        self.places[random.below(PLACES)].lock().unwrap().clone()
    }

    fn put(&self, random: &mut Random, promise: Option<Promise>) {
        let old = std::mem::replace(&mut *self.places[random.below(PLACES)].lock().unwrap(), promise);
        drop(old);
    }

    /// Something new of this loop, with an attachment.
    fn source(&self, random: &mut Random, of: &Runtime) -> Option<Promise> {
        let source = match random.below(4) {
            0 => of.sleep(random.next() % 100_000).ok()?,
            1 => of.never().ok()?,
            2 => Queue::new(of, 1).ok()?.pop().ok()?,
            _ => of.executor().ok()?.start(|| Ok(Value::U64(7))).ok()?,
        };
        self.made.add();
        Some(source.attach(opaque(self.freed.on_drop())))
    }

    /// Puts something above two promises, whatever loops they are of, on the loop that this runs on.
    fn build(self: &Arc<Self>, kind: usize, of: &Runtime, one: &Promise, other: &Promise) -> Option<Promise> {
        let both = [one.clone(), other.clone()];
        match kind {
            0 => Some(one.then(When::Both, |_| Ok(Value::Unit))),
            1 => Promise::race(of, &both).ok(),
            2 => Promise::all(of, &both).ok(),
            3 => Promise::any(of, &both).ok(),
            4 => Some(one.timeout(50_000)),
            5 => Some(one.fork()),
            6 => {
                let (fulfiller, promise) = of.fulfiller().ok()?;
                fulfiller.forward(one.clone()).then_some(promise)
            }
            7 => {
                let tasks = TaskSet::new(of, 2, |_| ()).ok()?;
                tasks.add(one).ok()?;
                tasks.add(other).ok()?;
                tasks.on_empty().ok()
            }
            _ => {
                let this = self.clone();
                this.guarded.add();
                let clean_up = move |outcome: Outcome| {
                    this.cleaned.add();
                    outcome
                };
                Some(one.then(When::Finally, clean_up))
            }
        }
    }

    fn play(self: &Arc<Self>, random: &mut Random) {
        let of = self.some_loop(random);
        match random.below(20) {
            0..6 => {
                let made = self.source(random, &of);
                self.put(random, made);
            }
            6..15 => {
                let (Some(one), Some(other)) = (self.some_promise(random), self.some_promise(random)) else { return };
                let (this, kind, own, mut inside) =
                    (self.clone(), random.below(9), of.clone(), Random::new(random.next()));
                let build = move || -> Outcome {
                    let built = this.build(kind, &own, &one, &other);
                    this.put(&mut inside, built);
                    Ok(Value::Unit)
                };
                let Ok(executor) = of.executor() else { return };
                let Ok(building) = executor.start(build) else { return };
                if random.below(2) == 0 {
                    building.detach(None);
                }
            }
            15 => self.put(random, None),
            16 => drop(self.some_promise(random).map(|promise| promise.cancel())),
            17 | 18 => {
                let Some(promise) = self.some_promise(random) else { return };
                let ended = promise.wait(Some(clock::now() + 100_000));
                if let Ok(Err(error)) = ended {
                    let known = [ErrorKind::Shutdown, ErrorKind::Canceled, ErrorKind::TimedOut, ErrorKind::Failed];
                    assert!(known.contains(&error.kind()), "{error}");
                }
            }
            _ => {
                if random.below(8) == 0 {
                    let next = Arc::new(runtime());
                    let old = std::mem::replace(&mut *self.loops[random.below(LOOPS)].lock().unwrap(), next);
                    old.shutdown().unwrap();
                }
            }
        }
    }
}

// parity: LOOP-06, EXEC-08
#[test]
fn eight_loops_hand_promises_around_and_end_in_the_middle_of_it() {
    alone("stress_loops::eight_loops_hand_promises_around_and_end_in_the_middle_of_it", || {
        let before = (descriptors(), threads());
        let table = Arc::new(Table {
            loops: (0..LOOPS).map(|_| Mutex::new(Arc::new(runtime()))).collect(),
            places: (0..PLACES).map(|_| Mutex::default()).collect(),
            made: Count::default(),
            freed: Count::default(),
            cleaned: Count::default(),
            guarded: Count::default(),
        });
        let players: Vec<_> = (0..PLAYERS)
            .map(|seed| {
                let table = table.clone();
                std::thread::spawn(move || {
                    let mut random = Random::new(seed + 1);
                    (0..3000).for_each(|_| table.play(&mut random));
                })
            })
            .collect();
        for player in players {
            ends_within(60, "a player", move || player.join().unwrap());
        }
        let loops: Vec<_> = table.loops.iter().map(|place| place.lock().unwrap().clone()).collect();
        // In the one half of the loops everything is ended by the end of its loop, in the other by being dropped.
        for runtime in &loops[..LOOPS / 2] {
            runtime.shutdown().unwrap();
        }
        table.places.iter().for_each(|place| drop(place.lock().unwrap().take()));
        for runtime in &loops {
            runtime.shutdown().unwrap();
            eventually("no promise is left", || runtime.stats().promises == 0);
        }
        assert_eq!(table.freed.get(), table.made.get());
        assert_eq!(table.cleaned.get(), table.guarded.get());
        assert!(table.guarded.get() > 0);
        drop((loops, table));
        eventually("nothing is left open", || (descriptors(), threads()) == before);
    });
}
