//! The ends of a connection: socket options, the descriptor, and what names are asked of (`src/net/peer.rs`). A layer passes
//! these questions on to what is below it.

use super::{Connection, Socket};
use crate::error::{Error, ErrorKind};
use crate::nesting::MOST_LAYERS;
use crate::os::option;
use crate::peer::TlsIdentity;
use socket2::SockRef;
use std::io;
use std::mem::MaybeUninit;
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

    /// What the peers of the TLS connections on the way down have shown, the upper one first.
    pub(crate) fn identities(&self) -> Vec<Arc<TlsIdentity>> {
        let own = self.transport().identity().cloned();
        own.into_iter().chain(self.layers_below().filter_map(|below| below.transport().identity().cloned())).collect()
    }

    /// Asks the lowest of the layers, or this connection if it is none.
    pub(crate) fn ask_lowest<R>(&self, ask: impl FnOnce(&Self) -> R) -> R {
        ask(self.layers_below().last().as_deref().unwrap_or(self))
    }

    pub(crate) fn on_socket<R>(
        &self,
        what: &str,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>,
    ) -> Result<R, Error> {
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

    /// Reads a socket option into the buffer; what the system wrote there. (STRM-17)
    ///
    /// # Errors
    /// `Unimplemented` if this is no socket, and no layer over one.
    pub fn option<'a>(&self, level: i32, option: i32, buffer: &'a mut [MaybeUninit<u8>]) -> Result<&'a [u8], Error> {
        self.ask_lowest(|lowest| {
            lowest.on_socket("reading a socket option", |fd| option::get(fd, level, option, buffer))
        })
    }

    /// Sets a socket option. (STRM-17)
    ///
    /// # Errors
    /// `Unimplemented` if this is no socket, and no layer over one.
    pub fn set_option(&self, level: i32, option: i32, value: &[u8]) -> Result<(), Error> {
        let set = |fd: BorrowedFd<'_>| option::set(fd, level, option, value);
        self.ask_lowest(|lowest| lowest.on_socket("setting a socket option", set))
    }

    /// Whether the peer, or that of a layer below, is not to be told. (CAPS-09)
    pub(crate) fn is_peer_hidden(&self) -> bool {
        self.hides_peer() || self.layers_below().any(|below| below.hides_peer())
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
        if !self.unread().is_empty() {
            return Err(Error::new(
                ErrorKind::Failed,
                "what a read gave back is still to be read from this connection",
            ));
        }
        self.on_descriptor(|socket| {
            socket.share()?.map_err(|errno| Error::from_io("copying a descriptor", &errno.into()))
        })
    }

    fn on_descriptor<R>(&self, call: impl FnOnce(&Socket) -> Result<R, Error>) -> Result<R, Error> {
        call(self.transport().socket().ok_or_else(no_descriptor)?)
    }
}
