//! Sources that the system tells of: signals, the ends of children, readiness.

use crate::alone::descriptors;
use crate::probes::Over;
use crate::sources::{End, Operation, ensure, step};
use crate::world::{World, holders};
use kjasync::process::{Command, Standard, Stdio};
use kjasync::signal::{Signal, SignalInfo};
use kjasync::stream::{FdObserver, Readiness};
use kjasync::{Error, ErrorKind, Value};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

const NUMBER: i32 = libc::SIGUSR1;

/// To this thread, which has handled it when the call returns.
fn raise() {
    // SAFETY: a number only; whoever calls this subscribes to the signal.
    assert_eq!(unsafe { libc::raise(NUMBER) }, 0);
}

/// A wait holds what it waits for.
fn held_by_at_most<T: Send + Sync + 'static>(this: &Arc<T>, most: usize) -> Over {
    let this = Arc::downgrade(this);
    Arc::new(move || holders(&this) <= most)
}

pub(crate) fn signal(world: &World<'_>) -> Operation {
    let signal = Signal::new(&world.runtime, &[NUMBER]).expect("a live runtime");
    let closing = signal.clone();
    Operation {
        promise: signal.next().expect("it starts"),
        // The two are held here.
        over: held_by_at_most(&signal, 2),
        settle: step(|_| raise()),
        peer: None,
        close: Some((step(move |_| closing.close()), Some(ErrorKind::Canceled))),
        after: Box::new(move |world, end| {
            let next = || -> Result<i32, Error> {
                let came = signal.next().and_then(|next| world.outcome(&next))?;
                Ok(came.into_object::<SignalInfo>().map_or(0, |info| info.number()))
            };
            if end == End::Closed {
                return ensure(next().is_err_and(|error| error.kind() == ErrorKind::Canceled), "it is not closed");
            }
            if end != End::Back {
                raise();
            }
            ensure(matches!(next(), Ok(NUMBER)), "no signal afterwards")?;
            let none = signal.next().map_err(|error| error.to_string())?;
            world.quiet();
            ensure(none.outcome().is_none(), "more signals than were sent")
        }),
    }
}

/// A child that ends with its input, and is not dropped before.
pub(crate) fn exit(world: &World<'_>) -> Operation {
    let command = Command { stdin: Stdio::Pipe, stdout: Stdio::Null, ..Command::new("cat") };
    let process = command.spawn(&world.runtime).expect("it starts");
    let input = process.stream(Standard::Input).expect("a pipe").clone();
    let settle = input.clone();
    Operation {
        promise: process.wait().expect("it starts"),
        over: held_by_at_most(&process, 1),
        settle: step(move |_| settle.close()),
        peer: None,
        close: None,
        after: Box::new(move |world, _| {
            input.close();
            let ended = process.wait().and_then(|wait| world.outcome(&wait)).map_err(|error| error.to_string())?;
            ensure(matches!(ended, Value::U64(0)), "it has not ended well")?;
            ensure(process.pid().is_none(), "its exit was not taken")
        }),
    }
}

/// A socket in which there is nothing to read yet.
pub(crate) fn readiness(world: &World<'_>) -> Operation {
    let before = descriptors();
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    let observer = FdObserver::new(&world.runtime, OwnedFd::from(ours)).expect("a socket");
    let write = move |mut socket: &UnixStream| socket.write_all(b"x").expect("room");
    let theirs = Arc::new(theirs);
    let settle = theirs.clone();
    Operation {
        promise: observer.when(Readiness::Readable).expect("it starts"),
        over: held_by_at_most(&observer, 1),
        settle: step(move |_| write(&settle)),
        peer: None,
        close: None,
        after: Box::new(move |world, _| {
            write(&theirs);
            let again = observer.when(Readiness::Readable).and_then(|again| world.outcome(&again));
            again.map_err(|error| format!("waiting again: {error}"))?;
            drop((observer, theirs));
            world.quiet();
            ensure(descriptors() <= before, "a descriptor is left")
        }),
    }
}
