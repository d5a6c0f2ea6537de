//! One descriptor that is readable when a loop has something to do. (UNIX-15)
//!
//! It is an epoll set of three: the reactor's own set, which is readable when a socket has something to tell; a timer of the system's
//! that is always set to the earliest deadline; and a bell that rings when something is queued while nobody drives the loop.
//!
//! tokio does not show its epoll set. It is found by a descriptor that is registered with it: of all the descriptors of the process, only
//! that set can change what the descriptor is registered for.

use crate::error::{Error, ErrorKind};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Rings until it is silenced.
pub(crate) struct Bell(OwnedFd);

/// Readable once a time of the monotonic clock has come.
pub(crate) struct Alarm(OwnedFd);

impl Bell {
    pub(crate) fn ring(&self) {
        // Full or not, it rings.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    pub(crate) fn silence(&self) {
        // Empty if it did not ring.
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl Alarm {
    fn new() -> Result<Self, Error> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        timerfd_create(TimerfdClockId::Monotonic, flags).map(Self).map_err(explain)
    }

    pub(crate) fn set(&self, at: Option<u64>) {
        // 0 would be no time at all.
        let at = at.map_or(0, |at| at.max(1));
        let seconds = i64::try_from(at / 1_000_000_000).unwrap_or(i64::MAX);
        let value = Timespec { tv_sec: seconds, tv_nsec: (at % 1_000_000_000) as _ };
        let interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let spec = Itimerspec { it_interval: interval, it_value: value };
        // Any time is one.
        let _ = timerfd_settime(&self.0, TimerfdTimerFlags::ABSTIME, &spec);
    }
}

/// The numbers of this process's descriptors, or those that it could have.
fn numbers() -> Vec<i32> {
    let named = std::fs::read_dir("/proc/self/fd").map(|entries| {
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect::<Vec<i32>>()
    });
    named.unwrap_or_else(|_| (0..65536).collect())
}

/// Whether this number is that of the set in which `probe` is registered.
fn has_registered(number: i32, probe: &impl AsRawFd) -> bool {
    let mut nothing = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: reads the structure; a number that is no epoll set, or another one, is refused.
    unsafe { libc::epoll_ctl(number, libc::EPOLL_CTL_MOD, probe.as_raw_fd(), &mut nothing) == 0 }
}

fn explain(errno: Errno) -> Error {
    Error::from_io("making a descriptor for a loop", &errno.into())
}

/// A copy of the reactor's set.
fn reactor(tokio: &tokio::runtime::Handle) -> Result<OwnedFd, Error> {
    let _context = tokio.enter();
    let probe = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(explain)?;
    // SAFETY: the `AsyncFd` owns the only `OwnedFd` of this descriptor and nothing takes it out again.
    let probe = unsafe { AsyncFd::register_with_interest(probe, Interest::READABLE) };
    let probe = probe.map_err(|error| Error::from_io("registering a descriptor", &error.into_parts().1))?;
    let number = numbers().into_iter().find(|number| has_registered(*number, &probe));
    let missing = || Error::new(ErrorKind::Unimplemented, "the reactor's descriptor was not found");
    let number = number.ok_or_else(missing)?;
    // SAFETY: it was open a moment ago, and stays so as long as the reactor, whose handle the caller has.
    let set = unsafe { BorrowedFd::borrow_raw(number) };
    let copy = rustix::io::fcntl_dupfd_cloexec(set, 0).map_err(explain)?;
    if has_registered(copy.as_raw_fd(), &probe) { Ok(copy) } else { Err(missing()) }
}

/// The descriptor, and what has to be told of timers and of what is queued.
pub(crate) fn loop_descriptor(tokio: &tokio::runtime::Handle) -> Result<(OwnedFd, Alarm, Bell), Error> {
    let (reactor, alarm) = (reactor(tokio)?, Alarm::new()?);
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(explain)?;
    let all = epoll::create(CreateFlags::CLOEXEC).map_err(explain)?;
    for one in [&reactor, &alarm.0, &bell] {
        epoll::add(&all, one, EventData::new_u64(0), EventFlags::IN).map_err(explain)?;
    }
    // The set goes with its last descriptor, which is the reactor's own.
    drop(reactor);
    Ok((all, alarm, Bell(bell)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_set_moved_and_taken_back() {
        let readable = |alarm: &Alarm| rustix::io::read(&alarm.0, &mut [0; 8]).is_ok();
        let alarm = Alarm::new().expect("a timer");
        alarm.set(Some(0));
        assert!(readable(&alarm) && !readable(&alarm));
        alarm.set(Some(u64::MAX));
        assert!(!readable(&alarm));
        alarm.set(Some(1));
        alarm.set(None);
        assert!(!readable(&alarm));
    }
}
