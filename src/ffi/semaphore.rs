//! Semaphores; with one permit, mutexes.

use super::{
    boundary, created, get, kja_permit_t, kja_promise_t, kja_runtime_t, kja_semaphore_t, kja_status_t, put, release,
};
use crate::coordination::{Permit, Semaphore};
use crate::runtime::Runtime;

/// Makes a semaphore with this many permits, all of them free. One permit makes it a mutex.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_semaphore_new(
    runtime: kja_runtime_t,
    permits: u64,
    out: *mut kja_semaphore_t,
) -> kja_status_t {
    created(out, || Semaphore::new(&*get::<Runtime>(runtime)?, permits))
}

/// Waits for `count` permits at once, behind whoever asked before; the promise carries a `kja_permit_t`. Errors:
/// `INVALID_ARGUMENT` for none or more than there are. Cancellation: the place in the line is given up; permits that the
/// promise carries already go back when the last handle of promise and permit is released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_semaphore_acquire_start(
    semaphore: kja_semaphore_t,
    count: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<Semaphore>(semaphore)?.acquire(count))
}

/// Takes `count` permits if they are free and nobody is in line. Never blocks. Errors: `BUSY` if not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_semaphore_try_acquire(
    semaphore: kja_semaphore_t,
    count: u64,
    out: *mut kja_permit_t,
) -> kja_status_t {
    created(out, || get::<Semaphore>(semaphore)?.try_acquire(count))
}

/// Writes how many permits are free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_semaphore_free(semaphore: kja_semaphore_t, out: *mut u64) -> kja_status_t {
    boundary(|| put(out, get::<Semaphore>(semaphore)?.free()))
}

/// Gives the permits back, once no other handle or promise holds them. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn kja_permit_release(permit: kja_permit_t) -> kja_status_t {
    release::<Permit>(permit)
}

/// Releases the handle. Permits and pending acquires keep the semaphore.
#[unsafe(no_mangle)]
pub extern "C" fn kja_semaphore_release(semaphore: kja_semaphore_t) -> kja_status_t {
    release::<Semaphore>(semaphore)
}
