//! Files. What they do blocks for the disk, in the call: any thread, the loop's too, which does nothing else meanwhile. The `_start` forms do
//! the same on a thread of a pool. Files belong to no runtime.
//!
//! Up to 16 operations of the pool run at once in a process, in the order in which they were started; 4096 more may wait, and one more is
//! `OVERLOADED`. Cancellation: one that has not begun is removed; one that has begun goes on unseen and its result is dropped.

use super::filesystem_stat::{kja_file_stat_t, stat_out};
use super::pipe::fd_in;
use super::{
    boundary, buffer_in, bytes_in, context, created, get, kja_bytes_t, kja_connection_t, kja_destroy_fn,
    kja_file_mapping_t, kja_file_t, kja_promise_t, kja_runtime_t, kja_status_t, put, put_wanted, release,
};
use crate::error::Error;
use crate::filesystem::{File, FileClock, Mapping, MappingKind, start};
use crate::foreign::{ForeignClock, owned_bytes};
use crate::runtime::Runtime;
use crate::value::{Outcome, Value};
use std::ffi::c_void;
use std::os::fd::{AsRawFd, OwnedFd};
use tokio::io::ReadBuf;

/// Tells the time, in nanoseconds since the beginning of 1970. It runs on any thread, and must neither block nor unwind.
pub type kja_clock_fn = Option<unsafe extern "C-unwind" fn(ctx: *mut c_void) -> u64>;

/// What was written there is read, and what others write may be seen. (FS-07)
pub const KJA_MAP_SHARED: u32 = 0;
/// Likewise, and it may be written, which nobody else sees. (FS-07)
pub const KJA_MAP_PRIVATE: u32 = 1;
/// It may be read and written, and others see that. (FS-10)
pub const KJA_MAP_WRITABLE: u32 = 2;

pub(super) fn clock_in(now: kja_clock_fn, ctx: *mut c_void, destroy: kja_destroy_fn) -> FileClock {
    let ctx = context(ctx, destroy);
    let Some(now) = now else { return FileClock::system() };
    // SAFETY: the header requires the function to accept its context on any thread.
    let clock = unsafe { ForeignClock::new(now, ctx) };
    FileClock::new(move || clock.now())
}

/// A descriptor to make something of.
pub(super) fn file_fd_in(fd: i32, flags: u32) -> Result<OwnedFd, Error> {
    let owned = fd_in(fd, flags)?;
    if flags & !super::pipe::KJA_FD_TAKE != 0 {
        return Err(Error::invalid(format!("{flags:#x} are no flags of a descriptor")));
    }
    Ok(owned)
}

/// Starts work on a thread of the pool.
pub(super) fn started<W: FnOnce() -> Outcome + Send + 'static>(
    runtime: kja_runtime_t,
    out: *mut kja_promise_t,
    make: impl FnOnce() -> Result<W, Error>,
) -> kja_status_t {
    created(out, || {
        let work = make()?;
        start(&*get::<Runtime>(runtime)?, work)
    })
}

/// Makes a file of a descriptor. `flags` is `KJA_FD_BORROW`, and then the file has a copy, or `KJA_FD_TAKE`, and then it is the library's, also
/// if the call fails. Its offset is neither used nor moved. Errors: `FAILED` with the OS error EBADF or EISDIR. (FS-20)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_from_fd(fd: i32, flags: u32, out: *mut kja_file_t) -> kja_status_t {
    let fd = file_fd_in(fd, flags);
    created(out, || File::from_fd(fd?))
}

/// Makes an empty file in the memory of the process, whose times `now` tells; null for the machine's clock. (FS-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_new_in_memory(
    now: kja_clock_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_file_t,
) -> kja_status_t {
    let clock = clock_in(now, ctx, destroy);
    created(out, || Ok(File::in_memory(clock)))
}

/// Makes an empty file of the system's that has no name and is on no disk (`memfd_create`), with a descriptor that others can be given. Errors:
/// `UNIMPLEMENTED` where the system has none, as macOS. (FS-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_new_anonymous(out: *mut kja_file_t) -> kja_status_t {
    created(out, File::anonymous)
}

/// The number of its descriptor, which stays the file's: it must not be closed, and is of no use once all handles of the file are released.
/// Errors: `UNIMPLEMENTED` for a file in the memory of the process. (FS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_fd(file: kja_file_t, out: *mut i32) -> kja_status_t {
    boundary(|| {
        put(out, -1)?;
        put(out, get::<File>(file)?.fd()?.as_raw_fd())
    })
}

/// Another handle of the same open file. (FS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_clone(file: kja_file_t, out: *mut kja_file_t) -> kja_status_t {
    created(out, || Ok(File::clone(&*get::<File>(file)?)))
}

/// Writes what is known about it to `out`, whose `size` is set. (FS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_stat(file: kja_file_t, out: *mut kja_file_stat_t) -> kja_status_t {
    boundary(|| stat_out(&get::<File>(file)?.stat()?, out))
}

/// Waits until what was written is on the disk, and, unless it is `data_only`, also what is known about the file. (FS-05)
#[unsafe(no_mangle)]
pub extern "C" fn kja_file_sync(file: kja_file_t, data_only: bool) -> kja_status_t {
    boundary(|| get::<File>(file)?.sync(data_only))
}

/// As `kja_file_sync`, on a thread of the pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_sync_start(
    file: kja_file_t,
    runtime: kja_runtime_t,
    data_only: bool,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let file = get::<File>(file)?;
        Ok(move || file.sync(data_only).map(|()| Value::Unit))
    })
}

/// Reads from `offset` on into `buffer`: `size` bytes, or fewer if the file ends before. How many goes to `length`. Errors: `FAILED` with the OS
/// error EBADF for a file that was opened to be appended to. (FS-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_read(
    file: kja_file_t,
    offset: u64,
    buffer: *mut c_void,
    size: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        put(length, 0)?;
        let mut room = ReadBuf::uninit(buffer_in(buffer, size)?);
        get::<File>(file)?.read_into(offset, &mut room)?;
        put(length, room.filled().len())
    })
}

/// Reads `size` bytes from `offset` on, or fewer if the file ends before, on a thread of the pool; the promise carries bytes. (FS-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_read_start(
    file: kja_file_t,
    runtime: kja_runtime_t,
    offset: u64,
    size: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let file = get::<File>(file)?;
        Ok(move || file.read(offset, size).map(Value::Bytes))
    })
}

/// Reads all of it. Errors: `OVERLOADED` for more than `limit` bytes. (FS-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_read_all(file: kja_file_t, limit: usize, out: *mut kja_bytes_t) -> kja_status_t {
    created(out, || get::<File>(file)?.read_all(limit))
}

/// As `kja_file_read_all`, on a thread of the pool; the promise carries bytes. (FS-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_read_all_start(
    file: kja_file_t,
    runtime: kja_runtime_t,
    limit: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let file = get::<File>(file)?;
        Ok(move || file.read_all(limit).map(Value::Bytes))
    })
}

/// Writes all of it at `offset`. The file grows as needed, and a gap before is zeros. If it fails a part may have been written. A size
/// beyond what the process may give a file (RLIMIT_FSIZE) is an error and no signal. Errors: `OVERLOADED` with the OS error ENOSPC for a full
/// disk; `INVALID_ARGUMENT` for a file that was opened to be appended to. (FS-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_write(
    file: kja_file_t,
    offset: u64,
    data: *const c_void,
    size: usize,
) -> kja_status_t {
    boundary(|| get::<File>(file)?.write(offset, bytes_in(data, size)?))
}

/// As `kja_file_write`, of a copy of the bytes, on a thread of the pool. Several at once come in any order. (FS-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_write_start(
    file: kja_file_t,
    runtime: kja_runtime_t,
    offset: u64,
    data: *const c_void,
    size: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let (file, data) = (get::<File>(file)?, owned_bytes(bytes_in(data, size)?)?);
        Ok(move || file.write(offset, &data).map(|()| Value::Unit))
    })
}

/// Has the file be these bytes and nothing else. Errors: as `kja_file_write`. What is to be seen as a whole or not at all goes through
/// `kja_directory_replace_file`. (FS-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_write_all(file: kja_file_t, data: *const c_void, size: usize) -> kja_status_t {
    boundary(|| get::<File>(file)?.write_all(bytes_in(data, size)?))
}

/// Writes all of it at the end. If the file was opened with `KJA_OPEN_APPEND`, nothing that others append comes in between; otherwise that is
/// so among the handles that were cloned from one another. (FS-08, FS-20)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_append(file: kja_file_t, data: *const c_void, size: usize) -> kja_status_t {
    boundary(|| get::<File>(file)?.append(bytes_in(data, size)?))
}

/// As `kja_file_append`, of a copy of the bytes, on a thread of the pool. Several at once come in any order. (FS-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_append_start(
    file: kja_file_t,
    runtime: kja_runtime_t,
    data: *const c_void,
    size: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let (file, data) = (get::<File>(file)?, owned_bytes(bytes_in(data, size)?)?);
        Ok(move || file.append(&data).map(|()| Value::Unit))
    })
}

/// Has `size` bytes at `offset` be zeros; the file grows as needed, and gives back its room on the disk where it can. (FS-09)
#[unsafe(no_mangle)]
pub extern "C" fn kja_file_zero(file: kja_file_t, offset: u64, size: u64) -> kja_status_t {
    boundary(|| get::<File>(file)?.zero(offset, size))
}

/// Gives it this size: what is behind is cut off, what is missing is zeros. (FS-09)
#[unsafe(no_mangle)]
pub extern "C" fn kja_file_truncate(file: kja_file_t, size: u64) -> kja_status_t {
    boundary(|| get::<File>(file)?.truncate(size))
}

/// Copies `size` bytes from `from_offset` of `from` to `offset` here, or fewer if `from` ended before that when this began; how many goes to
/// `copied`, which may be null. The system does it, sharing the room on the disk, where it can. Of parts of one file that overlap it
/// is not said what comes out. (FS-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_copy(
    file: kja_file_t,
    offset: u64,
    from: kja_file_t,
    from_offset: u64,
    size: u64,
    copied: *mut u64,
) -> kja_status_t {
    boundary(|| {
        let count = get::<File>(file)?.copy(offset, &*get::<File>(from)?, from_offset, size)?;
        put_wanted(copied, count)
    })
}

/// As `kja_file_copy`, on a thread of the pool; the promise carries the number. (FS-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_copy_start(
    file: kja_file_t,
    runtime: kja_runtime_t,
    offset: u64,
    from: kja_file_t,
    from_offset: u64,
    size: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let (file, from) = (get::<File>(file)?, get::<File>(from)?);
        Ok(move || file.copy(offset, &from, from_offset, size).map(Value::U64))
    })
}

/// The file as a connection, read and written from `offset` on, as by `kja_connection_from_file`. To a file that was opened with
/// `KJA_OPEN_APPEND` all is written at its end. The file's handle stays the caller's. Errors: `UNIMPLEMENTED` for a file in the memory of the
/// process and for what is no regular file. (FS-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_connection(
    file: kja_file_t,
    runtime: kja_runtime_t,
    offset: u64,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || get::<File>(file)?.connection(&*get::<Runtime>(runtime)?, offset))
}

/// Releases the handle; the file is closed with its last.
#[unsafe(no_mangle)]
pub extern "C" fn kja_file_release(file: kja_file_t) -> kja_status_t {
    release::<File>(file)
}

/// Maps a part of the file to memory, which stays until the mapping is released. It may end behind the file; whoever touches memory behind the
/// end, or what somebody cuts off later, is killed by the system (SIGBUS). `kind` is `KJA_MAP_SHARED`, `KJA_MAP_PRIVATE` or
/// `KJA_MAP_WRITABLE`. Of a file in the memory of the process a mapping is a copy: it shows what was there when it was made, and
/// `kja_file_mapping_changed` writes back. Errors: `FAILED` with the OS error EACCES or EBADF for a file that was not opened for that.
/// (FS-07, FS-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_map(
    file: kja_file_t,
    kind: u32,
    offset: u64,
    size: usize,
    out: *mut kja_file_mapping_t,
) -> kja_status_t {
    created(out, || {
        let file = get::<File>(file)?;
        let kind = match kind {
            KJA_MAP_SHARED => MappingKind::Shared,
            KJA_MAP_PRIVATE => MappingKind::Private,
            KJA_MAP_WRITABLE => MappingKind::Writable,
            other => return Err(Error::invalid(format!("{other} is no kind of mapping"))),
        };
        file.map(kind, offset, size)
    })
}

/// Where the memory is and how many bytes; valid until the mapping is released. Either out-parameter may be null. (FS-07, FS-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_file_mapping_data(
    mapping: kja_file_mapping_t,
    data: *mut *mut c_void,
    size: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let (memory, count) = get::<Mapping>(mapping)?.memory();
        put_wanted(data, memory.cast())?;
        put_wanted(size, count)
    })
}

/// Says that `size` bytes at `offset` of the mapping were written; without that it is open whether others see it. Nobody writes there during
/// the call. Errors: `INVALID_ARGUMENT` if there are no such bytes, and for a mapping that is not `KJA_MAP_WRITABLE`. (FS-10)
#[unsafe(no_mangle)]
pub extern "C" fn kja_file_mapping_changed(mapping: kja_file_mapping_t, offset: usize, size: usize) -> kja_status_t {
    boundary(|| get::<Mapping>(mapping)?.changed(offset..offset.saturating_add(size)))
}

/// As `kja_file_mapping_changed`, and waits until they are on the disk. (FS-10)
#[unsafe(no_mangle)]
pub extern "C" fn kja_file_mapping_sync(mapping: kja_file_mapping_t, offset: usize, size: usize) -> kja_status_t {
    boundary(|| get::<Mapping>(mapping)?.sync(offset..offset.saturating_add(size)))
}

/// Releases the handle and gives the memory back, which nobody uses any more.
#[unsafe(no_mangle)]
pub extern "C" fn kja_file_mapping_release(mapping: kja_file_mapping_t) -> kja_status_t {
    release::<Mapping>(mapping)
}
