//! HTTP servers.

use super::http_hooks::{hooks_in, kja_http_server_hooks_t, service_of};
use super::structure::{growing, structure_in};
use super::{
    boundary, callback, created, get, kja_callback_fn, kja_connection_t, kja_destroy_fn, kja_http_server_t,
    kja_listener_t, kja_promise_t, kja_runtime_t, kja_status_t, kja_tls_context_t, put, release,
};
use crate::error::Error;
use crate::http::{HeadLimits, HttpServer, ServerOptions};
use crate::net::Listener;
use crate::runtime::Runtime;
use crate::stream::Connection;
use crate::tls::TlsContext;
use std::ffi::c_void;
use std::ptr::null;
use std::sync::Arc;

/// Responses have no `Date`.
pub const KJA_HTTP_SERVER_NO_DATE: u32 = 1;
/// The text of a service's error is the body of the answer; by default only its kind shows, in the status.
pub const KJA_HTTP_SERVER_ERROR_TEXT: u32 = 2;

/// Limits of a server. Zeros stand for the defaults, the largest number for no limit.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_http_server_options_t {
    /// `sizeof(kja_http_server_options_t)`.
    pub size: usize,
    /// `KJA_HTTP_SERVER_` flags.
    pub flags: u32,
    /// Always 0.
    pub reserved: u32,
    /// The most bytes of a head: 128 KiB; beyond that the answer is 431.
    pub max_head: usize,
    /// The most lines of a head: 256; beyond that the answer is 431.
    pub max_headers: usize,
    /// The most bytes of the target of a request: 32 KiB; beyond that the answer is 414.
    pub max_target: usize,
    /// The most bytes of the body of a request: no limit; beyond that the answer is 413.
    pub max_body: u64,
    /// From the opening of a connection, or from the first byte of a later request, to the end of the head, in nanoseconds:
    /// 15 s; then the answer is 408 if a part of the head has come, and the connection is closed.
    pub head_nanos: u64,
    /// Between two requests: 5 s; then the connection is closed.
    pub idle_nanos: u64,
    /// While a service waits for more of a body: 30 s; then its read fails with `TIMED_OUT`, and a service that
    /// fails with that is answered for with 408.
    pub body_nanos: u64,
    /// For a whole request: no limit; then its service is cancelled, and the answer is 503 if none has begun.
    pub request_nanos: u64,
    /// The most connections that are served at once: 10,000; others wait in the backlog of their listener.
    pub max_connections: usize,
    /// The most requests of one connection: no limit.
    pub max_requests: u64,
    /// How much of a body that a service has left unread is read to keep the connection: 64 KiB.
    pub unread_bytes: u64,
    /// How long that may take: 1 s.
    pub unread_nanos: u64,
    /// What connections that come to a listener are secured with: they speak `https` then. 0 for none; stays the caller's. A
    /// handshake that fails is told to the `on_accept_error` of the context.
    pub tls: kja_tls_context_t,
    /// What the program decides and hears of beside requests; null for nothing.
    pub hooks: *const kja_http_server_hooks_t,
}
growing!(kja_http_server_options_t, since unread_nanos: u64);

/// The default for 0, nothing for the largest number.
pub(super) fn limit_in(given: u64, default: Option<u64>) -> Option<u64> {
    match given {
        0 => default,
        u64::MAX => None,
        limit => Some(limit),
    }
}

pub(super) fn or_default(given: usize, default: usize) -> usize {
    if given == 0 { default } else { given }
}

/// The TLS context, if there is one.
pub(super) fn tls_in(given: kja_tls_context_t) -> Result<Option<Arc<TlsContext>>, Error> {
    if given == 0 { Ok(None) } else { get::<TlsContext>(given).map(Some) }
}

fn server_options(given: &kja_http_server_options_t) -> Result<ServerOptions, Error> {
    if given.flags & !(KJA_HTTP_SERVER_NO_DATE | KJA_HTTP_SERVER_ERROR_TEXT) != 0 {
        return Err(Error::invalid("a flag of a server that there is not"));
    }
    let defaults = ServerOptions::default();
    Ok(ServerOptions {
        head: HeadLimits {
            size: or_default(given.max_head, defaults.head.size),
            headers: or_default(given.max_headers, defaults.head.headers),
            target: or_default(given.max_target, defaults.head.target),
        },
        head_nanos: limit_in(given.head_nanos, defaults.head_nanos),
        idle_nanos: limit_in(given.idle_nanos, defaults.idle_nanos),
        body_nanos: limit_in(given.body_nanos, defaults.body_nanos),
        request_nanos: limit_in(given.request_nanos, defaults.request_nanos),
        max_body: limit_in(given.max_body, defaults.max_body),
        max_connections: or_default(given.max_connections, defaults.max_connections),
        max_requests: limit_in(given.max_requests, defaults.max_requests),
        unread_bytes: limit_in(given.unread_bytes, Some(defaults.unread_bytes)).unwrap_or(u64::MAX),
        unread_nanos: limit_in(given.unread_nanos, Some(defaults.unread_nanos)).unwrap_or(u64::MAX),
        date: given.flags & KJA_HTTP_SERVER_NO_DATE == 0,
        error_text: given.flags & KJA_HTTP_SERVER_ERROR_TEXT != 0,
        tls: tls_in(given.tls)?,
    })
}

fn server(id: kja_http_server_t) -> Result<Arc<HttpServer>, Error> {
    get::<HttpServer>(id)
}

/// Makes an HTTP/1.1 server. `service` runs on the loop for each request, with a `kja_http_request_t` as its input
/// (`kja_call_handle`), one request of a connection after the other. The life of the request is the service's: it ends with
/// the callback, or with the promise that the callback returns; that is cancelled when the client goes away, and not when
/// the client only stops sending. A service that ends without an answer is answered for: as `KJA_HTTP_ANSWER_DETAIL` of its
/// error says, 500, or by the kind of its error 503 for `OVERLOADED` and `TIMED_OUT`, 501 for `UNIMPLEMENTED`, nothing at all for `DISCONNECTED`; hooks in the options can
/// answer otherwise. `options` may be null. `service` may be null if there is a hook that makes one for each connection. What
/// is not a request is refused and the connection closed: whatever two readers might take differently, such as both
/// `Transfer-Encoding` and `Content-Length`, is not one. A `CONNECT` is accepted with `kja_http_request_accept_tunnel`; a
/// service that ends without having decided on one closes the connection. (HSRV-01, HSRV-06, HSRV-15, HSRV-17, HSRV-18,
/// HSRV-19, CONN-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_server_new(
    runtime: kja_runtime_t,
    options: *const kja_http_server_options_t,
    service: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_http_server_t,
) -> kja_status_t {
    let has_service = service.is_some();
    let service = callback(service, ctx, destroy).map(service_of);
    // Read first: the context of the hooks is taken over whatever becomes of the call.
    let options = structure_in(options);
    let hooks =
        options.as_ref().map_err(Clone::clone).and_then(|given| hooks_in(given.map_or(null(), |given| given.hooks)));
    created(out, || {
        let (options, hooks) = (options?, hooks?);
        let makes_services = hooks.on_connection.is_some();
        let service = if has_service || !makes_services { Some(service?) } else { None };
        let options = options.as_ref().map_or_else(|| Ok(ServerOptions::default()), server_options)?;
        HttpServer::with_hooks(&*get::<Runtime>(runtime)?, options, service, hooks)
    })
}

/// Serves what comes to a listener. The promise settles when the server is drained; a connection that fails ends no accept.
/// Cancellation: nothing more is accepted, and open connections go on. (HSRV-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_server_listen_start(
    server_: kja_http_server_t,
    listener: kja_listener_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || server(server_)?.listen(&get::<Listener>(listener)?))
}

/// Serves one connection of any kind, which is the server's from now on, until that ends or the server is drained. Errors
/// of the promise: `DISCONNECTED` for a connection that breaks. Cancellation: requests that are being answered are
/// cancelled, and the connection is closed. (HSRV-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_server_serve_start(
    server_: kja_http_server_t,
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || server(server_)?.serve(&get::<Connection>(connection)?))
}

/// As `kja_http_server_serve_start`; a drain between two requests does not close the connection: the promise carries it
/// then (`kja_promise_handle`), and it can be served by another server with nothing lost. Otherwise it carries unit, also
/// if a request was suspended. (HSRV-10, HSRV-24)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_server_serve_until_drained_start(
    server_: kja_http_server_t,
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || server(server_)?.serve_until_drained(&get::<Connection>(connection)?))
}

/// Accepts nothing more, lets requests that are being answered finish, with `Connection: close`, and closes idle connections.
/// The promise settles when no connection that came to a listener is left; put a deadline on it with
/// `kja_promise_timeout`, and release the server to cut off what is left then. Errors: `BUSY` if such a promise is pending.
/// (HSRV-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_server_drain_start(
    server_: kja_http_server_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || server(server_)?.drain())
}

/// Writes how many connections that came to a listener are being served.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_server_connections(server_: kja_http_server_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, server(server_)?.connections()))
}

/// Releases the handle. With the last one everything that came to a listener is cancelled and closed, and the promises of
/// `kja_http_server_listen_start` fail with `CANCELED`. (HSRV-08)
#[unsafe(no_mangle)]
pub extern "C" fn kja_http_server_release(server_: kja_http_server_t) -> kja_status_t {
    release::<HttpServer>(server_)
}
