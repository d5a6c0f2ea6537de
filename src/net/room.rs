//! Waiting until there is room for a datagram.
//!
//! A send blocks for one of two reasons. If the port's own buffer is full, the port's descriptor tells when it no longer is.
//! But it may also be the queue of a unix socket, and of that the system tells only those that are connected to it. So a
//! socket is made that is, for as long as the wait takes. A wait is for what says that it has no room; if nothing says so,
//! the send is tried again after a pause.

use crate::error::Error;
use crate::runtime::{Pauses, Shared};
use crate::stream::{Registered, Socket, register};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Type};
use std::future::poll_fn;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::Poll;
use tokio::io::Interest;

/// How soon to try again where the system does not tell; doubled up to the second figure.
const FIRST_PAUSE: u64 = 1_000_000;
const LONGEST_PAUSE: u64 = 128_000_000;

fn has_room(fd: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(fd, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&at_once)).is_ok_and(|_| polled[0].revents().contains(PollFlags::OUT))
}

/// A socket that hears of the room in the queue of this one; none if no descriptor is left.
fn watch_queue(runtime: &Arc<Shared>, of: &SockAddr) -> Option<Registered> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::DGRAM, None).ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(of).ok()?;
    register(runtime, socket.into(), Interest::WRITABLE).ok()
}

/// Waits until what is watched has room.
async fn wait(port: &Socket, watch: &Registered, pauses: &mut Pauses) -> Result<(), Error> {
    poll_fn(|cx| {
        port.with_fd(|_| ())?;
        match watch.poll_write_ready(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(Err(Error::shutdown())),
            ready => ready.map(|_| Ok(())),
        }
    })
    .await?;
    // An error is told of as room too, and that for as long as it lasts.
    if has_room(watch.get_ref()) { Ok(()) } else { port.pause(pauses.next(port.runtime())).await }
}

enum Watched {
    ReceiversQueue,
    OwnBuffer,
}

/// Sends a datagram as soon as there is room for it, to `to` or to whom the port is connected to.
pub(super) async fn send_when_there_is<R>(
    port: &Socket,
    to: Option<&SockAddr>,
    is_connected: bool,
    send: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<R>,
) -> Result<rustix::io::Result<R>, Error> {
    let runtime = port.runtime();
    let receiver = to.filter(|to| to.is_unix());
    // The port of a connection counts the room of its peer too, which may be somebody else.
    let tells_of_others = receiver.is_some() && is_connected;
    let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
    'blocked: loop {
        // In this order, and each time after a try: what has no room now is why it blocks.
        for watched in [Watched::ReceiversQueue, Watched::OwnBuffer] {
            match port.with_fd(|fd| rustix::io::retry_on_intr(|| send(fd)))? {
                Err(Errno::AGAIN) => {}
                done => return Ok(done),
            }
            let watch = match watched {
                Watched::ReceiversQueue => receiver.and_then(|receiver| watch_queue(runtime, receiver)),
                Watched::OwnBuffer if tells_of_others => None,
                Watched::OwnBuffer => port.copy(Interest::WRITABLE).ok(),
            };
            if let Some(watch) = watch.filter(|watch| !has_room(watch.get_ref())) {
                wait(port, &watch, &mut pauses).await?;
                continue 'blocked;
            }
        }
        port.pause(pauses.next(runtime)).await?;
    }
}
