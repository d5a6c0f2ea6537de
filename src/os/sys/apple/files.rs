//! Files, as macOS does them.

use rustix::fs::{Mode, OFlags, fcntl_fullfsync, fsync};
use rustix::io::{Errno, Result};
use std::os::fd::{BorrowedFd, OwnedFd};

/// For directories that are gone through.
pub(crate) const PASS: OFlags = OFlags::empty();

/// There is no such call.
pub(crate) fn open_beneath(
    _root: BorrowedFd<'_>,
    _path: &[u8],
    _flags: OFlags,
    _mode: Mode,
) -> Option<Result<OwnedFd>> {
    None
}

/// Only whole files can be cloned, to a new name.
pub(crate) fn copy_range(
    _from: BorrowedFd<'_>,
    _from_offset: u64,
    _to: BorrowedFd<'_>,
    _offset: u64,
    _size: usize,
) -> Result<Option<usize>> {
    Ok(None)
}

/// It wants whole blocks.
pub(crate) fn punch_hole(_fd: BorrowedFd<'_>, _offset: u64, _size: u64) -> Result<bool> {
    Ok(false)
}

/// There are none.
pub(crate) fn unnamed_file(_directory: BorrowedFd<'_>) -> Result<Option<OwnedFd>> {
    Ok(None)
}

/// There are none.
pub(crate) fn anonymous_file() -> std::io::Result<OwnedFd> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// A plain `fsync` leaves it in the disk's memory. Not every disk knows better.
pub(crate) fn flush(fd: BorrowedFd<'_>, _data_only: bool) -> Result<()> {
    match fcntl_fullfsync(fd) {
        Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL) => fsync(fd),
        done => done,
    }
}
