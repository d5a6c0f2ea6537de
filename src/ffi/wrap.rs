//! Descriptors that were made elsewhere, and the descriptors of what was made here.
//!
//! Flags: `KJA_FD_TAKE`, `KJA_FD_ALREADY_CLOEXEC`, `KJA_FD_ALREADY_NONBLOCK`.

use super::pipe::fd_in;
use super::{
    Entry, boundary, created, get, kja_address_t, kja_connection_t, kja_datagram_t, kja_listener_t, kja_network_t,
    kja_promise_t, kja_runtime_t, kja_status_t, put,
};
use crate::error::Error;
use crate::net::{Address, DatagramPort, Listener, Network};
use crate::runtime::Runtime;
use crate::stream::{Connection, Known};
use std::os::fd::{IntoRawFd, OwnedFd};

/// With `KJA_FD_TAKE`: the descriptor is closed on exec already, which need not be set again. (LLIO-02)
pub const KJA_FD_ALREADY_CLOEXEC: u32 = 2;
/// The descriptor is non-blocking already, which need not be set again. One that is not would stop the loop. (LLIO-03)
pub const KJA_FD_ALREADY_NONBLOCK: u32 = 4;

const TAKE: u32 = super::pipe::KJA_FD_TAKE;

/// The descriptor to wrap, and what need not be done to it.
fn wrapped(fd: i32, flags: u32) -> Result<(OwnedFd, Known), Error> {
    let owned = fd_in(fd, flags)?;
    if flags & !(TAKE | KJA_FD_ALREADY_CLOEXEC | KJA_FD_ALREADY_NONBLOCK) != 0 {
        return Err(Error::invalid(format!("{flags:#x} are no flags of a descriptor")));
    }
    let cloexec = flags & (TAKE | KJA_FD_ALREADY_CLOEXEC) != TAKE;
    Ok((owned, Known { cloexec, nonblock: flags & KJA_FD_ALREADY_NONBLOCK != 0 }))
}

/// Makes something of a descriptor, which with `KJA_FD_TAKE` is taken also if that fails.
fn from_fd<T: Into<Entry>>(
    fd: i32,
    flags: u32,
    out: *mut u64,
    make: impl FnOnce(OwnedFd, Known) -> Result<T, Error>,
) -> kja_status_t {
    let wrapped = wrapped(fd, flags);
    created(out, || {
        let (fd, known) = wrapped?;
        make(fd, known)
    })
}

/// Makes a connection from a connected stream socket, a Unix socket among them, or from anything else that can be polled,
/// such as one end of a pipe or a terminal: its kind is detected.
///
/// With `KJA_FD_TAKE` the descriptor is the library's from now on, also if the call fails, and is set to close on exec.
/// Without, a copy is made that is closed on exec; the caller keeps and closes its own, whose close-on-exec flag is not
/// touched. That it does not block is a property which both copies share: it is set, and not set back.
///
/// Errors: `FAILED` with the OS error EBADF for one that is not open; `INVALID_ARGUMENT` for a listening socket, one of
/// datagrams or unknown flags; `UNIMPLEMENTED` for what cannot be polled: for a regular file there is
/// `kja_connection_from_file`. (LLIO-01, LLIO-02, LLIO-03, LLIO-04, LLIO-05, LLIO-06, LLIO-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_from_fd(
    runtime: kja_runtime_t,
    fd: i32,
    flags: u32,
    out: *mut kja_connection_t,
) -> kja_status_t {
    from_fd(fd, flags, out, |fd, known| Connection::from_fd(&*get::<Runtime>(runtime)?, fd, known))
}

/// Connects a stream socket to the address, of whose names the first of the socket's family is used; the promise carries
/// a `kja_connection_t`. The full backlog of a unix socket is waited for as by `kja_address_connect_start`. Flags and errors as `kja_connection_from_fd`; the promise fails with `DISCONNECTED` if the
/// connection is refused. Cancellation: the attempt ends and the library's descriptor is closed. (LLIO-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_from_connecting_fd_start(
    runtime: kja_runtime_t,
    fd: i32,
    flags: u32,
    to: kja_address_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    from_fd(fd, flags, out, |fd, known| {
        Connection::from_connecting_fd(&*get::<Runtime>(runtime)?, fd, known, &*get::<Address>(to)?)
    })
}

/// Makes a listener from a socket that is listening already. Flags as `kja_connection_from_fd`. Errors:
/// `INVALID_ARGUMENT` for any other descriptor. (LLIO-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_from_fd(
    runtime: kja_runtime_t,
    fd: i32,
    flags: u32,
    out: *mut kja_listener_t,
) -> kja_status_t {
    from_fd(fd, flags, out, |fd, known| Listener::from_fd(&*get::<Runtime>(runtime)?, fd, known))
}

/// Makes a datagram port from a datagram socket, bound or connected as the caller left it. Flags as
/// `kja_connection_from_fd`. Errors: `INVALID_ARGUMENT` for any other descriptor. (LLIO-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_from_fd(
    runtime: kja_runtime_t,
    fd: i32,
    flags: u32,
    out: *mut kja_datagram_t,
) -> kja_status_t {
    from_fd(fd, flags, out, |fd, known| DatagramPort::from_fd(&*get::<Runtime>(runtime)?, fd, known))
}

/// As `kja_listener_from_fd`; the rules of the network decide who is accepted, and a network that is wrapped wraps the
/// listener. (LLIO-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_listener_from_fd(
    network: kja_network_t,
    fd: i32,
    flags: u32,
    out: *mut kja_listener_t,
) -> kja_status_t {
    from_fd(fd, flags, out, |fd, known| get::<Network>(network)?.listener_from_fd(fd, known))
}

/// As `kja_datagram_from_fd`; the rules of the network decide who is heard and sent to. Errors: also `UNIMPLEMENTED` for a
/// network that is wrapped. (LLIO-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_datagram_from_fd(
    network: kja_network_t,
    fd: i32,
    flags: u32,
    out: *mut kja_datagram_t,
) -> kja_status_t {
    from_fd(fd, flags, out, |fd, known| get::<Network>(network)?.datagram_from_fd(fd, known))
}

/// The number of the connection's descriptor, which stays the connection's: it must not be closed, read or written, and
/// is of no use once the connection is closed. Errors: `UNIMPLEMENTED` if it has none. (STRM-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_fd(connection: kja_connection_t, out: *mut i32) -> kja_status_t {
    boundary(|| {
        put(out, -1)?;
        put(out, get::<Connection>(connection)?.fd()?)
    })
}

/// A copy of the connection's descriptor, which the caller closes. It is closed on exec, and does not block. Errors:
/// `UNIMPLEMENTED` if the connection has none. (STRM-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_dup_fd(connection: kja_connection_t, out: *mut i32) -> kja_status_t {
    boundary(|| {
        put(out, -1)?;
        put(out, get::<Connection>(connection)?.dup_fd()?.into_raw_fd())
    })
}
