//! What may be chosen when a client is made.

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
            idle_nanos: 5 * SECOND,
            max_idle_per_host: 8,
            max_per_host: None,
            max_waiting_per_host: 1024,
            max_body: None,
            tls: None,
        }
    }
}
