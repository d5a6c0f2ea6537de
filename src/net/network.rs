//! Networks: where addresses come from, and which peers they may have.

use super::parse::{Host, Parsed, parse};
use super::{Address, NetworkWrapper, Resolver, connect, provided};
use crate::error::{Error, ErrorKind};
use crate::nesting::one_more;
use crate::object::{Object, Owner};
use crate::os::sockaddr;
use crate::peer::Filter;
use crate::promise::{Promise, When};
use crate::runtime::{Lent, Runtime, Shared};
use crate::value::Value;
use std::sync::Arc;

/// The system's network, or a part of it. What is given one can reach no more than its rules allow: every address
/// made from it keeps them, on connecting, on accepting and for datagrams. (NET-05, NET-21)
#[derive(Clone)]
pub struct Network {
    runtime: Arc<Shared>,
    filter: Filter,
    /// Every address is wrapped by each of these, the first one innermost.
    wrappers: Vec<Arc<NetworkWrapper>>,
    /// Where the addresses come from, if not from the system.
    resolver: Option<Arc<Lent<dyn Resolver>>>,
}

impl Network {
    /// The whole network of the system. (NET-21)
    pub fn new(runtime: &Runtime) -> Result<Self, Error> {
        runtime.shared().check()?;
        Ok(Self { runtime: runtime.shared().clone(), filter: Filter::default(), wrappers: Vec::new(), resolver: None })
    }

    /// The part of this one whose peers match one of `allow` and none of `deny`; of several blocks with a peer the
    /// most specific decides. Rules are `local`, `network`, `private`, `public`, `unix`, `unix-abstract` and
    /// blocks such as `10.0.0.0/8`. (NET-05 to NET-09)
    ///
    /// # Errors
    /// `InvalidArgument` for any other rule, and for `network` and `public` in `deny`. `Unimplemented` for a network that the
    /// program provides, whose peers are its own affair.
    pub fn restrict<'a>(
        &self,
        allow: impl IntoIterator<Item = &'a [u8]>,
        deny: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Error> {
        self.check_is_the_systems()?;
        let filter = self.filter.restrict(allow, deny)?;
        Ok(Self { runtime: self.runtime.clone(), filter, wrappers: self.wrappers.clone(), resolver: None })
    }

    pub(super) fn resolved_by(runtime: &Arc<Shared>, resolver: Arc<Lent<dyn Resolver>>) -> Self {
        let filter = Filter::default();
        Self { runtime: runtime.clone(), filter, wrappers: Vec::new(), resolver: Some(resolver) }
    }

    /// # Errors
    /// `Unimplemented` for a network that the program provides, which knows nothing of sockets.
    pub(super) fn check_is_the_systems(&self) -> Result<(), Error> {
        self.runtime.check()?;
        let theirs = "a network that the program provides makes addresses from texts, and nothing else";
        if self.resolver.is_some() { Err(Error::new(ErrorKind::Unimplemented, theirs)) } else { Ok(()) }
    }

    fn parse_unwrapped(&self, text: &[u8], default_port: u16) -> Result<Promise, Error> {
        match &self.resolver {
            Some(resolver) => provided::parse(&self.runtime, resolver, text, default_port),
            None => Address::parse_for(&self.runtime, &self.filter, text, default_port),
        }
    }

    /// # Errors
    /// `Overloaded` if its addresses would be wrapped too many times.
    pub(super) fn wrapped(&self, wrapper: &Arc<NetworkWrapper>) -> Result<Self, Error> {
        one_more(1 + self.wrappers.len(), "networks")?;
        let mut wrapped = self.clone();
        wrapped.wrappers.push(wrapper.clone());
        Ok(wrapped)
    }

    /// As [`Address::parse`]. A forbidden address is parsed like any other. (NET-01, NET-10)
    ///
    /// # Errors
    /// Of a wrapped network also `InvalidArgument` for unix sockets and lists of addresses, which tell no name to expect.
    pub fn parse_address(&self, text: &[u8], default_port: u16) -> Result<Promise, Error> {
        if self.wrappers.is_empty() {
            return self.parse_unwrapped(text, default_port);
        }
        let host = host(text, default_port)?;
        let parsing = self.parse_unwrapped(text, default_port)?;
        let wrappers = self.wrappers.clone();
        Ok(parsing.then_on(self.runtime.clone(), When::Value, move |parsed| {
            let mut address = parsed?.into_object::<Address>().ok_or_else(Error::wrong_type)?;
            for wrapper in &wrappers {
                address = Arc::new(Address::wrapped(&address, wrapper, &host)?);
            }
            Ok(Value::object(address))
        }))
    }

    /// As [`Address::from_sockaddr`], and `Failed` for a peer that is forbidden; of a wrapped network `Unimplemented`,
    /// for there is no name to expect. (NET-04, NET-22)
    pub fn address_from_sockaddr(&self, bytes: &[u8]) -> Result<Address, Error> {
        self.check_is_the_systems()?;
        if !self.wrappers.is_empty() {
            let text = "an address of a wrapped network comes from a text, which has the name to expect there";
            return Err(Error::new(ErrorKind::Unimplemented, text));
        }
        let socket = sockaddr::from_bytes(bytes)?;
        if !self.filter.allows(&socket) {
            return Err(connect::forbid(&socket));
        }
        Ok(Address::from_socket(&self.runtime, &self.filter, socket))
    }

    /// Whether every peer that the address stands for is allowed. (LLIO-11)
    pub fn allows(&self, address: &Address) -> bool {
        address.is_allowed_by(&self.filter)
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) fn wrappers(&self) -> &[Arc<NetworkWrapper>] {
        &self.wrappers
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }
}

impl Object for Network {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

/// The name that whoever is behind an address has to prove. (NET-22)
fn host(text: &[u8], default_port: u16) -> Result<String, Error> {
    match parse(text, default_port)? {
        Parsed::Host(Host::Name(name), _) => Ok(name),
        Parsed::Host(Host::Ip(ip), _) => Ok(ip.to_string()),
        Parsed::Host(Host::Scoped(ip, _), _) => Ok(ip.to_string()),
        // For listening.
        Parsed::Host(Host::Any, _) => Ok("*".to_owned()),
        Parsed::List(_) => Err(Error::invalid("a list of addresses tells no one name to expect behind them")),
        Parsed::Unix(_) => Err(Error::invalid("a unix socket tells no name to expect behind it")),
    }
}
