//! One cell: builds it, ends it, and compares what was seen with what is promised.

use crate::combinators::{build, callbacks};
use crate::probes::Probes;
use crate::rules::{Cell, Combinator, Side, Source, Way};
use crate::sources::{End, prepare};
use crate::ways::{Hands, Seen, Sight, act};
use crate::world::{Net, World, soon};
use kjasync::ErrorKind;
use kjasync::promise::{Canceled, When};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is wrong with a cell.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, got: T, wanted: T) {
        self.expect(got == wanted, || format!("{what}: {got:?}, not {wanted:?}"));
    }
}

/// Runs a cell in `world`, or in one of its own if it ends its runtime. Returns what is wrong.
pub(crate) fn run(cell: Cell, net: &Net, world: &World<'_>) -> Vec<String> {
    let mut faults = Faults::default();
    let done = catch_unwind(AssertUnwindSafe(|| {
        if cell.ends_runtime() {
            let world = World::new(cell.loops, net);
            inside(cell, &world, &mut faults);
        } else {
            inside(cell, world, &mut faults);
        }
    }));
    if let Err(panic) = done {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        faults.0.push(format!("panicked: {}", text.unwrap_or_default()));
    }
    faults.0
}

fn inside(cell: Cell, world: &World<'_>, faults: &mut Faults) {
    let Cell { source, combinator, way, .. } = cell;
    let ends_runtime = cell.ends_runtime();
    // Of two loops the other one goes on, with what the operation worked on if it is that one's.
    let goes_on = !ends_runtime || cell.loops.is_two() && !cell.ends_below();
    let before = world.figures();
    let probes = Probes::default();
    let start = prepare(source, way, world, &probes);
    let hold = (way == Way::Early).then(|| world.hold());
    let operation = start(world);
    let running = matches!(way, Way::Running | Way::Own);
    let settles = matches!(way, Way::Settled | Way::Peer) || way.is_unseen();
    if source != Source::Connect || !settles {
        faults.expect(operation.promise.outcome().is_none(), || "the operation is not pending".to_owned());
    }
    probes.watch(operation.over);
    let watched = operation.promise.attach(probes.attachment());
    let own = probes.clone();
    let above = world.build(move |runtime| {
        let guarded = watched.then(When::Finally, own.finally());
        drop(watched);
        build(combinator, runtime, &own, guarded)
    });
    if way != Way::Early && !running && !settles {
        // Everything has been polled by the loop, and waits.
        world.quiet();
        faults.equal("freed while pending", probes.gone.get() + probes.finally.get() + probes.freed.get(), 0);
    }
    let hands = Hands {
        input: (way == Way::Input).then(|| operation.promise.clone()),
        settle: operation.settle,
        peer: operation.peer,
        close: operation.close,
        probes: &probes,
    };
    drop(operation.promise);
    let mut seen = act(cell, world, above, hands);
    check_result(cell, &seen, faults);
    if let Some(sight) = seen.sight {
        check_sight(cell, &sight, faults);
    }
    if let Some(sibling) = seen.sibling.take() {
        check_sibling(cell, world, sibling, &probes, faults);
    }
    drop(hold);
    world.quiet();
    check_counts(cell, &seen, &probes, faults);
    if goes_on {
        if let Err(fault) = (operation.after)(world, seen.end) {
            faults.0.push(fault);
        }
        world.quiet();
    } else {
        drop(operation.after);
    }
    faults.equal("callbacks that began afterwards", probes.late.get(), 0);
    faults.equal("values left", probes.values_made.get() - probes.values_freed.get(), 0);
    // It knows what the operation worked on.
    drop(probes);
    if ends_runtime {
        let none = soon(|| world.left() == [0; 3]);
        faults.expect(none, || format!("promises, detached and timers left: {:?}", world.left()));
    } else {
        // What was told of something after it had settled is still in the queue, which only a turn of a wait scope looks at.
        let back = soon(|| {
            world.quiet();
            world.figures() == before
        });
        faults.expect(back, || format!("figures: {:?}, not {before:?}", world.figures()));
    }
}

/// Whether the loser, or the rest, ends without a word from below.
fn from_above(cell: Cell) -> bool {
    !cell.ends_below()
        && !matches!(cell.way, Way::Input | Way::Peer | Way::Close | Way::Settled | Way::Unseen | Way::UnseenOnLoop)
}

/// The outcome that is documented for what was built.
fn check_result(cell: Cell, seen: &Seen, faults: &mut Faults) {
    let Cell { source, combinator, way, .. } = cell;
    let below = match (way, source) {
        (Way::Shutdown | Way::ShutdownAwaited, _) => Some(ErrorKind::Shutdown),
        (Way::Input, _) | (Way::Close, Source::Read | Source::ReadEach | Source::Write | Source::QueuedWrite) => {
            Some(ErrorKind::Canceled)
        }
        (Way::Close, Source::Accept | Source::CarriedAccept | Source::WrappedAccept | Source::Remote) => {
            Some(ErrorKind::Canceled)
        }
        (Way::Close, Source::CarriedConnect | Source::Handshake | Source::Signal) => Some(ErrorKind::Canceled),
        (Way::Close, Source::CompressedRead | Source::CompressedWrite) => Some(ErrorKind::Canceled),
        (Way::Close, Source::TlsHandshake | Source::TlsRead) => Some(ErrorKind::Canceled),
        (Way::Close, Source::LayeredRead | Source::LayeredWrite | Source::LayeredShutdown) => Some(ErrorKind::Canceled),
        (Way::Close, Source::HttpMessage | Source::ProvidedRead | Source::ProvidedWrite) => Some(ErrorKind::Canceled),
        (Way::Close, Source::SocketReceive | Source::SocketSend | Source::SocketQueuedSend) => {
            Some(ErrorKind::Canceled)
        }
        (Way::Close, _) => Some(ErrorKind::Disconnected),
        (
            Way::Peer,
            Source::Read
            | Source::ReadEach
            | Source::LayeredRead
            | Source::ProvidedRead
            | Source::CompressedRead
            | Source::TlsRead,
        ) => None,
        (Way::Peer, Source::LayeredWrite | Source::LayeredShutdown) => Some(ErrorKind::Unimplemented),
        (Way::Peer, Source::Fulfiller) => Some(ErrorKind::Failed),
        (Way::Peer, Source::Pop) => Some(ErrorKind::Overloaded),
        (Way::Peer, _) => Some(ErrorKind::Disconnected),
        _ => None,
    };
    let wanted = match way {
        Way::DropElsewhere | Way::DropOnLoop | Way::Unseen | Way::UnseenOnLoop => None,
        Way::Crossed if seen.result == Some(None) => Some(None),
        // Of a task set the waiter learns that it is empty.
        Way::Awaited if combinator == Combinator::TaskSet => Some(None),
        Way::Early | Way::Elsewhere | Way::OnLoop | Way::Awaited | Way::Running | Way::Own => {
            Some(Some(ErrorKind::Canceled))
        }
        Way::Timeout | Way::Crossed => Some(Some(ErrorKind::TimedOut)),
        Way::Race => Some(None),
        Way::All | Way::Canceler => Some(Some(ErrorKind::Unimplemented)),
        Way::Shutdown | Way::ShutdownAwaited if !cell.ends_below() => Some(below),
        _ if combinator == Combinator::Any => Some(None),
        Way::Input | Way::Peer | Way::Close | Way::Settled | Way::Shutdown | Way::ShutdownAwaited => Some(below),
    };
    let no_result = matches!(combinator, Combinator::TaskSet | Combinator::Detach);
    if no_result && seen.result.is_none() {
        return;
    }
    if way == Way::Running && seen.sight.is_some_and(|sight| sight.said == Some(Canceled::TooLate)) {
        // The callback was quicker.
        return faults.equal("the result", seen.result, Some(None));
    }
    faults.equal("the result", seen.result, wanted);
}

/// What holds the moment a cancel has returned, or its result is known.
fn check_sight(cell: Cell, sight: &Sight, faults: &mut Faults) {
    let Cell { source, combinator, way, .. } = cell;
    // With another branch it goes on, and may end by itself or with its loop.
    let stays = combinator == Combinator::Branch;
    let ends = matches!(way, Way::Shutdown | Way::ShutdownAwaited | Way::Running | Way::Own);
    if !(stays && ends) {
        faults.equal("attachments freed at once", sight.gone, usize::from(!stays));
        // A place in a line tells nobody that it is there; whether it is left, `after` finds out.
        let tells = !matches!(
            source,
            Source::Accept | Source::CarriedAccept | Source::WrappedAccept | Source::Pop | Source::Acquire
        );
        faults.equal("the operation is over at once", sight.over, !(stays && tells));
    }
    faults.equal("the other input is held", sight.companion, false);
    if !stays {
        faults.equal("a callback that had begun has ended", sight.ended, true);
    }
    if !matches!(combinator, Combinator::Finally | Combinator::TaskSet) {
        faults.equal("closures and attachments left", sight.left, 0);
    }
    if matches!(way, Way::OnLoop | Way::DropOnLoop) && cell.side == Side::Above && !stays {
        faults.equal("on the loop the finally has run at once", sight.finally, 1);
    }
    if let Some(said) = sight.said {
        let wanted = if way == Way::Running && said == Canceled::TooLate { said } else { Canceled::Gone };
        faults.equal("what the cancel said", said, wanted);
    }
}

/// The other branch is where it was, and ends as a promise does.
fn check_sibling(
    cell: Cell,
    world: &World<'_>,
    sibling: kjasync::promise::Promise,
    probes: &Probes,
    faults: &mut Faults,
) {
    match cell.way {
        Way::Running | Way::Own => {
            faults.expect(world.outcome(&sibling).is_ok(), || "the other branch has no value".to_owned());
        }
        Way::Shutdown | Way::ShutdownAwaited => {
            let kind = world.outcome(&sibling).err().map(|error| error.kind());
            faults.equal("the other branch", kind, Some(ErrorKind::Shutdown));
        }
        _ => {
            faults.expect(sibling.outcome().is_none(), || "the other branch has ended".to_owned());
            faults.equal("the finally of what goes on", probes.finally.get(), 0);
        }
    }
    drop(sibling);
    faults.equal("the operation goes with its last branch", (probes.gone.get(), probes.is_over()), (1, true));
}

/// What has to have happened by the time that the loop has nothing left to do.
fn check_counts(cell: Cell, seen: &Seen, probes: &Probes, faults: &mut Faults) {
    let Cell { combinator, way, .. } = cell;
    faults.equal("the operation's attachment was freed", probes.gone.get(), 1);
    if !matches!(seen.end, End::Value | End::Back) {
        faults.equal("it was freed before the operation was over", probes.gone_early.get(), 0);
    }
    faults.equal("the finally ran", probes.finally.get(), 1);
    faults.equal("the finally was freed", probes.finally_freed.get(), 1);
    faults.equal("the finally ran before what is below it was freed", probes.finally_early.get(), 0);
    faults.equal("closures and attachments freed", probes.freed.get(), probes.made.get());
    let told = probes.told.lock().unwrap().clone();
    let wanted = if from_above(cell) {
        usize::from(combinator == Combinator::Finally)
    } else {
        callbacks(combinator, seen.source.is_some())
    };
    if matches!(way, Way::Running | Way::Crossed) && told.len() != wanted {
        // It may have begun before the cancel.
        faults.expect(told.len() < 2, || format!("callbacks that ran: {told:?}"));
        return;
    }
    faults.expect(told.len() == wanted, || format!("callbacks that ran: {told:?}, not {wanted}"));
}
