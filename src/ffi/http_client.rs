//! HTTP clients.

use super::http_headers::headers_in;
use super::http_request::length_in;
use super::http_server::{limit_in, or_default, tls_in};
use super::structure::{growing, structure_in};
use super::{
    boundary, bytes_in, callback, created, created_two, get, kja_address_t, kja_callback_fn, kja_connection_t,
    kja_destroy_fn, kja_http_client_t, kja_http_headers_t, kja_http_request_t, kja_http_server_t, kja_network_t,
    kja_promise_t, kja_status_t, kja_tls_context_t, put, release,
};
use crate::error::Error;
use crate::foreign::owned_bytes;
use crate::http::{
    ClientOptions, ConnectOptions, ForwardOptions, HeadLimits, HttpClient, HttpRequest, HttpServer, LimitOptions,
    Proxies,
};
use crate::net::{Address, Network};
use crate::promise::invoke;
use crate::stream::Connection;
use crate::value::Value;
use std::ffi::{c_char, c_void};

/// Limits of a client. Zeros stand for the defaults, the largest number for no limit.
#[repr(C)]
#[derive(Clone, Copy)]
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
    /// The most connections to one host at a time, and so the most requests: no limit. (HCLI-08)
    pub max_per_host: usize,
    /// The most requests to one host that wait for a connection: 1024. One more is `OVERLOADED`.
    pub max_waiting_per_host: usize,
    /// From the request to the end of the body of its response, redirects included: no limit.
    pub total_nanos: u64,
    /// `KJA_HTTP_CLIENT_` flags.
    pub flags: u32,
    /// How often a request is sent again where a response says, by 301, 302, 303, 307 or 308: 0 times; such a response is like any
    /// other then. Only a client of a network does so. A `POST` becomes a `GET` by 301 and 302, every method but `HEAD` by 303; one
    /// with a streamed body that would have to be sent again is not. Credentials and cookies do not go to another origin. One
    /// redirect more is `FAILED`.
    pub max_redirects: u32,
    /// The proxy of a client of a network, such as `http://user:password@proxy.example:3128`; null for none. An `https` URL and a
    /// tunnel take a tunnel through it.
    pub proxy: *const c_char,
    /// How many bytes that has.
    pub proxy_len: usize,
    /// Hosts to connect to without the proxy, with commas between them: names, which stand for all below them as well,
    /// addresses, ranges such as `10.0.0.0/8`, each with a port or without, or `*`. Null for none.
    pub no_proxy: *const c_char,
    /// How many bytes that has.
    pub no_proxy_len: usize,
}
growing!(kja_http_client_options_t, since max_idle_per_host: usize);

/// gzip, deflate and brotli are asked for and undone: what is read is the content itself, and the response has neither
/// `Content-Encoding` nor `Content-Length`. `max_body` counts what comes out. A request that says itself what it accepts, or asks for a range, gets
/// what is sent.
pub const KJA_HTTP_CLIENT_DECOMPRESS: u32 = 1;
/// The proxies are those that the environment names: `http_proxy`, `https_proxy`, `no_proxy`, in small letters or in capitals.
/// `HTTP_PROXY` is not believed in a CGI program, where requests could set it.
pub const KJA_HTTP_CLIENT_ENVIRONMENT_PROXIES: u32 = 2;

fn proxies_in(given: &kja_http_client_options_t) -> Result<Option<Proxies>, Error> {
    let excepted = if given.no_proxy.is_null() { "" } else { text_in(given.no_proxy, given.no_proxy_len)? };
    let proxies = if !given.proxy.is_null() {
        Proxies::new(text_in(given.proxy, given.proxy_len)?)?
    } else if given.flags & KJA_HTTP_CLIENT_ENVIRONMENT_PROXIES != 0 {
        Proxies::from_environment()?
    } else {
        return Ok(None);
    };
    Ok(Some(proxies.except(excepted)))
}

fn client_options(given: &kja_http_client_options_t) -> Result<ClientOptions, Error> {
    if given.flags & !(KJA_HTTP_CLIENT_DECOMPRESS | KJA_HTTP_CLIENT_ENVIRONMENT_PROXIES) != 0 {
        return Err(Error::invalid("a flag of a client that there is not"));
    }
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
        max_per_host: (given.max_per_host != 0).then_some(given.max_per_host),
        max_waiting_per_host: or_default(given.max_waiting_per_host, defaults.max_waiting_per_host),
        max_body: limit_in(given.max_body, defaults.max_body),
        total_nanos: limit_in(given.total_nanos, defaults.total_nanos),
        max_redirects: given.max_redirects,
        decompress: given.flags & KJA_HTTP_CLIENT_DECOMPRESS != 0,
        proxies: proxies_in(given)?,
        tls: tls_in(given.tls)?,
    })
}

/// How a client is limited.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct kja_http_limit_options_t {
    /// `sizeof(kja_http_limit_options_t)`.
    pub size: usize,
    /// The most requests that run at once, at least 1.
    pub max_running: usize,
    /// The most that wait for one of them to end: 1024 for 0. One more is `OVERLOADED`.
    pub max_waiting: usize,
    /// `KJA_HTTP_LIMIT_UNTIL_HEAD`, or 0.
    pub flags: u32,
}
growing!(kja_http_limit_options_t, since flags: u32);

/// A request counts until the head of its response has come, and not until the end of the body. (HCLI-18)
pub const KJA_HTTP_LIMIT_UNTIL_HEAD: u32 = 1;

fn options_in(given: *const kja_http_client_options_t) -> Result<ClientOptions, Error> {
    structure_in(given)?.map_or_else(|| Ok(ClientOptions::default()), |given| client_options(&given))
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
    created(out, || HttpClient::new(&get::<Network>(network)?, options_in(options)?))
}

/// Makes a client all of whose requests go to one address. The URL of a request may begin with its path; in an absolute one
/// the host is for the `Host` header alone. A wrapped address (`kja_network_wrapper_wrap_address`) makes secure
/// connections. Otherwise as `kja_http_client_new`. (HCLI-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_new_address(
    address: kja_address_t,
    options: *const kja_http_client_options_t,
    out: *mut kja_http_client_t,
) -> kja_status_t {
    created(out, || HttpClient::to_address(&get::<Address>(address)?, options_in(options)?))
}

/// Makes a client whose requests go over one connection, of any kind, which is the client's from now on: one after the other in
/// the order in which they were started; `max_waiting_per_host` of them may wait. A request that fails or is given up, and a
/// response that is not read to its end, close the connection; later requests are `DISCONNECTED` then. URLs are as with
/// `kja_http_client_new_address`. (HCLI-05, HCLI-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_new_connection(
    connection: kja_connection_t,
    options: *const kja_http_client_options_t,
    out: *mut kja_http_client_t,
) -> kja_status_t {
    created(out, || HttpClient::over(&get::<Connection>(connection)?, options_in(options)?))
}

/// Makes a client whose requests are answered in this process, by the service of a server, which the client keeps. Bodies go
/// through pipes that hold nothing back. Giving up a request cancels its service. An error of the service is that of the
/// promise of the response, or of its body once that has begun. Tunnels and WebSockets work as over a network. URLs are as with
/// `kja_http_client_new_address`. (HCLI-20, CONN-12)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_new_service(
    server: kja_http_server_t,
    options: *const kja_http_client_options_t,
    out: *mut kja_http_client_t,
) -> kja_status_t {
    created(out, || HttpClient::to_service(&get::<HttpServer>(server)?, options_in(options)?))
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

/// How a tunnel is asked for.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct kja_http_connect_options_t {
    /// `sizeof(kja_http_connect_options_t)`.
    pub size: usize,
    /// What the tunnel is secured with before anything is sent, with the host's name to be proved; 0 for no TLS. Stays the caller's.
    /// (CONN-09)
    pub tls: kja_tls_context_t,
}
growing!(kja_http_connect_options_t, since tls: kja_tls_context_t);

/// Asks for a tunnel to `host`, a name and a port such as `example.com:443`. `headers` may be 0 and `options` null. The tunnel goes
/// to `tunnel` at once: what is written and read there waits until it stands. The promise carries a `kja_http_response_t`: its
/// status is from 200 to 299 if the tunnel stands; otherwise its body may say why not, and the tunnel fails with `FAILED`. A client
/// of a network connects to the host itself, and the status is 200; any other sends `CONNECT`. TLS can begin later
/// (`kja_network_wrapper_wrap_client_start`). Errors: `INVALID_ARGUMENT` for what is no host with a port or a header that cannot
/// be sent; the promise fails as that of a request or a handshake does, and the tunnel with the same error. Cancellation: until
/// the promise has settled the connection is closed; then it is the tunnel's. (CONN-01, CONN-02, CONN-03, CONN-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_connect_start(
    client: kja_http_client_t,
    host: *const c_char,
    host_len: usize,
    headers: kja_http_headers_t,
    options: *const kja_http_connect_options_t,
    tunnel: *mut kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created_two(tunnel, out, || {
        let (host, options) = (text_in(host, host_len)?, structure_in(options)?.unwrap_or_default());
        let options = ConnectOptions { tls: tls_in(options.tls)? };
        let (response, tunnel) = get::<HttpClient>(client)?.connect(host, &headers_in(headers)?, options)?;
        Ok((tunnel, response))
    })
}

/// What is changed of a request before it goes on. Zeros change nothing.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_http_forward_options_t {
    /// `sizeof(kja_http_forward_options_t)`.
    pub size: usize,
    /// What is asked for, as in `kja_http_client_request_start`, or with `CONNECT` a host with a port; null for the target of
    /// the request, as it came.
    pub url: *const c_char,
    /// How many bytes that has.
    pub url_len: usize,
    /// The headers in place of the request's; 0 for those. Stays the caller's.
    pub headers: kja_http_headers_t,
}
growing!(kja_http_forward_options_t, since headers: kja_http_headers_t);

/// Asks for what a request of a server asks for, and answers it with what comes back; a service returns the promise
/// (`kja_call_return_promise`), and has a reverse proxy with a client of one address, a proxy with a client of a network. Bodies
/// and trailers stream both ways; headers about the connection end here, all others go on, and nothing is added. A `CONNECT`
/// and an upgrade become a tunnel through both. `options` may be null. An absolute target says what the `Host` is; with a
/// path that of the request goes on. The promise settles when the response has been taken to be sent or the tunnel has ended. Errors:
/// `INVALID_ARGUMENT` for a request of another runtime, or a URL in the options that is none. The promise fails as that of
/// `kja_http_client_request_start`, and the server answers for its service: with 504 for `TIMED_OUT`, 400 for what cannot be
/// sent on, 502 for most else; that status is the detail `KJA_HTTP_ANSWER_DETAIL`. Behind the head of the response an
/// error closes the connection of the request. Cancellation: both connections are closed; a request that has not been
/// answered can be still. (HCLI-21, CONN-12)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_forward_start(
    client: kja_http_client_t,
    request: kja_http_request_t,
    options: *const kja_http_forward_options_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let mut changes = ForwardOptions::default();
        if let Some(given) = structure_in(options)? {
            if !given.url.is_null() {
                changes.url = Some(text_in(given.url, given.url_len)?.to_owned());
            }
            if given.headers != 0 {
                changes.headers = Some(headers_in(given.headers)?);
            }
        }
        get::<HttpClient>(client)?.forward(&get::<HttpRequest>(request)?, changes)
    })
}

/// Makes a client that sends requests as `client` does, but runs no more than a number of them at once; the others wait, in order,
/// and one that is given up leaves the line. A WebSocket or a tunnel counts until it is closed. `changed`, which may be null, runs on
/// the loop after the counts have changed: its input is a number (`kja_call_u64`) with how many run in the lower and how
/// many wait in the upper 32 bits; of changes in quick succession it may hear only the last. `ctx` is taken over in every
/// case. Releasing the client ends no request. Errors: `INVALID_ARGUMENT` for no request at all, a flag that there is
/// not, or a client that is limited already. (HCLI-16, HCLI-17, HCLI-18, HCLI-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_new_limited(
    client: kja_http_client_t,
    options: *const kja_http_limit_options_t,
    changed: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_http_client_t,
) -> kja_status_t {
    let hears = changed.is_some();
    let changed = callback(changed, ctx, destroy);
    created(out, || {
        let given = structure_in(options)?.ok_or_else(Error::null)?;
        if given.flags & !KJA_HTTP_LIMIT_UNTIL_HEAD != 0 {
            return Err(Error::invalid("a flag of a limit that there is not"));
        }
        let options = LimitOptions {
            max_running: given.max_running,
            max_waiting: or_default(given.max_waiting, 1024),
            until_head: given.flags & KJA_HTTP_LIMIT_UNTIL_HEAD != 0,
        };
        let changed = if hears { Some(changed?) } else { None };
        let changed = changed.map(|changed| {
            move |running: usize, waiting: usize| drop(invoke(&changed, Ok(Value::U64(counts_out(running, waiting)))))
        });
        get::<HttpClient>(client)?.limited(options, changed)
    })
}

fn counts_out(running: usize, waiting: usize) -> u64 {
    let half = |count: usize| u64::from(u32::try_from(count).unwrap_or(u32::MAX));
    half(waiting) << 32 | half(running)
}

/// Writes how many requests of a limited client run and how many wait. Errors: `INVALID_ARGUMENT` for a client without a limit.
/// (HCLI-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_counts(
    client: kja_http_client_t,
    running: *mut usize,
    waiting: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let counts = get::<HttpClient>(client)?.counts();
        let (now, later) = counts.ok_or_else(|| Error::invalid("a client without a limit"))?;
        put(running, now)?;
        put(waiting, later)
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
