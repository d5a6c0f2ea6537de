//! Byte streams: over descriptors, in this process, on files.

mod byte_stream;
mod capability;
mod capability_pipe;
mod closable;
mod coming;
mod connection;
pub(crate) mod control;
mod descriptor;
mod disconnect;
mod endpoint;
mod error_watch;
mod exclusive;
mod fd_observer;
mod file;
pub(crate) mod fill;
mod layer;
mod message;
mod null;
mod os_pipe;
mod parts;
mod pipe;
mod promised;
pub(crate) mod quiet_write;
mod read;
mod read_each;
mod socket;
mod stretch;
mod tee;
mod transport;
mod unread;
mod wrap;
mod write;

pub use byte_stream::ByteStream;
pub(crate) use capability::{Attached, Carries};
#[cfg(kja_model)]
pub(crate) use closable::Closable;
pub use connection::Connection;
pub use control::ControlMessage;
#[cfg(kja_fuzzing)]
pub use control::control_messages;
pub(crate) use descriptor::Descriptor;
pub(crate) use disconnect::Never;
pub(crate) use error_watch::ErrorWatch;
pub use exclusive::Exclusive;
pub(crate) use exclusive::{ReadHalf, WriteHalf};
pub use fd_observer::{AtEnd, FdObserver, Readiness};
pub use message::{Message, Messages};
pub(crate) use read::{Read, ReadAll, ReadInto};
pub(crate) use socket::{Direction, Registered, Socket, register};
pub(crate) use stretch::Stretch;
pub(crate) use transport::Transport;
pub use wrap::Known;
pub(crate) use wrap::{Kind, check, wrap};
pub(crate) use write::{Write, pump};

use crate::error::Error;
use std::io;

/// Waits until a non-blocking connect has succeeded or failed.
pub(crate) async fn connected(socket: &Socket) -> Result<io::Result<()>, Error> {
    std::future::poll_fn(|cx| {
        socket.poll_io(
            Direction::Write,
            cx,
            |fd| match rustix::net::sockopt::socket_error(fd)? {
                Err(errno) => Err(errno),
                // Not connected and no error: still in progress.
                Ok(()) if rustix::net::getpeername(fd).is_err() => Err(rustix::io::Errno::AGAIN),
                Ok(()) => Ok(()),
            },
            |()| false,
        )
    })
    .await
}
