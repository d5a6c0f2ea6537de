//! Connections over descriptors that were made elsewhere, and what any such descriptor tells of itself.
//!
//! Everything here takes the descriptor over, also when it fails.

use super::{Connection, Descriptor, Socket};
use crate::error::{Error, ErrorKind};
use crate::os::sys;
use crate::runtime::{Runtime, Shared};
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd, ioctl_fionbio};
use rustix::net::{SocketType, sockopt};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// What is known of a descriptor and need not be done. (LLIO-02, LLIO-03)
#[derive(Clone, Copy, Default)]
pub struct Known {
    /// It is closed on exec.
    pub cloexec: bool,
    /// It does not block.
    pub nonblock: bool,
}

/// What a descriptor is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
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
            SocketType::STREAM if sys::is_listening(fd) => Ok(Kind::Listening),
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
pub(crate) fn check(fd: &OwnedFd, known: Known, wanted: &[Kind], what: &str) -> Result<Kind, Error> {
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
    if found != Kind::Polled {
        // macOS refuses if the peer has gone already.
        let _ = sys::no_sigpipe(fd);
    }
    Ok(found)
}

/// A connected stream socket, a pipe or another descriptor that can be polled.
pub(crate) fn wrap(runtime: &Arc<Shared>, fd: OwnedFd, known: Known) -> Result<Arc<Connection>, Error> {
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
        wrap(runtime.shared(), fd, known)
    }
}
