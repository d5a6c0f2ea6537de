//! The loop's body: one tokio task that polls what is ready, fires timers, and looks before it sleeps.

use super::budget::Budget;
use super::clock::{self, Clock};
use super::on_loop::Order;
use super::queue::Rest;
use super::{Shared, on_loop};
use crate::trim::Trim;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

pub(super) async fn pump(runtime: Arc<Shared>) {
    let mut older = VecDeque::new();
    let mut due = Vec::new();
    let mut look = Look::new(runtime.look_nanos);
    let mut armed = None;
    let mut budget = Budget::new(runtime.turns_per_look, &runtime.clock);
    let mut order = Order::new();
    // Whether the sockets had nothing since the last turn.
    let mut looked = false;
    loop {
        if runtime.held.load(Ordering::Acquire) {
            tokio::task::yield_now().await;
            continue;
        }
        runtime.fire_timers(&mut due);
        if runtime.queue.take(&mut older) {
            look.called();
        }
        let before = budget.spent();
        let mut spent = false;
        order.look();
        while !spent && let Some(cell) = order.pop(&mut older) {
            on_loop::poll(&runtime, &cell);
            budget.spend();
            spent = budget.is_spent();
        }
        let turns = budget.spent() - before;
        order.stop(spent);
        count(&runtime.turns, turns as u64);
        if spent {
            // Who drives the loop may leave it here: what is next has to be where a turn by hand and another drive find it.
            runtime.queue.return_taken(&mut older);
            tokio::task::yield_now().await;
            budget.renew();
            continue;
        }
        if turns > 0 {
            looked = false;
            continue;
        }
        older.trim();
        match runtime.queue.take_rest(&mut older) {
            Rest::Last => continue,
            Rest::Stopping => return,
            Rest::Idle => {
                budget.rest();
                if looked {
                    runtime.queue.take_idle(&mut older);
                } else {
                    tokio::task::yield_now().await;
                }
                looked = !looked;
                continue;
            }
            Rest::Nothing => budget.rest(),
        }
        if look.worthwhile() {
            std::thread::yield_now();
            tokio::task::yield_now().await;
            continue;
        }
        armed = sleep(&runtime, armed).await;
        count(&runtime.wake_ups, 1);
        look.woke();
    }
}

/// Adds to a counter that only the loop writes.
fn count(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// Sleeps until something is pushed or the earliest timer is due. Returns when it was going to wake.
async fn sleep(runtime: &Arc<Shared>, armed: Option<u64>) -> Option<u64> {
    let armed = runtime.timers.arm(armed, &runtime.clock);
    let pause = runtime.pauses.as_ref().and_then(|pauses| pauses.arm(None, &Clock::Monotonic));
    // A virtual clock does not move while the loop sleeps: whoever moves it wakes the loop.
    let timed = if runtime.clock.is_virtual() { pause } else { armed };
    let sleep = timed.map(|at| tokio::time::sleep(Duration::from_nanos(at.saturating_sub(clock::now()))));
    let mut sleep = std::pin::pin!(sleep);
    let mut asleep = false;
    poll_fn(|cx| {
        if asleep || !runtime.queue.sleep(cx.waker()) {
            return Poll::Ready(());
        }
        asleep = true;
        let late = runtime.timers.has_earlier_than(armed) || armed.is_some_and(|at| at <= runtime.clock.now());
        if late || runtime.pauses.as_ref().is_some_and(|pauses| pauses.has_earlier_than(pause)) {
            return Poll::Ready(());
        }
        poll_sleep(sleep.as_mut(), cx)
    })
    .await;
    runtime.queue.awake();
    runtime.timers.disarm();
    runtime.pauses.iter().for_each(|pauses| pauses.disarm());
    armed
}

fn poll_sleep(sleep: Pin<&mut Option<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
    sleep.as_pin_mut().map_or(Poll::Pending, |sleep| sleep.poll(cx))
}

/// Whether to look for calls of other threads for a while before sleeping.
///
/// A look that finds nothing halves the number of looks to come; a call that arrives soon after the loop
/// fell asleep, so that a look would have caught it, brings all of them back.
struct Look {
    nanos: u64,
    credit: u32,
    until: Option<u64>,
    /// When it fell asleep, while calls of other threads come at all.
    slept_at: Option<u64>,
    /// How many more times to note that.
    noted: u32,
}

const FULL_CREDIT: u32 = 8;

/// How many times without a call the loop notes when it fell asleep: one that is never called need not look at the clock.
const NOTES: u32 = 64;

impl Look {
    fn new(nanos: u64) -> Self {
        Self { nanos, credit: 0, until: None, slept_at: None, noted: NOTES }
    }

    /// A call came from another thread.
    fn called(&mut self) {
        if self.nanos == 0 {
            return;
        }
        let soon = |slept_at| clock::now().saturating_sub(slept_at) < 4 * self.nanos;
        if self.until.is_some() || self.slept_at.is_some_and(soon) {
            self.credit = FULL_CREDIT;
        }
        self.until = None;
        self.noted = NOTES;
    }

    fn worthwhile(&mut self) -> bool {
        if self.credit == 0 {
            self.noted = self.noted.saturating_sub(1);
            self.slept_at = (self.noted > 0).then(clock::now);
            return false;
        }
        let now = clock::now();
        match self.until {
            None => self.until = Some(now + self.nanos),
            Some(until) if now < until => {}
            Some(_) => {
                self.until = None;
                self.credit /= 2;
                self.slept_at = Some(now);
                return false;
            }
        }
        true
    }

    fn woke(&mut self) {
        self.until = None;
    }
}
