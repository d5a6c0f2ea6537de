//! Byte streams over file descriptors.

mod read;
mod socket;
mod write;

pub(crate) use read::{Read, ReadAll, ReadInto};
pub(crate) use socket::{Direction, Socket};
pub(crate) use write::{Write, pump};

use crate::error::Error;
use std::io;

/// Waits until a non-blocking connect has succeeded or failed.
pub(crate) async fn connected(socket: &Socket) -> Result<io::Result<()>, Error> {
    std::future::poll_fn(|cx| {
        socket.poll_io(Direction::Write, cx, |fd| match rustix::net::sockopt::socket_error(fd)? {
            Err(errno) => Err(errno),
            // Not connected and no error: still in progress.
            Ok(()) if rustix::net::getpeername(fd).is_err() => Err(rustix::io::Errno::AGAIN),
            Ok(()) => Ok(()),
        }, |()| false)
    })
    .await
}

