//! Network wrappers.

use super::structure::{growing, structure_in};
use super::{
    bytes_in, context, created, get, handle, kja_address_t, kja_call_t, kja_callback_fn, kja_connection_t,
    kja_destroy_fn, kja_listener_t, kja_network_t, kja_network_wrapper_t, kja_promise_t, kja_runtime_t, kja_status_t,
    release, take,
};
use crate::error::{Error, ErrorKind};
use crate::foreign::ForeignWrapper;
use crate::net::{Address, Listener, Network, NetworkWrapper, Wrap, WrapperOptions};
use crate::promise::{Resolution, invoke_with};
use crate::runtime::Runtime;
use crate::stream::Connection;
use crate::value::Value;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Wraps the end that connected, where whoever is at the other end has to prove the name: a DNS name or an IP address of
/// `host_len` bytes, not closed by a NUL, borrowed for this call. Runs on the loop, any number of times, and must neither
/// block nor unwind. The connection is a new handle which is the callback's: to be released, also when it is the result.
/// The result, left with `kja_call_return_handle` or `kja_call_return_promise`, is a connection or a promise of one;
/// `kja_call_return_error` refuses.
pub type kja_wrap_client_fn = Option<
    unsafe extern "C-unwind" fn(
        ctx: *mut c_void,
        call: kja_call_t,
        connection: kja_connection_t,
        host: *const c_char,
        host_len: usize,
    ),
>;
/// Wraps the end that was connected to; otherwise as `kja_wrap_client_fn`.
pub type kja_wrap_server_fn =
    Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, call: kja_call_t, connection: kja_connection_t)>;

/// What a wrapper does. Zero everything, then set `size` and what is wanted; 0 means the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_network_wrapper_options_t {
    /// `sizeof(kja_network_wrapper_options_t)`, so that the structure can grow.
    pub size: usize,
    /// Wraps the end that connected; may be null: then that is `UNIMPLEMENTED`.
    pub wrap_client: kja_wrap_client_fn,
    /// Wraps the end that was connected to; may be null: then that is `UNIMPLEMENTED`.
    pub wrap_server: kja_wrap_server_fn,
    /// Runs on the loop for each accepted connection that could not be wrapped, with the error as its input; what it
    /// returns is ignored. May be null: then nobody hears of them. (TLS-11)
    pub on_accept_error: kja_callback_fn,
    /// For all three.
    pub ctx: *mut c_void,
    /// Frees `ctx` when nothing that was wrapped needs it any more, or when no wrapper was made; may be null.
    pub destroy: kja_destroy_fn,
    /// What the texts of wrapped addresses begin with, before a colon, in UTF-8; null for `wrapped`.
    pub name: *const c_char,
    /// The length of the name.
    pub name_len: usize,
    /// How long an accepted connection may take to be wrapped, in nanoseconds by the runtime's clock; 0 for 10 seconds,
    /// `UINT64_MAX` for as long as it likes.
    pub accept_timeout_nanos: u64,
    /// How many connections a listener has that are being wrapped, or have been and wait for an accept; 0 for 128.
    /// More than these stay with the inner listener.
    pub max_handshakes: usize,
}
growing!(kja_network_wrapper_options_t, since max_handshakes: usize);

fn missing(what: &str) -> Resolution {
    Err(Error::new(ErrorKind::Unimplemented, format!("this wrapper has no {what}"))).into()
}

impl Wrap for ForeignWrapper {
    fn client(&self, connection: Arc<Connection>, host: &str) -> Resolution {
        let Some(run) = self.client() else { return missing("wrap_client") };
        match handle::insert(connection) {
            Ok(id) => invoke_with(Ok(Value::Unit), |call| run(call, id, host)),
            Err(full) => Err(full).into(),
        }
    }

    fn server(&self, connection: Arc<Connection>) -> Resolution {
        let Some(run) = self.server() else { return missing("wrap_server") };
        match handle::insert(connection) {
            Ok(id) => invoke_with(Ok(Value::Unit), |call| run(call, id)),
            Err(full) => Err(full).into(),
        }
    }

    fn accept_failed(&self, error: Error) {
        if let Some(run) = self.failed() {
            drop(invoke_with(Err(error), run));
        }
    }
}

fn text_in<'a>(text: *const c_char, len: usize) -> Result<&'a str, Error> {
    let text = std::str::from_utf8(bytes_in(text.cast(), len)?);
    text.map_err(|_| Error::invalid("a name that is not UTF-8"))
}

fn read_options(options: kja_network_wrapper_options_t) -> Result<(ForeignWrapper, WrapperOptions), Error> {
    let ctx = context(options.ctx, options.destroy);
    // SAFETY: the header requires the callbacks to accept the context on the loop's thread.
    let wrap = unsafe { ForeignWrapper::new(options.wrap_client, options.wrap_server, options.on_accept_error, ctx) };
    let defaults = WrapperOptions::default();
    let name = if options.name.is_null() { defaults.name } else { text_in(options.name, options.name_len)?.to_owned() };
    let accept_timeout = match options.accept_timeout_nanos {
        0 => defaults.accept_timeout,
        u64::MAX => None,
        nanos => Some(nanos),
    };
    let max_handshakes = if options.max_handshakes == 0 { defaults.max_handshakes } else { options.max_handshakes };
    Ok((wrap, WrapperOptions { name, accept_timeout, max_handshakes }))
}

/// Makes a wrapper: what turns connections, and with them listeners, addresses and whole networks, into secure ones, or
/// into others. TLS is one. `ctx` is taken over in every case but that of options of the wrong size. Errors:
/// `INVALID_ARGUMENT` for options of the wrong size and for a name that is not UTF-8. (NET-22)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_wrapper_new(
    runtime: kja_runtime_t,
    options: *const kja_network_wrapper_options_t,
    out: *mut kja_network_wrapper_t,
) -> kja_status_t {
    // Read first: the context in it is taken over whatever becomes of the call.
    let options = structure_in(options).and_then(|given| read_options(given.ok_or_else(Error::null)?));
    created(out, || {
        let (wrap, options) = options?;
        NetworkWrapper::new(&*get::<Runtime>(runtime)?, wrap, options)
    })
}

/// The wrapper and a connection that is given to it.
fn given(
    wrapper: kja_network_wrapper_t,
    connection: kja_connection_t,
) -> Result<(Arc<NetworkWrapper>, Arc<Connection>), Error> {
    let wrapper = get::<NetworkWrapper>(wrapper)?;
    wrapper.check(get::<Connection>(connection)?.runtime())?;
    Ok((wrapper, take::<Connection>(connection)?))
}

/// Wraps the end that connected, on the loop; the promise carries a `kja_connection_t`. Whoever is at the other end has
/// to prove the name. The connection's handle is consumed if the call succeeds. Errors: `INVALID_ARGUMENT` for a name that
/// is not UTF-8 and for a connection of another runtime; the promise fails as the wrapper says, with `WRONG_TYPE` if its
/// result is no connection, with `UNIMPLEMENTED` if it has no `wrap_client`. Cancellation: the handshake ends and the
/// connection is closed. (NET-22, TLS-12)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_wrapper_wrap_client_start(
    wrapper: kja_network_wrapper_t,
    connection: kja_connection_t,
    host: *const c_char,
    host_len: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let host = text_in(host, host_len)?;
        let (wrapper, connection) = given(wrapper, connection)?;
        wrapper.wrap_client(connection, host)
    })
}

/// Wraps the end that was connected to; otherwise as `kja_network_wrapper_wrap_client_start`. (NET-22, TLS-12)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_wrapper_wrap_server_start(
    wrapper: kja_network_wrapper_t,
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let (wrapper, connection) = given(wrapper, connection)?;
        wrapper.wrap_server(connection)
    })
}

/// Makes a listener that accepts from another one and wraps. Handshakes run side by side and finish in any order, so that a
/// peer which stalls holds up nobody; the options bound their number and their time. They begin while an accept is
/// pending; one that has begun goes on, and what it gives is kept for the next accept, so that cancelling an accept loses
/// no connection. One that fails is told to `on_accept_error` alone, and no accept fails because of it. When nothing more
/// comes from the inner listener, an accept fails once the handshakes have ended.
///
/// The inner listener stays the caller's and may be released; port, local address and socket options are its own. Closing
/// the new one ends its handshakes and closes the inner one; releasing it, with no accept pending, ends its handshakes.
/// Errors: `INVALID_ARGUMENT` for a listener of another runtime, `OVERLOADED` for more than
/// 64 on top of each other. (NET-22, TLS-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_wrapper_wrap_listener(
    wrapper: kja_network_wrapper_t,
    listener: kja_listener_t,
    out: *mut kja_listener_t,
) -> kja_status_t {
    created(out, || get::<NetworkWrapper>(wrapper)?.wrap_listener(&get::<Listener>(listener)?))
}

/// Makes an address whose connections are wrapped: those it makes as clients, with the name to be expected; those it listens
/// for as servers. The address stays the caller's, and both may be released once a connect has begun. The text is that of
/// the address behind the wrapper's name and a colon, and cannot be parsed. Family, port, count and `struct sockaddr` are
/// those of the address; a socket is not given it (`UNIMPLEMENTED`). Errors: `INVALID_ARGUMENT` for a name that is no
/// UTF-8 and for an address of another runtime, `OVERLOADED` for more than
/// 64 on top of each other. (NET-22, TLS-15)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_wrapper_wrap_address(
    wrapper: kja_network_wrapper_t,
    address: kja_address_t,
    host: *const c_char,
    host_len: usize,
    out: *mut kja_address_t,
) -> kja_status_t {
    created(out, || {
        let host = text_in(host, host_len)?;
        get::<NetworkWrapper>(wrapper)?.wrap_address(&get::<Address>(address)?, host)
    })
}

/// Makes a network whose addresses are wrapped, with the host in their text, a name or an IP address, as the name to be
/// expected. What has no such name is refused: texts of unix sockets and of several addresses with `INVALID_ARGUMENT`,
/// a `struct sockaddr` with `UNIMPLEMENTED`. The rules are those of the network, and can be restricted further. The network
/// stays the caller's. Errors: `INVALID_ARGUMENT` for a network of another runtime, `OVERLOADED` for more than
/// 64 on top of each other. (NET-22, TLS-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_wrapper_wrap_network(
    wrapper: kja_network_wrapper_t,
    network: kja_network_t,
    out: *mut kja_network_t,
) -> kja_status_t {
    created(out, || get::<NetworkWrapper>(wrapper)?.wrap_network(&*get::<Network>(network)?))
}

/// Releases the handle. What was wrapped keeps the wrapper.
#[unsafe(no_mangle)]
pub extern "C" fn kja_network_wrapper_release(wrapper: kja_network_wrapper_t) -> kja_status_t {
    release::<NetworkWrapper>(wrapper)
}
