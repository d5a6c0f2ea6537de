//! A runtime without sockets, whose loop is a thread of a model.

use super::on_loop::OnLoop;
use super::{Executor, Options, Parker, Shared, pump, shutdown};
use crate::object::Owner;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

/// One whose time does not move by itself and which never looks before it sleeps.
pub(crate) fn new() -> Arc<Shared> {
    with_handles(Options::default().end_handles)
}

/// One whose objects have handles, which `end_handles` ends.
pub(crate) fn with_handles(end_handles: fn(&Owner, u64)) -> Arc<Shared> {
    Shared::new(&mut Options { virtual_time: true, look_nanos: 0, end_handles, ..Options::default() }, None)
}

pub(crate) fn executor(shared: &Arc<Shared>) -> Executor {
    Executor(shared.clone())
}

/// What the loop's thread does, from its first turn until a shutdown has ended it.
pub(crate) fn turn(shared: &Arc<Shared>) {
    let entered = OnLoop::enter(shared);
    let parker = Parker::new();
    let waker = Waker::from(parker.clone());
    let mut pump = pin!(pump::pump(shared.clone()));
    while pump.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        parker.park(None);
    }
    shutdown::finish_queue(shared);
    drop(entered);
}

/// What `kja_runtime_shutdown` does before it joins the loop's thread.
pub(crate) fn shut_down(shared: &Arc<Shared>) {
    shutdown::close(shared, u64::MAX);
}

/// Moves its time on, as `advance` does.
pub(crate) fn advance_to(shared: &Shared, time: u64) {
    shared.clock.advance_to(time);
    shared.queue.wake_surely();
}

/// How many timers it has.
pub(crate) fn timers(shared: &Shared) -> usize {
    shared.timers.len()
}

/// Falls asleep as the loop does, unless it knows of the timer that is due at `deadline`; for as long as none
/// is earlier than the first that it knows.
pub(crate) fn sleep_until_known(shared: &Shared, deadline: u64) -> Option<u64> {
    let parker = Parker::new();
    let armed = shared.timers.arm(None, &shared.clock);
    if armed != Some(deadline)
        && shared.queue.sleep(&Waker::from(parker.clone()))
        && !shared.timers.has_earlier_than(armed)
    {
        parker.park(None);
    }
    shared.queue.awake();
    shared.timers.disarm();
    shared.timers.first()
}
