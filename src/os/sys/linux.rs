//! Linux and Android.
#![allow(unsafe_code)]

mod files;
mod loop_descriptor;

pub(crate) use files::{PASS, anonymous_file, copy_range, flush, open_beneath, punch_hole, unnamed_file};
pub(crate) use loop_descriptor::{Alarm, Bell, loop_descriptor};

use super::{Accepted, Identity, number};
use crate::os::option;
use rustix::event::{PollFlags, Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{SocketAddrUnix, SocketFlags, acceptfrom_with, sockopt};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::ClockId;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFdReadyGuard;

pub(crate) const SEND: i32 = libc::MSG_NOSIGNAL;
pub(crate) const RECEIVE: i32 = libc::MSG_CMSG_CLOEXEC;
pub(crate) const CONTROL_ALIGN: usize = size_of::<usize>();

pub(crate) const COARSE_MONOTONIC: ClockId = ClockId::MonotonicCoarse;
pub(crate) const COARSE_CALENDAR: ClockId = ClockId::RealtimeCoarse;

pub(crate) const EVERYTHING: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);
pub(crate) const URGENT: Interest = Interest::PRIORITY;
/// The end of what can be read is told of to those who read.
pub(crate) const WATCH_URGENT: Interest = Interest::PRIORITY.add(Interest::READABLE);
/// Hang-ups and errors are told of in any case.
pub(crate) const WATCH_HANG_UP: Interest = Interest::PRIORITY;
pub(crate) const HALF_HANG_UP: PollFlags = PollFlags::RDHUP;
pub(crate) const TELLS_URGENT: bool = true;

pub(crate) const SPAWN_FLAGS: i32 = 0;
pub(crate) const INHERITS_BY_COPY: bool = false;

pub(crate) const BY_SIGQUEUE: i32 = libc::SI_QUEUE;
pub(crate) const BY_A_PROCESS: &[i32] = &[libc::SI_USER, libc::SI_QUEUE, libc::SI_TKILL];

pub(crate) fn no_sigpipe(_socket: impl AsFd) -> io::Result<()> {
    Ok(())
}

pub(crate) fn received(_fd: &OwnedFd) {}

pub(crate) fn accept(listener: BorrowedFd<'_>) -> rustix::io::Result<Accepted> {
    acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)
}

pub(crate) fn is_listening(socket: impl AsFd) -> bool {
    sockopt::socket_acceptconn(socket).unwrap_or(false)
}

pub(crate) fn has_abstract_name(name: &SocketAddrUnix) -> bool {
    // Empty is what some kernels say of no name.
    name.abstract_name().is_some_and(|name| !name.is_empty())
}

pub(crate) fn credentials(socket: BorrowedFd<'_>) -> Identity {
    let mut room = [MaybeUninit::uninit(); size_of::<libc::ucred>()];
    let raw = option::get(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut room).unwrap_or_default();
    // A socket that was never connected has no process and the user -1.
    let pid = number(raw, 0).filter(|pid| *pid != 0);
    let id = |at| number(raw, at).filter(|id| *id != u32::MAX);
    (pid, id(4), id(8))
}

pub(crate) fn pipe() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
}

pub(crate) const ERRORS: Interest = Interest::READABLE;

/// An epoll set that asks for nothing: the kernel tells it of errors and hang-ups in any case.
pub(crate) fn watch_errors(fd: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let told = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&told, fd, epoll::EventData::new_u64(0), epoll::EventFlags::ET)?;
    Ok(told)
}

/// Whether there was something to tell. If not, the reactor forgets what it had heard.
pub(crate) fn take_errors(ready: &mut AsyncFdReadyGuard<'_, OwnedFd>) -> io::Result<bool> {
    let mut told = [MaybeUninit::<epoll::Event>::uninit()];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        match epoll::wait(ready.get_inner(), &mut told, Some(&at_once)) {
            Ok(([], _)) => {
                ready.clear_ready();
                return Ok(false);
            }
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Something that becomes readable when the process ends; `None` if it has. The number is that of a child that nobody has
/// reaped.
pub(crate) fn exit_descriptor(pid: i32) -> io::Result<Option<OwnedFd>> {
    match pidfd_open(Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?, PidfdFlags::empty()) {
        Ok(descriptor) => Ok(Some(descriptor)),
        // Linux before 5.3, and sandboxes that do not know the call.
        Err(Errno::NOSYS) => exit_told_by_thread(pid).map(Some),
        Err(errno) => Err(errno.into()),
    }
}

/// As `exit_descriptor`, at the price of a thread until the process ends.
fn exit_told_by_thread(pid: i32) -> io::Result<OwnedFd> {
    let (told, telling) = pipe_with(PipeFlags::CLOEXEC)?;
    std::thread::Builder::new().name("kja exit".to_owned()).stack_size(64 * 1024).spawn(move || {
        let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
        // SAFETY: room for what the call writes, and nobody reads it.
        let mut wait = || unsafe {
            libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT)
        };
        // An error says that it has been reaped.
        while wait() != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) {}
        drop(telling);
    })?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::process::{Start, reap, spawn};
    use rustix::event::{PollFd, poll};

    #[test]
    fn a_thread_tells_of_an_exit_where_the_system_has_no_descriptor_for_it() {
        let start = Start {
            program: c"sh".to_owned(),
            arguments: [c"sh", c"-c", c"exit 3"].map(ToOwned::to_owned).into(),
            environment: Vec::new(),
            folder: None,
            descriptors: Vec::new(),
            new_group: false,
        };
        let pid = spawn(&start).expect("it starts");
        let told_of = |pid| {
            let told = exit_told_by_thread(pid).expect("a thread");
            poll(&mut [PollFd::new(&told, PollFlags::IN)], None).expect("it is told")
        };
        assert_eq!(told_of(pid), 1);
        let status = reap(pid).expect("a child").expect("it has ended");
        assert_eq!(libc::WEXITSTATUS(status), 3);
        // Nothing to wait for: told at once.
        assert_eq!(told_of(pid), 1);
    }
}
