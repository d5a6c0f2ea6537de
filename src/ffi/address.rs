//! Addresses.

use super::structure::{growing, structure_in};
use super::{
    boundary, bytes_in, created, get, kja_address_t, kja_connection_t, kja_listener_t, kja_promise_t, kja_runtime_t,
    kja_status_t, put, release,
};
use crate::error::Error;
use crate::net::{Address, ListenOptions};
use crate::runtime::Runtime;
use crate::stream::Connection;
use std::ffi::{c_char, c_void};

/// A family that is none of the others.
pub const KJA_FAMILY_OTHER: u32 = 0;
/// IPv4.
pub const KJA_FAMILY_IPV4: u32 = 1;
/// IPv6.
pub const KJA_FAMILY_IPV6: u32 = 2;
/// Unix sockets with a path, or without a name.
pub const KJA_FAMILY_UNIX: u32 = 3;
/// Unix sockets with an abstract name, which Linux has.
pub const KJA_FAMILY_UNIX_ABSTRACT: u32 = 4;

/// The file of a unix socket that nobody listens on any more is replaced.
pub const KJA_LISTEN_REPLACE_STALE: u32 = 1;

/// How to listen. Zeroed, but for `size`, it means the defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_listen_options_t {
    /// `sizeof(kja_listen_options_t)`.
    pub size: usize,
    /// How many connections may wait to be accepted; 0 for as many as the system allows.
    pub backlog: u32,
    /// `KJA_LISTEN_*`, or 0.
    pub flags: u32,
}

/// Parses an address and resolves its name; the promise carries a `kja_address_t`. Forms: `1.2.3.4`, `1.2.3.4:80`,
/// `::1`, `[::1]`, `[::1]:80`, `fe80::1%eth0` (a scope, also in brackets), `*` and `*:80` (every address of this machine,
/// for listening), `name`, `name:80`, `name:http` (the name of a service, also after a numeric address),
/// `unix:path` and `unix-abstract:name` (Linux), and numeric addresses joined with commas, as `kja_address_text` joins them,
/// to be used like those behind a name. Without a port it is `default_port`; if that is 0 the address can
/// only be listened on, on a free port. Names are looked up on a thread of their own; the rest never blocks. The
/// address is that of an unrestricted network.
///
/// Errors: `INVALID_ARGUMENT` at once for a text that is no address, for a unix path that is too long and for a scope
/// that is no interface; `UNIMPLEMENTED` for an abstract name elsewhere than on Linux; `OVERLOADED` for too many look-ups
/// at once; the promise fails with `FAILED` if the name does not resolve. Cancellation: a look-up under way goes on
/// unseen. (NET-01, NET-02, NET-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_parse_start(
    runtime: kja_runtime_t,
    text: *const c_char,
    text_len: usize,
    default_port: u16,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let text = bytes_in(text.cast(), text_len)?;
        Address::parse(&*get::<Runtime>(runtime)?, text, default_port)
    })
}

/// Makes an address from the `size` bytes of a `struct sockaddr` of IPv4, IPv6 or a unix socket; a new handle. Errors:
/// `INVALID_ARGUMENT` for bytes that are cut off, `UNIMPLEMENTED` for another family. (NET-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_from_sockaddr(
    runtime: kja_runtime_t,
    sockaddr: *const c_void,
    size: usize,
    out: *mut kja_address_t,
) -> kja_status_t {
    created(out, || Address::from_sockaddr(&*get::<Runtime>(runtime)?, bytes_in(sockaddr, size)?))
}

/// Makes an address of a connection over which others are sent: it stands for whoever is at the other end. Connecting
/// makes a pair of connected ends, sends one over the connection and gives the other: a pair of Unix sockets over a Unix
/// socket, a capability pipe through a capability pipe. Listening, whatever the options, receives what the other end sends,
/// as `kja_listener_from_connection` does; all listeners of one address share their line. The connection stays the
/// caller's, and the address keeps it.
///
/// Its text is `<capability stream>`, which cannot be parsed. It has no `struct sockaddr` (0 bytes), no port (0), the family
/// `KJA_FAMILY_OTHER`, stands for 0 addresses, is in no block, and only a network without rules allows it. Where a socket
/// needs an address it is refused (`UNIMPLEMENTED`). Cancelling a connect closes both ends, unless one has been sent.
///
/// Errors: `UNIMPLEMENTED` if the connection is neither a Unix socket nor a capability pipe. (CAPS-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_from_connection(
    connection: kja_connection_t,
    out: *mut kja_address_t,
) -> kja_status_t {
    created(out, || Address::from_connection(&get::<Connection>(connection)?))
}

/// Copies the `struct sockaddr` of the address, of several the first, cut to `capacity`. Writes its whole size to
/// `length`, which may be null. (STRM-18)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_sockaddr(
    address: kja_address_t,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::bytes_out(get::<Address>(address)?.sockaddr(), buffer, capacity, length))
}

/// A second handle to the same address, which never changes. (NET-15)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_clone(address: kja_address_t, out: *mut kja_address_t) -> kja_status_t {
    created(out, || get::<Address>(address))
}

/// Copies the text of the address, such as `127.0.0.1:80`, `[::1]:80`, `*:80` or `unix:path`, with a closing NUL, cut to
/// `capacity`; several addresses are joined with commas. It can be parsed again, but for a unix
/// socket whose name is not UTF-8, for a connection and for what is wrapped. Writes its whole length,
/// without the NUL, to `length`, which may be null. (NET-15)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_text(
    address: kja_address_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::error::text_out(&get::<Address>(address)?.to_string(), buffer, capacity, length))
}

/// The port; of several addresses that of the first, 0 for a unix socket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_port(address: kja_address_t, out: *mut u16) -> kja_status_t {
    boundary(|| put(out, get::<Address>(address)?.port()))
}

/// The family, one of `KJA_FAMILY_*`; of several addresses that of the first, for `*` IPv6.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_family(address: kja_address_t, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, get::<Address>(address)?.family() as u32))
}

/// How many addresses it stands for: several if a name resolved to them, 0 for a connection, otherwise 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_count(address: kja_address_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, get::<Address>(address)?.count()))
}

/// One of the addresses that it stands for, by itself, so that its family can be chosen; a new handle. Errors:
/// `INVALID_ARGUMENT` for an `index` that is not less than their count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_get(
    address: kja_address_t,
    index: usize,
    out: *mut kja_address_t,
) -> kja_status_t {
    created(out, || get::<Address>(address)?.get(index))
}

/// Connects; the promise carries a `kja_connection_t`, for TCP with TCP_NODELAY set. The addresses behind a name race:
/// IPv6 and IPv4 in turns, the next one as soon as one has failed, or 250 ms after the one before; the first that
/// answers wins, and the others' sockets are closed before the promise settles. (RFC 8305) A unix socket whose backlog is
/// full is asked again after a pause, at growing intervals up to 128 ms: the system does not tell when there is room.
///
/// Errors: `INVALID_ARGUMENT` at once for `*` and for an address without a port; otherwise the promise fails as the last
/// attempt did: `DISCONNECTED` if the connection is refused or cannot be made, `FAILED` with the OS error ENOENT or EACCES
/// for the path of a unix socket, `FAILED` for an address that the network's rules forbid. Cancellation: all attempts
/// end and their sockets are closed. (NET-10, NET-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_connect_start(address: kja_address_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<Address>(address)?.connect())
}

/// Listens; `backlog` connections may wait to be accepted, 0 for as many as the system allows. Never blocks. The addresses behind a name are
/// listened on together, on one port if the system chooses it; `*` takes every address of this machine. The file of
/// a unix socket is removed when the listener is closed or gone, if it is still the same file.
///
/// Errors: `FAILED` with the OS error EADDRINUSE for a port in use and for a path that exists, otherwise what the system
/// says, such as ENOENT or EACCES; `FAILED` if the network's rules forbid every peer that could come. (NET-10, NET-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_listen(
    address: kja_address_t,
    backlog: u32,
    out: *mut kja_listener_t,
) -> kja_status_t {
    let options = ListenOptions { backlog, ..ListenOptions::default() };
    created(out, || get::<Address>(address)?.listen(&options))
}

/// As `kja_address_listen`, with options; null means the defaults. With `KJA_LISTEN_REPLACE_STALE` the file of a unix socket
/// that refuses connections is replaced; one that is listened on stays EADDRINUSE, as does any other file. A socket that is
/// bound and does not listen yet looks stale. Errors: also `INVALID_ARGUMENT` for options of the wrong size and
/// for unknown flags. (NET-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_listen_with(
    address: kja_address_t,
    options: *const kja_listen_options_t,
    out: *mut kja_listener_t,
) -> kja_status_t {
    created(out, || get::<Address>(address)?.listen(&listen_options(options)?))
}
growing!(kja_listen_options_t, since flags: u32);

fn listen_options(options: *const kja_listen_options_t) -> Result<ListenOptions, Error> {
    let Some(options) = structure_in(options)? else { return Ok(ListenOptions::default()) };
    if options.flags & !KJA_LISTEN_REPLACE_STALE != 0 {
        return Err(Error::invalid(format!("{:#x} are no listen flags", options.flags)));
    }
    Ok(ListenOptions { backlog: options.backlog, replace_stale: options.flags & KJA_LISTEN_REPLACE_STALE != 0 })
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_address_release(address: kja_address_t) -> kja_status_t {
    release::<Address>(address)
}
