//! Pipes that children do not inherit.

use crate::error::Error;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

pub(crate) fn explain(errno: Errno) -> Error {
    Error::from_io("making a pipe", &errno.into())
}

/// The end to read from and the end to write to, neither of which blocks.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn nonblocking() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pipe::PipeFlags;
    rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
}

#[cfg(target_vendor = "apple")]
pub(crate) fn nonblocking() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let ends = rustix::pipe::pipe()?;
    for end in [&ends.0, &ends.1] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(end, true)?;
    }
    Ok(ends)
}

/// As `nonblocking`, of which both ends block.
pub(crate) fn blocking() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let ends = nonblocking()?;
    for end in [&ends.0, &ends.1] {
        rustix::io::ioctl_fionbio(end, false)?;
    }
    Ok(ends)
}
