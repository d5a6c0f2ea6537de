//! Serving one connection until it ends.

use super::Inner;
use super::hooks::Program;
use super::link::Link;
use super::requests::{Phase, Requests};
use super::watchdog::Watchdog;
use crate::coordination::Permit;
use crate::error::{Error, ErrorKind};
use crate::http::message_reader::MessageReader;
use crate::http::outgoing_body::OutgoingBody;
use crate::http::service_failure::ServiceFailure;
use crate::http::switched::Switched;
use crate::promise::Watch;
use crate::stream::{Connection, Exclusive};
use crate::value::{Outcome, Value};
use bytes::Bytes;
use hyper::server::conn::http1::{self, Connection as Http1Connection};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

type Io = TokioIo<MessageReader<Exclusive, Requests>>;

/// What the protocol engine calls for each request.
struct Engine(Arc<Link>);

type Exchange = Pin<Box<dyn Future<Output = Result<http::Response<OutgoingBody>, Error>> + Send>>;

impl hyper::service::Service<http::Request<hyper::body::Incoming>> for Engine {
    type Response = http::Response<OutgoingBody>;
    type Error = Error;
    type Future = Exchange;

    fn call(&self, request: http::Request<hyper::body::Incoming>) -> Exchange {
        Box::pin(self.0.clone().exchange(request))
    }
}

type Served = Http1Connection<Io, Engine>;

/// A connection that is being served. Dropping it cancels the services of its requests and closes it.
pub(super) struct Serving {
    server: Arc<Inner>,
    link: Arc<Link>,
    engine: Option<Box<Served>>,
    watchdog: Watchdog,
    drain: Watch,
    draining: bool,
    /// Whether somebody wants the connection after a drain.
    hand_on: bool,
    /// Its place among the connections of the server; a tunnel keeps it until it is closed.
    place: Option<Arc<Permit>>,
}

/// Begins to serve a connection; it is read and written by nobody else from now on.
pub(super) fn serve(
    server: Arc<Inner>,
    program: Arc<Program>,
    connection: Arc<Connection>,
    hand_on: bool,
    failure: Option<ServiceFailure>,
    place: Option<Arc<Permit>>,
) -> Result<Serving, Error> {
    let io = connection.exclusive()?;
    let requests = Requests::default();
    let reader = MessageReader::new(io, server.options.head, requests.clone());
    let link = Link::new(&server, program, connection, requests, failure);
    let mut builder = http1::Builder::new();
    builder.half_close(true).auto_date_header(server.options.date).pipeline_flush(true).max_headers(16);
    let engine = Some(Box::new(builder.serve_connection(TokioIo::new(reader), Engine(link.clone()))));
    let watchdog = Watchdog::new(&server.runtime, &server.options);
    let drain = Watch::new(server.drain.1.clone());
    Ok(Serving { server, link, engine, watchdog, drain, draining: false, hand_on, place })
}

impl Future for Serving {
    /// The connection, if it can be handed on.
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        this.link.remember_task(cx);
        if let Err(error) = this.link.make_service() {
            this.stop();
            return Poll::Ready(Err(error));
        }
        this.draining |= this.drain.poll_settled(cx);
        loop {
            let Some(engine) = &mut this.engine else {
                // What the connection has become lives as long as its service.
                ready!(this.link.poll_running(cx));
                this.link.end();
                return Poll::Ready(Ok(Value::Unit));
            };
            if this.draining && this.hand_on && this.link.requests().may_be_handed_on() {
                return Poll::Ready(this.finish(Ok(())));
            }
            // A connection that has sent nothing yet is about to, and the answer to a request that has begun closes it.
            if this.draining && this.link.requests().are_all_answered() {
                Pin::new(&mut **engine).graceful_shutdown();
            }
            let ended = engine.poll_without_shutdown(cx);
            this.link.tell_of_end();
            let running = this.link.poll_running(cx).is_pending();
            if this.link.is_suspended() && !this.link.requests().is_stuck() {
                this.suspend();
                continue;
            }
            if this.link.is_ended() || running && !this.link.is_tunnel() && this.link.poll_client_gone(cx) {
                this.stop();
                return Poll::Ready(Err(Error::new(ErrorKind::Disconnected, "the client has gone")));
            }
            match ended {
                Poll::Ready(Ok(())) if this.link.is_tunnel() => {
                    this.switch();
                    continue;
                }
                Poll::Ready(ended) if !running || ended.is_err() => return Poll::Ready(this.finish(ended)),
                // The response has been sent, and its service is still at something.
                Poll::Ready(_) => return Poll::Pending,
                Poll::Pending => {}
            }
            let phase = this.link.requests().phase();
            ready!(this.watchdog.poll(cx, phase, &this.server.options));
            match phase.0 {
                // Nobody waits for an answer.
                Phase::Idle => return Poll::Ready(this.finish(Ok(()))),
                Phase::Head => this.link.requests().time_out(),
                Phase::Request => this.link.time_out(),
            }
        }
    }
}

impl Serving {
    /// The connection as whoever reads it next has it: these bytes, then what has come, then the stream.
    fn take_connection(&mut self, first: Bytes) -> Result<Arc<Connection>, Error> {
        let engine = self.engine.take().ok_or_else(Error::closed)?;
        let parts = engine.into_parts();
        debug_assert!(parts.read_buf.is_empty(), "the engine is given no more than the request");
        let (io, came) = parts.io.into_inner().into_parts();
        let first = if first.is_empty() { came } else { [first, came].concat().into() };
        Switched::over(self.link.connection(), first, io)
    }

    fn switch(&mut self) {
        let connection = self.take_connection(Bytes::new());
        if let (Ok(connection), Some(place)) = (&connection, self.place.take()) {
            connection.keep_until_closed(place);
        }
        if let Some(tunnel) = self.link.take_tunnel() {
            tunnel.settle(connection.map(Connection::into_value));
        }
    }

    /// The head of the request comes first again, for whoever serves the connection next.
    fn suspend(&mut self) {
        if let Some(suspended) = self.link.take_suspended() {
            let connection = self.take_connection(suspended.head);
            suspended.connection.settle(connection.map(Connection::into_value));
        }
    }

    fn finish(&mut self, ended: hyper::Result<()>) -> Outcome {
        let ended = ended.map_err(|error| Error::new(ErrorKind::Disconnected, format!("serving HTTP: {error}")));
        let hand_on = self.hand_on && self.draining && self.link.requests().may_be_handed_on();
        let outcome = match ended {
            Ok(()) if hand_on => self.take_connection(Bytes::new()).map(Connection::into_value),
            ended => {
                self.link.end();
                self.engine = None;
                if ended.is_ok() {
                    self.link.connection().say_goodbye();
                }
                self.link.connection().close();
                ended.map(|()| Value::Unit)
            }
        };
        self.link.end();
        outcome
    }

    /// Ends the service first: its clean-up may still use what the connection has.
    fn stop(&mut self) {
        self.link.end();
        self.engine = None;
        self.link.connection().close();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if !self.link.is_ended() {
            self.stop();
        }
    }
}
