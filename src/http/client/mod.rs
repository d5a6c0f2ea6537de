//! HTTP clients. (HCLI-01 to HCLI-22)
//!
//! Requests go by URL, over connections that are kept by host and used again, the one used last first. The protocol
//! engine is the one of the server.

mod connect;
mod exchange;
mod forward;
mod limit;
mod link;
mod options;
mod pool;
mod proxy;
mod redirect;
mod request;
mod response;
mod responses;
mod route;
mod slots;

pub use connect::ConnectOptions;
pub use forward::ForwardOptions;
pub use limit::LimitOptions;
pub use options::ClientOptions;
pub use proxy::Proxies;
pub use response::HttpResponse;

use crate::error::{Error, ErrorKind};
use crate::http::server::HttpServer;
use crate::http::{Headers, is_token};
use crate::net::{Address, Network};
use crate::object::{Object, Owner};
use crate::promise::Promise;
use crate::runtime::{Shared, Timer};
use crate::stream::{Connection, Read};
use crate::sync::Lock;
use crate::value::Outcome;
use bytes::Bytes;
pub(crate) use exchange::Upgraded;
use limit::Limit;
use pool::Pool;
use redirect::Asked;
use request::{Outgoing, Request};
use route::{Place, Route};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

struct Inner {
    runtime: Arc<Shared>,
    route: Route,
    options: ClientOptions,
    pool: Arc<Pool>,
}

/// Sends requests by URL. Dropping it closes the connections that wait for another request; requests that have been
/// started go on. (HCLI-07, HCLI-08)
#[derive(Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
    limit: Option<Arc<Limit>>,
}

impl HttpClient {
    /// A client that connects over this network and by its rules to the host of each URL. (HCLI-07)
    ///
    /// # Errors
    /// `InvalidArgument` for a TLS context of another runtime.
    pub fn new(network: &Arc<Network>, options: ClientOptions) -> Result<Self, Error> {
        let secure = options.tls.as_ref().map(|tls| tls.wrapper().wrap_network(network)).transpose()?.map(Arc::new);
        Self::of(network.runtime(), Route::Hosts { network: network.clone(), secure }, options)
    }

    /// A client all of whose requests go to one address, over connections that are used again, the one used last first. A URL may
    /// be absolute or begin with the path; in an absolute one the host is for the `Host` header alone. A wrapped address makes
    /// secure connections. (HCLI-08)
    pub fn to_address(address: &Arc<Address>, options: ClientOptions) -> Result<Self, Error> {
        Self::of(address.runtime(), Route::Address(address.clone()), options)
    }

    /// A client whose requests go over one connection, which is its own from now on: one after the other, in the order in
    /// which they were started. Once a request has failed or was given up, or a response was not read to its end, the
    /// connection is closed, and all later requests fail with `Disconnected`. URLs are as with `to_address`. (HCLI-05, HCLI-09)
    pub fn over(connection: &Arc<Connection>, options: ClientOptions) -> Result<Self, Error> {
        let only = Route::Connection(Lock::new(Some(connection.clone())));
        let options = ClientOptions { max_per_host: Some(1), max_idle_per_host: 1, idle_nanos: u64::MAX, ..options };
        Self::of(connection.runtime(), only, options)
    }

    /// A client whose requests are answered in this process by the service of a server; bodies go through pipes. Giving up a
    /// request cancels its service. An error of the service is that of the response, or of its body once that has
    /// begun. The client keeps the server. (HCLI-20, CONN-12)
    pub fn to_service(server: &Arc<HttpServer>, options: ClientOptions) -> Result<Self, Error> {
        Self::of(server.runtime(), Route::Service(server.clone()), options)
    }

    fn of(runtime: &Arc<Shared>, route: Route, options: ClientOptions) -> Result<Self, Error> {
        runtime.check()?;
        if options.max_per_host == Some(0) {
            return Err(Error::invalid("a client without connections"));
        }
        let pool = Pool::new(runtime, &options);
        Ok(Self { inner: Arc::new(Inner { runtime: runtime.clone(), route, options, pool }), limit: None })
    }

    /// Sends a request with a whole body, which is empty for most; the promise carries an [`HttpResponse`]. `url` is
    /// absolute. `Host` and the length of the body are added. (HCLI-01, HCLI-07)
    ///
    /// A request that has no body and a method that may be repeated is sent once more if the connection, which had been used
    /// before, ends without an answer.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no URL, method or header that can be sent. The promise fails with `Disconnected` if the
    /// connection ends early, with `Failed` for an answer that is not HTTP, with `TimedOut` for a limit that has passed.
    ///
    /// # Cancellation
    /// The connection is closed. (HCLI-04)
    pub fn request(&self, method: &str, url: &str, headers: &Headers, body: Bytes) -> Result<Promise, Error> {
        let body = if body.is_empty() && !sends_length(method) { Outgoing::None } else { Outgoing::Bytes(body) };
        self.start(method, url, headers, body)
    }

    /// As `request`, with a body that is written to the connection beside the promise: of `length` bytes, or in chunks.
    /// Shutting down or dropping that ends the body; short of its length, the connection is closed. (HCLI-01, HCLI-02)
    pub fn request_stream(
        &self,
        method: &str,
        url: &str,
        headers: &Headers,
        length: Option<u64>,
    ) -> Result<(Promise, Arc<Connection>), Error> {
        let (reader, writer) = Connection::pipe_of(&self.inner.runtime, length)?;
        let body = Outgoing::Stream(Read::new(&reader, 1, usize::MAX)?, length, Arc::default());
        Ok((self.start(method, url, headers, body)?, writer))
    }

    fn start(&self, method: &str, url: &str, headers: &Headers, body: Outgoing) -> Result<Promise, Error> {
        let inner = &self.inner;
        let follows = inner.options.max_redirects > 0 && inner.route.goes_by_url();
        let asked = if follows { Some(Asked::new(method, url, headers, &body)?) } else { None };
        let mut request = self.prepare(method, url, headers, body)?;
        let runtime = inner.runtime.clone();
        request.deadline = inner.options.total_nanos.map(|nanos| runtime.clock.after(nanos));
        let client = self.clone();
        let nanos = inner.options.total_nanos;
        // In a box: a future is copied wherever it is moved to, and these are large.
        let answered: Pin<Box<dyn Future<Output = Outcome> + Send>> = match asked {
            Some(asked) => Box::pin(redirect::follow(client, request, asked)),
            None => Box::pin(exchange::exchange(client, request)),
        };
        Ok(Promise::start(runtime.clone(), "http request", async move {
            within(&runtime, nanos, "the whole request took too long", answered).await
        }))
    }

    fn prepare(&self, method: &str, url: &str, headers: &Headers, body: Outgoing) -> Result<Request, Error> {
        self.inner.runtime.check()?;
        if !is_token(method.as_bytes()) || method == "CONNECT" {
            return Err(Error::invalid(format!("\"{method}\" is not the method of a request by URL")));
        }
        let place = self.inner.route.target(url, self.inner.options.proxies.as_ref())?;
        self.prepare_for(method, place, headers, body)
    }

    fn prepare_for(&self, method: &str, place: Place, headers: &Headers, body: Outgoing) -> Result<Request, Error> {
        let mut request = Request::new(method, place, headers, body)?;
        // A part of what is compressed cannot be undone.
        let own = headers.contains(b"accept-encoding") || headers.contains(b"range");
        request.decodes = self.inner.options.decompress && !own;
        Ok(request)
    }

    /// Asks for another protocol, which the headers name, over a connection of its own.
    pub(crate) fn upgrade(
        &self,
        method: &str,
        url: &str,
        headers: &Headers,
    ) -> Result<impl Future<Output = Result<Upgraded, Error>> + Send + 'static, Error> {
        let mut request = self.prepare(method, url, headers, Outgoing::None)?;
        request.upgrades = true;
        Ok(exchange::upgrade(self.clone(), request))
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.inner.runtime
    }

    /// How many connections wait for another request.
    pub fn idle_connections(&self) -> usize {
        self.inner.pool.len()
    }
}

impl Object for HttpClient {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.inner.runtime.owner)
    }
}

/// Whether a request with this method says that its body is empty.
fn sends_length(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}

/// Runs a future, and gives it up when its time is over.
async fn within<T>(
    runtime: &Arc<Shared>,
    nanos: Option<u64>,
    late: &'static str,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut future = pin!(future);
    let mut timer = nanos.map(|nanos| Timer::after(runtime, nanos));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        match &mut timer {
            Some(timer) => Pin::new(timer).poll(cx).map(|()| Err(Error::new(ErrorKind::TimedOut, late))),
            None => Poll::Pending,
        }
    })
    .await
}
