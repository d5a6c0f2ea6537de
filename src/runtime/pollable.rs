//! One descriptor that is readable when a wait scope has something to do, for hosts with a loop of their own. (UNIX-15, UNIX-16)
//!
//! It is an epoll set of three: the reactor's own set, which is readable when a socket has something to tell; a timer of the system's
//! that is always set to the earliest deadline; and a bell that rings when something is queued while nobody drives the loop.
//!
//! tokio does not show its epoll set. It is found by a descriptor that is registered with it: of all the descriptors of the process, only
//! that set can change what the descriptor is registered for.
#![allow(unsafe_code)]

use super::Shared;
use crate::error::{Error, ErrorKind};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Rings until it is silenced.
pub(super) struct Bell(OwnedFd);

/// Readable once a time of the monotonic clock has come.
pub(super) struct Alarm(OwnedFd);

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::open;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn open(_runtime: &Arc<Shared>) -> Result<OwnedFd, Error> {
    Err(Error::new(ErrorKind::Unimplemented, "only Linux has one descriptor for a whole loop; see on_runnable"))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Bell {
    pub(super) fn ring(&self) {}

    pub(super) fn silence(&self) {}
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Alarm {
    pub(super) fn set(&self, _at: Option<u64>) {}
}

/// Takes all of it away.
pub(super) fn close(runtime: &Shared) {
    runtime.queue.set_bell(None);
    for timers in [Some(&runtime.timers), runtime.pauses.as_ref()].into_iter().flatten() {
        timers.set_alarm(None);
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use super::{Alarm, Arc, Bell, Error, ErrorKind, OwnedFd, Shared};
    use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::io::Errno;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use std::os::fd::{AsRawFd, BorrowedFd};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    impl Bell {
        pub(in crate::runtime) fn ring(&self) {
            // Full or not, it rings.
            let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
        }

        pub(in crate::runtime) fn silence(&self) {
            // Empty if it did not ring.
            let _ = rustix::io::read(&self.0, &mut [0; 8]);
        }
    }

    impl Alarm {
        pub(in crate::runtime) fn set(&self, at: Option<u64>) {
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

    /// A copy of the reactor's set.
    fn reactor(runtime: &Shared) -> Result<OwnedFd, Error> {
        let tokio = runtime.tokio()?;
        let _context = tokio.enter();
        let probe = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(explain)?;
        // SAFETY: the `AsyncFd` owns the only `OwnedFd` of this descriptor and nothing takes it out again.
        let probe = unsafe { AsyncFd::register_with_interest(probe, Interest::READABLE) };
        let probe = probe.map_err(|error| Error::from_io("registering a descriptor", &error.into_parts().1))?;
        let number = numbers().into_iter().find(|number| has_registered(*number, &probe));
        let missing = || Error::new(ErrorKind::Unimplemented, "the reactor's descriptor was not found");
        let number = number.ok_or_else(missing)?;
        // SAFETY: it was open a moment ago, and stays so as long as the reactor, which the caller's runtime keeps.
        let set = unsafe { BorrowedFd::borrow_raw(number) };
        let copy = rustix::io::fcntl_dupfd_cloexec(set, 0).map_err(explain)?;
        if has_registered(copy.as_raw_fd(), &probe) { Ok(copy) } else { Err(missing()) }
    }

    fn explain(errno: Errno) -> Error {
        Error::from_io("making a descriptor for a loop", &errno.into())
    }

    fn alarm() -> Result<OwnedFd, Error> {
        timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK).map_err(explain)
    }

    /// Makes the descriptor, and has the queue and the timers of the runtime tell it what they have.
    pub(in crate::runtime) fn open(runtime: &Arc<Shared>) -> Result<OwnedFd, Error> {
        let (reactor, alarm) = (reactor(runtime)?, alarm()?);
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(explain)?;
        let all = epoll::create(CreateFlags::CLOEXEC).map_err(explain)?;
        for one in [&reactor, &alarm, &bell] {
            epoll::add(&all, one, EventData::new_u64(0), EventFlags::IN).map_err(explain)?;
        }
        // The set goes with its last descriptor, which is the reactor's own.
        drop(reactor);
        // Virtual time does not pass by itself; what waits for the system does all the same.
        runtime.pauses.as_ref().unwrap_or(&runtime.timers).set_alarm(Some(Alarm(alarm)));
        runtime.queue.set_bell(Some(Bell(bell)));
        Ok(all)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_alarm_is_set_moved_and_taken_back() {
            let readable = |alarm: &Alarm| rustix::io::read(&alarm.0, &mut [0; 8]).is_ok();
            let alarm = Alarm(super::alarm().expect("a timer"));
            alarm.set(Some(0));
            assert!(readable(&alarm) && !readable(&alarm));
            alarm.set(Some(u64::MAX));
            assert!(!readable(&alarm));
            alarm.set(Some(1));
            alarm.set(None);
            assert!(!readable(&alarm));
        }
    }
}
