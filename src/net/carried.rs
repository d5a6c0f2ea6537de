//! A connection that carries connections, as a listener and as an address. (CAPS-09, CAPS-10)

use super::listener::{Accepting, Source, no_socket};
use super::{Address, Listener, accept};
use crate::coordination::{Consumers, Turn};
use crate::error::{Error, ErrorKind};
use crate::promise::Promise;
use crate::runtime::Shared;
use crate::stream::Connection;
use crate::value::Outcome;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// What the address has for a text; `Address::parse` refuses it.
pub(super) const TEXT: &str = "<capability stream>";

/// A connection over which others are sent and received.
pub(super) struct Carried {
    connection: Arc<Connection>,
    accepts: Arc<Consumers>,
}

impl Carried {
    fn new(connection: &Arc<Connection>) -> Result<Arc<Self>, Error> {
        connection.runtime().check()?;
        connection.check_carries()?;
        Ok(Arc::new(Self { connection: connection.clone(), accepts: Arc::default() }))
    }

    async fn receive(&self, turn: &Turn) -> Outcome {
        poll_fn(|cx| turn.poll(cx)).await;
        let mut pauses = accept::pauses();
        // The right to read is claimed in this turn only, and given back before it ends.
        let came = loop {
            match self.connection.receiving()?.await {
                Err(error) if error.kind() == ErrorKind::Overloaded => {}
                came => break came?.ok_or_else(Connection::no_more)?,
            }
            // There is no descriptor for the one that has come.
            let mut timer = pauses.next(self.connection.runtime());
            poll_fn(|cx| match self.connection.check_open() {
                Ok(()) => Pin::new(&mut timer).poll(cx).map(Ok),
                Err(closed) => Poll::Ready(Err(closed)),
            })
            .await?;
        };
        came.hide_peer();
        Ok(Connection::into_value(came))
    }

    pub(super) fn connect(&self) -> Promise {
        let over = self.connection.clone();
        Promise::start(over.runtime().clone(), "connect", async move {
            let (ours, theirs) = over.pair_to_send()?;
            over.sending(theirs)?.await?;
            Ok(Connection::into_value(ours))
        })
    }

    pub(super) fn listen(self: &Arc<Self>) -> Arc<Listener> {
        Listener::of(vec![self.clone()])
    }
}

impl Source for Carried {
    fn runtime(&self) -> &Arc<Shared> {
        self.connection.runtime()
    }

    fn accept(self: Arc<Self>) -> Accepting {
        let turn = self.accepts.turn();
        Box::pin(async move { self.accepts.take(&turn, self.receive(&turn)).await })
    }

    fn local_address(&self) -> Result<Address, Error> {
        Err(no_socket())
    }

    fn close(&self) {
        // Ends the read, or the pause, of the first in the line; the others find it closed when it is their turn.
        self.connection.close();
        self.accepts.close();
    }
}

impl Listener {
    /// Accepts the connections that are sent over this one, which stays usable for everything but reading. Of their
    /// peers nothing is known: whoever sends one vouches for nothing. Closing the listener closes the connection. (CAPS-09)
    ///
    /// An accept rejects with `Disconnected` at the end of the stream, and with `Failed` for bytes that come without a
    /// connection. One that is cancelled takes nothing.
    ///
    /// # Errors
    /// `Unimplemented` if this is neither a Unix socket nor a capability pipe.
    pub fn from_connection(connection: &Arc<Connection>) -> Result<Arc<Self>, Error> {
        Ok(Carried::new(connection)?.listen())
    }
}

impl Address {
    /// Whoever is at the other end of this connection: connecting makes a pair and sends one end over it, listening
    /// receives what the other end sends. The text is fixed and cannot be parsed; it stands for no socket address. (CAPS-10)
    ///
    /// # Errors
    /// `Unimplemented` if this is neither a Unix socket nor a capability pipe.
    pub fn from_connection(connection: &Arc<Connection>) -> Result<Self, Error> {
        Ok(Self::over_carried(connection.runtime(), Carried::new(connection)?))
    }
}
