//! Readiness of a descriptor that others read and write.
//!
//! For what a program or another library has made and works with itself, such as a device, a socket of a database client or an
//! inotify descriptor. An observer neither reads nor writes, and leaves the descriptor's flags alone. It looks at what is, not
//! at changes: a wait settles at once if the descriptor is ready, and any number may wait at the same time.

use super::pipe::fd_in;
use super::{boundary, created, get, kja_fd_observer_t, kja_promise_t, kja_runtime_t, kja_status_t, put, release};
use crate::error::Error;
use crate::runtime::Runtime;
use crate::stream::{AtEnd, FdObserver, Readiness};

/// There is something to read, or the end has come.
pub const KJA_FD_READABLE: u32 = 0;
/// There is room to write, or a write would fail.
pub const KJA_FD_WRITABLE: u32 = 1;
/// There is urgent data, or what the kind of descriptor takes for that.
pub const KJA_FD_URGENT: u32 = 2;
/// Nobody is left to read what is written: a hang-up or an error.
pub const KJA_FD_WRITE_DISCONNECTED: u32 = 3;

/// The system does not tell.
pub const KJA_AT_END_UNKNOWN: u32 = 0;
/// Not yet.
pub const KJA_AT_END_NO: u32 = 1;
/// It has, though there may be something to read before it.
pub const KJA_AT_END_YES: u32 = 2;

/// Makes an observer of a copy of the descriptor, or with `KJA_FD_TAKE` of the descriptor itself, which is then closed with the
/// observer. Several may observe one descriptor.
///
/// Errors: `FAILED` with EBADF for one that is not open; `UNIMPLEMENTED` for what cannot be polled, such as a regular file;
/// `INVALID_ARGUMENT` for other flags. (UNIX-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_fd_observer_new(
    runtime: kja_runtime_t,
    fd: i32,
    flags: u32,
    out: *mut kja_fd_observer_t,
) -> kja_status_t {
    let fd = fd_in(fd, flags);
    created(out, || {
        if flags & !super::pipe::KJA_FD_TAKE != 0 {
            return Err(Error::invalid(format!("{flags:#x} are no flags of an observer")));
        }
        FdObserver::new(&*get::<Runtime>(runtime)?, fd?)
    })
}

/// Waits until the descriptor is as `what` says, `KJA_FD_READABLE` and so on; at once if it is. It holds the observer. Where the
/// program reads until EAGAIN and then waits, nothing is missed.
///
/// Errors: `DISCONNECTED` if urgent data is waited for and none can come any more; `INVALID_ARGUMENT` for anything else to wait
/// for. Cancellation: this waiter leaves. (UNIX-10, UNIX-11, UNIX-12, UNIX-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_fd_observer_when_start(
    observer: kja_fd_observer_t,
    what: u32,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let what = match what {
            KJA_FD_READABLE => Readiness::Readable,
            KJA_FD_WRITABLE => Readiness::Writable,
            KJA_FD_URGENT => Readiness::Urgent,
            KJA_FD_WRITE_DISCONNECTED => Readiness::WriteDisconnected,
            other => return Err(Error::invalid(format!("{other} is nothing to wait for"))),
        };
        get::<FdObserver>(observer)?.when(what)
    })
}

/// Writes whether the end of what can be read has come: `KJA_AT_END_*`. Never blocks. (UNIX-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_fd_observer_at_end(observer: kja_fd_observer_t, out: *mut u32) -> kja_status_t {
    boundary(|| {
        let at_end = match get::<FdObserver>(observer)?.at_end()? {
            AtEnd::Unknown => KJA_AT_END_UNKNOWN,
            AtEnd::No => KJA_AT_END_NO,
            AtEnd::Yes => KJA_AT_END_YES,
        };
        put(out, at_end)
    })
}

/// Releases the handle. Pending waits keep the observer.
#[unsafe(no_mangle)]
pub extern "C" fn kja_fd_observer_release(observer: kja_fd_observer_t) -> kja_status_t {
    release::<FdObserver>(observer)
}
