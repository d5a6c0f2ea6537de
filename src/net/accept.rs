//! Accepting connections, through shortages and broken connections.

use super::Listener;
use crate::coordination::Turn;
use crate::error::{Error, ErrorKind};
use crate::runtime::Timer;
use crate::stream::{Connection, Direction, Socket};
use crate::value::Outcome;
use rustix::io::Errno;
use std::future::{Future, poll_fn};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// How soon to try again when there are no descriptors left; doubled up to the second figure.
const FIRST_PAUSE: u64 = 5_000_000;
const LONGEST_PAUSE: u64 = 320_000_000;

pub(super) async fn accept(listener: Arc<Listener>, turn: Turn) -> Outcome {
    let socket = listener.socket();
    let mut pause = FIRST_PAUSE;
    loop {
        let accepted = poll_fn(|cx| {
            if turn.poll(cx).is_pending() {
                return match socket.with_fd(|_| ()) {
                    Ok(()) => Poll::Pending,
                    Err(closed) => Poll::Ready(Err(closed)),
                };
            }
            socket.poll_io(Direction::Read, cx, accept_fd, |_| false)
        })
        .await?;
        let error = match accepted {
            Ok(fd) => return prepare(socket, fd),
            Err(error) => error,
        };
        if is_of_the_connection(&error) {
            continue;
        }
        let error = Error::from_io("accepting a connection", &error);
        if error.kind() != ErrorKind::Overloaded {
            return Err(error);
        }
        let mut timer = Timer::after(socket.runtime(), pause);
        poll_fn(|cx| match socket.with_fd(|_| ()) {
            Ok(()) => Pin::new(&mut timer).poll(cx).map(Ok),
            Err(closed) => Poll::Ready(Err(closed)),
        })
        .await?;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(not(target_vendor = "apple"))]
fn accept_fd(fd: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    use rustix::net::{SocketFlags, accept_with};
    accept_with(fd, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)
}

#[cfg(target_vendor = "apple")]
fn accept_fd(fd: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let accepted = rustix::net::accept(fd)?;
    let socket = socket2::SockRef::from(&accepted);
    let prepared =
        socket.set_nonblocking(true).and_then(|()| socket.set_cloexec(true)).and_then(|()| socket.set_nosigpipe(true));
    match prepared {
        Ok(()) => Ok(accepted),
        Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    }
}

fn prepare(listener: &Socket, fd: OwnedFd) -> Outcome {
    // A peer that has gone again is found out by the first read, not here.
    let _ = socket2::SockRef::from(&fd).set_tcp_nodelay(true);
    let socket = Socket::new(listener.runtime(), fd)?;
    Ok(Connection::into_value(Connection::over_socket(socket)))
}

/// Errors of a connection that broke in the backlog, which accept(2) reports as its own.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    errno.is_some_and(|errno| {
        [
            Errno::CONNABORTED,
            Errno::PROTO,
            Errno::NOPROTOOPT,
            Errno::HOSTDOWN,
            Errno::HOSTUNREACH,
            Errno::NETDOWN,
            Errno::NETUNREACH,
            Errno::OPNOTSUPP,
            Errno::PERM,
        ]
        .contains(&errno)
    })
}
