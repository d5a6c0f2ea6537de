//! One connection of a client: requests over it, one at a time.

use super::responses::Responses;
use crate::error::{Error, ErrorKind};
use crate::http::message_reader::MessageReader;
use crate::http::outgoing_body::OutgoingBody;
use crate::http::server::ServedHere;
use crate::http::service_failure::ServiceFailure;
use crate::http::switched::Switched;
use crate::http::{HeadLimits, ResponseHead};
use crate::promise::{Promise, Watch};
use crate::stream::{Connection, Exclusive};
use crate::value::{Outcome, Value};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection as Http1Connection};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

type Engine = Http1Connection<TokioIo<MessageReader<Exclusive, Responses>>, OutgoingBody>;
type Sender = http1::SendRequest<OutgoingBody>;

/// Moves the bytes of a connection until that ends.
struct Driver {
    engine: Option<Engine>,
    connection: Arc<Connection>,
    responses: Responses,
}

impl Future for Driver {
    /// The connection, if it has become another.
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(engine) = &mut self.engine else { return Poll::Ready(Err(Error::closed())) };
        let ended = ready!(engine.poll_without_shutdown(cx));
        let engine = self.engine.take();
        let connection = &self.connection;
        if let Err(error) = ended {
            connection.close();
            return Poll::Ready(Err(broken(&error)));
        }
        if let Some(engine) = engine.filter(|_| self.responses.has_switched()) {
            let parts = engine.into_parts();
            debug_assert!(parts.read_buf.is_empty(), "the engine is given no more than the response");
            let (io, came) = parts.io.into_inner().into_parts();
            return Poll::Ready(Switched::over(connection, came, io).map(Connection::into_value));
        }
        connection.close();
        Poll::Ready(Ok(Value::Unit))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.engine.is_some() {
            self.connection.close();
        }
    }
}

pub(super) fn broken(error: &hyper::Error) -> Error {
    Error::new(ErrorKind::Disconnected, format!("the connection to the server broke: {error}"))
}

/// A connection to a server, for one request at a time. Dropping it closes the connection.
pub(super) struct ClientLink {
    connection: Arc<Connection>,
    sender: Sender,
    responses: Responses,
    driver: Promise,
    /// How many requests have been sent over it.
    sent: u64,
    /// The other end, if that is a service in this process.
    served: Option<ServedHere>,
    /// Whether a server that is still at it is told when its request is given up. It would not notice an orderly end.
    resets: bool,
}

impl Drop for ClientLink {
    fn drop(&mut self) {
        if self.resets && self.driver.outcome().is_none() {
            let given_up = Error::new(ErrorKind::Disconnected, "the request was given up");
            drop(self.connection.abort_write(given_up));
        }
    }
}

impl ClientLink {
    pub(super) async fn new(connection: Arc<Connection>, head: HeadLimits) -> Result<Self, Error> {
        let runtime = connection.runtime().clone();
        let io = connection.exclusive()?;
        let responses = Responses::default();
        let reader = MessageReader::new(io, head, responses.clone());
        let handshake = http1::Builder::new().max_headers(16).handshake(TokioIo::new(reader)).await;
        let (sender, engine) = handshake.map_err(|error| broken(&error))?;
        let driver = Driver { engine: Some(engine), connection: connection.clone(), responses: responses.clone() };
        let driver = Promise::start(runtime, "http client connection", driver);
        Ok(Self { connection, sender, responses, driver, sent: 0, served: None, resets: false })
    }

    /// To a service in this process, which ends with this.
    pub(super) async fn to_service(
        connection: Arc<Connection>,
        head: HeadLimits,
        served: ServedHere,
    ) -> Result<Self, Error> {
        let mut link = Self::new(connection, head).await?;
        link.served = Some(served);
        Ok(link)
    }

    /// The other end, which from now on ends with whoever has this.
    pub(super) fn take_served(&mut self) -> Option<ServedHere> {
        self.served.take()
    }

    /// Why the service at the other end has failed, if it does.
    pub(super) fn failure(&self) -> Option<ServiceFailure> {
        self.served.as_ref().map(|served| served.failure.clone())
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Whether the connection is reset if this goes.
    pub(super) fn resets(&mut self, resets: bool) {
        self.resets = resets;
    }

    /// Whether the request that was sent last was not the first: the server may have closed the connection meanwhile.
    pub(super) fn is_used_again(&self) -> bool {
        self.sent > 1
    }

    /// Whether it can take another request, as far as is known.
    pub(super) fn is_alive(&self) -> bool {
        !self.sender.is_closed() && self.driver.outcome().is_none()
    }

    /// Settles when the connection ends.
    pub(super) fn ended(&self) -> Watch {
        Watch::new(self.driver.clone())
    }

    /// Sends a request and gives its response. Dropped before that, it leaves a connection of no further use.
    pub(super) async fn send(
        &mut self,
        request: http::Request<OutgoingBody>,
    ) -> Result<(ResponseHead, Incoming), Error> {
        let sent = self.try_send(request).await;
        sent.map_err(|error| self.failure().and_then(|failure| failure.take()).unwrap_or(error))
    }

    async fn try_send(&mut self, request: http::Request<OutgoingBody>) -> Result<(ResponseHead, Incoming), Error> {
        self.sent += 1;
        self.sender.ready().await.map_err(|error| broken(&error))?;
        self.responses.expect(request.method().as_str());
        let response = self.sender.send_request(request).await.map_err(|error| broken(&error))?;
        match self.responses.take_head() {
            Some(Ok(head)) => Ok((head, response.into_body())),
            Some(Err(error)) => Err(error.into_error_of("the answer of the server is not HTTP")),
            None => Err(Error::new(ErrorKind::Disconnected, "the connection ended before the response")),
        }
    }
}
