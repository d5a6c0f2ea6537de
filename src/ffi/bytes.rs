//! Bytes: immutable, shared, sliced without copying.

use super::{
    boundary, bytes_in, context, created, get, kja_bytes_t, kja_destroy_fn, kja_status_t, put_wanted, release,
};
use crate::error::Error;
use crate::foreign::{borrow_bytes, owned_bytes};
use ::bytes::Bytes;
use std::ffi::c_void;

/// Copies `size` bytes. `data` may be null if `size` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_bytes_new(data: *const c_void, size: usize, out: *mut kja_bytes_t) -> kja_status_t {
    created(out, || owned_bytes(bytes_in(data, size)?))
}

/// Borrows `size` bytes without copying. They must stay readable and unchanged until `destroy(ctx)` has
/// run, which is when nothing refers to them any more. `ctx` is taken over in every case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_bytes_new_borrowed(
    data: *const c_void,
    size: usize,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_bytes_t,
) -> kja_status_t {
    let owner = context(ctx, destroy);
    created(out, || {
        bytes_in(data, size)?;
        // SAFETY: checked for null above; the header requires the memory to live as long as `ctx`.
        Ok(unsafe { borrow_bytes(data.cast(), size, owner) })
    })
}

/// Where the bytes are and how many; valid until the handle is released. Either out-parameter may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_bytes_data(
    bytes: kja_bytes_t,
    data: *mut *const c_void,
    size: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let found = get::<Bytes>(bytes)?;
        put_wanted(data, found.as_ptr().cast())?;
        put_wanted(size, found.len())
    })
}

/// The part from `start` up to, not including, `end`: a handle of its own on the same memory.
/// Errors: `INVALID_ARGUMENT` if that is no part of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_bytes_slice(
    bytes: kja_bytes_t,
    start: usize,
    end: usize,
    out: *mut kja_bytes_t,
) -> kja_status_t {
    created(out, || {
        let found = get::<Bytes>(bytes)?;
        if start > end || end > found.len() {
            return Err(Error::invalid(format!("{start}..{end} is no part of {} bytes", found.len())));
        }
        Ok(found.slice(start..end))
    })
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_bytes_release(bytes: kja_bytes_t) -> kja_status_t {
    release::<Bytes>(bytes)
}
