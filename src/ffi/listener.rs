//! Listeners.

use super::{
    boundary, buffer_in, bytes_in, callback, created, get, kja_address_t, kja_callback_fn, kja_connection_t,
    kja_destroy_fn, kja_listener_t, kja_promise_t, kja_status_t, put, put_wanted, release, slice_in,
};
use crate::net::Listener;
use crate::promise::ForEach;
use crate::stream::Connection;
use std::ffi::c_void;

/// Makes a listener of a connection over which others are sent, as with `kja_connection_send_connection_start`. The
/// connection stays the caller's and usable for everything but reading; the listener keeps it, and closing the listener
/// closes it. Accepts are served in order. One rejects with `DISCONNECTED` at the end of the stream, with `FAILED` for
/// bytes that come without a connection, with `BUSY` while somebody else reads. Without room for one more descriptor it stays
/// pending and tries again, as any accept does. Cancelling one takes nothing. Of the peers
/// of accepted connections nothing is known: whoever sends a connection vouches for nothing. The port is 0; there is no
/// local address and there are no socket options (`UNIMPLEMENTED`). An aggregate may have it, and goes on when it ends.
///
/// Errors: `UNIMPLEMENTED` if the connection is neither a Unix socket nor a capability pipe. (CAPS-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_from_connection(
    connection: kja_connection_t,
    out: *mut kja_listener_t,
) -> kja_status_t {
    created(out, || Listener::from_connection(&get::<Connection>(connection)?))
}

/// Accepts from any of several listeners of one runtime. They stay the caller's and usable; they may be released, the
/// aggregate keeps their sockets. Each accept has its place in the line of every one; nothing is taken from the
/// kernel before somebody waits for it. One that is closed, or at its end, leaves the rest. Closing the aggregate closes them all. Errors: `INVALID_ARGUMENT` for none and for
/// listeners of different runtimes. (NET-20)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_aggregate_new(
    listeners: *const kja_listener_t,
    count: usize,
    out: *mut kja_listener_t,
) -> kja_status_t {
    created(out, || {
        let listeners: Result<Vec<_>, _> = slice_in(listeners, count)?.iter().map(|id| get::<Listener>(*id)).collect();
        Listener::aggregate(&listeners?)
    })
}

/// The bound address, with the port that the system chose if 0 was asked for; a new handle. Of several sockets that
/// of the first. Errors: `UNIMPLEMENTED` for a listener on a connection. (NET-18, NET-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_local_address(listener: kja_listener_t, out: *mut kja_address_t) -> kja_status_t {
    created(out, || get::<Listener>(listener)?.local_address())
}

/// The bound port, 0 for a unix socket and for a connection. Of several sockets that of the first. (NET-18)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_port(listener: kja_listener_t, out: *mut u16) -> kja_status_t {
    boundary(|| put(out, get::<Listener>(listener)?.port()?))
}

/// Reads a socket option (`getsockopt`) to `buffer`, of several sockets that of the first. Writes how many bytes the
/// system gave to `length`, which may be null. Errors: what the system says, with its error number; `UNIMPLEMENTED` for a
/// listener on a connection. (NET-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_getsockopt(
    listener: kja_listener_t,
    level: i32,
    option: i32,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let size = get::<Listener>(listener)?.option(level, option, buffer_in(buffer, capacity)?)?.len();
        put_wanted(length, size)
    })
}

/// Sets a socket option (`setsockopt`) of every socket of the listener. Errors: as `kja_listener_getsockopt`. (NET-19, NET-20)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_setsockopt(
    listener: kja_listener_t,
    level: i32,
    option: i32,
    value: *const c_void,
    size: usize,
) -> kja_status_t {
    boundary(|| get::<Listener>(listener)?.set_option(level, option, bytes_in(value, size)?))
}

/// Waits for a connection; the promise carries a `kja_connection_t`, for TCP with TCP_NODELAY set. Several accepts
/// may be pending and are served in order. A peer that the network's rules forbid is dropped, silently, and the accept
/// goes on. Without descriptors or memory an accept stays pending and tries again at growing intervals.
/// Cancellation: the connection stays in the backlog. One that the promise carries is the next accept's if nobody has
/// learned of it when the last such promise is released. (NET-10, NET-16, NET-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_accept_start(listener: kja_listener_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<Listener>(listener)?.accept())
}

/// Accepts one connection after another, each as `kja_listener_accept_start`, and runs `on_connection` on the loop for each, with the
/// connection as its input (`kja_call_handle`); one that it does not take is closed. What the callback returns decides:
///
/// - unit: the next accept begins;
/// - a promise: it is waited for first, which leaves later connections in the backlog, and its outcome decides likewise;
/// - any other value, or an error: the accepting ends, and that is the outcome of the promise.
///
/// `destroy(ctx)` runs before the promise settles or its cancel returns. Up to 8 callbacks run in one turn of the loop.
///
/// Errors: those of an accept end it, `CANCELED` when the listener is closed. Cancellation: connections stay in the backlog, and a
/// promise that the last callback returned is dropped before `ctx` is. (NET-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_accept_each_start(
    listener: kja_listener_t,
    on_connection: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = callback(on_connection, ctx, destroy);
    created(out, || get::<Listener>(listener)?.accept_each_with(ForEach::Foreign(run?)))
}

/// Stops listening now; pending accepts reject with `CANCELED`. Connections that were handed out live on. A second call
/// succeeds. (NET-23)
#[unsafe(no_mangle)]
pub extern "C" fn kja_listener_close(listener: kja_listener_t) -> kja_status_t {
    boundary(|| {
        get::<Listener>(listener)?.close();
        Ok(())
    })
}

/// Releases the handle. Pending accepts, and aggregates, keep the socket; after the last of them it is closed. (NET-23)
#[unsafe(no_mangle)]
pub extern "C" fn kja_listener_release(listener: kja_listener_t) -> kja_status_t {
    release::<Listener>(listener)
}
