//! Files: what Linux does better than others.

use rustix::fs::{
    FallocateFlags, MemfdFlags, Mode, OFlags, ResolveFlags, copy_file_range, fallocate, fdatasync, fsync, memfd_create,
    openat, openat2,
};
use rustix::io::{Errno, Result};
use std::os::fd::{BorrowedFd, OwnedFd};

/// For directories that are gone through.
pub(crate) const PASS: OFlags = OFlags::PATH;

/// Opens what is below a directory, links included. None if the system does not do it, or not for this path.
pub(crate) fn open_beneath(root: BorrowedFd<'_>, path: &[u8], flags: OFlags, mode: Mode) -> Option<Result<OwnedFd>> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // It takes no mode where nothing is made.
    let mode = if flags.intersects(OFlags::CREATE) { mode } else { Mode::empty() };
    match openat2(root, path, flags, mode, resolve) {
        // Linux before 5.6, sandboxes that do not know the call, a path that changed on the way, and one that is too long.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::NAMETOOLONG) => None,
        opened => Some(opened),
    }
}

/// Copies within the system, and shares what it can. How much; none if it cannot.
pub(crate) fn copy_range(
    from: BorrowedFd<'_>,
    from_offset: u64,
    to: BorrowedFd<'_>,
    offset: u64,
    size: usize,
) -> Result<Option<usize>> {
    let (mut read_at, mut write_at) = (from_offset, offset);
    match copy_file_range(from, Some(&mut read_at), to, Some(&mut write_at), size) {
        Ok(count) => Ok(Some(count)),
        Err(
            Errno::NOSYS
            | Errno::XDEV
            | Errno::INVAL
            | Errno::OPNOTSUPP
            | Errno::PERM
            | Errno::BADF
            | Errno::ISDIR
            | Errno::TXTBSY,
        ) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Gives back the room of a part of a file, which is zeros then. `false` if it cannot.
pub(crate) fn punch_hole(fd: BorrowedFd<'_>, offset: u64, size: u64) -> Result<bool> {
    match fallocate(fd, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, size) {
        Ok(()) => Ok(true),
        Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// A file in a directory that has no name. None if the disk has no such files.
pub(crate) fn unnamed_file(directory: BorrowedFd<'_>) -> Result<Option<OwnedFd>> {
    match openat(directory, c".", OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, Mode::from_raw_mode(0o600)) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// A file in memory.
pub(crate) fn anonymous_file() -> std::io::Result<OwnedFd> {
    Ok(memfd_create(c"kjasync", MemfdFlags::CLOEXEC)?)
}

pub(crate) fn flush(fd: BorrowedFd<'_>, data_only: bool) -> Result<()> {
    if data_only { fdatasync(fd) } else { fsync(fd) }
}
