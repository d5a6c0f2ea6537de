//! Making connections: a race between the addresses of a host, as in RFC 8305.

use crate::error::{Error, ErrorKind};
use crate::os::{sockaddr, sys};
use crate::peer::{Filter, Remote};
use crate::runtime::{Pauses, Shared, Timer};
use crate::stream::{Connection, Socket, connected};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, SockRef, Type};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How long an attempt is given before the next one begins beside it. (RFC 8305, section 5)
const ATTEMPT_DELAY: u64 = 250_000_000;

/// How soon to ask again a unix socket whose backlog is full; doubled up to the second figure.
const FIRST_PAUSE: u64 = 1_000_000;
const LONGEST_PAUSE: u64 = 128_000_000;

type Attempt = Pin<Box<dyn Future<Output = Result<Arc<Connection>, Error>> + Send>>;

/// Attempts under way, and the addresses still to be tried.
struct Race {
    runtime: Arc<Shared>,
    filter: Filter,
    waiting: VecDeque<SockAddr>,
    running: Vec<Attempt>,
    /// When the next attempt begins though none has failed.
    next: Option<Timer>,
    failed: Error,
}

/// Connects to the first address that answers; the error is that of the attempt that failed last.
pub(super) async fn connect(
    runtime: &Arc<Shared>,
    addresses: Vec<SockAddr>,
    filter: Filter,
) -> Result<Arc<Connection>, Error> {
    let mut failed = Error::invalid("no address to connect to");
    let (allowed, forbidden): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| filter.allows(address));
    if let Some(forbidden) = forbidden.last() {
        failed = forbid(forbidden);
    }
    let mut waiting = interleave(allowed);
    if waiting.len() == 1
        && let Some(only) = waiting.pop_front()
    {
        return connect_one(runtime.clone(), only, filter).await;
    }
    let mut race = Race { runtime: runtime.clone(), filter, waiting, running: Vec::new(), next: None, failed };
    poll_fn(|cx| race.poll(cx)).await
}

/// What is said of a peer that the network's rules do not allow. (NET-10)
pub(super) fn forbid(address: &SockAddr) -> Error {
    Error::new(ErrorKind::Failed, format!("the rules of this network forbid {}", sockaddr::text(address)))
}

/// Both families in turns, beginning with the first address's; otherwise in order. (RFC 8305, section 4)
fn interleave(addresses: Vec<SockAddr>) -> VecDeque<SockAddr> {
    let first = addresses.first().map(SockAddr::family);
    let (one, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| Some(address.family()) == first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut mixed = VecDeque::new();
    loop {
        let pair = [one.next(), other.next()];
        if pair.iter().all(Option::is_none) {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

impl Race {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arc<Connection>, Error>> {
        loop {
            let mut index = 0;
            while index < self.running.len() {
                match self.running[index].as_mut().poll(cx) {
                    Poll::Pending => index += 1,
                    Poll::Ready(Ok(connection)) => {
                        // The losers' sockets are closed before anyone learns of the winner.
                        self.running.clear();
                        return Poll::Ready(Ok(connection));
                    }
                    Poll::Ready(Err(error)) => {
                        self.failed = error;
                        self.next = None;
                        drop(self.running.remove(index));
                    }
                }
            }
            let due = match &mut self.next {
                Some(timer) => Pin::new(timer).poll(cx).is_ready(),
                None => true,
            };
            if due && let Some(address) = self.waiting.pop_front() {
                self.running.push(Box::pin(connect_one(self.runtime.clone(), address, self.filter.clone())));
                self.next = Some(Timer::pause(&self.runtime, ATTEMPT_DELAY));
            } else if self.running.is_empty() {
                return Poll::Ready(Err(self.failed.clone()));
            } else {
                if self.waiting.is_empty() {
                    self.next = None;
                }
                return Poll::Pending;
            }
        }
    }
}

async fn connect_one(runtime: Arc<Shared>, address: SockAddr, filter: Filter) -> Result<Arc<Connection>, Error> {
    let explain = |error: io::Error| Error::from_io(format_args!("connecting to {}", sockaddr::text(&address)), &error);
    let socket = open(&address).map_err(explain)?;
    if !address.is_unix() {
        socket.set_tcp_nodelay(true).map_err(explain)?;
    }
    let socket = connect_fd(&runtime, socket.into(), &address).await?.map_err(explain)?;
    Ok(Connection::with_remote(socket, Remote { address: address.as_socket(), filter }))
}

/// Connects a socket that does not block, and registers it.
pub(super) async fn connect_fd(runtime: &Arc<Shared>, fd: OwnedFd, to: &SockAddr) -> Result<io::Result<Socket>, Error> {
    let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let Err(error) = SockRef::from(&fd).connect(to) else { return Socket::new(runtime, fd).map(Ok) };
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::INPROGRESS | Errno::INTR) => break,
            // The backlog is full and the kernel tells nobody when it no longer is.
            Some(Errno::AGAIN) if to.is_unix() => {
                pauses.next(runtime).await;
            }
            _ => return Ok(Err(error)),
        }
    }
    let socket = Socket::new(runtime, fd)?;
    Ok(connected(&socket).await?.map(|()| socket))
}

pub(super) fn open(address: &SockAddr) -> io::Result<socket2::Socket> {
    // Non-blocking and not inherited by children, from the start where the system can do that.
    let protocol = (!address.is_unix()).then_some(Protocol::TCP);
    let socket = socket2::Socket::new(Domain::from(i32::from(address.family())), Type::STREAM, protocol)?;
    socket.set_nonblocking(true)?;
    sys::no_sigpipe(&socket)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    // parity: NET-11
    #[test]
    fn families_take_turns() {
        let cases = [
            (vec!["[::1]:1", "[::2]:1", "1.1.1.1:1", "2.2.2.2:1"], "[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1"),
            (vec!["1.1.1.1:1", "[::1]:1", "[::2]:1", "[::3]:1"], "1.1.1.1:1 [::1]:1 [::2]:1 [::3]:1"),
            (vec!["1.1.1.1:1", "2.2.2.2:1"], "1.1.1.1:1 2.2.2.2:1"),
            (vec![], ""),
        ];
        for (texts, expected) in cases {
            let sockets = texts.iter().map(|text| text.parse::<SocketAddr>().expect("a literal").into()).collect();
            let mixed: Vec<String> = interleave(sockets).iter().map(sockaddr::text).collect();
            assert_eq!(mixed.join(" "), expected);
        }
    }
}
