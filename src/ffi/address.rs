//! Addresses.

use super::{
    address, boundary, bytes_in, created, kja_address_t, kja_listener_t, kja_promise_t, kja_runtime_t, kja_status_t,
    put, release, runtime,
};
use crate::handle::{self, Object};
use crate::net::Address;
use std::ffi::c_char;

/// Parses `host`, `host:port`, `[v6]:port` or `*:port` and resolves a name; the promise carries a
/// `kja_address_t`. Names are looked up on a thread of their own. `*` is every address of this machine, for
/// listening.
///
/// Errors: `INVALID_ARGUMENT` at once for a text that is no address or not UTF-8; the promise fails with `FAILED`
/// if the name does not resolve. Cancellation: a look-up under way goes on unseen. (NET-01, NET-02, NET-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_parse_start(
    runtime_: kja_runtime_t,
    text: *const c_char,
    text_len: usize,
    default_port: u16,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let text = bytes_in(text.cast(), text_len)?;
        Ok(Object::Promise(Address::parse(&*runtime(runtime_)?, text, default_port)?))
    })
}

/// Copies the text of the address, such as `127.0.0.1:80` or `[::1]:80`, with a closing NUL, cut to
/// `capacity`. Writes its whole length, without the NUL, to `length`, which may be null. (NET-15)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_text(
    address_: kja_address_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::error::text_out(&address(address_)?.to_string(), buffer, capacity, length))
}

/// The port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_port(address_: kja_address_t, out: *mut u16) -> kja_status_t {
    boundary(|| put(out, address(address_)?.port()))
}

/// Connects; the promise carries a `kja_connection_t` with TCP_NODELAY set. The addresses behind a name are
/// tried in order. Errors: `DISCONNECTED` if the connection is refused or cannot be made. Cancellation: the
/// attempt ends and its socket is closed. (NET-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_connect_start(address_: kja_address_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || Ok(Object::Promise(address(address_)?.connect()?)))
}

/// Listens; `backlog` connections may wait to be accepted, 0 for 1024. Never blocks. Errors: `FAILED` with
/// the OS error EADDRINUSE for a port in use. (NET-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_listen(
    address_: kja_address_t,
    backlog: u32,
    out: *mut kja_listener_t,
) -> kja_status_t {
    created(out, || Ok(Object::Listener(address(address_)?.listen(backlog)?)))
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_address_release(address: kja_address_t) -> kja_status_t {
    release!(address, Address)
}
