//! Values that belong to a loop.

use super::{boundary, context, get, kja_destroy_fn, kja_runtime_t, kja_status_t, put};
use crate::error::Error;
use crate::runtime::{Runtime, new_local_key};
use std::ffi::c_void;

/// A key for `kja_local_get` and `kja_local_get_or_set` that nobody else in this process has.
#[unsafe(no_mangle)]
pub extern "C" fn kja_local_new_key() -> u64 {
    new_local_key()
}

/// Keeps `value` for this runtime under the key, until the runtime ends, unless something is kept there already. Writes
/// what is kept, which is borrowed. `value` is taken over in every case: it is freed with the runtime, or at once if it
/// is not kept. Any thread. (LOOP-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_local_get_or_set(
    runtime: kja_runtime_t,
    key: u64,
    value: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut *mut c_void,
) -> kja_status_t {
    let value = context(value, destroy);
    boundary(|| {
        put(out, std::ptr::null_mut())?;
        put(out, get::<Runtime>(runtime)?.local_or_insert(key, value)?.pointer())
    })
}

/// Writes what is kept for this runtime under the key. It is borrowed until the runtime ends, which frees it: use it on the
/// loop, or where nobody shuts the runtime down meanwhile. Errors: `FAILED` if there is nothing. Any thread. (LOOP-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_local_get(runtime: kja_runtime_t, key: u64, out: *mut *mut c_void) -> kja_status_t {
    boundary(|| {
        put(out, std::ptr::null_mut())?;
        put(out, get::<Runtime>(runtime)?.local(key).ok_or_else(Error::no_local)?.pointer())
    })
}
