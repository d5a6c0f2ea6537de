//! Where a read puts its bytes.

use crate::foreign::BorrowedBuffer;
use rustix::buffer::spare_capacity;
use rustix::net::{RecvFlags, recv};
use std::os::fd::BorrowedFd;

/// Memory to read into, with room for at least one byte.
pub(crate) enum Target<'a> {
    /// The spare capacity of a vector.
    Vec(&'a mut Vec<u8>),
    /// The part of a caller's buffer from an index on.
    Borrowed(&'a mut BorrowedBuffer, usize),
}

impl Target<'_> {
    pub(crate) fn room(&self) -> usize {
        match self {
            Self::Vec(vec) => vec.capacity() - vec.len(),
            Self::Borrowed(buffer, start) => buffer.len() - start,
        }
    }

    /// Has the kernel fill it from a socket.
    pub(crate) fn recv(&mut self, fd: BorrowedFd<'_>) -> rustix::io::Result<usize> {
        match self {
            Self::Vec(vec) => recv(fd, spare_capacity(vec), RecvFlags::empty()).map(|(count, _)| count),
            Self::Borrowed(buffer, start) => {
                recv(fd, buffer.rest(*start), RecvFlags::empty()).map(|((filled, _), _)| filled.len())
            }
        }
    }

    /// Has the kernel fill it from any descriptor.
    pub(crate) fn read(&mut self, fd: BorrowedFd<'_>) -> rustix::io::Result<usize> {
        match self {
            Self::Vec(vec) => rustix::io::read(fd, spare_capacity(vec)),
            Self::Borrowed(buffer, start) => rustix::io::read(fd, buffer.rest(*start)).map(|(filled, _)| filled.len()),
        }
    }

    /// Has the kernel fill it from a file at this offset.
    pub(crate) fn read_at(&mut self, fd: BorrowedFd<'_>, offset: u64) -> rustix::io::Result<usize> {
        match self {
            Self::Vec(vec) => rustix::io::pread(fd, spare_capacity(vec), offset),
            Self::Borrowed(buffer, start) => {
                rustix::io::pread(fd, buffer.rest(*start), offset).map(|(filled, _)| filled.len())
            }
        }
    }

    /// Copies as much of `data` as there is room for; how much that was.
    pub(crate) fn put(&mut self, data: &[u8]) -> usize {
        let count = data.len().min(self.room());
        match self {
            Self::Vec(vec) => vec.extend_from_slice(&data[..count]),
            Self::Borrowed(buffer, start) => {
                for (to, from) in buffer.rest(*start).iter_mut().zip(&data[..count]) {
                    to.write(*from);
                }
            }
        }
        count
    }
}
