//! Connections.

use super::{
    boundary, buffer_in, bytes_in, callback, context, created, get, kja_address_t, kja_bytes_t, kja_callback_fn,
    kja_connection_t, kja_destroy_fn, kja_peer_t, kja_promise_t, kja_status_t, memory_in, put, put_wanted, release,
    slice_in,
};
use crate::error::Error;
use crate::foreign::{BorrowedBuffer, owned_bytes};
use crate::promise::ForEach;
use crate::stream::Connection;
use ::bytes::Bytes;
use std::ffi::{c_char, c_void};

/// A piece of memory to write.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_slice_t {
    /// Where it is; may be null if `size` is 0.
    pub data: *const c_void,
    /// How many bytes.
    pub size: usize,
}

/// Reads at least `min` and at most `max` bytes; the promise carries bytes, fewer than `min` only at the
/// end of the stream, none if it has ended. The memory is allocated when there is something to read. One
/// read at a time; writes go on beside it.
///
/// Errors: `BUSY` if a read is pending; `INVALID_ARGUMENT` if `max` is 0 or less than `min`; `DISCONNECTED` if the
/// peer reset the connection. What had arrived for a read that fails or is cancelled is lost to nobody: the next read
/// begins with it. Cancellation: the connection stays usable. (STRM-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_read_start(
    connection: kja_connection_t,
    min: usize,
    max: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.read(min, max))
}

/// As `kja_connection_read_start`, and an end of the stream before `min` bytes is `DISCONNECTED`; what came of it is
/// lost. With `min` equal to `max` it reads exactly that many. (STRM-02, STRM-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_read_required_start(
    connection: kja_connection_t,
    min: usize,
    max: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.read_required(min, max))
}

/// As `kja_connection_read_start`, into memory of the caller's; the promise carries the number of bytes.
/// The kernel writes to `buffer` directly. It must stay writable until `destroy(ctx)` has run, which is
/// before the promise settles or its cancel returns. `ctx` is taken over in every case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_read_into_start(
    connection: kja_connection_t,
    buffer: *mut c_void,
    min: usize,
    max: usize,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let owner = context(ctx, destroy);
    created(out, || {
        memory_in(buffer.cast::<u8>(), max)?;
        // SAFETY: checked for null above; the header requires the memory to live as long as `ctx`.
        let buffer = unsafe { BorrowedBuffer::new(buffer.cast(), max, owner) };
        get::<Connection>(connection)?.read_into(buffer, min)
    })
}

/// Reads again and again, each time as `kja_connection_read_start`, and runs `on_bytes` on the loop for each read, with the bytes as
/// its input. A server's loop costs one promise then, not several for each read. What the callback returns decides:
///
/// - unit: the next read begins;
/// - a promise: it is waited for first, which holds the sender back, and its outcome decides likewise;
/// - any other value, or an error: the reading ends, and that is the outcome of the promise.
///
/// At the end of the stream the outcome is unit. The callback may run on the loop until `destroy(ctx)` has run, which is
/// before the promise settles or its cancel returns. Up to 8 callbacks run in one turn of the loop.
///
/// Errors: as `kja_connection_read_start`; other reads are `BUSY` until it ends. Cancellation: as there, and a promise that the
/// last callback returned is dropped before `ctx` is. (STRM-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_read_each_start(
    connection: kja_connection_t,
    min: usize,
    max: usize,
    on_bytes: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = callback(on_bytes, ctx, destroy);
    created(out, || get::<Connection>(connection)?.read_each_with(min, max, ForEach::Foreign(run?)))
}

/// As `kja_connection_read_each_start`, into memory of the caller's: the callback's input is the number of bytes, which
/// are at the start of `buffer`. The next read comes when the callback, and a promise that it returned, are done: until
/// then they stay there. `buffer` must be writable until `destroy(ctx)` has run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_read_each_into_start(
    connection: kja_connection_t,
    buffer: *mut c_void,
    min: usize,
    max: usize,
    on_read: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = callback(on_read, ctx, destroy);
    created(out, || {
        memory_in(buffer.cast::<u8>(), max)?;
        // SAFETY: checked for null above; the header requires the memory to live as long as `ctx`, which the callback
        // beside it owns.
        let buffer = unsafe { BorrowedBuffer::new(buffer.cast(), max, context(std::ptr::null_mut(), None)) };
        get::<Connection>(connection)?.read_each_into(buffer, min, ForEach::Foreign(run?))
    })
}

/// Reads until the end of the stream; the promise carries bytes. Errors: `OVERLOADED` for more than
/// `limit` bytes, otherwise as `kja_connection_read_start`; the next read begins with what had come. (STRM-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_read_all_start(
    connection: kja_connection_t,
    limit: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.read_all(limit))
}

/// Writes `size` bytes: at once what the kernel takes, without a copy; the rest is copied and follows.
/// Writes go out in the order in which they were started. `data` is not used after this call.
///
/// Errors: `DISCONNECTED` if the peer has gone. Cancellation: what the kernel has taken is sent, the rest is
/// not; later writes follow directly on the part that was sent. (STRM-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_write_start(
    connection: kja_connection_t,
    data: *const c_void,
    size: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.write(bytes_in(data, size)?))
}

/// Writes what the kernel, or the reader of a pipe in this process, takes at once, and makes no promise. How much that was goes
/// to `written`: less than `size`, even nothing, if there is no room or if another write is pending. The rest is for
/// `kja_connection_write_start`. Any thread; never blocks. Errors: as there. (STRM-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_write_now(
    connection: kja_connection_t,
    data: *const c_void,
    size: usize,
    written: *mut usize,
) -> kja_status_t {
    boundary(|| {
        put(written, 0)?;
        put(written, get::<Connection>(connection)?.write_now(bytes_in(data, size)?)?)
    })
}

/// As `kja_connection_write_start`, without any copy: the memory must stay readable and unchanged until
/// `destroy(ctx)` has run, which is before the promise settles or its cancel returns. `ctx` is taken over in
/// every case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_write_borrowed_start(
    connection: kja_connection_t,
    data: *const c_void,
    size: usize,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let owner = context(ctx, destroy);
    created(out, || {
        bytes_in(data, size)?;
        // SAFETY: checked for null above; the header requires the memory to live as long as `ctx`.
        unsafe { get::<Connection>(connection)?.write_borrowed(data.cast(), size, owner) }
    })
}

/// Writes bytes without copying them; the handle stays the caller's and may be released at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_write_bytes_start(
    connection: kja_connection_t,
    bytes: kja_bytes_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.write_bytes(&*get::<Bytes>(bytes)?))
}

/// Writes several pieces as one, copied first. (STRM-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_writev_start(
    connection: kja_connection_t,
    slices: *const kja_slice_t,
    count: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let parts: Result<Vec<Bytes>, Error> =
            slice_in(slices, count)?.iter().map(|slice| owned_bytes(bytes_in(slice.data, slice.size)?)).collect();
        get::<Connection>(connection)?.write_all(parts?)
    })
}

/// Has all that the writes started so far have written reach the other side, also what a compressor below would rather keep until it has
/// more. Where nothing is kept it does nothing. Cancellation: one that waits behind writes does nothing, one that has begun is
/// finished by the next write, flush or shutdown. (GZIP-04, BROT-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_flush_start(
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.flush())
}

/// Tells the peer, after the writes started so far, that nothing more will come. Later writes fail with `FAILED`, another
/// shutdown succeeds. Reads go on. (STRM-15)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_shutdown_write_start(
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.shutdown_write())
}

/// Stops reading for good: a pending read and all later ones see the end of the stream. (STRM-16)
#[unsafe(no_mangle)]
pub extern "C" fn kja_connection_abort_read(connection: kja_connection_t) -> kja_status_t {
    boundary(|| get::<Connection>(connection)?.abort_read())
}

/// Fails pending and later writes with this kind (`KJA_ERR_*`), OS error number (or 0) and text. Whoever reads from the
/// other end of a pipe in this process gets the error too; the peer of a TCP connection sees a reset when the connection
/// is closed, those of other sockets and pipes a plain end. (STRM-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_abort_write(
    connection: kja_connection_t,
    kind: kja_status_t,
    os_error: i32,
    text: *const c_char,
    text_len: usize,
) -> kja_status_t {
    boundary(|| {
        let found = get::<Connection>(connection)?;
        found.abort_write(super::error::from_parts(kind, os_error, bytes_in(text.cast(), text_len)?)?)
    })
}

/// Settles with unit once writing would fail because the other side has gone; may be asked for many times. A peer that
/// has only ended its own writing has not gone. Keeps the connection. (STRM-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_when_write_disconnected_start(
    connection: kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.when_write_disconnected())
}

/// How many bytes are left to read. Errors: `UNIMPLEMENTED` if that is not known, as for sockets. (STRM-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_length(connection: kja_connection_t, out: *mut u64) -> kja_status_t {
    boundary(|| put(out, get::<Connection>(connection)?.length().ok_or_else(Error::no_length)?))
}

/// Moves bytes from one connection to the other on the loop, until the end of the stream or until `limit`
/// bytes; the promise carries their number. It reads only as fast as it can write. Neither end is shut down.
///
/// Errors: `BUSY` if a read is pending on `from`; those of both connections. What was read and could not be written is
/// what the next read from `from` begins with. Cancellation: likewise; both connections stay usable. (STRM-05, STRM-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_pump_start(
    from: kja_connection_t,
    to: kja_connection_t,
    limit: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Connection>(from)?.pump_to(&get::<Connection>(to)?, limit))
}

/// Whether small writes go out at once; on by default.
#[unsafe(no_mangle)]
pub extern "C" fn kja_connection_set_nodelay(connection: kja_connection_t, on: bool) -> kja_status_t {
    boundary(|| get::<Connection>(connection)?.set_nodelay(on))
}

/// Reads a socket option (`getsockopt`) to `buffer`. Writes how many bytes the system gave to `length`, which may be null.
/// Errors: `UNIMPLEMENTED` if the connection is no socket, otherwise what the system says, with its error number. (STRM-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_getsockopt(
    connection: kja_connection_t,
    level: i32,
    option: i32,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let size = get::<Connection>(connection)?.option(level, option, buffer_in(buffer, capacity)?)?.len();
        put_wanted(length, size)
    })
}

/// Sets a socket option (`setsockopt`). Errors: as `kja_connection_getsockopt`. (STRM-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_setsockopt(
    connection: kja_connection_t,
    level: i32,
    option: i32,
    value: *const c_void,
    size: usize,
) -> kja_status_t {
    boundary(|| get::<Connection>(connection)?.set_option(level, option, bytes_in(value, size)?))
}

/// Who is at the other end; a new handle, which outlives the connection. After the peer has gone it still tells who it
/// was. A connection that is no socket has an unknown peer. (NET-12, NET-17, PEER-04, PEER-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_peer(connection: kja_connection_t, out: *mut kja_peer_t) -> kja_status_t {
    created(out, || Ok(get::<Connection>(connection)?.peer()))
}

/// The address of this end; a new handle. Errors: `UNIMPLEMENTED` if the connection is no socket. (STRM-18)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_local_address(
    connection: kja_connection_t,
    out: *mut kja_address_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.local_address())
}

/// The address of the other end; a new handle. Errors: `UNIMPLEMENTED` if the connection is no socket, `DISCONNECTED` once
/// the peer has reset it. (STRM-18)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_peer_address(
    connection: kja_connection_t,
    out: *mut kja_address_t,
) -> kja_status_t {
    created(out, || get::<Connection>(connection)?.peer_address())
}

/// Closes the socket now; pending operations reject with `CANCELED`. A second call succeeds.
#[unsafe(no_mangle)]
pub extern "C" fn kja_connection_close(connection: kja_connection_t) -> kja_status_t {
    boundary(|| {
        get::<Connection>(connection)?.close();
        Ok(())
    })
}

/// Releases the handle. Pending operations keep the socket until they settle; without any it is closed.
#[unsafe(no_mangle)]
pub extern "C" fn kja_connection_release(connection: kja_connection_t) -> kja_status_t {
    release::<Connection>(connection)
}
