//! What may be chosen when a client is made.

use super::Proxies;
use crate::http::HeadLimits;
use crate::tls::TlsContext;
use std::sync::Arc;

const SECOND: u64 = 1_000_000_000;

/// Limits of a client. A time is in nanoseconds; `None` is no limit.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How much the head of a response may have.
    pub head: HeadLimits,
    /// To look up the host and to connect: 30 s.
    pub connect_nanos: Option<u64>,
    /// From the request to the end of the head of its response: no limit.
    pub head_nanos: Option<u64>,
    /// While more of the body of a response is waited for: no limit.
    pub body_nanos: Option<u64>,
    /// From the request to the end of the body of its response, redirects included: no limit.
    pub total_nanos: Option<u64>,
    /// How long a connection is kept for another request: 5 s; 0 keeps none. (HCLI-10)
    pub idle_nanos: u64,
    /// The most idle connections to one host that are kept: 8.
    pub max_idle_per_host: usize,
    /// The most connections to one host at a time, and so the most requests: no limit. (HCLI-08)
    pub max_per_host: Option<usize>,
    /// The most requests to one host that wait for a connection: 1024. One more fails with `Overloaded`.
    pub max_waiting_per_host: usize,
    /// The most bytes of the body of a response: no limit. Reading beyond that fails with `Overloaded`.
    pub max_body: Option<u64>,
    /// How often a request is sent again where a response says, by 301, 302, 303, 307 or 308: 0 times; such a response is like any
    /// other then. Only a client that goes by URL does so. A `POST` becomes a `GET` by 301 and 302, and every method but
    /// `HEAD` by 303; one with a streamed body that would have to be sent again is not. Credentials and cookies are for
    /// one origin, and do not go to another one. One redirect more is `Failed`.
    pub max_redirects: u32,
    /// Whether gzip, deflate and brotli are asked for and undone: no. `max_body` counts what comes out. A request for a range, or that says itself
    /// what it accepts, gets what is sent.
    pub decompress: bool,
    /// What a client that goes by URL goes through, tunnels included: nothing. An `https` URL takes a tunnel through its proxy.
    pub proxies: Option<Proxies>,
    /// What connections for `https` are made with; without it such a URL is refused. (HCLI-15)
    pub tls: Option<Arc<TlsContext>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            head: HeadLimits::default(),
            connect_nanos: Some(30 * SECOND),
            head_nanos: None,
            body_nanos: None,
            total_nanos: None,
            idle_nanos: 5 * SECOND,
            max_idle_per_host: 8,
            max_per_host: None,
            max_waiting_per_host: 1024,
            max_body: None,
            max_redirects: 0,
            decompress: false,
            proxies: None,
            tls: None,
        }
    }
}
