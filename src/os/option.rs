//! Socket options by number, as bytes. (STRM-17, NET-19)
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Reads an option into the buffer; how many bytes the system wrote.
pub(crate) fn get(fd: BorrowedFd<'_>, level: i32, option: i32, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = libc::socklen_t::try_from(buffer.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the buffer has room for `len` bytes, more of which the system does not write.
    let failed = unsafe { libc::getsockopt(fd.as_raw_fd(), level, option, buffer.as_mut_ptr().cast(), &mut len) };
    if failed == 0 { Ok(len as usize) } else { Err(io::Error::last_os_error()) }
}

/// Sets an option from these bytes.
pub(crate) fn set(fd: BorrowedFd<'_>, level: i32, option: i32, value: &[u8]) -> io::Result<()> {
    let len = libc::socklen_t::try_from(value.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the value has `len` readable bytes, which the system copies.
    let failed = unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, value.as_ptr().cast(), len) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
