//! Clocks, in nanoseconds: the system's, and a runtime's, which may be one that only moves when told to.

use crate::os::sys;
use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicU64, Ordering};

/// Which clock of the system to read. (TIME-10)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemClock {
    /// Never set, never goes back.
    Monotonic,
    /// The same, as of the system's last tick; cheaper where reading the precise one is dear.
    MonotonicCoarse,
    /// Since the beginning of 1970, as the machine is set.
    Calendar,
    /// The same, as of the system's last tick.
    CalendarCoarse,
}

impl SystemClock {
    /// Now. Before 1970 it is 0.
    pub fn now(self) -> u64 {
        let id = match self {
            Self::Monotonic => ClockId::Monotonic,
            Self::MonotonicCoarse => sys::COARSE_MONOTONIC,
            Self::Calendar => ClockId::Realtime,
            Self::CalendarCoarse => sys::COARSE_CALENDAR,
        };
        let now = clock_gettime(id);
        u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + now.tv_nsec as u64
    }
}

/// The monotonic clock. (TIME-01)
pub fn now() -> u64 {
    SystemClock::Monotonic.now()
}

/// That far from now; the end of time if that is too far.
pub fn after(nanos: u64) -> u64 {
    now().saturating_add(nanos)
}

/// The clock that a runtime's timers go by.
pub(crate) enum Clock {
    Monotonic,
    /// Moves when it is told to, from 0. (TIME-06)
    Virtual(AtomicU64),
}

impl Clock {
    pub(super) fn new(virtual_time: bool) -> Self {
        if virtual_time { Self::Virtual(AtomicU64::new(0)) } else { Self::Monotonic }
    }

    pub(crate) fn now(&self) -> u64 {
        match self {
            Self::Monotonic => now(),
            Self::Virtual(now) => now.load(Ordering::Acquire),
        }
    }

    pub(crate) fn after(&self, nanos: u64) -> u64 {
        self.now().saturating_add(nanos)
    }

    pub(super) fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(_))
    }

    /// Moves a virtual clock on; it never goes back.
    pub(super) fn advance_to(&self, time: u64) {
        if let Self::Virtual(now) = self {
            now.fetch_max(time, Ordering::AcqRel);
        }
    }
}
