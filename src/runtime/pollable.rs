//! One descriptor that is readable when a wait scope has something to do, for hosts with a loop of their own. (UNIX-15, UNIX-16)

use super::Shared;
use crate::error::Error;
use crate::os::sys::loop_descriptor;
pub(super) use crate::os::sys::{Alarm, Bell};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Makes the descriptor, and has the queue and the timers of the runtime tell it what they have.
pub(super) fn open(runtime: &Arc<Shared>) -> Result<OwnedFd, Error> {
    let (all, alarm, bell) = loop_descriptor(&runtime.tokio()?)?;
    // Virtual time does not pass by itself; what waits for the system does all the same.
    runtime.pauses.as_ref().unwrap_or(&runtime.timers).set_alarm(Some(alarm));
    runtime.queue.set_bell(Some(bell));
    Ok(all)
}

/// Takes all of it away.
pub(super) fn close(runtime: &Shared) {
    runtime.queue.set_bell(None);
    for timers in [Some(&runtime.timers), runtime.pauses.as_ref()].into_iter().flatten() {
        timers.set_alarm(None);
    }
}
