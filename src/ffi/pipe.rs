//! Connections that are no sockets: pipes in this process, tees, promised connections, files, nothing.

use super::{created, created_two, get, get_promise, kja_connection_t, kja_promise_t, kja_runtime_t, kja_status_t};
use crate::error::Error;
use crate::runtime::Runtime;
use crate::stream::Connection;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

/// Makes a pipe in this process, without a buffer: what is written waits until it is read. `length` is how many bytes
/// there will be, `UINT64_MAX` if that is not known; with a length the reader can ask how many are left, an early
/// end is `DISCONNECTED`, and no more than that can be written. Releasing or closing the reading end makes writes fail
/// with `DISCONNECTED`; after the writing end has gone the reader sees the end. (PIPE-01, PIPE-03, PIPE-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_pipe_new_one_way(
    runtime: kja_runtime_t,
    length: u64,
    reader: *mut kja_connection_t,
    writer: *mut kja_connection_t,
) -> kja_status_t {
    let length = (length != u64::MAX).then_some(length);
    created_two(reader, writer, || Connection::one_way_pipe(&*get::<Runtime>(runtime)?, length))
}

/// Makes two connections in this process, each of which reads what is written to the other, without a buffer. (PIPE-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_pipe_new_two_way(
    runtime: kja_runtime_t,
    one: *mut kja_connection_t,
    other: *mut kja_connection_t,
) -> kja_status_t {
    created_two(one, other, || Connection::two_way_pipe(&*get::<Runtime>(runtime)?))
}

/// Makes a pipe of the system's (`pipe(2)`): the end to read from and the end to write to. (PIPE-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_pipe_new_os_one_way(
    runtime: kja_runtime_t,
    reader: *mut kja_connection_t,
    writer: *mut kja_connection_t,
) -> kja_status_t {
    created_two(reader, writer, || Connection::os_one_way_pipe(&*get::<Runtime>(runtime)?))
}

/// Makes a pair of connected sockets of the system's (`socketpair(2)`). (PIPE-07, PIPE-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_pipe_new_os_two_way(
    runtime: kja_runtime_t,
    one: *mut kja_connection_t,
    other: *mut kja_connection_t,
) -> kja_status_t {
    created_two(one, other, || Connection::os_two_way_pipe(&*get::<Runtime>(runtime)?))
}

/// Makes two connections that both read what `source` has. Each keeps what the other has read first, `limit` bytes at
/// most (0 for 1 MiB): beyond that both fail with `OVERLOADED` once they have drained. A branch that is being pumped
/// sets the pace. Releasing a branch frees what it kept; the source goes with the last, and nobody else may read from it.
/// Errors: `OVERLOADED` for more than 64 connections on top of each other.
/// (PIPE-09, PIPE-10, PIPE-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_pipe_tee(
    source: kja_connection_t,
    limit: usize,
    one: *mut kja_connection_t,
    other: *mut kja_connection_t,
) -> kja_status_t {
    let limit = if limit == 0 { 1 << 20 } else { limit };
    created_two(one, other, || Connection::tee(&get::<Connection>(source)?, limit))
}

/// Makes a connection that passes everything on to the one that the promise will carry. Until then reads and writes
/// wait; ending the writing, aborting and closing are done when it comes. If the promise fails they fail with its error.
/// The promise's handle stays the caller's. Nobody else may use the connection that comes. One that comes to stand for itself,
/// also through others, fails with `FAILED`; more than 64 on top of each other are `OVERLOADED`, in this call or, if that is
/// known only when they have come, in each operation. (STRM-27)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_new_promised(
    promise: kja_promise_t,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || Connection::promised(&get_promise(promise)?))
}

/// Makes a connection that takes every write and is at its end for every read; its length is 0. (STRM-22)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_new_null(runtime: kja_runtime_t, out: *mut kja_connection_t) -> kja_status_t {
    created(out, || Connection::null(&*get::<Runtime>(runtime)?))
}

/// The caller closes the descriptor.
pub const KJA_FD_BORROW: u32 = 0;
/// The library closes the descriptor, also when the call fails.
pub const KJA_FD_TAKE: u32 = 1;

/// A descriptor of the caller's to be the library's: the same one if it is given away, else a copy of its own.
pub(super) fn fd_in(fd: i32, flags: u32) -> Result<OwnedFd, Error> {
    if fd < 0 {
        return Err(Error::invalid(format!("{fd} is no descriptor")));
    }
    // SAFETY: not negative, and borrowed for this call only: if it is not open, what is done with it fails.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    if flags & KJA_FD_TAKE != 0 {
        rustix::io::fcntl_getfd(borrowed).map_err(|errno| Error::from_io("taking a descriptor", &errno.into()))?;
        // SAFETY: open, and the header has the caller give it away.
        return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
    }
    rustix::io::fcntl_dupfd_cloexec(borrowed, 0).map_err(|errno| Error::from_io("copying a descriptor", &errno.into()))
}

/// Makes a connection from a regular file, read and written from `offset` on without moving the descriptor's own
/// offset. `flags` is `KJA_FD_BORROW` (a copy of the descriptor is made) or `KJA_FD_TAKE`. Reads and writes are done
/// in the call, and may block for the disk; the length is known. Errors: `UNIMPLEMENTED` for what is no regular file;
/// `INVALID_ARGUMENT` for an offset above `INT64_MAX`, and for a file that is open for appending, which the system would do
/// whatever the offset. A write beyond the size that the process may give a file (RLIMIT_FSIZE) is an error and no signal.
/// (STRM-25, STRM-26)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_from_file(
    runtime: kja_runtime_t,
    fd: i32,
    flags: u32,
    offset: u64,
    out: *mut kja_connection_t,
) -> kja_status_t {
    let fd = fd_in(fd, flags);
    created(out, || Connection::over_file(&*get::<Runtime>(runtime)?, fd?, offset))
}
