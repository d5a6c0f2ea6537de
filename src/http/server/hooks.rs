//! What those who run a server may decide and hear of.

use super::{HttpRequest, Service};
use crate::error::Error;
use crate::http::ProtocolError;
use crate::stream::Connection;
use std::sync::Arc;

/// Makes the service of one connection; what it fails with closes that connection.
type OnConnection = dyn Fn(&Arc<Connection>) -> Result<Arc<Service>, Error> + Send + Sync;
type OnProtocolError = dyn Fn(&Arc<HttpRequest>, &ProtocolError) + Send + Sync;
type OnServiceFailed = dyn Fn(&Arc<HttpRequest>, &Error) + Send + Sync;
type OnRequest = dyn Fn(&Arc<HttpRequest>) + Send + Sync;
type ShouldClose = dyn Fn(&Arc<HttpRequest>) -> bool + Send + Sync;
type OnConnectionFailed = dyn Fn(Error) + Send + Sync;

/// Callbacks of a server, each of which may be left out. They run on the loop and must not block.
///
/// Those that are given a request may answer it, if that has not been done; without an answer of theirs the default one is
/// sent.
#[derive(Default)]
pub struct ServerHooks {
    /// Makes a service for each connection, in place of the server's own. It sees the connection before anything is read.
    /// (HSRV-07)
    pub on_connection: Option<Box<OnConnection>>,
    /// What came is no request. The request that this is given has neither method nor target, and can only be answered;
    /// the connection is closed behind the answer. (HSRV-17)
    pub on_protocol_error: Option<Box<OnProtocolError>>,
    /// A service has failed. (HSRV-18)
    pub on_service_failed: Option<Box<OnServiceFailed>>,
    /// A service has ended without an answer. (HSRV-19)
    pub on_no_answer: Option<Box<OnRequest>>,
    /// A connection that came to a listener has ended with an error, or could not be served. (HSRV-20)
    pub on_connection_failed: Option<Box<OnConnectionFailed>>,
    /// Asked when a response begins: `true` closes the connection behind it. (HSRV-21)
    pub should_close: Option<Box<ShouldClose>>,
    /// A request is over: its response has been sent, or the client has gone. `HttpRequest::summary` says what there is to
    /// log. It does not hear of requests that are suspended, become a tunnel, or end with the server.
    pub on_request_end: Option<Box<OnRequest>>,
}

/// What a server is lent by the program, until it ends.
pub(super) struct Program {
    pub(super) service: Option<Arc<Service>>,
    pub(super) hooks: ServerHooks,
}

impl Program {
    pub(super) fn service_for(&self, connection: &Arc<Connection>) -> Result<Arc<Service>, Error> {
        match (&self.hooks.on_connection, &self.service) {
            (Some(make), _) => make(connection),
            (None, Some(service)) => Ok(service.clone()),
            (None, None) => Err(Error::null()),
        }
    }

    pub(super) fn connection_failed(&self, error: Error) {
        if let Some(hear) = &self.hooks.on_connection_failed {
            hear(error);
        }
    }

    pub(super) fn should_close(&self, request: &Arc<HttpRequest>) -> bool {
        self.hooks.should_close.as_ref().is_some_and(|ask| ask(request))
    }

    pub(super) fn protocol_error(&self, request: &Arc<HttpRequest>, error: &ProtocolError) {
        if let Some(hear) = &self.hooks.on_protocol_error {
            hear(request, error);
        }
    }

    /// A service has ended with this, perhaps behind its answer.
    pub(super) fn service_ended(&self, request: &Arc<HttpRequest>, outcome: &Result<(), Error>) {
        match outcome {
            Err(error) => self.hooks.on_service_failed.iter().for_each(|hear| hear(request, error)),
            Ok(()) if request.is_unanswered() => self.hooks.on_no_answer.iter().for_each(|hear| hear(request)),
            Ok(()) => {}
        }
    }
}
