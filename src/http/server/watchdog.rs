//! The time that a connection may take for each of its phases.

use super::ServerOptions;
use super::requests::Phase;
use crate::runtime::{Shared, Timer};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// One timer for a connection. It is set anew when it rings early, not at each change of phase.
pub(super) struct Watchdog {
    runtime: Arc<Shared>,
    /// The phase, and how many requests came before it.
    phase: (Phase, u64),
    deadline: Option<u64>,
    timer: Option<(u64, Timer)>,
}

impl Watchdog {
    pub(super) fn new(runtime: &Arc<Shared>, options: &ServerOptions) -> Self {
        let deadline = options.head_nanos.map(|nanos| runtime.clock.after(nanos));
        Self { runtime: runtime.clone(), phase: (Phase::Idle, 0), deadline, timer: None }
    }

    /// Ready when the connection has been in this phase for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, phase: (Phase, u64), options: &ServerOptions) -> Poll<()> {
        // The time from the opening of a connection counts for its first head.
        if phase != self.phase && phase != (Phase::Head, 0) {
            let nanos = match phase.0 {
                Phase::Idle => options.idle_nanos,
                Phase::Head => options.head_nanos,
                Phase::Request => options.request_nanos,
            };
            self.deadline = nanos.map(|nanos| self.runtime.clock.after(nanos));
        }
        self.phase = phase;
        let Some(deadline) = self.deadline else { return Poll::Pending };
        loop {
            let later = self.timer.as_ref().is_none_or(|(rings, _)| *rings > deadline);
            if later {
                self.timer = Some((deadline, Timer::at(&self.runtime, deadline)));
            }
            let Some((rings, timer)) = &mut self.timer else { return Poll::Pending };
            let rings = *rings;
            if Pin::new(timer).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
            if rings >= deadline {
                return Poll::Ready(());
            }
        }
    }
}
