//! A parsed and resolved address: one host may stand for several.

use super::carried::{self, Carried};
use super::lookup;
use super::parse::{Host, Parsed, Port, parse};
use super::provided::Provided;
use super::resolve::{self, Query};
use super::{Cidr, Listener, NetworkWrapper, connect, listener};
use crate::error::{Error, ErrorKind};
use crate::nesting::one_more;
use crate::object::{Object, Owner};
use crate::os::sockaddr::{self, Family};
use crate::peer::Filter;
use crate::promise::Promise;
use crate::runtime::{Runtime, Shared};
use crate::stream::Connection;
use crate::value::{Outcome, Value};
use socket2::SockAddr;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

/// Where to connect to or to listen on. It never changes.
pub struct Address {
    runtime: Arc<Shared>,
    sockets: Vec<SockAddr>,
    /// `*`: listening takes every address of the machine, of both families.
    any: bool,
    /// The rules of the network that it came from.
    filter: Filter,
    via: Option<Via>,
    /// How many addresses stand on top of each other here, with this one.
    layers: usize,
}

/// What stands in for a socket, or before it.
enum Via {
    /// Connections go over this one.
    Carried(Arc<Carried>),
    /// They come from the program.
    Provided(Arc<Provided>),
    /// They are those of the inner address, wrapped. The name is the one to be expected there.
    Wrapper { wrapper: Arc<NetworkWrapper>, inner: Arc<Address>, host: String },
}

impl Address {
    pub(super) fn resolved(runtime: Arc<Shared>, filter: Filter, sockets: Vec<SocketAddr>) -> Self {
        Self {
            runtime,
            sockets: sockets.into_iter().map(SockAddr::from).collect(),
            any: false,
            filter,
            via: None,
            layers: 1,
        }
    }

    pub(super) fn any(runtime: Arc<Shared>, filter: Filter, port: u16) -> Self {
        let both = [(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()];
        Self { any: true, ..Self::resolved(runtime, filter, both.to_vec()) }
    }

    pub(crate) fn from_socket(runtime: &Arc<Shared>, filter: &Filter, socket: SockAddr) -> Self {
        Self {
            runtime: runtime.clone(),
            sockets: vec![socket],
            any: false,
            filter: filter.clone(),
            via: None,
            layers: 1,
        }
    }

    pub(super) fn over_carried(runtime: &Arc<Shared>, carried: Arc<Carried>) -> Self {
        Self::without_sockets(runtime, Via::Carried(carried))
    }

    pub(super) fn provided(runtime: &Arc<Shared>, provided: Arc<Provided>) -> Self {
        Self::without_sockets(runtime, Via::Provided(provided))
    }

    fn without_sockets(runtime: &Arc<Shared>, via: Via) -> Self {
        let (runtime, via) = (runtime.clone(), Some(via));
        Self { runtime, sockets: Vec::new(), any: false, filter: Filter::default(), via, layers: 1 }
    }

    /// # Errors
    /// `Overloaded` if too many are on top of each other.
    pub(super) fn wrapped(inner: &Arc<Self>, wrapper: &Arc<NetworkWrapper>, host: &str) -> Result<Self, Error> {
        let layers = one_more(inner.layers, "addresses")?;
        let via = Via::Wrapper { wrapper: wrapper.clone(), inner: inner.clone(), host: host.to_owned() };
        Ok(Self {
            runtime: inner.runtime.clone(),
            sockets: inner.sockets.clone(),
            any: inner.any,
            filter: inner.filter.clone(),
            via: Some(via),
            layers,
        })
    }

    /// Parses `host`, `host:port`, `[v6]:port`, `*:port`, `unix:path` or `unix-abstract:name` and resolves a name, which
    /// takes a thread of its own, not the loop. The promise carries an [`Address`]. (NET-01, NET-02, NET-03)
    ///
    /// # Cancellation
    /// A look-up under way cannot be interrupted; its result is dropped.
    pub fn parse(runtime: &Runtime, text: &[u8], default_port: u16) -> Result<Promise, Error> {
        Self::parse_for(runtime.shared(), &Filter::default(), text, default_port)
    }

    pub(super) fn parse_for(
        runtime: &Arc<Shared>,
        filter: &Filter,
        text: &[u8],
        default_port: u16,
    ) -> Result<Promise, Error> {
        runtime.check()?;
        let address = match parse(text, default_port)? {
            Parsed::Unix(socket) => Self::from_socket(runtime, filter, socket),
            Parsed::Host(Host::Any, Port::Number(port)) => Self::any(runtime.clone(), filter.clone(), port),
            Parsed::Host(host @ (Host::Ip(_) | Host::Scoped(..)), Port::Number(port)) => {
                Self::from_socket(runtime, filter, literal(&host, port)?.into())
            }
            Parsed::List(list) => {
                let sockets: Result<_, _> = list.iter().map(|(host, port)| literal(host, *port)).collect();
                Self::resolved(runtime.clone(), filter.clone(), sockets?)
            }
            Parsed::Host(host, port) => return resolve::resolve(runtime, filter, Query { host, port }),
        };
        Ok(Promise::settled(runtime.clone(), address.into_outcome()))
    }

    /// The address in a `struct sockaddr`, given as bytes. (NET-04)
    ///
    /// # Errors
    /// `InvalidArgument` for bytes that are cut off, `Unimplemented` for families other than IPv4, IPv6 and unix.
    pub fn from_sockaddr(runtime: &Runtime, bytes: &[u8]) -> Result<Self, Error> {
        runtime.shared().check()?;
        Ok(Self::from_socket(runtime.shared(), &Filter::default(), sockaddr::from_bytes(bytes)?))
    }

    /// The `struct sockaddr` of the first address, empty for a connection. (STRM-18)
    pub fn sockaddr(&self) -> &[u8] {
        self.sockets.first().map_or(&[], sockaddr::bytes)
    }

    pub(super) fn into_outcome(self) -> Outcome {
        Ok(Value::object(Arc::new(self)))
    }

    /// Connects to the first of its addresses that answers; they race, IPv6 and IPv4 in turns. The promise carries a
    /// [`Connection`]. (NET-11)
    ///
    /// # Errors
    /// `InvalidArgument` for `*` and for an address without a port. The last attempt's error if all of them fail;
    /// `Failed` for an address that the network's rules forbid.
    ///
    /// # Cancellation
    /// All attempts end and their sockets are closed. Over a connection both ends are closed, unless one has been sent.
    pub fn connect(&self) -> Result<Promise, Error> {
        self.runtime.check()?;
        match &self.via {
            Some(Via::Carried(carried)) => return Ok(carried.connect()),
            Some(Via::Provided(provided)) => return Ok(provided.connect()),
            Some(Via::Wrapper { wrapper, inner, host }) => return wrapper.connect(inner, host),
            None => {}
        }
        if self.any {
            return Err(Error::invalid("\"*\" is every address of this machine: there is nothing to connect to"));
        }
        if self.sockets.iter().all(|socket| socket.as_socket().is_some_and(|socket| socket.port() == 0)) {
            return Err(Error::invalid(format!("{self} has no port to connect to")));
        }
        let (runtime, sockets, filter) = (self.runtime.clone(), self.sockets.clone(), self.filter.clone());
        Ok(Promise::start(self.runtime.clone(), "connect", async move {
            Ok(Connection::into_value(connect::connect(&runtime, sockets, filter).await?))
        }))
    }

    /// Listens on all that it stands for, at once. All listeners on a connection share their line. (NET-13, CAPS-10)
    pub fn listen(&self, options: &listener::Options) -> Result<Arc<Listener>, Error> {
        self.runtime.check()?;
        match &self.via {
            Some(Via::Carried(carried)) => return Ok(carried.listen()),
            Some(Via::Provided(provided)) => return provided.listen(),
            Some(Via::Wrapper { wrapper, inner, .. }) => return wrapper.wrap_listener(&inner.listen(options)?),
            None => {}
        }
        listener::listen(&self.runtime, &self.filter, &self.sockets, self.any, options)
    }

    /// The port; that of the first address if there are several, 0 for a unix socket.
    pub fn port(&self) -> u16 {
        self.sockets.first().and_then(SockAddr::as_socket).map_or(0, |socket| socket.port())
    }

    /// The family; that of the first address if there are several.
    pub fn family(&self) -> Family {
        self.sockets.first().map_or(Family::Other, Family::of)
    }

    /// How many addresses it stands for; none for a connection.
    pub fn count(&self) -> usize {
        if self.any { 1 } else { self.sockets.len() }
    }

    /// One of the addresses that it stands for, by itself.
    pub fn get(&self, index: usize) -> Result<Self, Error> {
        if index >= self.count() {
            return Err(Error::invalid(format!("address {index} of {}", self.count())));
        }
        if let Some(Via::Wrapper { wrapper, inner, host }) = &self.via {
            return Self::wrapped(&Arc::new(inner.get(index)?), wrapper, host);
        }
        let sockets = if self.any { self.sockets.clone() } else { vec![self.sockets[index].clone()] };
        Ok(Self {
            runtime: self.runtime.clone(),
            sockets,
            any: self.any,
            filter: self.filter.clone(),
            via: None,
            layers: 1,
        })
    }

    /// Whether all that it stands for is in the block. (CIDR-02)
    pub fn is_in(&self, block: &Cidr) -> bool {
        !self.sockets.is_empty()
            && self.sockets.iter().all(|socket| socket.as_socket().is_some_and(|socket| block.matches(socket.ip())))
    }

    /// Its names for the system, in order, to give to a socket that is not made here.
    pub(super) fn names(&self) -> Result<&[SockAddr], Error> {
        if self.via.is_some() {
            let text = format!("{self} is an address to connect to and to listen on, not one for a socket");
            return Err(Error::new(ErrorKind::Unimplemented, text));
        }
        Ok(&self.sockets)
    }

    /// Whether these rules allow every peer that it stands for. They say nothing of who is behind a connection.
    pub(super) fn is_allowed_by(&self, filter: &Filter) -> bool {
        (!self.sockets.is_empty() || filter.is_open()) && self.sockets.iter().all(|socket| filter.allows(socket))
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) fn is_any(&self) -> bool {
        self.any
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }
}

impl Object for Address {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

fn literal(host: &Host, port: u16) -> Result<SocketAddr, Error> {
    match host {
        Host::Ip(ip) => Ok(SocketAddr::new(*ip, port)),
        Host::Scoped(ip, scope) => Ok(SocketAddrV6::new(*ip, port, 0, lookup::interface(scope)?).into()),
        Host::Name(_) | Host::Any => Err(Error::invalid("no numeric address")),
    }
}

impl fmt::Display for Address {
    /// A text that `parse` reads back, but for that of a connection and of what is wrapped; several addresses are joined
    /// with commas. (NET-15, CAPS-10, NET-22)
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.via {
            Some(Via::Carried(_)) => return f.write_str(carried::TEXT),
            Some(Via::Provided(provided)) => return f.write_str(provided.text()),
            Some(Via::Wrapper { wrapper, inner, .. }) => return write!(f, "{}:{inner}", wrapper.name()),
            None => {}
        }
        if self.any {
            return write!(f, "*:{}", self.port());
        }
        let texts: Vec<String> = self.sockets.iter().map(sockaddr::text).collect();
        f.write_str(&texts.join(","))
    }
}
