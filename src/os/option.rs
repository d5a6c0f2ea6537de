//! Socket options by number, as bytes. (STRM-17, NET-19)
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Reads an option into the buffer; what the system wrote there.
pub(crate) fn get<'a>(
    fd: BorrowedFd<'_>,
    level: i32,
    option: i32,
    buffer: &'a mut [MaybeUninit<u8>],
) -> io::Result<&'a [u8]> {
    let mut len = libc::socklen_t::try_from(buffer.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the buffer has room for `len` bytes, more of which the system does not write.
    let failed = unsafe { libc::getsockopt(fd.as_raw_fd(), level, option, buffer.as_mut_ptr().cast(), &mut len) };
    if failed != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system has written so many bytes, and a slice of initialised ones is one of bytes.
    Ok(unsafe { &*(&raw const buffer[..len as usize] as *const [u8]) })
}

/// Sets an option from these bytes.
pub(crate) fn set(fd: BorrowedFd<'_>, level: i32, option: i32, value: &[u8]) -> io::Result<()> {
    let len = libc::socklen_t::try_from(value.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the value has `len` readable bytes, which the system copies.
    let failed = unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, value.as_ptr().cast(), len) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
