//! How the operation of a cell is ended, and what was to be seen the moment that had happened.

use crate::combinators::{Above, Built, fine, waits_for_companion};
use crate::gate::Gate;
use crate::probes::Probes;
use crate::rules::{Cell, Combinator, Loop, Way, comes_back};
use crate::sources::{End, Ending, Step};
use crate::world::{HOUR, PATIENCE, World, elsewhere, soon};
use kjasync::promise::{Canceled, Canceler, Fulfiller, Promise};
use kjasync::{Error, ErrorKind, Outcome};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was to be seen at once, on the thread that ended it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sight {
    /// Whether the operation has dropped everything.
    pub(crate) over: bool,
    /// How often the attachment of the operation has been freed.
    pub(crate) gone: usize,
    /// How often the `finally` above the operation has run.
    pub(crate) finally: usize,
    /// Of the combinator's closures and attachments, how many are left.
    pub(crate) left: usize,
    /// Whether the combinator holds its other input.
    pub(crate) companion: bool,
    /// Whether the source's own callback, if it had begun, has ended.
    pub(crate) ended: bool,
    /// What the cancel said.
    pub(crate) said: Option<Canceled>,
}

/// Looks around, and from then on nothing may begin.
fn look(probes: &Probes, companion: Option<&Arc<Fulfiller>>, said: Option<Canceled>) -> Sight {
    probes.return_now();
    let is_open = |gate: &Gate| gate.pass_within(Duration::ZERO);
    Sight {
        over: probes.is_over(),
        gone: probes.gone.get(),
        finally: probes.finally.get(),
        left: probes.made.get() - probes.freed.get(),
        companion: companion.is_some_and(|companion| companion.is_waiting()),
        ended: !is_open(&probes.begun) || is_open(&probes.ended),
        said,
    }
}

/// What came of it.
pub(crate) struct Seen {
    pub(crate) end: End,
    /// At once, where something is promised for then.
    pub(crate) sight: Option<Sight>,
    /// How the operation itself ended, if it was not from above: without a kind, as a value.
    pub(crate) source: Option<ErrorKind>,
    /// How the result ended, if somebody was left to see: without a kind, as a value.
    pub(crate) result: Option<Option<ErrorKind>>,
    pub(crate) sibling: Option<Promise>,
}

/// The parts of the operation that a way may need.
pub(crate) struct Hands<'a> {
    /// Only for the way that cancels it.
    pub(crate) input: Option<Promise>,
    pub(crate) settle: Step,
    pub(crate) peer: Option<Ending>,
    pub(crate) close: Option<Ending>,
    pub(crate) probes: &'a Probes,
}

fn kind(outcome: &Outcome) -> Option<ErrorKind> {
    outcome.as_ref().err().map(Error::kind)
}

/// Ends it, and drops everything but the sibling.
pub(crate) fn act(cell: Cell, world: &World<'_>, above: Above, hands: Hands<'_>) -> Seen {
    let Above { built, companion, sibling, canceler } = above;
    let probes = hands.probes.clone();
    let seen =
        |sight, result| Seen { end: End::Gone, sight: Some(sight), source: None, result, sibling: sibling.clone() };
    let result_of = |built: &Built| match built {
        Built::Promise(promise) => Some(kind(&promise.outcome().unwrap_or_else(fine))),
        _ => None,
    };
    let failure = || Error::new(ErrorKind::Unimplemented, "the other reason");
    let other = companion.clone();
    let canceled = match cell.way {
        Way::Early => {
            let sight = look(&probes, other.as_ref(), built.cancel());
            seen(sight, result_of(&built))
        }
        Way::Elsewhere => {
            let (built, sight) = elsewhere(move || {
                let said = built.cancel();
                (built, look(&probes, other.as_ref(), said))
            });
            seen(sight, result_of(&built))
        }
        Way::OnLoop => {
            let (built, sight) = world.on_acting_loop(cell, move || {
                let said = built.cancel();
                (built, look(&probes, other.as_ref(), said))
            });
            seen(sight, result_of(&built))
        }
        Way::DropElsewhere => {
            let sight = elsewhere(move || {
                drop(built);
                look(&probes, other.as_ref(), None)
            });
            seen(sight, None)
        }
        Way::DropOnLoop => {
            let sight = world.on_acting_loop(cell, move || {
                drop(built);
                look(&probes, other.as_ref(), None)
            });
            seen(sight, None)
        }
        Way::Awaited => {
            let (result, sight) = awaited(cell, world, built, &probes, other);
            seen(sight, Some(result))
        }
        Way::Running => {
            let (built, sight) = running(world, built, &probes, other);
            seen(sight, result_of(&built))
        }
        Way::Own => {
            let (built, sight) = own(world, built, &probes, other);
            seen(sight, result_of(&built))
        }
        Way::Timeout | Way::Race | Way::All | Way::Canceler => {
            let Built::Promise(promise) = built else { panic!("left out by the rules") };
            let result = from_above(cell.way, world, promise, &failure());
            seen(look(&probes, other.as_ref(), None), Some(kind(&result)))
        }
        _ if cell.ends_below() => return from_below(cell, world, Above { built, companion, sibling, canceler }, hands),
        Way::Shutdown => {
            world.shut_down(world.above());
            let result = match &built {
                Built::Promise(promise) => Some(kind(&world.outcome(promise))),
                _ => None,
            };
            drop(built);
            seen(look(&probes, other.as_ref(), None), result)
        }
        Way::ShutdownAwaited => {
            let promise = built.awaitable().expect("left out by the rules");
            let begun = Gate::default();
            let open = begun.clone();
            let waiter = std::thread::spawn(move || {
                open.open();
                promise.wait(None).unwrap_or_else(Err)
            });
            begun.pass();
            world.shut_down(world.above());
            assert!(soon(|| waiter.is_finished()), "the await does not end");
            let result = waiter.join().expect("it does not panic");
            drop(built);
            seen(look(&probes, other.as_ref(), None), Some(kind(&result)))
        }
        Way::Unseen | Way::UnseenOnLoop => {
            return unseen(cell, world, Above { built, companion, sibling, canceler }, hands);
        }
        Way::Crossed => {
            return crossed(cell, world, Above { built, companion, sibling, canceler }, hands);
        }
        Way::Input | Way::Peer | Way::Close | Way::Settled => {
            return from_below(cell, world, Above { built, companion, sibling, canceler }, hands);
        }
    };
    if let Some(canceler) = &canceler {
        assert!(cell.way == Way::Shutdown || canceler.is_empty(), "the canceler has not let go");
    }
    canceled
}

/// A thread awaits what another cancels.
fn awaited(
    cell: Cell,
    world: &World<'_>,
    built: Built,
    probes: &Probes,
    companion: Option<Arc<Fulfiller>>,
) -> (Option<ErrorKind>, Sight) {
    let promise = built.awaitable().expect("left out by the rules");
    let begun = Gate::default();
    let (open, pass, probes) = (begun.clone(), begun, probes.clone());
    let cancel = move || {
        pass.pass();
        let said = built.cancel();
        look(&probes, companion.as_ref(), said)
    };
    let wait = move || {
        open.open();
        promise.wait(Some(kjasync::runtime::clock::after(PATIENCE.as_nanos() as u64))).unwrap_or_else(Err)
    };
    if cell.loops.above() == Loop::Scope {
        let canceling = std::thread::spawn(cancel);
        let result = wait();
        return (kind(&result), canceling.join().expect("it does not panic"));
    }
    let _ = world;
    let waiting = std::thread::spawn(wait);
    let sight = cancel();
    (kind(&waiting.join().expect("it does not panic")), sight)
}

/// Another thread cancels while the source's callback is at its work.
fn running(world: &World<'_>, built: Built, probes: &Probes, companion: Option<Arc<Fulfiller>>) -> (Built, Sight) {
    let soon = Gate::default();
    let (about, go_on) = (soon.clone(), probes.go_on.clone());
    let mine = probes.clone();
    let canceling = std::thread::spawn(move || {
        mine.begun.pass();
        about.open();
        let said = built.cancel();
        (built, look(&mine, companion.as_ref(), said))
    });
    let opening = std::thread::spawn(move || {
        soon.pass();
        // Gives the cancel the time to come; what is checked holds either way.
        (0..20).for_each(|_| std::thread::yield_now());
        go_on.open();
    });
    world.quiet();
    opening.join().expect("it does not panic");
    canceling.join().expect("it does not panic")
}

/// The source's callback cancels what is above it.
fn own(world: &World<'_>, built: Built, probes: &Probes, companion: Option<Arc<Fulfiller>>) -> (Built, Sight) {
    let result = Arc::new(Mutex::new(None));
    let (slot, mine) = (result.clone(), probes.clone());
    *probes.own.lock().unwrap() = Some(Box::new(move || {
        let said = built.cancel();
        mine.return_now();
        *slot.lock().unwrap() = Some((built, said));
    }));
    probes.go_on.open();
    assert!(soon(|| {
        world.quiet();
        result.lock().unwrap().is_some()
    }));
    world.quiet();
    let (built, said) = result.lock().unwrap().take().expect("the callback has run");
    (built, look(probes, companion.as_ref(), said))
}

/// Something above it ends it; the outcome of that.
fn from_above(way: Way, world: &World<'_>, promise: Promise, failure: &Error) -> Outcome {
    let runtime = world.above();
    if way == Way::Canceler {
        let canceler = Canceler::new(runtime).expect("a live runtime");
        let wrapped = canceler.wrap(&promise);
        drop(promise);
        canceler.cancel(failure);
        return wrapped.outcome().expect("it has settled");
    }
    if way == Way::Timeout {
        let bounded = promise.timeout(HOUR / 2);
        drop(promise);
        runtime.advance(HOUR / 2).expect("virtual time");
        return world.outcome(&bounded);
    }
    let (fulfiller, other) = runtime.fulfiller().expect("a live runtime");
    let (inputs, end) = ([promise, other], if way == Way::Race { fine() } else { Err(failure.clone()) });
    let both = if way == Way::Race { Promise::race } else { Promise::all };
    let both = both(runtime, &inputs).expect("two promises");
    drop(inputs);
    elsewhere(move || assert!(fulfiller.settle(end), "in time"));
    world.outcome(&both)
}

/// It settles, and is dropped before anybody has learned of it.
fn unseen(cell: Cell, world: &World<'_>, above: Above, hands: Hands<'_>) -> Seen {
    let Above { built, companion, sibling, canceler } = above;
    (hands.settle)(world);
    assert!(soon(|| {
        world.quiet();
        hands.probes.finally.get() == 1
    }));
    if let Some(companion) = companion
        && waits_for_companion(cell.combinator, false)
    {
        elsewhere(move || assert!(companion.settle(fine()), "in time"));
        world.quiet();
    }
    let holders = (built, sibling, canceler);
    if cell.way == Way::UnseenOnLoop {
        world.on_acting_loop(cell, move || drop(holders));
    } else {
        elsewhere(move || drop(holders));
    }
    Seen { end: unclaimed(cell), sight: None, source: None, result: None, sibling: None }
}

/// What becomes of a value of which nobody has learned but what is built on it.
fn unclaimed(cell: Cell) -> End {
    use Combinator::{All, Join, TaskSet, Then};
    let claimed = matches!(cell.combinator, Then | TaskSet | All | Join);
    if comes_back(cell.source) && !claimed { End::Back } else { End::Value }
}

/// It settles as a timeout above it passes. Nothing decides who is first; either way nothing is lost.
fn crossed(cell: Cell, world: &World<'_>, above: Above, hands: Hands<'_>) -> Seen {
    static ORDER: AtomicUsize = AtomicUsize::new(0);
    let Above { built, companion, sibling, canceler } = above;
    let Built::Promise(promise) = built else { panic!("left out by the rules") };
    let bounded = promise.timeout(HOUR / 2);
    drop(promise);
    let begun = Gate::default();
    let open = begun.clone();
    let waiting = std::thread::spawn(move || {
        open.open();
        bounded.wait(Some(kjasync::runtime::clock::after(PATIENCE.as_nanos() as u64))).unwrap_or_else(Err)
    });
    begun.pass();
    let pass = || world.above().advance(HOUR / 2).expect("virtual time");
    if ORDER.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        (hands.settle)(world);
        pass();
    } else {
        pass();
        (hands.settle)(world);
    }
    let result = waiting.join().expect("it does not panic");
    drop((companion, sibling, canceler));
    world.quiet();
    let told = cell.combinator == Combinator::Then && !hands.probes.told.lock().unwrap().is_empty();
    let end = match unclaimed(Cell { combinator: Combinator::None, ..cell }) {
        End::Back if result.is_err() && !told => End::Back,
        _ => End::Value,
    };
    Seen { end, sight: None, source: None, result: Some(kind(&result)), sibling: None }
}

/// The operation ends by itself, or is cancelled below everything else.
fn from_below(cell: Cell, world: &World<'_>, above: Above, hands: Hands<'_>) -> Seen {
    let Hands { input, settle, peer, close, probes } = hands;
    let mut waiter = None;
    let (end, source) = match cell.way {
        Way::Input => {
            let input = input.expect("it was kept");
            let said = elsewhere(move || input.cancel());
            assert_eq!(said, Canceled::Gone, "the input was pending");
            (End::Gone, Some(ErrorKind::Canceled))
        }
        Way::Peer => {
            let (peer, kind) = peer.expect("left out by the rules");
            peer(world);
            (End::Peer, kind)
        }
        Way::Close => {
            let (close, kind) = close.expect("left out by the rules");
            close(world);
            (End::Closed, kind)
        }
        Way::Shutdown => {
            world.shut_down(&world.runtime);
            (End::Gone, Some(ErrorKind::Shutdown))
        }
        Way::ShutdownAwaited => {
            let promise = above.built.awaitable().expect("left out by the rules");
            let begun = Gate::default();
            let open = begun.clone();
            waiter = Some(std::thread::spawn(move || {
                open.open();
                promise.wait(Some(kjasync::runtime::clock::after(PATIENCE.as_nanos() as u64))).unwrap_or_else(Err)
            }));
            begun.pass();
            world.shut_down(&world.runtime);
            (End::Gone, Some(ErrorKind::Shutdown))
        }
        _ => {
            settle(world);
            // Of what is detached nobody learns.
            let detached = cell.combinator == Combinator::Detach;
            (if detached { unclaimed(cell) } else { End::Value }, None)
        }
    };
    if let Some(companion) = above.companion.clone()
        && waits_for_companion(cell.combinator, source.is_some())
    {
        // The other input comes second.
        assert!(soon(|| {
            world.quiet();
            probes.finally.get() == 1
        }));
        elsewhere(move || assert!(companion.settle(fine()), "in time"));
    }
    let waited = waiter.map(|waiter| waiter.join().expect("it does not panic"));
    let result = match &above.built {
        Built::Promise(promise) => {
            let result = world.outcome(promise);
            assert!(waited.is_none_or(|waited| kind(&waited) == kind(&result)), "who waited has seen something else");
            let said = promise.cancel();
            assert_eq!(said, Canceled::TooLate, "it has settled");
            let again = promise.outcome().expect("it stays settled");
            assert_eq!(kind(&again), kind(&result), "it stays as it was");
            Some(kind(&result))
        }
        Built::Set(tasks) => {
            let empty = tasks.on_empty().expect("nobody else waits");
            world.outcome(&empty).expect("it ends");
            assert!(tasks.is_empty());
            None
        }
        Built::Detached(runtime) => {
            assert!(soon(|| {
                world.quiet();
                probes.finally.get() == 1 && runtime.stats().detached == 0
            }));
            None
        }
    };
    let Above { built, companion, sibling, canceler } = above;
    assert!(companion.is_none_or(|companion| !companion.is_waiting()), "the other input is held");
    assert!(canceler.is_none_or(|canceler| canceler.is_empty()), "the canceler has not let go");
    if let Some(sibling) = &sibling {
        assert_eq!(kind(&world.outcome(sibling)), result.flatten(), "the other branch");
    }
    drop((built, sibling));
    Seen { end, sight: None, source, result, sibling: None }
}
