//! Pipes of the system's.

use super::{Connection, Descriptor, Direction, Socket};
use crate::error::Error;
use crate::os::pipe;
use crate::os::sys;
use crate::runtime::{Runtime, Shared};
use std::os::fd::OwnedFd;
use std::sync::Arc;

impl Connection {
    /// A pipe of the system's: the end to read from and the end to write to. (PIPE-06)
    pub fn os_one_way_pipe(runtime: &Runtime) -> Result<(Arc<Self>, Arc<Self>), Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        let (reader, writer) = pipe::nonblocking().map_err(pipe::explain)?;
        let over = |fd, only| Ok(Self::new(runtime, Descriptor::pipe(Socket::new(runtime, fd)?, only)));
        Ok((over(reader, Direction::Read)?, over(writer, Direction::Write)?))
    }

    /// A pair of connected sockets of the system's. (PIPE-07, PIPE-08)
    pub fn os_two_way_pipe(runtime: &Runtime) -> Result<(Arc<Self>, Arc<Self>), Error> {
        runtime.shared().check()?;
        Self::socket_pair(runtime.shared())
    }

    pub(crate) fn socket_pair(runtime: &Arc<Shared>) -> Result<(Arc<Self>, Arc<Self>), Error> {
        let open = || -> std::io::Result<(OwnedFd, OwnedFd)> {
            let (one, other) = socket2::Socket::pair(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
            for socket in [&one, &other] {
                socket.set_nonblocking(true)?;
                sys::no_sigpipe(socket)?;
            }
            Ok((one.into(), other.into()))
        };
        let (one, other) = open().map_err(|error| Error::from_io("making a socket pair", &error))?;
        Ok((Self::over_socket(Socket::new(runtime, one)?), Self::over_socket(Socket::new(runtime, other)?)))
    }
}
