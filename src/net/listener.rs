//! Listening sockets.

use super::{Address, accept, connect};
use crate::coordination::Turns;
use crate::error::Error;
use crate::promise::Promise;
use crate::runtime::Shared;
use crate::stream::Socket;
use socket2::{SockAddr, SockRef};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

const DEFAULT_BACKLOG: u32 = 1024;

/// A listening socket. Any number of accepts may be pending; they are served in order.
pub struct Listener {
    socket: Socket,
    accepts: Turns,
}

pub(super) fn listen(
    runtime: &Arc<Shared>,
    addresses: &[SocketAddr],
    any: bool,
    backlog: u32,
) -> Result<Arc<Listener>, Error> {
    let mut failed = Error::invalid("no address to listen on");
    for address in addresses {
        let fd = match open(*address, any, backlog) {
            Ok(fd) => fd,
            Err(error) => {
                failed = Error::from_io(format_args!("listening on {address}"), &error);
                // Without IPv6 the second address of `*` is the whole machine.
                let no_family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
                if any
                    && [Some(no_family), Some(rustix::io::Errno::ADDRNOTAVAIL.raw_os_error())]
                        .contains(&error.raw_os_error())
                {
                    continue;
                }
                return Err(failed);
            }
        };
        let socket = Socket::new(runtime, fd)?;
        return Ok(Listener::over(socket));
    }
    Err(failed)
}

fn open(address: SocketAddr, any: bool, backlog: u32) -> io::Result<OwnedFd> {
    let socket = connect::open(address)?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!any)?;
    }
    socket.bind(&SockAddr::from(address))?;
    let backlog = if backlog == 0 { DEFAULT_BACKLOG } else { backlog };
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(OwnedFd::from(socket))
}

impl Listener {
    pub(super) fn over(socket: Socket) -> Arc<Self> {
        Arc::new(Self { socket, accepts: Turns::default() })
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        self.socket.runtime()
    }

    /// Waits for a connection. The promise carries a [`crate::stream::Connection`]. (NET-16)
    ///
    /// When the process is out of descriptors or memory, the accept stays pending and tries again a little
    /// later, at growing intervals.
    ///
    /// # Cancellation
    /// The connection that would have been accepted stays in the backlog for the next accept.
    pub fn accept(self: &Arc<Self>) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::start(self.runtime().clone(), "accept", accept::accept(self.clone(), self.accepts.take())))
    }

    /// The bound address, with the port that the system chose if port 0 was asked for. (NET-18, NET-19)
    pub fn local_address(&self) -> Result<Address, Error> {
        let name = self.socket.with_fd(|fd| SockRef::from(&fd).local_addr())?;
        let name = name.map_err(|error| Error::from_io("reading the bound address", &error))?;
        let name = name.as_socket().ok_or_else(|| Error::invalid("not an internet address"))?;
        Ok(Address::from_socket(self.runtime(), name))
    }

    /// Stops listening now; pending accepts reject with `Canceled`.
    pub fn close(&self) {
        if self.socket.close() {
            self.accepts.wake_all();
        }
    }
}
