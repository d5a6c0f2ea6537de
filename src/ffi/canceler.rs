//! Cancelers.

use super::{
    boundary, bytes_in, created, get, get_promise, kja_canceler_t, kja_promise_t, kja_runtime_t, kja_status_t,
    question, release, release_nowait,
};
use crate::promise::Canceler;
use crate::runtime::Runtime;
use std::ffi::c_char;

/// Makes a canceler that has wrapped nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_canceler_new(runtime: kja_runtime_t, out: *mut kja_canceler_t) -> kja_status_t {
    created(out, || Canceler::new(&*get::<Runtime>(runtime)?))
}

/// The same outcome, unless the canceler comes first; it belongs to the canceler's runtime. Release the input for the
/// operation to end with it. Either may outlive the other. (CANC-01, CANC-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_canceler_wrap(
    canceler: kja_canceler_t,
    promise: kja_promise_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || Ok(get::<Canceler>(canceler)?.wrap(&get_promise(promise)?)))
}

/// Rejects every wrapped promise that is pending with this kind (`KJA_ERR_*`), OS error number (or 0) and text. What
/// they waited for and nothing else holds is gone when this returns. The canceler is usable afterwards. Any
/// thread. (CANC-02, CANC-03, CANC-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_canceler_cancel(
    canceler: kja_canceler_t,
    kind: kja_status_t,
    os_error: i32,
    text: *const c_char,
    text_len: usize,
) -> kja_status_t {
    boundary(|| {
        let found = get::<Canceler>(canceler)?;
        found.cancel(&super::error::from_parts(kind, os_error, bytes_in(text.cast(), text_len)?)?);
        Ok(())
    })
}

/// Releases the wrapped promises: they go on and cannot be cancelled from here any more. (CANC-06)
#[unsafe(no_mangle)]
pub extern "C" fn kja_canceler_forget(canceler: kja_canceler_t) -> kja_status_t {
    boundary(|| {
        get::<Canceler>(canceler)?.forget();
        Ok(())
    })
}

/// Whether nothing that it wrapped is pending; false for a handle that is none. (CANC-07)
#[unsafe(no_mangle)]
pub extern "C" fn kja_canceler_is_empty(canceler: kja_canceler_t) -> bool {
    question(|| Some(get::<Canceler>(canceler).ok()?.is_empty()))
}

/// As `kja_canceler_release`, without waiting for a callback that is running. For finalizers.
#[unsafe(no_mangle)]
pub extern "C" fn kja_canceler_release_nowait(canceler: kja_canceler_t) -> kja_status_t {
    release_nowait::<Canceler>(canceler)
}

/// Releases the handle; what is wrapped and pending rejects with `CANCELED`. (CANC-05)
#[unsafe(no_mangle)]
pub extern "C" fn kja_canceler_release(canceler: kja_canceler_t) -> kja_status_t {
    release::<Canceler>(canceler)
}
