//! Pipes that children do not inherit.

use crate::error::Error;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

pub(crate) fn explain(errno: Errno) -> Error {
    Error::from_io("making a pipe", &errno.into())
}

/// The end to read from and the end to write to, neither of which blocks.
pub(crate) use super::sys::pipe as nonblocking;

/// As `nonblocking`, of which both ends block.
pub(crate) fn blocking() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let ends = nonblocking()?;
    for end in [&ends.0, &ends.1] {
        rustix::io::ioctl_fionbio(end, false)?;
    }
    Ok(ends)
}
