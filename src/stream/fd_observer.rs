//! Readiness of a descriptor that somebody else reads and writes.

use super::socket::{Registered, register};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::os::sys;
use crate::promise::Promise;
use crate::runtime::{Pauses, Runtime, Shared};
use crate::sync::Lock;
use crate::value::Value;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use tokio::io::Interest;

/// What may be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// There is something to read, the end among it.
    Readable = 0,
    /// There is room to write, or a write would fail.
    Writable = 1,
    /// There is urgent data, or what the descriptor takes for such.
    Urgent = 2,
    /// Nobody is left to read what is written.
    WriteDisconnected = 3,
}

/// Whether the end of what can be read has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// The system does not tell.
    Unknown,
    /// Not yet.
    No,
    /// It has, though there may be something to read before it.
    Yes,
}

/// How soon to look again where the reactor has nothing new to tell; doubled up to the second figure.
const FIRST_PAUSE: u64 = 1_000_000;
const LONGEST_PAUSE: u64 = 20_000_000;

/// Tells when a descriptor becomes ready. It neither reads nor writes, and works on a copy of the descriptor, whose flags it
/// leaves alone. (UNIX-09)
pub struct FdObserver {
    runtime: Arc<Shared>,
    fd: OwnedFd,
    /// One registration for each thing that was waited for, so that one does not wake those who wait for another.
    watches: [Lock<Option<Arc<Registered>>>; 4],
}

fn polled(fd: BorrowedFd<'_>, events: PollFlags) -> Result<PollFlags, Error> {
    let mut polled = [PollFd::new(&fd, events)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        match poll(&mut polled, Some(&at_once)) {
            Ok(_) => return Ok(polled[0].revents()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::from_io("polling a descriptor", &errno.into())),
        }
    }
}

impl Readiness {
    /// What is asked of the system, whatever it tells besides.
    fn events(self) -> PollFlags {
        match self {
            Self::Readable => PollFlags::IN | sys::HALF_HANG_UP,
            Self::Writable => PollFlags::OUT,
            Self::Urgent => PollFlags::PRI | sys::HALF_HANG_UP,
            Self::WriteDisconnected => PollFlags::empty(),
        }
    }

    /// Whether it is there; an error if it will never be.
    fn look(self, fd: BorrowedFd<'_>) -> Result<bool, Error> {
        let told = polled(fd, self.events())?;
        let hung_up = told.intersects(PollFlags::HUP | PollFlags::ERR);
        match self {
            Self::Urgent if told.contains(PollFlags::PRI) => Ok(true),
            Self::Urgent if hung_up || (!sys::HALF_HANG_UP.is_empty() && told.intersects(sys::HALF_HANG_UP)) => {
                Err(Error::new(ErrorKind::Disconnected, "the other side has gone, without urgent data"))
            }
            Self::Urgent => Ok(false),
            Self::WriteDisconnected => Ok(hung_up),
            Self::Readable | Self::Writable => Ok(!told.is_empty()),
        }
    }

    fn interest(self) -> Interest {
        match self {
            Self::Readable => Interest::READABLE,
            Self::Writable => Interest::WRITABLE,
            Self::Urgent => sys::WATCH_URGENT,
            Self::WriteDisconnected => sys::WATCH_HANG_UP,
        }
    }

    /// As what the reactor tells of it.
    fn told_as(self) -> Interest {
        match self {
            Self::WriteDisconnected => Interest::WRITABLE,
            Self::Urgent => sys::URGENT,
            other => other.interest(),
        }
    }
}

impl FdObserver {
    /// Over a copy of the caller's descriptor.
    ///
    /// # Errors
    /// `Unimplemented` for what cannot be polled, such as a regular file.
    pub fn new(runtime: &Runtime, fd: OwnedFd) -> Result<Arc<Self>, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        let watches = std::array::from_fn(|_| Lock::new(None));
        let observer = Self { runtime: runtime.clone(), fd, watches };
        // Here rather than at the first wait, so that whoever made it learns of it.
        observer.watch(Readiness::Readable)?;
        Ok(Arc::new(observer))
    }

    fn watch(&self, what: Readiness) -> Result<Arc<Registered>, Error> {
        let slot = &self.watches[what as usize];
        if let Some(watch) = &*slot.lock() {
            return Ok(watch.clone());
        }
        let copy = rustix::io::fcntl_dupfd_cloexec(&self.fd, 0);
        let copy = copy.map_err(|errno| Error::from_io("copying a descriptor", &errno.into()))?;
        let watch = register(&self.runtime, copy, what.interest()).map_err(|error| match error.os_error() {
            // What epoll says of what is always ready.
            libc::EPERM => Error::with_os(ErrorKind::Unimplemented, libc::EPERM, "a descriptor that cannot be polled"),
            _ => error,
        })?;
        Ok(slot.lock().get_or_insert_with(|| Arc::new(watch)).clone())
    }

    /// Settles once that is so, at once if it is. Any number may wait. (UNIX-10, UNIX-11, UNIX-12, UNIX-13)
    ///
    /// # Errors
    /// `Disconnected` if urgent data is waited for and none can come any more.
    pub fn when(self: &Arc<Self>, what: Readiness) -> Result<Promise, Error> {
        self.runtime.check()?;
        let (watch, observer) = (self.watch(what)?, self.clone());
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        Ok(Promise::start(self.runtime.clone(), "readiness", async move {
            loop {
                if what.look(watch.get_ref().as_fd())? {
                    return Ok(Value::Unit);
                }
                let mut told = watch.ready(what.told_as()).await.map_err(|_| Error::shutdown())?;
                // What is told of from now on undoes the clearing.
                if what.look(watch.get_ref().as_fd())? {
                    return Ok(Value::Unit);
                }
                // Of a socket that is to be connected the system says that it has hung up, and tokio keeps that.
                let for_ever = told.ready().is_read_closed() || told.ready().is_write_closed();
                told.clear_ready();
                drop(told);
                if for_ever {
                    pauses.next(&observer.runtime).await;
                }
            }
        }))
    }

    /// Whether the end of what can be read has come. (UNIX-14)
    pub fn at_end(&self) -> Result<AtEnd, Error> {
        let told = polled(self.fd.as_fd(), PollFlags::IN | sys::HALF_HANG_UP)?;
        Ok(if told.intersects(sys::HALF_HANG_UP | PollFlags::HUP) {
            AtEnd::Yes
        } else if sys::HALF_HANG_UP.is_empty() {
            AtEnd::Unknown
        } else {
            AtEnd::No
        })
    }
}

impl Object for FdObserver {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime.owner)
    }
}
