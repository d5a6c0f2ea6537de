//! Memory of the caller's: bytes to read, and buffers to fill, which need not be initialised.

use super::put_wanted;
use crate::error::Error;
use std::ffi::c_void;
use std::mem::MaybeUninit;

/// Memory for `count` elements at `memory`, which nobody has looked at yet; null is fine for none.
pub(super) fn memory_in<T>(memory: *const T, count: usize) -> Result<(), Error> {
    if count == 0 {
        return Ok(());
    }
    if memory.is_null() {
        return Err(Error::null());
    }
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Error::invalid("a length of more than half the address space"));
    }
    Ok(())
}

/// `count` elements at `data`; null is fine for none.
pub(super) fn slice_in<'a, T>(data: *const T, count: usize) -> Result<&'a [T], Error> {
    memory_in(data, count)?;
    if count == 0 {
        return Ok(&[]);
    }
    // SAFETY: not null, of a possible length, and the header requires that many readable elements.
    Ok(unsafe { std::slice::from_raw_parts(data, count) })
}

/// `size` bytes at `data`; null is fine for none.
pub(super) fn bytes_in<'a>(data: *const c_void, size: usize) -> Result<&'a [u8], Error> {
    slice_in(data.cast(), size)
}

/// Memory of the caller's to fill, whatever is in it; null is fine for none.
pub(super) fn buffer_in<'a>(buffer: *mut c_void, capacity: usize) -> Result<&'a mut [MaybeUninit<u8>], Error> {
    memory_in(buffer.cast::<u8>(), capacity)?;
    if capacity == 0 {
        return Ok(&mut []);
    }
    // SAFETY: not null and of a possible length as just checked; the header requires that many writable bytes that
    // nobody else uses during the call.
    Ok(unsafe { std::slice::from_raw_parts_mut(buffer.cast(), capacity) })
}

/// Copies bytes, cut to the capacity; their whole number goes to an out-parameter that may be null.
pub(super) fn bytes_out(bytes: &[u8], buffer: *mut c_void, capacity: usize, length: *mut usize) -> Result<(), Error> {
    let buffer = buffer_in(buffer, capacity)?;
    let count = bytes.len().min(buffer.len());
    // SAFETY: both have room for `count` bytes, and the buffer is nobody else's during the call.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.as_mut_ptr().cast(), count) };
    put_wanted(length, bytes.len())
}

/// Copies elements and then a 0, the elements cut to what leaves room for it; their whole number goes to an out-parameter that may
/// be null.
pub(super) fn terminated_out<T: Copy + Default>(
    elements: &[T],
    buffer: *mut T,
    capacity: usize,
    length: *mut usize,
) -> Result<(), Error> {
    memory_in(buffer, capacity)?;
    if let Some(room) = capacity.checked_sub(1) {
        let count = elements.len().min(room);
        // SAFETY: not null as just checked; the header requires room for `capacity` elements, aligned, that nobody else uses
        // during the call, and `count` is less.
        unsafe {
            std::ptr::copy_nonoverlapping(elements.as_ptr(), buffer, count);
            buffer.add(count).write(T::default());
        }
    }
    put_wanted(length, elements.len())
}
