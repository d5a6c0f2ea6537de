//! The promise cell: one operation, from its start until its last holder lets go.
//!
//! # States
//!
//! | phase | the source (what will produce the outcome) is | who may act |
//! | --- | --- | --- |
//! | `Idle(source)` | in the cell | anyone: to poll it, or to take it out and drop it |
//! | `Parked(source)` | in the cell | only the thread that ends the runtime: to drop the source |
//! | `Polling { by }` | on the stack of thread `by` | only `by`; others leave a note: `again` or `cancel` |
//! | `Settled(outcome)` | dropped | anyone may read the outcome; it never changes |
//!
//! The lock protects the phase and the waiters. It is held for a few assignments only: polling, waking,
//! and dropping sources or values all happen outside, because they may run foreign code, which may come
//! back to this very cell.
//!
//! # Why this is sound
//!
//! * *Settles once.* Only two transitions lead to `Settled`: from `Polling`, by the thread `by`, and from
//!   `Idle(Outside)`, under the lock. Nothing leads out of it.
//! * *Cancel means gone.* `cancel` finds `Idle` and drops the source itself, or finds `Polling` and waits until
//!   `by` has seen the note, dropped the source and settled. If `by` is the calling thread, the call
//!   comes from inside the operation's own poll, which acts on the note as soon as that returns. Only the loop
//!   thread runs callbacks, so a wait for any other thread is a wait for a few system calls, or for what that
//!   one waits for in its turn. Two polls that cancel each other would wait for ever: the second to come
//!   leaves its note and goes on (`Waits`).
//! * *No lost wake-up.* A wake that finds `Polling` becomes `again`, read under the lock before the phase
//!   goes back to `Idle`. A wake that finds a driving thread unparks it under the lock; a driver polls once after
//!   it is installed, takes itself out under the lock, and then hands what it has not looked at to the loop.
//! * *Chains do not recurse.* Dropping a source may abandon another cell; that one is put on a list which
//!   the outermost abandonment of this thread works off (`abandon`).
//! * *Nobody hears too early.* What has dropped others settles when all is over that this has set off (`aftermath`).

mod cancel;
mod end;

pub use cancel::Canceled;

use super::Watch;
use super::aftermath::{self, Aftermath, Part};
use super::source::{Source, Step};
use super::waiters::Waiters;
use super::waits::this_thread;
use crate::error::Error;
use crate::runtime::{Parker, Place, Shared, Status};
use crate::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use crate::sync::{Lock, MutexGuard};
use crate::value::{Outcome, Value};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

/// In the loop's queue, or about to be.
const SCHEDULED: u8 = 1;
/// A thread that awaits this cell polls it; see `State::driver`.
const DRIVEN: u8 = 2;
/// The phase is `Settled`.
const SETTLED: u8 = 4;
/// Held by the runtime's set of detached promises.
const DETACHED: u8 = 8;
/// Its turn is `Turn::Last`.
const LAST: u8 = 16;
/// Its turn is `Turn::Idle`.
const IDLE: u8 = 32;
/// A cancel is noted in the phase `Polling`.
const NOTED: u8 = 64;
/// The outcome is that of a cancel.
const CANCELED: u8 = 128;

/// When the loop gets to a cell that is scheduled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// In the order of the queue.
    Queued,
    /// Once the queue is empty.
    Last,
    /// Once the queue is empty and the system has nothing ready.
    Idle,
}

pub(crate) struct Cell {
    pub(crate) runtime: Arc<Shared>,
    /// Where it is among the roots of its runtime.
    pub(crate) place: Place,
    holders: AtomicU32,
    flags: AtomicU8,
    state: Lock<State>,
}

struct State {
    phase: Phase,
    waiters: Waiters,
    driver: Option<Arc<Parker>>,
}

enum Phase {
    Idle(Source),
    Parked(Source),
    Polling { by: usize, again: bool, cancel: Option<Noted> },
    Settled(Outcome),
}

/// A cancel of a cell that is being polled.
struct Noted {
    error: Error,
    /// Whose accounts it is on: what it sets off is a part of these.
    causes: Vec<Part>,
}

impl Cell {
    fn with_phase(runtime: Arc<Shared>, phase: Phase, flags: u8) -> Arc<Self> {
        let state = State { phase, waiters: Waiters::default(), driver: None };
        runtime.promises.fetch_add(1, Ordering::Relaxed);
        let (place, holders, flags) = (Place::nowhere(), AtomicU32::new(1), AtomicU8::new(flags));
        Arc::new(Self { runtime, place, holders, flags, state: Lock::new(state) })
    }

    pub(super) fn new(runtime: Arc<Shared>, source: Source) -> Arc<Self> {
        Self::with_phase(runtime, Phase::Idle(source), 0)
    }

    pub(super) fn with_turn(runtime: Arc<Shared>, source: Source, turn: Turn) -> Arc<Self> {
        let flags = match turn {
            Turn::Queued => 0,
            Turn::Last => LAST,
            Turn::Idle => IDLE,
        };
        Self::with_phase(runtime, Phase::Idle(source), flags)
    }

    /// One that is settled from outside.
    pub(super) fn outside(runtime: Arc<Shared>) -> Arc<Self> {
        let cell = Self::new(runtime, Source::Outside);
        if !cell.runtime.roots.add(&cell) {
            cell.settle_from_outside(Err(Error::shutdown()));
        }
        cell
    }

    pub(super) fn settled(runtime: Arc<Shared>, outcome: Outcome) -> Arc<Self> {
        Self::with_phase(runtime, Phase::Settled(outcome), SETTLED)
    }

    fn has(&self, flag: u8) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.has(SETTLED)
    }

    pub(crate) fn has_holders(&self) -> bool {
        self.holders.load(Ordering::Acquire) > 0
    }

    pub(crate) fn has_other_holders(&self) -> bool {
        self.holders.load(Ordering::Acquire) > 1
    }

    pub(super) fn add_holder(&self) {
        self.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// One holder less; `true` if it was the last.
    pub(super) fn remove_holder(&self) -> bool {
        self.holders.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(crate) fn mark_detached(&self) {
        self.flags.fetch_or(DETACHED, Ordering::AcqRel);
    }

    /// What produces the outcome, if that is pending, and the cell that it waits for.
    pub(super) fn describe(&self) -> Option<(&'static str, Option<Arc<Cell>>)> {
        match &self.state.lock().phase {
            Phase::Idle(source) | Phase::Parked(source) => Some(source.describe()),
            Phase::Polling { .. } => Some(("running", None)),
            Phase::Settled(_) => None,
        }
    }

    /// The outcome, once there is one, for somebody who learns of it: its value is theirs.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.passed_on().map(|outcome| outcome.map(Value::claim))
    }

    /// The outcome, once there is one, for another promise.
    pub(super) fn passed_on(&self) -> Option<Outcome> {
        if !self.is_settled() {
            return None;
        }
        match &self.state.lock().phase {
            Phase::Settled(outcome) => Some(outcome.clone()),
            _ => None,
        }
    }

    /// Puts the cell into the loop's queue, unless it is there.
    pub(crate) fn schedule(self: &Arc<Self>) {
        let before = self.flags.fetch_or(SCHEDULED, Ordering::AcqRel);
        if before & SCHEDULED == 0 {
            let turn = match before & (LAST | IDLE) {
                0 => Turn::Queued,
                LAST => Turn::Last,
                _ => Turn::Idle,
            };
            self.runtime.queue.push(self.clone(), turn);
        }
    }

    /// As `schedule`, ahead of what waits there if this is the loop.
    fn schedule_next(self: Arc<Self>) {
        if self.flags.fetch_or(SCHEDULED, Ordering::AcqRel) & SCHEDULED == 0 {
            Shared::run_next(self);
        }
    }

    /// Whether a settled cell without holders goes with the reference that the caller is about to drop: then there
    /// is nothing to abandon.
    pub(super) fn goes_at_once(self: &Arc<Self>) -> bool {
        self.is_settled() && Arc::strong_count(self) == 1
    }

    /// For a new continuation that nobody else knows: becomes a waiter of its input; `false` if that has settled.
    pub(super) fn wait_for_input(self: &Arc<Self>) -> bool {
        let mut state = self.state.lock();
        match &mut state.phase {
            // Two locks at once, in an order that cannot meet its reverse: the other cell does not know this one.
            Phase::Idle(Source::Then(then)) => then.input.wait(Waker::from(self.clone())),
            _ => false,
        }
    }

    /// Adds a waiter; its key, or `None` if the cell has settled.
    pub(super) fn add_waiter(&self, waker: Waker) -> Option<u64> {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Settled(_)) {
            return None;
        }
        Some(state.waiters.add(waker))
    }

    /// Polls a cell that the loop took from its queue.
    pub(crate) fn poll_from_queue(self: &Arc<Self>) {
        self.flags.fetch_and(!SCHEDULED, Ordering::AcqRel);
        self.poll(true);
    }

    /// Polls the source, unless another thread is at it. Callbacks run only if this is the loop.
    pub(crate) fn poll(self: &Arc<Self>, on_loop: bool) {
        let mut source = {
            let mut state = self.state.lock();
            match &mut state.phase {
                // An outside source has nothing to poll, and who settles it must find it in its place.
                Phase::Settled(_) | Phase::Parked(_) | Phase::Idle(Source::Outside) => return,
                Phase::Polling { again, .. } => {
                    *again = true;
                    return;
                }
                Phase::Idle(_) => match std::mem::replace(&mut state.phase, Phase::polling()) {
                    Phase::Idle(source) => source,
                    _ => unreachable!("matched as idle under the same lock"),
                },
            }
        };
        let mut own = None;
        let mut became = false;
        // Whether the outcome comes before a cancel that was noted meanwhile.
        let mut wins = false;
        let mut noted = None;
        let outcome = loop {
            let waker =
                if source.is_ready() { Waker::noop() } else { own.get_or_insert_with(|| Waker::from(self.clone())) };
            let mut cx = Context::from_waker(waker);
            let step = catch_unwind(AssertUnwindSafe(|| source.poll(&mut cx, on_loop.then_some(&*self.runtime))))
                .unwrap_or_else(|payload| Step::Return(Err(Error::from_panic(payload))));
            let (needs_loop, returned) = (matches!(step, Step::NeedsLoop), matches!(step, Step::Return(_)));
            match step {
                Step::Settle(outcome) | Step::Return(outcome) => {
                    wins = !returned;
                    if returned && self.has(NOTED) {
                        // Cancelled while its callback ran.
                        noted = self.state.lock().take_noted();
                        break outcome;
                    }
                    match discard_watched(std::mem::replace(&mut source, Source::Outside), self) {
                        None => break outcome,
                        Some(aftermath) => source = Source::Ended(outcome, aftermath),
                    }
                    // It has ended; only whoever asks for the outcome waits.
                    wins = true;
                }
                Step::Become(promise) if promise.is(self) => break Err(Error::own_result()),
                Step::Become(promise) => {
                    became = true;
                    discard(std::mem::replace(&mut source, Source::forward(promise)), self);
                    // A waiter that forwards to this cell may now skip it: `take_forward`.
                    self.wake_waiters_to_look();
                }
                Step::Pending | Step::NeedsLoop | Step::Again | Step::Wait(_) => {
                    let again_at_once = matches!(step, Step::Again | Step::Wait(_));
                    if let Step::Wait(promise) = step {
                        source.wait(promise, self);
                    }
                    if again_at_once && !self.has(NOTED) {
                        continue;
                    }
                    let mut state = self.state.lock();
                    if let Some(cancel) = state.take_noted() {
                        drop(state);
                        let outcome = match &source {
                            Source::Ended(outcome, _) => outcome.clone(),
                            _ => Err(cancel.error.clone()),
                        };
                        noted = Some(cancel);
                        break outcome;
                    }
                    if !std::mem::take(state.again()) {
                        if !self.stays_known(&source, became) {
                            break Err(Error::shutdown());
                        }
                        state.phase = Phase::Idle(source);
                        drop(state);
                        if needs_loop {
                            self.schedule();
                        }
                        return;
                    }
                }
            }
        };
        let aftermath = match source {
            Source::Ended(ended, aftermath) => {
                drop(ended);
                Some(aftermath)
            }
            source => discard_watched(source, self),
        };
        let canceled = noted.map(|mut noted| {
            if let Some(aftermath) = aftermath {
                aftermath.join(noted.causes.drain(..));
            }
            noted.error
        });
        self.settle(outcome, wins, canceled);
    }

    /// Sees to it that a shutdown will find a cell that goes on waiting, under its lock; `false` if one has been there already.
    fn stays_known(self: &Arc<Self>, source: &Source, became: bool) -> bool {
        if let Source::Timer(_) = source {
            return self.runtime.status() != Status::Closed;
        }
        !(became || source.is_root(&self.runtime)) || self.place.is_somewhere() || self.runtime.roots.add(self)
    }

    /// From `Polling` by this thread to `Settled`, then tells everyone. The source has been dropped. A cancel,
    /// `canceled` or one that was noted meanwhile, comes first, unless the outcome wins.
    fn settle(self: &Arc<Self>, mut outcome: Outcome, wins: bool, mut canceled: Option<Error>) {
        let (mut state, abandoned) = loop {
            let mut state = self.state.lock();
            if let Some(noted) = state.take_noted() {
                drop(state);
                // Before anybody hears that it has settled: who cancelled it finds nothing that is not over.
                drop(noted.causes);
                canceled.get_or_insert(noted.error);
                continue;
            }
            // Asked once: a holder may go at any moment, and what is decided here must hold below.
            let abandoned = !self.has_holders();
            let unwanted = canceled.is_some() && !wins || abandoned;
            if unwanted && matches!(outcome, Ok(Value::Unclaimed(_))) {
                drop(state);
                // Back where it came from before anybody learns that this has settled.
                outcome = Err(self.runtime.gone());
                continue;
            }
            break (state, abandoned);
        };
        let canceled = canceled.filter(|_| !wins);
        let how = if canceled.is_some() { SETTLED | CANCELED } else { SETTLED };
        // Abandoned: nobody can ask for the value any more.
        let unclaimed = outcome.is_ok() && abandoned;
        let (kept, unwanted) = match canceled.or_else(|| unclaimed.then(|| self.runtime.gone())) {
            None => (outcome, None),
            Some(error) => (Err(error), Some(outcome)),
        };
        state.phase = Phase::Settled(kept);
        self.flags.fetch_or(how, Ordering::AcqRel);
        self.tell(state);
        // Its destructor may take its time: nobody waits for that.
        drop(unwanted);
    }

    fn tell(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let waiters = std::mem::take(&mut state.waiters);
        drop(state);
        self.leave_roots();
        waiters.wake_all();
        if self.has(DETACHED) {
            self.runtime.detached.remove(self);
        }
    }

    fn leave_roots(&self) {
        if self.place.is_somewhere() {
            self.runtime.roots.remove(self);
        }
    }

    fn wake_driver(&self) -> bool {
        if !self.has(DRIVEN) {
            return false;
        }
        // Under the lock: a driver that has taken itself out looks at its parker and then no more.
        let state = self.state.lock();
        let driver = state.driver.as_ref();
        driver.inspect(|driver| driver.wake_by_ref()).is_some()
    }

    fn wake_waiters_to_look(&self) {
        let waiters = self.state.lock().waiters.all();
        waiters.into_iter().for_each(Waker::wake);
    }

    /// Settles a cell whose outcome comes from outside; `false`, with nothing done, if it is too late.
    pub(super) fn settle_from_outside(self: &Arc<Self>, outcome: Outcome) -> bool {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Idle(Source::Outside)) {
            return false;
        }
        state.phase = Phase::Settled(outcome);
        self.flags.fetch_or(SETTLED, Ordering::AcqRel);
        self.tell(state);
        true
    }

    /// Lets another promise decide the outcome of a cell that is settled from outside.
    pub(super) fn forward_from_outside(self: &Arc<Self>, promise: super::Promise) -> bool {
        if promise.is(self) {
            return self.settle_from_outside(Err(Error::own_result()));
        }
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Idle(Source::Outside)) {
            return false;
        }
        state.phase = Phase::Idle(Source::forward(promise));
        drop(state);
        self.poll(false);
        true
    }

    /// If this cell only passes on another promise and `self` is held by the caller alone, hands that
    /// promise over, so that chains of continuations that return promises stay one link long. `key` is the
    /// caller's own as a waiter. (PROM-07)
    pub(super) fn take_forward(&self, key: u64) -> Option<Watch> {
        let mut state = self.state.lock();
        if self.holders.load(Ordering::Acquire) != 1 || !matches!(state.phase, Phase::Idle(Source::Forward(_))) {
            return None;
        }
        let passed = std::mem::replace(&mut state.phase, Phase::Settled(Err(Error::canceled())));
        self.flags.fetch_or(SETTLED, Ordering::AcqRel);
        let own = state.waiters.remove(key);
        let waiters = std::mem::take(&mut state.waiters);
        drop(state);
        drop(own);
        self.leave_roots();
        // Threads that await a handle which has been given away meanwhile.
        waiters.wake_all();
        match passed {
            Phase::Idle(Source::Forward(watch)) => Some(watch),
            _ => unreachable!("matched above under the same lock"),
        }
    }

    /// `true` if settled; otherwise `waker` is woken when that, or something worth a look, happens.
    pub(super) fn poll_settled(&self, key: &mut u64, waker: &Waker) -> bool {
        if self.is_settled() {
            return true;
        }
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Settled(_)) {
            return true;
        }
        let replaced = state.waiters.set(key, waker);
        drop(state);
        drop(replaced);
        false
    }

    pub(super) fn forget_waiter(&self, key: u64) {
        // Who settled it has taken the waiters along.
        if self.is_settled() {
            return;
        }
        let removed = self.state.lock().waiters.remove(key);
        drop(removed);
    }

    /// Makes this thread the one that polls, if the source may be polled off the loop and nobody does.
    pub(super) fn start_driving(&self, parker: &Arc<Parker>) -> bool {
        let mut state = self.state.lock();
        let fit = matches!(&state.phase, Phase::Idle(source) if source.may_be_driven()) && state.driver.is_none();
        if fit {
            state.driver = Some(parker.clone());
            self.flags.fetch_or(DRIVEN, Ordering::AcqRel);
        }
        fit
    }

    pub(super) fn stop_driving(&self) {
        let mut state = self.state.lock();
        self.flags.fetch_and(!DRIVEN, Ordering::AcqRel);
        let driver = state.driver.take();
        drop(state);
        drop(driver);
    }

    fn park_until_settled(&self, deadline: Option<u64>) -> bool {
        let parker = Parker::current();
        let waker = Waker::from(parker.clone());
        let mut key = 0;
        let mut settled = self.poll_settled(&mut key, &waker);
        while !settled && parker.park(deadline) {
            settled = self.poll_settled(&mut key, &waker);
        }
        if !settled {
            self.forget_waiter(key);
        }
        settled
    }
}

impl Phase {
    fn polling() -> Self {
        Self::Polling { by: this_thread(), again: false, cancel: None }
    }

    /// This thread ends it.
    fn ending(error: &Error) -> Self {
        let noted = Noted { error: error.clone(), causes: Vec::new() };
        Self::Polling { by: this_thread(), again: false, cancel: Some(noted) }
    }
}

impl State {
    /// A cancel that was noted, for the thread that polls.
    fn take_noted(&mut self) -> Option<Noted> {
        match &mut self.phase {
            Phase::Polling { cancel, .. } => cancel.take(),
            _ => unreachable!("only the polling thread leaves this phase"),
        }
    }

    /// Whether to poll again, for the thread that polls.
    fn again(&mut self) -> &mut bool {
        match &mut self.phase {
            Phase::Polling { again, .. } => again,
            _ => unreachable!("only the polling thread leaves this phase"),
        }
    }

    fn take_value(&mut self, gone: Error) -> Option<Outcome> {
        match &mut self.phase {
            // An error stays, for those who await without being holders.
            Phase::Settled(outcome @ Ok(_)) => Some(std::mem::replace(outcome, Err(gone))),
            _ => None,
        }
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.runtime.promises.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Wake for Cell {
    fn wake(self: Arc<Self>) {
        if !self.wake_driver() {
            self.schedule_next();
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.clone().wake();
    }
}

/// Drops a source outside every lock. A `finally` that has not run is handed to the loop instead.
fn discard(source: Source, cell: &Arc<Cell>) {
    let dropped = catch_unwind(AssertUnwindSafe(|| source.discard(&cell.runtime)));
    // What a destructor panics with has no promise left to carry it.
    drop(dropped);
}

/// As `discard`; what that has set off and is not over.
fn discard_watched(source: Source, cell: &Arc<Cell>) -> Option<Aftermath> {
    if source.may_hold_others() {
        return aftermath::of(|| discard(source, cell));
    }
    discard(source, cell);
    None
}
