//! A parsed and resolved address: one host may stand for several.

use super::parse::{Host, parse};
use super::{Listener, connect, listener, resolve};
use crate::error::Error;
use crate::handle::Object;
use crate::promise::Promise;
use crate::runtime::{Runtime, Shared};
use crate::stream::Connection;
use crate::value::{ObjectRef, Outcome, Value};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Where to connect to or to listen on.
pub struct Address {
    runtime: Arc<Shared>,
    sockets: Vec<SocketAddr>,
    /// `*`: listening takes every address of the machine, of both families.
    any: bool,
}

impl Address {
    pub(super) fn resolved(runtime: Arc<Shared>, sockets: Vec<SocketAddr>) -> Self {
        Self { runtime, sockets, any: false }
    }

    pub(crate) fn from_socket(runtime: &Arc<Shared>, socket: SocketAddr) -> Self {
        Self { runtime: runtime.clone(), sockets: vec![socket], any: false }
    }

    /// Parses `host`, `host:port`, `[v6]:port` or `*:port` and resolves a name, which takes a thread
    /// of its own, not the loop. The promise carries an [`Address`]. (NET-01, NET-02, NET-03)
    ///
    /// # Cancellation
    /// A look-up under way cannot be interrupted; its result is dropped.
    pub fn parse(runtime: &Runtime, text: &[u8], default_port: u16) -> Result<Promise, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        let (host, port) = parse(text, default_port)?;
        let (sockets, any) = match host {
            Host::Ip(ip) => (vec![SocketAddr::new(ip, port)], false),
            Host::Any => {
                let both = [(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()];
                (both.to_vec(), true)
            }
            Host::Name(name) => return resolve::resolve(runtime, name, port),
        };
        let address = Self { runtime: runtime.clone(), sockets, any };
        Ok(Promise::settled(runtime.clone(), address.into_outcome()))
    }

    pub(super) fn into_outcome(self) -> Outcome {
        Ok(Value::Object(ObjectRef(Object::Address(Arc::new(self)))))
    }

    /// Connects to the first of its addresses that answers. The promise carries a [`Connection`]. (NET-11)
    ///
    /// # Cancellation
    /// The attempt ends and its socket is closed.
    pub fn connect(&self) -> Result<Promise, Error> {
        self.runtime.check()?;
        let (runtime, sockets) = (self.runtime.clone(), self.sockets.clone());
        Ok(Promise::start(self.runtime.clone(), "connect", async move {
            let connection = connect::connect(&runtime, &sockets).await?;
            Ok(Connection::into_value(connection))
        }))
    }

    /// Listens on it, at once; `backlog` connections may wait to be accepted. (NET-13)
    pub fn listen(&self, backlog: u32) -> Result<Arc<Listener>, Error> {
        self.runtime.check()?;
        listener::listen(&self.runtime, &self.sockets, self.any, backlog)
    }

    /// The port; that of the first address if there are several.
    pub fn port(&self) -> u16 {
        self.sockets.first().map_or(0, SocketAddr::port)
    }

    /// Its names for the system, in order.
    pub(super) fn names(&self) -> Vec<socket2::SockAddr> {
        self.sockets.iter().copied().map(socket2::SockAddr::from).collect()
    }

    pub(super) fn is_any(&self) -> bool {
        self.any
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }
}

impl fmt::Display for Address {
    /// A text that `parse` reads back; of several addresses, the first. (NET-15)
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sockets.first() {
            _ if self.any => write!(f, "*:{}", self.port()),
            Some(socket) => socket.fmt(f),
            None => Ok(()),
        }
    }
}
