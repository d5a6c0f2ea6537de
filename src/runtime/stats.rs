//! What a runtime tells of itself.

use super::{Runtime, clock};
use crate::foreign::{NumberHook, Opaque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Figures of a runtime at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Promises that somebody holds, settled or not.
    pub promises: u64,
    /// Of these, the ones that the runtime itself holds.
    pub detached: u64,
    /// Timers that are running.
    pub timers: u64,
    /// Turns of the loop so far: how often it polled an operation or ran a callback.
    pub turns: u64,
    /// How often the loop has slept and was woken.
    pub wake_ups: u64,
    /// The longest turn so far, in nanoseconds; measured only if slow turns are reported.
    pub longest_turn_nanos: u64,
}

/// Watches for turns that hold the loop up.
pub(crate) struct Slow {
    pub(crate) nanos: u64,
    pub(crate) hook: NumberHook,
    pub(crate) ctx: Arc<Opaque>,
    longest: AtomicU64,
}

impl Slow {
    pub(crate) fn new(nanos: u64, hook: NumberHook, ctx: Arc<Opaque>) -> Self {
        Self { nanos, hook, ctx, longest: AtomicU64::new(0) }
    }

    pub(super) fn watch(&self, turn: impl FnOnce()) {
        let begin = clock::now();
        turn();
        let took = clock::now() - begin;
        self.longest.fetch_max(took, Ordering::Relaxed);
        if took >= self.nanos {
            self.hook.run(&self.ctx, took);
        }
    }
}

impl Runtime {
    /// Figures of this moment. Counts of what other threads are changing may be off by what they do meanwhile.
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        Stats {
            promises: shared.promises.load(Ordering::Relaxed),
            detached: shared.detached.len() as u64,
            timers: shared.timers.len() as u64,
            turns: shared.turns.load(Ordering::Relaxed),
            wake_ups: shared.wake_ups.load(Ordering::Relaxed),
            longest_turn_nanos: shared.slow.as_ref().map_or(0, |slow| slow.longest.load(Ordering::Relaxed)),
        }
    }
}
