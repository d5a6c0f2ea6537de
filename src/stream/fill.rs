//! Filling memory that need not be initialised.
//!
//! A module with `unsafe`: the kernel fills memory of which it then says how much.
#![allow(unsafe_code)]

use rustix::net::RecvFlags;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use tokio::io::ReadBuf;

/// Has the kernel fill the rest of the buffer from a socket.
pub(super) fn recv(fd: BorrowedFd<'_>, buffer: &mut ReadBuf<'_>) -> rustix::io::Result<usize> {
    fill(buffer, |rest| rustix::net::recv(fd, rest, RecvFlags::empty()).map(|((filled, _), _)| filled.len()))
}

/// Has the kernel fill it from any descriptor.
pub(super) fn read(fd: BorrowedFd<'_>, buffer: &mut ReadBuf<'_>) -> rustix::io::Result<usize> {
    fill(buffer, |rest| rustix::io::read(fd, rest).map(|(filled, _)| filled.len()))
}

/// What a system may take for a mistake is more than that.
const AT_ONCE: usize = 1 << 30;

/// Has the kernel fill it from a file at this offset, or its beginning.
pub(crate) fn read_at(fd: BorrowedFd<'_>, buffer: &mut ReadBuf<'_>, offset: u64) -> rustix::io::Result<usize> {
    fill(buffer, |rest| {
        let most = rest.len().min(AT_ONCE);
        rustix::io::pread(fd, &mut rest[..most], offset).map(|(filled, _)| filled.len())
    })
}

/// `call` fills memory from its beginning and says how much of it: how long a slice of initialised bytes was.
fn fill(
    buffer: &mut ReadBuf<'_>,
    call: impl FnOnce(&mut [MaybeUninit<u8>]) -> rustix::io::Result<usize>,
) -> rustix::io::Result<usize> {
    // SAFETY: the calls above only write bytes to it, so that what was initialised stays so.
    let count = call(unsafe { buffer.unfilled_mut() })?;
    // SAFETY: the first `count` bytes of it are the initialised ones that the call returned.
    unsafe { buffer.assume_init(count) };
    buffer.advance(count);
    Ok(count)
}

/// Copies as much of `data` as there is room for; how much that was.
pub(crate) fn put(buffer: &mut ReadBuf<'_>, data: &[u8]) -> usize {
    let count = data.len().min(buffer.remaining());
    buffer.put_slice(&data[..count]);
    count
}

/// Shows the spare capacity of a vector to `read`; what that fills belongs to the vector.
#[inline]
pub(crate) fn spare<R>(vec: &mut Vec<u8>, read: impl FnOnce(&mut ReadBuf<'_>) -> R) -> R {
    let mut buffer = ReadBuf::uninit(vec.spare_capacity_mut());
    let start = buffer.filled().as_ptr();
    let result = read(&mut buffer);
    assert!(buffer.filled().as_ptr() == start, "the buffer that was shown is the one that was filled");
    let filled = buffer.filled().len();
    // SAFETY: it is the same buffer, whose filled part is initialised and begins where the vector ended.
    unsafe { vec.set_len(vec.len() + filled) };
    result
}
