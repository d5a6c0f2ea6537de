//! Descriptors that were made elsewhere, as connections, listeners and datagram ports.
//!
//! Everything here takes the descriptor over, also when it fails.

use super::connect::connect_fd;
use super::datagram::choose;
use super::{Address, DatagramPort, Listener, Network};
use crate::error::{Error, ErrorKind};
use crate::promise::Promise;
use crate::runtime::Runtime;
use crate::stream::{Connection, Kind, Known, Socket, check};
use socket2::{Domain, SockRef};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

pub(super) fn domain(fd: impl AsFd) -> Result<Domain, Error> {
    let name = SockRef::from(&fd.as_fd()).local_addr();
    Ok(name.map_err(|error| Error::from_io("reading a socket's name", &error))?.domain())
}

impl Connection {
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
        self.check_is_the_systems()?;
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
        self.check_is_the_systems()?;
        check(&fd, known, &[Kind::Datagram], "datagram port")?;
        if !self.wrappers().is_empty() {
            return Err(Error::new(ErrorKind::Unimplemented, "a wrapped network has no datagrams"));
        }
        DatagramPort::over(self.runtime(), fd, self.filter())
    }
}
