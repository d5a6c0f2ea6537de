//! Networks: where addresses come from, and which peers they may have.

use super::filter::Filter;
use super::{Address, connect, sockaddr};
use crate::error::Error;
use crate::promise::Promise;
use crate::runtime::{Runtime, Shared};
use std::sync::Arc;

/// The system's network, or a part of it. What is given one can reach no more than its rules allow: every address
/// made from it keeps them, on connecting, on accepting and for datagrams. (NET-05, NET-21)
#[derive(Clone)]
pub struct Network {
    runtime: Arc<Shared>,
    filter: Filter,
}

impl Network {
    /// The whole network of the system. (NET-21)
    pub fn new(runtime: &Runtime) -> Result<Self, Error> {
        runtime.shared().check()?;
        Ok(Self { runtime: runtime.shared().clone(), filter: Filter::default() })
    }

    /// The part of this one whose peers match one of `allow` and none of `deny`; of several blocks with a peer the
    /// most specific decides. Rules are `local`, `network`, `private`, `public`, `unix`, `unix-abstract` and
    /// blocks such as `10.0.0.0/8`. (NET-05 to NET-09)
    ///
    /// # Errors
    /// `InvalidArgument` for any other rule, and for `network` and `public` in `deny`.
    pub fn restrict<'a>(
        &self,
        allow: impl IntoIterator<Item = &'a [u8]>,
        deny: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Error> {
        self.runtime.check()?;
        Ok(Self { runtime: self.runtime.clone(), filter: self.filter.restrict(allow, deny)? })
    }

    /// As [`Address::parse`]. A forbidden address is parsed like any other. (NET-01, NET-10)
    pub fn parse_address(&self, text: &[u8], default_port: u16) -> Result<Promise, Error> {
        Address::parse_for(&self.runtime, &self.filter, text, default_port)
    }

    /// As [`Address::from_sockaddr`], and `Failed` for a peer that is forbidden. (NET-04)
    pub fn address_from_sockaddr(&self, bytes: &[u8]) -> Result<Address, Error> {
        self.runtime.check()?;
        let socket = sockaddr::from_bytes(bytes)?;
        if !self.filter.allows(&socket) {
            return Err(connect::forbid(&socket));
        }
        Ok(Address::from_socket(&self.runtime, &self.filter, socket))
    }

    /// Whether every peer that the address stands for is allowed. (LLIO-11)
    pub fn allows(&self, address: &Address) -> bool {
        address.sockets().iter().all(|socket| self.filter.allows(socket))
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }
}
