//! HTTP servers. (HSRV-01 to HSRV-26)
//!
//! The protocol engine, hyper, frames messages and keeps connections alive. Beside it stand here what it has not: strict
//! reading of heads, the life of a service as a promise, limits of time and size, draining, and handing connections on.

mod answer;
mod hooks;
mod link;
mod options;
mod request;
mod requests;
mod serve;
mod summary;
mod watchdog;

pub use hooks::ServerHooks;
pub use options::ServerOptions;
pub use request::HttpRequest;
pub use summary::RequestSummary;

use crate::coordination::{Permit, Semaphore};
use crate::error::{Error, ErrorKind};
use crate::http::service_failure::{ServiceFailure, answer_of};
use crate::net::Listener;
use crate::object::{Object, Owner};
use crate::promise::{ForEach, Fulfiller, Promise, Resolution, TaskSet, Watch, When};
use crate::runtime::{Lent, Runtime, Shared};
use crate::stream::Connection;
use crate::value::Value;
use answer::{Answer, reason_of};
use hooks::Program;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

/// Answers requests, on the loop: with what it returns the service of a request ends.
pub type Service = dyn Fn(&Arc<HttpRequest>) -> Resolution + Send + Sync;

pub(super) struct Inner {
    runtime: Arc<Shared>,
    options: ServerOptions,
    program: Lent<Program>,
    draining: AtomicBool,
    drain: (Fulfiller, Promise),
}

impl Inner {
    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn connection_failed(&self, error: Error) {
        // Once the runtime has ended there is nobody to tell.
        if let Ok(program) = self.program.get() {
            program.connection_failed(error);
        }
    }

    /// The answer for a service that has failed: as the error says, or by its kind; nothing if the client has gone. (HSRV-18)
    fn answer_for(&self, error: &Error) -> Option<Answer> {
        let (status, text) = match error.kind() {
            _ if answer_of(error).is_some() => {
                let status = answer_of(error).unwrap_or(500);
                (status, reason_of(status).unwrap_or("Error"))
            }
            ErrorKind::Disconnected => return None,
            ErrorKind::Overloaded | ErrorKind::TimedOut | ErrorKind::Shutdown | ErrorKind::Canceled => {
                (503, "Service Unavailable")
            }
            ErrorKind::Unimplemented => (501, "Not Implemented"),
            _ => (500, "Internal Server Error"),
        };
        let text = if self.options.error_text { error.text() } else { text };
        let answer = Answer::text(status, format!("{text}\n"));
        // What is still to come of a late request would be read as the next one.
        Some(if status == 408 { answer.closing() } else { answer })
    }
}

/// Serves HTTP/1.1 over any connection. Dropping it cancels everything that it serves. (HSRV-06, HSRV-07, HSRV-08)
pub struct HttpServer {
    inner: Arc<Inner>,
    connections: TaskSet,
    room: Semaphore,
}

/// A connection that is served to a client in this process, until this is dropped.
pub(super) struct ServedHere {
    _serving: Promise,
    pub(super) failure: ServiceFailure,
}

fn released() -> Error {
    Error::new(ErrorKind::Canceled, "the server has been released")
}

impl HttpServer {
    /// A server with one service for every connection. The service runs on the loop and must not block; what it returns ends
    /// it: at once, or when the promise settles. Its promise is cancelled when the client goes away. (HSRV-01, HSRV-06)
    pub fn new<R: Into<Resolution>>(
        runtime: &Runtime,
        options: ServerOptions,
        service: impl Fn(&Arc<HttpRequest>) -> R + Send + Sync + 'static,
    ) -> Result<Arc<Self>, Error> {
        Self::with_hooks(
            runtime,
            options,
            Some(Arc::new(move |request| service(request).into())),
            ServerHooks::default(),
        )
    }

    /// As `new`, with hooks. A server whose `on_connection` makes the services needs none of its own. (HSRV-07)
    ///
    /// # Errors
    /// `InvalidArgument` with neither a service nor `on_connection`.
    pub fn with_hooks(
        runtime: &Runtime,
        options: ServerOptions,
        service: Option<Arc<Service>>,
        hooks: ServerHooks,
    ) -> Result<Arc<Self>, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        if service.is_none() && hooks.on_connection.is_none() {
            return Err(Error::invalid("a server with neither a service nor a hook that makes one"));
        }
        if options.max_connections == 0 {
            return Err(Error::invalid("a server for no connection"));
        }
        let max_connections = options.max_connections;
        let drain = Fulfiller::new(runtime.clone());
        let program = Lent::new(runtime, Arc::new(Program { service, hooks }));
        let draining = AtomicBool::new(false);
        let inner = Arc::new(Inner { runtime: runtime.clone(), options, program, draining, drain });
        let told = inner.clone();
        let failed = move |error: Error| told.connection_failed(error);
        let connections = TaskSet::of(runtime, usize::MAX, failed);
        let room = Semaphore::of(runtime, max_connections as u64);
        Ok(Arc::new(Self { inner, connections, room }))
    }

    /// Serves what comes to a listener, until the server is drained; then the promise carries unit. Dropping the promise
    /// stops accepting, and open connections go on. Of a connection that fails a hook hears, and accepting goes on.
    /// With a TLS context in the options connections are secured first; of handshakes that fail the context hears.
    /// (HSRV-08, HSRV-20)
    pub fn listen(self: &Arc<Self>, listener: &Arc<Listener>) -> Result<Promise, Error> {
        self.inner.runtime.check()?;
        let secured = self.inner.options.tls.as_ref().map(|tls| tls.wrapper().wrap_listener(listener)).transpose()?;
        let listener = secured.as_ref().unwrap_or(listener);
        let this = Arc::downgrade(self);
        let accept = move |connection: Arc<Connection>| -> Resolution {
            let Some(this) = this.upgrade() else { return Err(released()).into() };
            match this.room.try_acquire(1) {
                Ok(permit) => {
                    this.adopt(&connection, Arc::new(permit));
                    Ok(Value::Unit).into()
                }
                // It is served as soon as another one ends; nothing is accepted meanwhile.
                Err(_) => this.adopt_later(connection),
            }
        };
        let accepts = listener.accept_each_with(ForEach::closure(Value::into_object::<Connection>, accept))?;
        let (mut accepts, mut drain) = (Watch::new(accepts), Watch::new(self.inner.drain.1.clone()));
        Ok(Promise::start(self.inner.runtime.clone(), "http listen", async move {
            std::future::poll_fn(|cx| match Pin::new(&mut drain).poll(cx) {
                Poll::Pending => Pin::new(&mut accepts).poll(cx),
                drained => drained,
            })
            .await
        }))
    }

    /// Holds a connection that came to a listener while it is served.
    fn adopt(&self, connection: &Arc<Connection>, permit: Arc<Permit>) {
        let served = self.start(connection, false, None, Some(permit));
        let served = served.and_then(|served| self.connections.add(&served));
        if let Err(error) = served {
            connection.close();
            self.inner.connection_failed(error);
        }
    }

    fn adopt_later(self: &Arc<Self>, connection: Arc<Connection>) -> Resolution {
        let this = Arc::downgrade(self);
        let room = match self.room.acquire(1) {
            Ok(room) => room,
            Err(error) => return Err(error).into(),
        };
        room.then(When::Value, move |permit| {
            let (Some(this), Some(permit)) = (this.upgrade(), permit.ok().and_then(Value::into_object::<Permit>))
            else {
                return Err(released());
            };
            this.adopt(&connection, permit);
            Ok(Value::Unit)
        })
        .into()
    }

    /// Serves one connection, which is its own from now on, until that ends or the server is drained. (HSRV-09)
    ///
    /// # Errors
    /// `Disconnected` for one that breaks.
    ///
    /// # Cancellation
    /// Requests that are being answered are cancelled, and the connection is closed.
    pub fn serve(&self, connection: &Arc<Connection>) -> Result<Promise, Error> {
        self.start(connection, false, None, None)
    }

    /// As `serve`; a drain between two requests does not close the connection: the promise carries it then, and it can be
    /// served by another server with nothing lost. Otherwise it carries unit. (HSRV-10)
    pub fn serve_until_drained(&self, connection: &Arc<Connection>) -> Result<Promise, Error> {
        self.start(connection, true, None, None)
    }

    /// As `serve`, for a client in this process, which is told of an error of a service in place of an answer. (HCLI-20)
    pub(super) fn serve_in_process(&self, connection: &Arc<Connection>) -> Result<ServedHere, Error> {
        let failure = ServiceFailure::default();
        Ok(ServedHere { _serving: self.start(connection, false, Some(failure.clone()), None)?, failure })
    }

    fn start(
        &self,
        connection: &Arc<Connection>,
        hand_on: bool,
        failure: Option<ServiceFailure>,
        place: Option<Arc<Permit>>,
    ) -> Result<Promise, Error> {
        self.inner.runtime.check()?;
        let program = self.inner.program.get()?;
        let serving = serve::serve(self.inner.clone(), program, connection.clone(), hand_on, failure, place)?;
        Ok(Promise::start_on_loop(self.inner.runtime.clone(), "http connection", serving))
    }

    /// Accepts nothing more, lets requests that are being answered finish, and closes idle connections. The promise
    /// settles when no connection is left. (HSRV-11)
    pub fn drain(&self) -> Result<Promise, Error> {
        self.inner.draining.store(true, Ordering::Release);
        self.inner.drain.0.settle(Ok(Value::Unit));
        self.connections.on_empty()
    }

    pub(super) fn runtime(&self) -> &Arc<Shared> {
        &self.inner.runtime
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }
}

impl Object for HttpServer {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.inner.runtime.owner)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.inner.drain.0.settle(Err(released()));
    }
}
