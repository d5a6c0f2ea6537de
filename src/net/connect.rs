//! Making connections.

use crate::error::Error;
use crate::runtime::Shared;
use crate::stream::{Connection, Socket, connected};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Tries one address after the other; the error is the last one's.
pub(super) async fn connect(runtime: &Arc<Shared>, addresses: &[SocketAddr]) -> Result<Arc<Connection>, Error> {
    let mut failed = Error::invalid("no address to connect to");
    for address in addresses {
        match connect_one(runtime, *address).await {
            Ok(connection) => return Ok(connection),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn connect_one(runtime: &Arc<Shared>, address: SocketAddr) -> Result<Arc<Connection>, Error> {
    let explain = |error: io::Error| Error::from_io(format_args!("connecting to {address}"), &error);
    let socket = open(address).map_err(explain)?;
    let begun = socket.connect(&SockAddr::from(address));
    let in_progress = match begun {
        Ok(()) => false,
        Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => true,
        Err(error) => return Err(explain(error)),
    };
    socket.set_tcp_nodelay(true).map_err(explain)?;
    let socket = Socket::new(runtime, OwnedFd::from(socket))?;
    if in_progress {
        connected(&socket).await?.map_err(explain)?;
    }
    Ok(Connection::over_socket(socket))
}

pub(super) fn open(address: SocketAddr) -> io::Result<socket2::Socket> {
    // Non-blocking and not inherited by children, from the start where the system can do that.
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    #[cfg(target_vendor = "apple")]
    socket.set_nosigpipe(true)?;
    Ok(socket)
}
