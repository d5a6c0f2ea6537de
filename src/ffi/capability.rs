//! Capability streams: descriptors and connections that travel with bytes.

use super::pipe::{KJA_FD_BORROW, fd_in};
use super::{
    bytes_in, created, created_two, get, kja_connection_t, kja_promise_t, kja_runtime_t, kja_status_t, slice_in, take,
};
use crate::error::Error;
use crate::runtime::Runtime;
use crate::stream::Connection;
use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Writes `size` bytes, at least one, with `count` descriptors attached to the first; at most 253 go together. The
/// descriptors are duplicated in this call and stay the caller's. The bytes are copied.
///
/// Errors: `INVALID_ARGUMENT` for no bytes or too many descriptors, `FAILED` with the OS error EBADF for one that is
/// not open, `UNIMPLEMENTED` if the connection is neither a Unix socket nor a capability pipe, otherwise as
/// `kja_connection_write_start`. Cancellation: until the first byte is sent no descriptor is; after it, all are. (CAPS-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_write_with_fds_start(
    connection: kja_connection_t,
    data: *const c_void,
    size: usize,
    fds: *const i32,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let found = get::<Connection>(connection)?;
        Connection::check_capabilities(size, count)?;
        let copies: Result<Vec<OwnedFd>, Error> =
            slice_in(fds, count)?.iter().map(|fd| fd_in(*fd, KJA_FD_BORROW)).collect();
        found.write_with_fds(bytes_in(data, size)?, copies?)
    })
}

/// Reads at least `min` and at most `max` bytes, as `kja_connection_read_start` does, and the descriptors that came with
/// them; the promise carries a `kja_message_t`. Descriptors of several writes are put together. Those beyond `max_fds`
/// are closed, and so are those for which the process has no room: `kja_message_is_control_truncated` tells. Plain reads
/// and pumps of such a connection close all of them.
///
/// Errors: `UNIMPLEMENTED` if the connection is neither a Unix socket nor a capability pipe; `FAILED` if connections came
/// through a capability pipe; otherwise as `kja_connection_read_start`. Cancellation: with `min` 1
/// nothing is lost; with more, the next read begins with the bytes, and their descriptors are closed. (CAPS-02, CAPS-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_read_with_fds_start(
    connection: kja_connection_t,
    min: usize,
    max: usize,
    max_fds: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.read_with_fds(min, max, max_fds))
}

/// As `kja_connection_write_with_fds_start`, with connections. Their handles are consumed, unless the call fails with
/// `BAD_HANDLE` or `INVALID_ARGUMENT`, and what is not sent is closed. Over a Unix socket their descriptors are sent and the connections closed
/// here: what had been read and written by then stays so, pending operations reject with `CANCELED`. Through a
/// capability pipe connections of any kind are passed on as they are. Errors: `UNIMPLEMENTED` also for a connection
/// without a descriptor that is to go over a socket. (CAPS-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_write_with_connections_start(
    connection: kja_connection_t,
    data: *const c_void,
    size: usize,
    connections: *const kja_connection_t,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let found = get::<Connection>(connection)?;
        Connection::check_capabilities(size, count)?;
        let ids = slice_in(connections, count)?;
        ids.iter().try_for_each(|id| get::<Connection>(*id).map(drop))?;
        let moved: Result<Vec<Arc<Connection>>, Error> = ids.iter().map(|id| take::<Connection>(*id)).collect();
        found.write_with_connections(bytes_in(data, size)?, moved?)
    })
}

/// As `kja_connection_read_with_fds_start`, for connections. Descriptors that came over a Unix socket become connections
/// of this connection's runtime. Errors: `FAILED` if descriptors came through a capability pipe, `UNIMPLEMENTED` if a
/// descriptor is nothing that can be a connection; what was read is lost then. (CAPS-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_read_with_connections_start(
    connection: kja_connection_t,
    min: usize,
    max: usize,
    max_connections: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.read_with_connections(min, max, max_connections))
}

/// Sends one descriptor, with a zero byte; it is duplicated in this call and stays the caller's. Errors and cancellation
/// as `kja_connection_write_with_fds_start`. (CAPS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_send_fd_start(
    connection: kja_connection_t,
    fd: i32,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.send_fd(fd_in(fd, KJA_FD_BORROW)?))
}

/// Receives one descriptor, which came with one byte; the promise carries a `kja_message_t` from which it is taken.
/// Errors: `DISCONNECTED` at the end of the stream, `FAILED` if the byte came without, `OVERLOADED` with the OS error
/// EMFILE or ENFILE if there is no room for one more descriptor: what has come then stays for the next receive (on Linux;
/// elsewhere it is lost). (CAPS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_receive_fd_start(
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.receive_fd(true))
}

/// As `kja_connection_receive_fd_start`; at the end of the stream the message has no descriptor. (CAPS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_try_receive_fd_start(
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.receive_fd(false))
}

/// Sends one connection, with a zero byte: as `kja_connection_write_with_connections_start` does. The handle `moved` is
/// consumed, unless the call fails with `BAD_HANDLE`. (CAPS-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_send_connection_start(
    connection: kja_connection_t,
    moved: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.send_connection(take::<Connection>(moved)?))
}

/// Receives one connection, which came with one byte; the promise carries it. Errors: `DISCONNECTED` at the end of the
/// stream, `FAILED` if the byte came without, `OVERLOADED` as for `kja_connection_receive_fd_start`. Cancellation: one that the promise carries already is closed. (CAPS-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_receive_connection_start(
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.receive_connection(true))
}

/// As `kja_connection_receive_connection_start`; at the end of the stream the promise carries unit, which
/// `kja_promise_outcome_type` tells from a connection. (CAPS-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_try_receive_connection_start(
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.receive_connection(false))
}

/// Reads as `kja_connection_read_start` does, from a socket, and keeps the control messages that came with the bytes;
/// there is room for `capacity` bytes of them, as `CMSG_SPACE` counts them. The promise carries a `kja_message_t`, which
/// has them and the descriptors among them. Errors: `UNIMPLEMENTED` for what is no socket. (STRM-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_read_with_control_start(
    connection: kja_connection_t,
    min: usize,
    max: usize,
    capacity: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.read_with_control(min, max, capacity))
}

/// Makes two connections in this process, as `kja_pipe_new_two_way` does, that also carry descriptors and connections of
/// any kind. What was written as connections is read as connections, and descriptors as descriptors. Between processes
/// use `kja_pipe_new_os_two_way`. (CAPS-07, CAPS-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_pipe_new_capability(
    runtime: kja_runtime_t,
    one: *mut kja_connection_t,
    other: *mut kja_connection_t,
) -> kja_status_t {
    created_two(one, other, || Connection::capability_pipe(&*get::<Runtime>(runtime)?))
}
