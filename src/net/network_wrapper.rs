//! Wrappers: what turns connections, listeners, addresses and whole networks into secure ones, or into others. (NET-22)

use super::wrapped_listener::Wrapped;
use super::{Address, Listener, Network};
use crate::error::{Error, ErrorKind};
use crate::nesting::one_more;
use crate::object::{Object, Owner};
use crate::promise::{Continuation, Promise, Resolution, When};
use crate::runtime::{Lent, Runtime, Shared};
use crate::stream::Connection;
use crate::value::Outcome;
use std::sync::Arc;

/// What a wrapper does to one connection. Everything here runs on the loop and must not block.
pub trait Wrap: Send + Sync {
    /// Wraps the end that connected; whoever is at the other end has to prove this name, a DNS name or an IP address.
    /// Results in a [`Connection`], or in a promise of one once both ends have agreed, or fails.
    fn client(&self, connection: Arc<Connection>, host: &str) -> Resolution;

    /// Wraps the end that was connected to.
    fn server(&self, connection: Arc<Connection>) -> Resolution;

    /// Hears of every accepted connection that could not be wrapped. No accept fails because of it. (TLS-11)
    fn accept_failed(&self, _error: Error) {}
}

/// What may be chosen when a wrapper is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the texts of wrapped addresses begin with, before a colon.
    pub name: String,
    /// How long an accepted connection may take to be wrapped, in nanoseconds; `None` for as long as it likes.
    pub accept_timeout: Option<u64>,
    /// How many connections a listener has that are being wrapped, or have been and wait for an accept. Beyond that
    /// they stay with the inner listener.
    pub max_handshakes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { name: "wrapped".to_owned(), accept_timeout: Some(10_000_000_000), max_handshakes: 128 }
    }
}

/// Turns connections into others, each in an exchange with its other end that may take time: a handshake.
pub struct NetworkWrapper {
    runtime: Arc<Shared>,
    wrap: Lent<dyn Wrap>,
    options: Options,
}

impl NetworkWrapper {
    /// A wrapper that does this to connections. (NET-22)
    ///
    /// # Errors
    /// `InvalidArgument` for no handshake at all.
    pub fn new(runtime: &Runtime, wrap: impl Wrap + 'static, options: Options) -> Result<Arc<Self>, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        if options.max_handshakes == 0 {
            return Err(Error::invalid("a wrapper that wraps nothing it accepts"));
        }
        let wrap = Lent::<dyn Wrap>::new(runtime, Arc::new(wrap));
        Ok(Arc::new(Self { runtime: runtime.clone(), wrap, options }))
    }

    /// Wraps an end that connected, where whoever is at the other end has to prove the name; on the loop. The
    /// connection is given away. The promise carries the wrapped one. (NET-22, TLS-12)
    ///
    /// # Cancellation
    /// The handshake ends and the connection is closed, unless somebody else holds it.
    pub fn wrap_client(self: &Arc<Self>, connection: Arc<Connection>, host: &str) -> Result<Promise, Error> {
        self.check(connection.runtime())?;
        let (this, host) = (self.clone(), host.to_owned());
        Ok(self.handshake(move || this.wrapped(|wrap| wrap.client(connection, &host))))
    }

    /// Wraps an end that was connected to; otherwise as `wrap_client`. (NET-22, TLS-12)
    pub fn wrap_server(self: &Arc<Self>, connection: Arc<Connection>) -> Result<Promise, Error> {
        self.check(connection.runtime())?;
        Ok(self.accepted(connection))
    }

    /// A listener that accepts from another one and wraps. Handshakes run side by side and finish in any order, so
    /// that a peer which stalls holds up nobody. They begin while somebody waits in an accept; one that has begun goes
    /// on, and what it gives is kept for the next accept. One that fails, or takes too long, is told to the wrapper
    /// alone. Closing or dropping the listener ends them all; closing it closes the other one. (NET-22, TLS-14)
    ///
    /// # Errors
    /// `InvalidArgument` for a listener of another runtime, `Overloaded` for more than 64 on top of each other.
    pub fn wrap_listener(self: &Arc<Self>, listener: &Arc<Listener>) -> Result<Arc<Listener>, Error> {
        self.check(listener.runtime())?;
        let layers = one_more(listener.layers(), "listeners")?;
        Ok(Listener::on_top(vec![Wrapped::new(self, listener)], layers))
    }

    /// An address whose connections are wrapped: those it makes as clients, with the name to be expected, and those it
    /// listens for as servers. Not for datagrams. (NET-22, TLS-15)
    ///
    /// # Errors
    /// `InvalidArgument` for an address of another runtime, `Overloaded` for more than 64 on top of each other.
    pub fn wrap_address(self: &Arc<Self>, address: &Arc<Address>, host: &str) -> Result<Address, Error> {
        self.check(address.runtime())?;
        Address::wrapped(address, self, host)
    }

    /// A network whose addresses are wrapped, with the host in their text as the name to be expected. Its rules are
    /// the other one's. (NET-22, TLS-16)
    ///
    /// # Errors
    /// `InvalidArgument` for a network of another runtime, `Overloaded` for more than 64 on top of each other.
    pub fn wrap_network(self: &Arc<Self>, network: &Network) -> Result<Network, Error> {
        self.check(network.runtime())?;
        network.wrapped(self)
    }

    pub(crate) fn check(&self, other: &Arc<Shared>) -> Result<(), Error> {
        self.runtime.check()?;
        if other.id == self.runtime.id { Ok(()) } else { Err(Error::invalid("a wrapper of another runtime")) }
    }

    fn wrapped(&self, wrap: impl FnOnce(&dyn Wrap) -> Resolution) -> Resolution {
        self.wrap.get().map_or_else(|error| Err(error).into(), |lent| wrap(&*lent))
    }

    fn handshake(&self, begin: impl FnOnce() -> Resolution + Send + 'static) -> Promise {
        let begin = Continuation::Closure(Box::new(move |_| begin()));
        Promise::call(self.runtime.clone(), begin).then_on(self.runtime.clone(), When::Value, a_connection)
    }

    /// The handshake of a connection that was accepted.
    pub(super) fn accepted(self: &Arc<Self>, connection: Arc<Connection>) -> Promise {
        let this = self.clone();
        self.handshake(move || this.wrapped(|wrap| wrap.server(connection)))
    }

    /// Connects and wraps.
    pub(super) fn connect(self: &Arc<Self>, inner: &Address, host: &str) -> Result<Promise, Error> {
        let (this, host) = (self.clone(), host.to_owned());
        let begin = move |connected| match connection(connected) {
            Ok(connection) => this.wrapped(|wrap| wrap.client(connection, &host)),
            Err(error) => Err(error).into(),
        };
        let wrapped = inner.connect()?.then_on(self.runtime.clone(), When::Value, begin);
        Ok(wrapped.then_on(self.runtime.clone(), When::Value, a_connection))
    }

    pub(super) fn accept_failed(&self, error: Error) {
        if let Ok(wrap) = self.wrap.get() {
            wrap.accept_failed(error);
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.options.name
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }
}

impl Object for NetworkWrapper {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

/// The connection that this is.
pub(super) fn connection(outcome: Outcome) -> Result<Arc<Connection>, Error> {
    let no_connection = || Error::new(ErrorKind::WrongType, "wrapping a connection has to result in one");
    outcome?.into_object::<Connection>().ok_or_else(no_connection)
}

fn a_connection(outcome: Outcome) -> Outcome {
    connection(outcome).map(Connection::into_value)
}
