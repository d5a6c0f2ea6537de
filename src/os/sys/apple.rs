//! macOS and its relatives.
#![allow(unsafe_code)]

mod files;

pub(crate) use files::{PASS, anonymous_file, copy_range, flush, open_beneath, punch_hole, unnamed_file};

use super::{Accepted, Identity, number};
use crate::error::{Error, ErrorKind};
use crate::os::option;
use rustix::event::PollFlags;
use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent, kqueue};
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_setfd, ioctl_fionbio};
use rustix::net::SocketAddrUnix;
use rustix::process::Pid;
use rustix::time::ClockId;
use socket2::SockRef;
use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::null_mut;
use tokio::io::Interest;
use tokio::io::unix::AsyncFdReadyGuard;

pub(crate) const SEND: i32 = 0;
pub(crate) const RECEIVE: i32 = 0;
pub(crate) const CONTROL_ALIGN: usize = 4;

pub(crate) const COARSE_MONOTONIC: ClockId = ClockId::Monotonic;
pub(crate) const COARSE_CALENDAR: ClockId = ClockId::Realtime;

pub(crate) const EVERYTHING: Interest = Interest::READABLE.add(Interest::WRITABLE);
pub(crate) const URGENT: Interest = Interest::READABLE;
pub(crate) const WATCH_URGENT: Interest = Interest::READABLE;
pub(crate) const WATCH_HANG_UP: Interest = Interest::WRITABLE;
pub(crate) const HALF_HANG_UP: PollFlags = PollFlags::empty();
pub(crate) const TELLS_URGENT: bool = false;

pub(crate) const SPAWN_FLAGS: i32 = libc::POSIX_SPAWN_CLOEXEC_DEFAULT;
pub(crate) const INHERITS_BY_COPY: bool = true;

// As <sys/signal.h> has them; the `libc` crate does not.
pub(crate) const BY_SIGQUEUE: i32 = 0x10002;
pub(crate) const BY_A_PROCESS: &[i32] = &[0, 0x10001, BY_SIGQUEUE];

pub(crate) fn no_sigpipe(socket: impl AsFd) -> io::Result<()> {
    SockRef::from(&socket).set_nosigpipe(true)
}

pub(crate) fn received(fd: &OwnedFd) {
    // It cannot fail for a descriptor that is open.
    let _ = fcntl_setfd(fd, FdFlags::CLOEXEC);
}

pub(crate) fn accept(listener: BorrowedFd<'_>) -> rustix::io::Result<Accepted> {
    let (accepted, peer) = rustix::net::acceptfrom(listener)?;
    let socket = SockRef::from(&accepted);
    let prepared =
        socket.set_nonblocking(true).and_then(|()| socket.set_cloexec(true)).and_then(|()| socket.set_nosigpipe(true));
    match prepared {
        Ok(()) => Ok((accepted, peer)),
        Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    }
}

/// Not every version answers SO_ACCEPTCONN. A socket that has no peer is taken for a listener there.
pub(crate) fn is_listening(socket: impl AsFd) -> bool {
    let mut room = [MaybeUninit::uninit(); 4];
    match option::get(socket.as_fd(), libc::SOL_SOCKET, libc::SO_ACCEPTCONN, &mut room) {
        Ok(value) => number(value, 0).is_some_and(|value| value != 0),
        Err(_) => SockRef::from(&socket).peer_addr().is_err(),
    }
}

pub(crate) fn has_abstract_name(_name: &SocketAddrUnix) -> bool {
    false
}

pub(crate) fn credentials(socket: BorrowedFd<'_>) -> Identity {
    let mut room = [MaybeUninit::uninit(); size_of::<libc::xucred>()];
    let raw = option::get(socket, libc::SOL_LOCAL, libc::LOCAL_PEERCRED, &mut room).unwrap_or_default();
    let mut pid_room = [MaybeUninit::uninit(); 4];
    let pid = option::get(socket, libc::SOL_LOCAL, libc::LOCAL_PEERPID, &mut pid_room).unwrap_or_default();
    (
        number(pid, 0).filter(|pid| *pid != 0),
        number(raw, offset_of!(libc::xucred, cr_uid)),
        number(raw, offset_of!(libc::xucred, cr_groups)),
    )
}

pub(crate) fn pipe() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let ends = rustix::pipe::pipe()?;
    for end in [&ends.0, &ends.1] {
        fcntl_setfd(end, FdFlags::CLOEXEC)?;
        ioctl_fionbio(end, true)?;
    }
    Ok(ends)
}

pub(crate) const ERRORS: Interest = Interest::WRITABLE;

/// A copy, registered for this alone.
pub(crate) fn watch_errors(fd: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    fcntl_dupfd_cloexec(fd, 0)
}

/// What makes it writable may be an error: whoever hears of it looks.
pub(crate) fn take_errors(ready: &mut AsyncFdReadyGuard<'_, OwnedFd>) -> io::Result<bool> {
    ready.clear_ready();
    Ok(true)
}

/// Something that becomes readable when the process ends; `None` if it has. The number is that of a child that nobody has
/// reaped.
pub(crate) fn exit_descriptor(pid: i32) -> io::Result<Option<OwnedFd>> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    let queue = kqueue()?;
    fcntl_setfd(&queue, FdFlags::CLOEXEC)?;
    let filter = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
    let event = Event::new(filter, EventFlags::ADD | EventFlags::ONESHOT, null_mut());
    // SAFETY: names no descriptor.
    match unsafe { kevent(&queue, &[event], &mut Vec::<Event>::new(), None) } {
        Ok(_) => Ok(Some(queue)),
        Err(Errno::SRCH) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// There is none.
pub(crate) enum Bell {}

/// There is none.
pub(crate) enum Alarm {}

impl Bell {
    pub(crate) fn ring(&self) {}

    pub(crate) fn silence(&self) {}
}

impl Alarm {
    pub(crate) fn set(&self, _at: Option<u64>) {}
}

pub(crate) fn loop_descriptor(_tokio: &tokio::runtime::Handle) -> Result<(OwnedFd, Alarm, Bell), Error> {
    Err(Error::new(ErrorKind::Unimplemented, "only Linux has one descriptor for a whole loop; see on_runnable"))
}
