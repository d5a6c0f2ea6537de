//! HTTP clients.

use super::http_headers::headers_in;
use super::http_request::length_in;
use super::http_server::{limit_in, or_default, tls_in};
use super::structure::{growing, structure_in};
use super::{
    boundary, bytes_in, created, created_two, get, kja_connection_t, kja_http_client_t, kja_http_headers_t,
    kja_network_t, kja_promise_t, kja_status_t, kja_tls_context_t, put, release,
};
use crate::error::Error;
use crate::foreign::owned_bytes;
use crate::http::{ClientOptions, HeadLimits, HttpClient};
use crate::net::Network;
use std::ffi::{c_char, c_void};

/// Limits of a client. Zeros stand for the defaults, the largest number for no limit.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct kja_http_client_options_t {
    /// `sizeof(kja_http_client_options_t)`.
    pub size: usize,
    /// The most bytes of the head of a response: 128 KiB.
    pub max_head: usize,
    /// The most lines of it: 256.
    pub max_headers: usize,
    /// The most bytes of the body of a response: no limit.
    pub max_body: u64,
    /// To look up the host and to connect, in nanoseconds: 30 s.
    pub connect_nanos: u64,
    /// From the request to the end of the head of its response: no limit.
    pub head_nanos: u64,
    /// While more of the body of a response is waited for: no limit.
    pub body_nanos: u64,
    /// How long a connection is kept for another request: 5 s; the largest number keeps none.
    pub idle_nanos: u64,
    /// The most idle connections to one host that are kept: 8.
    pub max_idle_per_host: usize,
    /// What connections for `https` URLs are made with; 0 for none: such a URL is `UNIMPLEMENTED` then. Stays the caller's.
    /// (HCLI-15)
    pub tls: kja_tls_context_t,
}
growing!(kja_http_client_options_t, since max_idle_per_host: usize);

fn client_options(given: &kja_http_client_options_t) -> Result<ClientOptions, Error> {
    let defaults = ClientOptions::default();
    Ok(ClientOptions {
        head: HeadLimits {
            size: or_default(given.max_head, defaults.head.size),
            headers: or_default(given.max_headers, defaults.head.headers),
            ..defaults.head
        },
        connect_nanos: limit_in(given.connect_nanos, defaults.connect_nanos),
        head_nanos: limit_in(given.head_nanos, defaults.head_nanos),
        body_nanos: limit_in(given.body_nanos, defaults.body_nanos),
        idle_nanos: limit_in(given.idle_nanos, Some(defaults.idle_nanos)).unwrap_or(0),
        max_idle_per_host: or_default(given.max_idle_per_host, defaults.max_idle_per_host),
        max_body: limit_in(given.max_body, defaults.max_body),
        tls: tls_in(given.tls)?,
    })
}

fn text_in<'a>(text: *const c_char, len: usize) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes_in(text.cast(), len)?).map_err(|_| Error::invalid("a text that is not UTF-8"))
}

/// Makes an HTTP/1.1 client that connects over a network and by its rules. `options` may be null. Connections are kept by
/// host and used again, the one used last first; each carries one request at a time. (HCLI-07, HCLI-08, HCLI-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_new(
    network: kja_network_t,
    options: *const kja_http_client_options_t,
    out: *mut kja_http_client_t,
) -> kja_status_t {
    created(out, || {
        HttpClient::new(&get::<Network>(network)?, client_options(&structure_in(options)?.unwrap_or_default())?)
    })
}

/// Sends a request to an absolute `http` or `https` URL, with a whole body of `size` bytes, which are copied. `headers` may be 0 for
/// none; `Host` is added, and how the message is sent is not theirs to say. The promise carries a `kja_http_response_t` once
/// its head has come. A request with an idempotent method is sent once more if the connection had been used before and
/// ended without an answer. Errors: `INVALID_ARGUMENT` for what is no URL, method or header that can be sent. The promise fails
/// with `DISCONNECTED` if the connection ends early, with `FAILED` for an answer that is not HTTP, with `TIMED_OUT` for a limit
/// that has passed, and as a handshake of TLS does. Cancellation: the connection is closed. (HCLI-01, HCLI-04, HCLI-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_request_start(
    client: kja_http_client_t,
    method: *const c_char,
    method_len: usize,
    url: *const c_char,
    url_len: usize,
    headers: kja_http_headers_t,
    data: *const c_void,
    size: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let (method, url) = (text_in(method, method_len)?, text_in(url, url_len)?);
        let body = owned_bytes(bytes_in(data, size)?)?;
        get::<HttpClient>(client)?.request(method, url, &headers_in(headers)?, body)
    })
}

/// As `kja_http_client_request_start`, with a body that is written to the connection whose handle goes to `body`: of
/// `length` bytes, or in chunks for `KJA_LENGTH_UNKNOWN`. Shutting down writing ends the body; a body that ends short of its
/// length closes the connection. Such a request is never sent twice. (HCLI-01, HCLI-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_request_stream_start(
    client: kja_http_client_t,
    method: *const c_char,
    method_len: usize,
    url: *const c_char,
    url_len: usize,
    headers: kja_http_headers_t,
    length: u64,
    body: *mut kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created_two(body, out, || {
        let (method, url) = (text_in(method, method_len)?, text_in(url, url_len)?);
        let client = get::<HttpClient>(client)?;
        let (response, writer) = client.request_stream(method, url, &headers_in(headers)?, length_in(length))?;
        Ok((writer, response))
    })
}

/// Writes how many connections wait for another request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_idle_connections(client: kja_http_client_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, get::<HttpClient>(client)?.idle_connections()))
}

/// Releases the handle. With the last one the connections that wait are closed; requests that have been started go on.
#[unsafe(no_mangle)]
pub extern "C" fn kja_http_client_release(client: kja_http_client_t) -> kja_status_t {
    release::<HttpClient>(client)
}
