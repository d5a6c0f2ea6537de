//! Sources that the system tells of: signals.

use crate::sources::{End, Operation, ensure, step};
use crate::world::World;
use kjasync::signal::{Signal, SignalInfo};
use kjasync::{Error, ErrorKind};
use std::sync::Arc;

const NUMBER: i32 = libc::SIGUSR1;

/// To this thread, which has handled it when the call returns.
fn raise() {
    // SAFETY: a number only; whoever calls this subscribes to the signal.
    assert_eq!(unsafe { libc::raise(NUMBER) }, 0);
}

pub(crate) fn signal(world: &World<'_>) -> Operation {
    let signal = Signal::new(&world.runtime, &[NUMBER]).expect("a live runtime");
    let closing = signal.clone();
    Operation {
        promise: signal.next().expect("it starts"),
        over: Arc::new(|| true),
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
