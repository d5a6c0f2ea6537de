//! What may be chosen when a server is made.

use crate::http::HeadLimits;
use crate::tls::TlsContext;
use std::sync::Arc;

const SECOND: u64 = 1_000_000_000;

/// Limits of a server. A time is in nanoseconds; `None` is no limit.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// How much a head may have; beyond that the answer is 431, or 414 for the target.
    pub head: HeadLimits,
    /// From the first byte of a request, or from the opening of a connection, to the end of the head: 15 s. Then the answer
    /// is 408 if a part of the head has come, and the connection is closed. (HSRV-12)
    pub head_nanos: Option<u64>,
    /// Between two requests: 5 s. Then the connection is closed. (HSRV-13)
    pub idle_nanos: Option<u64>,
    /// While the service waits for more of the body of a request: 30 s. Then reading it fails with `TimedOut`, and
    /// a service that fails with that is answered for with 408.
    pub body_nanos: Option<u64>,
    /// For a whole request, from its head to the end of its response: no limit. Then the service is cancelled and the
    /// answer, if none has begun, is 503.
    pub request_nanos: Option<u64>,
    /// The most bytes of the body of a request: no limit. Beyond that the answer is 413.
    pub max_body: Option<u64>,
    /// The most connections at once: 10,000. Others wait in the backlog of their listener.
    pub max_connections: usize,
    /// The most requests of one connection: no limit. The last is answered with `Connection: close`.
    pub max_requests: Option<u64>,
    /// How much of a body that the service has left unread is read to keep the connection: 64 KiB, for 1 s. (HSRV-14)
    pub unread_bytes: u64,
    /// How long that may take.
    pub unread_nanos: u64,
    /// Whether responses have a `Date`. They have. (HSRV-26)
    pub date: bool,
    /// Whether the text of a service's error is the body of the answer. By default only its kind shows, in the status.
    pub error_text: bool,
    /// What connections that come to a listener are secured with: they speak `https` then.
    pub tls: Option<Arc<TlsContext>>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            head: HeadLimits::default(),
            head_nanos: Some(15 * SECOND),
            idle_nanos: Some(5 * SECOND),
            body_nanos: Some(30 * SECOND),
            request_nanos: None,
            max_body: None,
            max_connections: 10_000,
            max_requests: None,
            unread_bytes: 64 * 1024,
            unread_nanos: SECOND,
            date: true,
            error_text: false,
            tls: None,
        }
    }
}
