//! The cancellation matrix: everything that can be pending, under everything that can stand above it, ended in every
//! way that there is, on a loop with a thread, in a wait scope, and between two loops. `doc/cancellation.md` says what has
//! to hold.
//!
//! Which cells make sense is in `rules`, with a reason for each that does not. Nothing here waits for a length of time:
//! timers go by virtual time, and every wait is for an event, with a bound.
#![allow(unsafe_code, missing_docs)]

#[path = "../rust/alone.rs"]
#[allow(dead_code)]
mod alone;
#[path = "../rust/c.rs"]
#[allow(dead_code, unused_imports)]
mod c;
#[path = "../rust/gate.rs"]
#[allow(dead_code)]
mod gate;

#[path = "../rust/relay.rs"]
mod relay;
#[path = "../rust/rough.rs"]
#[allow(dead_code)]
mod rough;

mod asked;
mod carried;
mod check;
mod combinators;
mod compressed;
mod files;
mod http;
mod layered;
mod probes;
mod provided;
mod remote;
mod rules;
mod secured;
mod sources;
mod system;
mod ways;
mod websocket;
mod world;

use alone::descriptors;
use gate::{Count, Gate};
use rules::{COMBINATORS, Cell, Loop, Loops, SOURCES, Side, WAYS, applies};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use world::{Net, World, soon};

/// The longest that a cell may take before everything ends with its name.
const HANG: Duration = Duration::from_secs(40);

/// After that time no cell is begun if one has failed: what is never freed is waited for in every cell.
const ENOUGH: Duration = Duration::from_secs(60);

/// Ends the process with the name of a cell that hangs.
fn watch(mut body: impl FnMut(&dyn Fn(&Cell))) {
    let (tell, told) = channel::<String>();
    let dog = std::thread::spawn(move || {
        let mut cell = String::new();
        loop {
            match told.recv_timeout(HANG) {
                Ok(next) => cell = next,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = writeln!(std::io::stderr(), "the matrix hangs in {cell}");
                    std::process::exit(1);
                }
            }
        }
    });
    body(&|cell| drop(tell.send(name(cell))));
    drop(tell);
    dog.join().expect("the watch ends");
}

fn name(cell: &Cell) -> String {
    let Cell { source, combinator, way, loops, side } = cell;
    match loops {
        Loops::One(turned) => format!("{source:?} under {combinator:?}, {way:?} ({turned:?})"),
        Loops::Two { above, below } => {
            format!("{source:?} on {below:?} under {combinator:?} on {above:?}, {way:?} {side:?}")
        }
    }
}

/// Every cell for these kinds of loops that makes sense, and how many each rule leaves out.
fn cells(loops: Loops) -> (Vec<Cell>, BTreeMap<&'static str, usize>) {
    let (mut cells, mut left_out) = (Vec::new(), BTreeMap::new());
    let sides: &[Side] = if let Loops::One(_) = loops { &[Side::Above] } else { &[Side::Above, Side::Below] };
    for source in SOURCES {
        for combinator in COMBINATORS {
            for (way, side) in WAYS.iter().flat_map(|way| sides.iter().map(|side| (*way, *side))) {
                let cell = Cell { source, combinator, way, loops, side };
                match applies(cell) {
                    Ok(()) => cells.push(cell),
                    Err(why) => *left_out.entry(why).or_insert(0) += 1,
                }
            }
        }
    }
    (cells, left_out)
}

/// Threads that this library has made, where the system tells; the test program has others.
fn loop_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("kjasync")).count()
}

/// The tests count descriptors, threads and handles of the process.
fn alone_here() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run_all(loops: Loops, count: usize) {
    let _alone = alone_here();
    // The name of a cell, or a part of it, to run nothing else.
    let only = std::env::var("KJA_MATRIX").unwrap_or_default();
    let before = (descriptors(), loop_threads(), c::kja_handle_count());
    let (cells, left_out) = cells(loops);
    let begin = Instant::now();
    let mut failed = Vec::new();
    watch(|tell| {
        let net = Net::new();
        let mut world = World::new(loops, &net);
        for (n, cell) in cells.iter().filter(|cell| name(cell).contains(&only)).enumerate() {
            if !failed.is_empty() && begin.elapsed() > ENOUGH {
                failed.push(format!("no time for more than {n} cells"));
                break;
            }
            tell(cell);
            let faults = check::run(*cell, &net, &world);
            if !faults.is_empty() {
                failed.extend(faults.into_iter().map(|fault| format!("{}: {fault}", name(cell))));
                // What it has left behind is not the next one's.
                world = World::new(loops, &net);
            }
        }
    });
    println!("{} cells of the matrix ({loops:?}) in {:.1?}; left out:", cells.len(), begin.elapsed());
    for (why, count) in &left_out {
        println!("{count:6} because {why}");
    }
    assert!(failed.is_empty(), "{} faults:\n{}", failed.len(), failed.join("\n"));
    let after = || (descriptors(), loop_threads(), c::kja_handle_count());
    assert!(soon(|| after() == before), "descriptors, loop threads and handles: {:?}, before {before:?}", after());
    assert_eq!(cells.len(), count, "a rule has changed");
}

// parity: CANC-01, CANC-02, CANC-03, CANC-04, CANC-08, CAPS-09, CAPS-10, HCLI-04, HCLI-21, NET-22, PROM-01, PROM-05, PROM-16, PROM-17
// parity: TASK-03, TIME-04, TIME-05, TLS-12, TLS-17
#[test]
fn everything_on_a_loop_thread() {
    run_all(Loops::One(Loop::Thread), 10466);
}

// parity: CANC-01, CANC-02, CANC-03, CANC-04, CANC-08, CAPS-09, CAPS-10, HCLI-04, HCLI-21, NET-22, PROM-01, PROM-05, PROM-16, PROM-17
// parity: TASK-03, TIME-04, TIME-05, TLS-12, TLS-17
#[test]
fn everything_in_a_wait_scope() {
    run_all(Loops::One(Loop::Scope), 9755);
}

// parity: CANC-01, CANC-04, LOOP-06, EXEC-08, FULF-09, PROM-01, PROM-17, TASK-03
#[test]
fn everything_between_two_loops_with_threads() {
    run_all(Loops::Two { above: Loop::Thread, below: Loop::Thread }, 13118);
}

// parity: CANC-01, CANC-04, LOOP-06, EXEC-08, FULF-09, PROM-01, PROM-17, TASK-03
#[test]
fn everything_from_a_wait_scope_on_what_another_loop_has() {
    run_all(Loops::Two { above: Loop::Scope, below: Loop::Thread }, 10855);
}

// parity: CANC-01, CANC-04, LOOP-06, EXEC-08, FULF-09, PROM-01, PROM-17, TASK-03
#[test]
fn everything_from_another_loop_on_what_a_wait_scope_has() {
    run_all(Loops::Two { above: Loop::Thread, below: Loop::Scope }, 11981);
}

/// A release that does not wait leaves a callback running, which may use what is attached; the same for a `finally`.
// parity: PROM-17
#[test]
fn what_comes_after_an_operation_waits_for_its_callback() {
    let _alone = alone_here();
    let runtime = c::new_runtime();
    let executor = c::executor(runtime);
    let (begun, go_on) = (Gate::default(), Gate::default());
    let (freed, cleaned, early) = (Count::default(), Count::default(), Count::default());
    let (open, pass, probes) = (begun.clone(), go_on.clone(), (freed.clone(), cleaned.clone(), early.clone()));
    let call = c::start(executor, move |_| {
        open.open();
        pass.pass();
        if probes.0.get() + probes.1.get() > 0 {
            probes.2.add();
        }
    });
    let attached = c::attach(call, freed.on_drop());
    let count = cleaned.clone();
    let last = c::finally(attached, move |_| {
        count.add();
    });
    c::ok(c::kja_promise_release(call));
    c::ok(c::kja_promise_release(attached));
    begun.pass();
    c::ok(c::kja_promise_release_nowait(last));
    assert_eq!((freed.get(), cleaned.get()), (0, 0), "the callback is running");
    go_on.open();
    assert!(soon(|| freed.get() == 1 && cleaned.get() == 1));
    assert_eq!(early.get(), 0);
    c::ok(c::kja_executor_release(executor));
    c::ok(c::kja_runtime_release(runtime));
}
