//! The ends of a connection: socket options, names, the peer, the descriptor. A layer passes these questions on to what is
//! below it.

use super::{Connection, MOST_LAYERS, Socket};
use crate::error::{Error, ErrorKind};
use crate::net::{Address, Credentials, Peer, get_option, set_option};
use socket2::SockRef;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

fn no_descriptor() -> Error {
    Error::new(ErrorKind::Unimplemented, "this connection has no descriptor")
}

impl Connection {
    /// What this is a layer over, what that is a layer over, and so on.
    fn layers_below(&self) -> impl Iterator<Item = Arc<Self>> {
        let next = |above: &Arc<Self>| above.transport().below();
        std::iter::successors(self.transport().below(), next).take(MOST_LAYERS)
    }

    /// Asks the lowest of the layers, or this connection if it is none.
    fn ask_lowest<R>(&self, ask: impl FnOnce(&Self) -> R) -> R {
        ask(self.layers_below().last().as_deref().unwrap_or(self))
    }

    fn on_socket<R>(&self, what: &str, call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>) -> Result<R, Error> {
        let socket = self.transport().socket().ok_or_else(Error::no_socket)?;
        socket.with_fd(call)?.map_err(|error| match error.raw_os_error() {
            Some(libc::ENOTSOCK) => Error::no_socket(),
            _ => Error::from_io(what, &error),
        })
    }

    /// Whether small writes go out at once; on by default.
    pub fn set_nodelay(&self, on: bool) -> Result<(), Error> {
        let set = |fd: BorrowedFd<'_>| SockRef::from(&fd).set_tcp_nodelay(on);
        self.ask_lowest(|lowest| lowest.on_socket("setting TCP_NODELAY", set))
    }

    /// Reads a socket option; how many bytes the system wrote. (STRM-17)
    ///
    /// # Errors
    /// `Unimplemented` if this is no socket, and no layer over one.
    pub fn option(&self, level: i32, option: i32, buffer: &mut [u8]) -> Result<usize, Error> {
        let get = |fd: BorrowedFd<'_>| get_option(fd, level, option, buffer);
        self.ask_lowest(|lowest| lowest.on_socket("reading a socket option", get))
    }

    /// Sets a socket option. (STRM-17)
    ///
    /// # Errors
    /// `Unimplemented` if this is no socket, and no layer over one.
    pub fn set_option(&self, level: i32, option: i32, value: &[u8]) -> Result<(), Error> {
        let set = |fd: BorrowedFd<'_>| set_option(fd, level, option, value);
        self.ask_lowest(|lowest| lowest.on_socket("setting a socket option", set))
    }

    /// The address of this end. (STRM-18)
    pub fn local_address(&self) -> Result<Address, Error> {
        self.ask_lowest(|lowest| {
            let name = lowest.on_socket("reading the local address", |fd| SockRef::from(&fd).local_addr())?;
            Ok(Address::from_socket(lowest.runtime(), &lowest.remote().filter, name))
        })
    }

    /// The address of the other end. (STRM-18)
    pub fn peer_address(&self) -> Result<Address, Error> {
        self.ask_lowest(|lowest| {
            let name = lowest.on_socket("reading the peer's address", |fd| SockRef::from(&fd).peer_addr())?;
            Ok(Address::from_socket(lowest.runtime(), &lowest.remote().filter, name))
        })
    }

    /// Who is at the other end: an address for TCP, a process for a Unix socket, otherwise unknown. Stays right after
    /// the peer has gone, and outlives the connection. (NET-12, NET-17, PEER-06)
    pub fn peer(&self) -> Peer {
        if self.hides_peer() || self.layers_below().any(|below| below.hides_peer()) {
            return Peer::Unknown;
        }
        self.ask_lowest(Self::own_peer)
    }

    fn own_peer(&self) -> Peer {
        let filter = &self.remote().filter;
        let network = |name| Peer::Network(Arc::new(Address::from_socket(self.runtime(), filter, name)));
        if let Some(address) = self.remote().address {
            return network(address.into());
        }
        let seen = self.on_socket("reading the peer", |fd| {
            let local = SockRef::from(&fd).local_addr()?;
            Ok(match SockRef::from(&fd).peer_addr() {
                _ if local.is_unix() => Peer::Local(Credentials::of(fd)),
                Ok(name) if name.as_socket().is_some() => network(name),
                _ => Peer::Unknown,
            })
        });
        seen.unwrap_or(Peer::Unknown)
    }

    /// The number of the descriptor, its own or that of the lowest layer; it stays the connection's. (STRM-19)
    ///
    /// # Errors
    /// `Unimplemented` if there is none.
    pub fn fd(&self) -> Result<i32, Error> {
        self.ask_lowest(|lowest| lowest.on_descriptor(|socket| socket.with_fd(|fd| fd.as_raw_fd())))
    }

    /// A copy of that descriptor, closed on exec. (STRM-19)
    ///
    /// # Errors
    /// `Unimplemented` if there is none.
    pub fn dup_fd(&self) -> Result<OwnedFd, Error> {
        self.ask_lowest(Self::dup_own_fd)
    }

    /// As `dup_fd`, for a connection that is no layer: it can go on elsewhere with nothing but its descriptor.
    pub(super) fn dup_own_fd(&self) -> Result<OwnedFd, Error> {
        self.on_descriptor(|socket| {
            socket.share()?.map_err(|errno| Error::from_io("copying a descriptor", &errno.into()))
        })
    }

    fn on_descriptor<R>(&self, call: impl FnOnce(&Socket) -> Result<R, Error>) -> Result<R, Error> {
        call(self.transport().socket().ok_or_else(no_descriptor)?)
    }
}
