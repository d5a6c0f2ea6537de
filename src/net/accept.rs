//! Accepting connections, through shortages and broken connections.

use super::listener::{Accepting, Member};
use crate::coordination::Turn;
use crate::error::{Error, ErrorKind};
use crate::os::sys;
use crate::peer::Remote;
use crate::runtime::Pauses;
use crate::stream::{Connection, Direction, Socket};
use crate::value::Outcome;
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketAddrUnix};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::Poll;

/// How soon to try again when there are no descriptors left; doubled up to the second figure.
const FIRST_PAUSE: u64 = 5_000_000;
const LONGEST_PAUSE: u64 = 320_000_000;

/// Between the tries of an accept for which there are no descriptors left.
pub(super) fn pauses() -> Pauses {
    Pauses::new(FIRST_PAUSE, LONGEST_PAUSE)
}

/// How many forbidden peers are dropped before others get their turn on the loop.
const FORBIDDEN_AT_ONCE: usize = 32;

/// Takes the first connection that comes to any of several sources.
pub(super) async fn first(mut racing: Vec<Accepting>) -> Outcome {
    poll_fn(|cx| {
        let mut index = 0;
        while index < racing.len() {
            match racing[index].as_mut().poll(cx) {
                Poll::Pending => index += 1,
                // One that was closed by itself, or has come to its end, leaves the rest.
                Poll::Ready(Err(error)) if racing.len() > 1 && is_over(&error) => drop(racing.remove(index)),
                Poll::Ready(done) => return Poll::Ready(done),
            }
        }
        Poll::Pending
    })
    .await
}

fn is_over(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Canceled | ErrorKind::Disconnected)
}

/// Takes a connection from a socket in its turn.
pub(super) async fn accept_from(member: &Member, turn: &Turn) -> Outcome {
    let socket = &member.socket;
    let mut pauses = pauses();
    let mut forbidden = 0;
    loop {
        let accepted = poll_fn(|cx| {
            if turn.poll(cx).is_pending() {
                return match socket.with_fd(|_| ()) {
                    Ok(()) => Poll::Pending,
                    Err(closed) => Poll::Ready(Err(closed)),
                };
            }
            if forbidden == FORBIDDEN_AT_ONCE {
                forbidden = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            socket.poll_io(Direction::Read, cx, sys::accept, |_| false)
        })
        .await?;
        let error = match accepted {
            Ok((fd, peer)) => match member.admit(peer) {
                Some(remote) => return prepare(socket, fd, remote, member.is_unix),
                None => {
                    forbidden += 1;
                    continue;
                }
            },
            Err(error) => error,
        };
        if is_of_the_connection(&error) {
            continue;
        }
        let error = Error::from_io("accepting a connection", &error);
        if error.kind() != ErrorKind::Overloaded {
            return Err(error);
        }
        socket.pause(pauses.next(socket.runtime())).await?;
    }
}

impl Member {
    /// What to remember of a peer; `None` if it is forbidden. (NET-10)
    fn admit(&self, peer: Option<SocketAddrAny>) -> Option<Remote> {
        let filter = self.filter.clone();
        if self.is_unix {
            let named = peer.and_then(|peer| SocketAddrUnix::try_from(peer).ok());
            // Whoever connects rarely has a name: what counts then is the name that was connected to.
            let is_abstract = match &named {
                Some(name) if sys::has_abstract_name(name) => true,
                Some(name) if name.path_bytes().is_some() => false,
                _ => self.is_abstract,
            };
            return filter.allows_unix(is_abstract).then_some(Remote { address: None, filter });
        }
        let address = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        let allowed = address.map_or(filter.is_open(), |address| filter.allows_ip(address.ip()));
        allowed.then_some(Remote { address, filter })
    }
}

fn prepare(listener: &Socket, fd: OwnedFd, remote: Remote, is_unix: bool) -> Outcome {
    if !is_unix {
        // A peer that has gone again is found out by the first read, not here.
        let _ = socket2::SockRef::from(&fd).set_tcp_nodelay(true);
    }
    let socket = Socket::new(listener.runtime(), fd)?;
    Ok(Connection::into_value(Connection::with_remote(socket, remote)))
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
