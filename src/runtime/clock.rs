//! The monotonic clock, in nanoseconds.

use rustix::time::{ClockId, clock_gettime};

/// Now. (TIME-01)
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// That far from now; the end of time if that is too far.
pub fn after(nanos: u64) -> u64 {
    now().saturating_add(nanos)
}
