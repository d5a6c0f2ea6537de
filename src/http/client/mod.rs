//! HTTP clients. (HCLI-01 to HCLI-22)
//!
//! Requests go by URL, over connections that are kept by host and used again, the one used last first. The protocol
//! engine is the one of the server.

mod exchange;
mod link;
mod options;
mod pool;
mod response;
mod responses;

pub use options::ClientOptions;
pub use response::HttpResponse;

use crate::error::{Error, ErrorKind};
use crate::http::{Headers, Url, UrlContext, UrlOptions, is_token};
use crate::net::Network;
use crate::object::{Object, Owner};
use crate::promise::Promise;
use crate::runtime::Shared;
use crate::stream::{Connection, Read};
use bytes::Bytes;
pub(crate) use exchange::Upgraded;
use exchange::{Outgoing, Request};
use pool::Pool;
use std::future::Future;
use std::sync::Arc;

pub(super) struct Inner {
    runtime: Arc<Shared>,
    network: Arc<Network>,
    /// The same with TLS.
    secure: Option<Arc<Network>>,
    options: ClientOptions,
    pool: Arc<Pool>,
}

impl Inner {
    /// Which network serves this scheme, and the port that it has unless the URL says otherwise.
    fn network_of(&self, scheme: &str) -> Result<(&Arc<Network>, u16), Error> {
        match scheme {
            "http" => Ok((&self.network, 80)),
            "https" => {
                let no_tls = || Error::new(ErrorKind::Unimplemented, "this client has no TLS context for an https URL");
                Ok((self.secure.as_ref().ok_or_else(no_tls)?, 443))
            }
            scheme => Err(Error::invalid(format!("{scheme} is not a scheme of HTTP"))),
        }
    }
}

/// Sends requests by URL. Dropping it closes the connections that wait for another request; requests that have been
/// started go on. (HCLI-07, HCLI-08)
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

impl HttpClient {
    /// A client that connects over this network and by its rules.
    ///
    /// # Errors
    /// `InvalidArgument` for a TLS context of another runtime.
    pub fn new(network: &Arc<Network>, options: ClientOptions) -> Result<Self, Error> {
        let runtime = network.runtime().clone();
        runtime.check()?;
        let secure = options.tls.as_ref().map(|tls| tls.wrapper().wrap_network(network)).transpose()?.map(Arc::new);
        let pool = Pool::new(&runtime, options.idle_nanos, options.max_idle_per_host);
        Ok(Self(Arc::new(Inner { runtime, network: network.clone(), secure, options, pool })))
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
        let (reader, writer) = Connection::pipe_of(&self.0.runtime, length)?;
        let body = Outgoing::Stream(Read::new(&reader, 1, usize::MAX)?, length);
        Ok((self.start(method, url, headers, body)?, writer))
    }

    fn start(&self, method: &str, url: &str, headers: &Headers, body: Outgoing) -> Result<Promise, Error> {
        let request = self.prepare(method, url, headers, body)?;
        let runtime = self.0.runtime.clone();
        Ok(Promise::start(runtime, "http request", exchange::exchange(self.0.clone(), request)))
    }

    fn prepare(&self, method: &str, url: &str, headers: &Headers, body: Outgoing) -> Result<Request, Error> {
        self.0.runtime.check()?;
        if !is_token(method.as_bytes()) || method == "CONNECT" {
            return Err(Error::invalid(format!("\"{method}\" is not the method of a request by URL")));
        }
        let url = Url::parse(url, UrlContext::RemoteHref, UrlOptions::default())?;
        let request = Request::new(method, url, headers.clone(), body)?;
        self.0.network_of(request.scheme())?;
        Ok(request)
    }

    /// Asks for another protocol, which the headers name, over a connection of its own.
    pub(crate) fn upgrade(
        &self,
        method: &str,
        url: &str,
        headers: &Headers,
    ) -> Result<impl Future<Output = Result<Upgraded, Error>> + Send + 'static, Error> {
        let request = self.prepare(method, url, headers, Outgoing::None)?;
        Ok(exchange::upgrade(self.0.clone(), request))
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.0.runtime
    }

    /// How many connections wait for another request.
    pub fn idle_connections(&self) -> usize {
        self.0.pool.len()
    }
}

impl Object for HttpClient {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.0.runtime.owner)
    }
}

/// Whether a request with this method says that its body is empty.
fn sends_length(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH")
}
