//! Descriptors that were made elsewhere, as connections, listeners and datagram ports.
//!
//! Everything here takes the descriptor over, also when it fails. What it is is found out from the descriptor itself.

use super::connect::connect_fd;
use super::datagram::choose;
use super::{Address, DatagramPort, Listener, Network};
use crate::error::{Error, ErrorKind};
use crate::promise::Promise;
use crate::runtime::{Runtime, Shared};
use crate::stream::{Connection, Descriptor, Socket};
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd, ioctl_fionbio};
use rustix::net::{SocketType, sockopt};
use socket2::{Domain, SockRef};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// What is known of a descriptor and need not be done. (LLIO-02, LLIO-03)
#[derive(Clone, Copy, Default)]
pub struct Known {
    /// It is closed on exec.
    pub cloexec: bool,
    /// It does not block.
    pub nonblock: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stream,
    Listening,
    Datagram,
    /// No socket, but something that can be polled: a pipe, a terminal.
    Polled,
}

fn kind(fd: &OwnedFd) -> Result<Kind, Error> {
    let explain = |errno: Errno| Error::from_io("looking at a descriptor", &errno.into());
    match FileType::from_raw_mode(fstat(fd).map_err(explain)?.st_mode) {
        FileType::Socket => match sockopt::socket_type(fd).map_err(explain)? {
            SocketType::STREAM if sockopt::socket_acceptconn(fd).unwrap_or(false) => Ok(Kind::Listening),
            SocketType::STREAM => Ok(Kind::Stream),
            SocketType::DGRAM => Ok(Kind::Datagram),
            _ => Err(Error::new(ErrorKind::Unimplemented, "a socket that is neither of streams nor of datagrams")),
        },
        FileType::RegularFile => {
            let text = "a regular file cannot be polled: see kja_connection_from_file";
            Err(Error::new(ErrorKind::Unimplemented, text))
        }
        FileType::Directory | FileType::BlockDevice => {
            Err(Error::new(ErrorKind::Unimplemented, "a directory or a disk is no stream"))
        }
        _ => Ok(Kind::Polled),
    }
}

fn prepare(fd: &OwnedFd, known: Known) -> Result<(), Error> {
    let set = || {
        if !known.cloexec {
            fcntl_setfd(fd, fcntl_getfd(fd)? | FdFlags::CLOEXEC)?;
        }
        if !known.nonblock {
            ioctl_fionbio(fd, true)?;
        }
        Ok(())
    };
    set().map_err(|errno: Errno| Error::from_io("preparing a descriptor", &errno.into()))
}

/// Makes sure of the kind and of the flags.
fn check(fd: &OwnedFd, known: Known, wanted: &[Kind], what: &str) -> Result<Kind, Error> {
    // First of all, so that a descriptor that is refused is not inherited meanwhile.
    prepare(fd, known)?;
    let found = kind(fd)?;
    if !wanted.contains(&found) {
        let is = match found {
            Kind::Stream => "a socket that is not listening",
            Kind::Listening => "a listening socket",
            Kind::Datagram => "a socket of datagrams",
            Kind::Polled => "no socket",
        };
        return Err(Error::invalid(format!("{is} is no {what}")));
    }
    #[cfg(target_vendor = "apple")]
    if found != Kind::Polled {
        let _ = SockRef::from(fd).set_nosigpipe(true);
    }
    Ok(found)
}

pub(super) fn domain(fd: impl AsFd) -> Result<Domain, Error> {
    let name = SockRef::from(&fd.as_fd()).local_addr();
    Ok(name.map_err(|error| Error::from_io("reading a socket's name", &error))?.domain())
}

/// A connected stream socket, a pipe or another descriptor that can be polled.
pub(crate) fn connection(runtime: &Arc<Shared>, fd: OwnedFd, known: Known) -> Result<Arc<Connection>, Error> {
    let kind = check(&fd, known, &[Kind::Stream, Kind::Polled], "connection")?;
    let socket = Socket::new(runtime, fd).map_err(|error| match Errno::from_raw_os_error(error.os_error()) {
        // What epoll says of what is always ready.
        Errno::PERM => Error::with_os(ErrorKind::Unimplemented, error.os_error(), "a descriptor that cannot be polled"),
        _ => error,
    })?;
    Ok(Connection::new(runtime, Descriptor::new(socket, kind == Kind::Stream)))
}

impl Connection {
    /// A connection over a stream socket or over anything else that can be polled. (LLIO-04, LLIO-05, LLIO-06)
    ///
    /// # Errors
    /// `Unimplemented` for a regular file; `InvalidArgument` for a socket of another kind.
    pub fn from_fd(runtime: &Runtime, fd: OwnedFd, known: Known) -> Result<Arc<Self>, Error> {
        runtime.shared().check()?;
        connection(runtime.shared(), fd, known)
    }

    /// Connects a stream socket. The promise carries the connection. (LLIO-07)
    ///
    /// # Cancellation
    /// The socket is closed.
    pub fn from_connecting_fd(runtime: &Runtime, fd: OwnedFd, known: Known, to: &Address) -> Result<Promise, Error> {
        let runtime = runtime.shared().clone();
        runtime.check()?;
        check(&fd, known, &[Kind::Stream], "socket to connect")?;
        let name = choose(to, domain(&fd)?)?;
        let (name, text) = (name.into_owned(), to.to_string());
        Ok(Promise::start(runtime.clone(), "connect", async move {
            let socket = connect_fd(&runtime, fd, &name).await?;
            let socket = socket.map_err(|error| Error::from_io(format_args!("connecting to {text}"), &error))?;
            Ok(Self::into_value(Self::over_socket(socket)))
        }))
    }
}

impl Listener {
    /// A listener over a socket that is listening. (LLIO-08)
    pub fn from_fd(runtime: &Runtime, fd: OwnedFd, known: Known) -> Result<Arc<Self>, Error> {
        Network::new(runtime)?.listener_from_fd(fd, known)
    }
}

impl DatagramPort {
    /// A port over a socket of datagrams. (LLIO-09)
    pub fn from_fd(runtime: &Runtime, fd: OwnedFd, known: Known) -> Result<Arc<Self>, Error> {
        Network::new(runtime)?.datagram_from_fd(fd, known)
    }
}

impl Network {
    /// As [`Listener::from_fd`]; the rules of this network decide who is accepted, and what wraps it wraps the
    /// listener. (LLIO-08)
    pub fn listener_from_fd(&self, fd: OwnedFd, known: Known) -> Result<Arc<Listener>, Error> {
        self.runtime().check()?;
        check(&fd, known, &[Kind::Listening], "listener")?;
        let mut listener = Listener::over(Socket::new(self.runtime(), fd)?, self.filter())?;
        for wrapper in self.wrappers() {
            listener = wrapper.wrap_listener(&listener)?;
        }
        Ok(listener)
    }

    /// As [`DatagramPort::from_fd`]; the rules of this network decide who is heard and sent to. (LLIO-09)
    ///
    /// # Errors
    /// `Unimplemented` for a network that is wrapped: there are no connections to wrap.
    pub fn datagram_from_fd(&self, fd: OwnedFd, known: Known) -> Result<Arc<DatagramPort>, Error> {
        self.runtime().check()?;
        check(&fd, known, &[Kind::Datagram], "datagram port")?;
        if !self.wrappers().is_empty() {
            return Err(Error::new(ErrorKind::Unimplemented, "a wrapped network has no datagrams"));
        }
        DatagramPort::over(self.runtime(), fd, self.filter())
    }
}
