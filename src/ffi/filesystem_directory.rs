//! Directories: the right to all that is below one. What they do blocks for the disk, in the call: any thread, the loop's too, which does
//! nothing else meanwhile. The `_start` forms do the same on a thread of a pool, see `kja_file_sync_start`. Directories belong to no runtime.
//!
//! Paths are read as by `kja_path_parse`. Symbolic links are followed as far as they stay below the directory, the last of a path where a file
//! or a directory is opened; one that leads out is `FAILED` with the OS error EXDEV. What is removed, moved, replaced or looked at is the
//! link itself.

use super::filesystem_file::{clock_in, file_fd_in, kja_clock_fn, started};
use super::filesystem_path::path_in;
use super::filesystem_stat::{kind_out, kja_file_stat_t, stat_out};
use super::{
    boundary, bytes_in, created, get, kja_bytes_t, kja_destroy_fn, kja_directory_t, kja_file_t, kja_promise_t,
    kja_runtime_t, kja_status_t, put, release, terminated_out,
};
use crate::error::Error;
use crate::filesystem::{Access, Ambient, Directory, DirectoryEntry, File, Path, Transfer, WriteMode};
use crate::object::Object;
use crate::value::{Outcome, Value};
use ::bytes::Bytes;
use std::ffi::{c_char, c_void};
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// It is made if it is not there; without `KJA_WRITE_MODIFY` it must not be there. (FS-13)
pub const KJA_WRITE_CREATE: u32 = 1;
/// It may be there; without `KJA_WRITE_CREATE` it must be. (FS-13)
pub const KJA_WRITE_MODIFY: u32 = 2;
/// Directories on the way are made as needed; with `KJA_WRITE_CREATE`. (FS-13)
pub const KJA_WRITE_CREATE_PARENT: u32 = 4;
/// A new file is a program. (FS-13)
pub const KJA_WRITE_EXECUTABLE: u32 = 8;
/// Nobody but the owner has access to what is new. (FS-13)
pub const KJA_WRITE_PRIVATE: u32 = 16;
/// The file is opened to be appended to and nothing else. (FS-16)
pub const KJA_OPEN_APPEND: u32 = 32;
/// A conflict with the mode is no error: the handle is 0, or the value of the promise unit. (FS-12)
pub const KJA_OPEN_TRY: u32 = 64;

/// It is no longer in its old place. (FS-17)
pub const KJA_TRANSFER_MOVE: u32 = 0;
/// It has one more name; not for directories. (FS-17)
pub const KJA_TRANSFER_LINK: u32 = 1;
/// A copy is made, of all that a directory contains. (FS-17)
pub const KJA_TRANSFER_COPY: u32 = 2;

pub(super) fn mode_in(mode: u32) -> Result<WriteMode, Error> {
    WriteMode::from_bits(mode)
}

/// How to open, and whether a conflict is no error.
fn access_in(mode: u32) -> Result<(Access, bool), Error> {
    let write = mode_in(mode & !(KJA_OPEN_APPEND | KJA_OPEN_TRY))?;
    let access = match (mode & KJA_OPEN_APPEND != 0, write == WriteMode::default()) {
        (true, _) => Access::Append(write),
        (false, false) => Access::Write(write),
        (false, true) => Access::Read,
    };
    Ok((access, mode & KJA_OPEN_TRY != 0))
}

fn directory_access_in(mode: u32) -> Result<(Option<WriteMode>, bool), Error> {
    let write = mode_in(mode & !KJA_OPEN_TRY)?;
    Ok(((write != WriteMode::default()).then_some(write), mode & KJA_OPEN_TRY != 0))
}

/// Whether something was done goes to `done`; if that is null, what was not done is an error.
pub(super) fn done_out(
    done: *mut bool,
    run: impl FnOnce() -> Result<bool, Error>,
    conflict: impl FnOnce() -> Error,
) -> Result<(), Error> {
    if done.is_null() {
        return if run()? { Ok(()) } else { Err(conflict()) };
    }
    put(done, false)?;
    put(done, run()?)
}

fn conflict_of(mode: WriteMode, path: &Path) -> Error {
    Directory::conflict("writing", path, Some(mode))
}

pub(super) fn outcome_of<T: Object>(made: Result<Option<T>, Error>) -> Outcome {
    let made = made?;
    Ok(made.map_or(Value::Unit, |made| Value::object(Arc::new(made))))
}

fn handle_out<T: Object>(out: *mut u64, make: impl FnOnce() -> Result<Option<T>, Error>) -> kja_status_t {
    boundary(|| {
        put(out, 0)?;
        match make()? {
            Some(made) => put(out, super::handle::insert(made)?),
            None => Ok(()),
        }
    })
}

/// What is in a directory, in one piece of memory.
fn listed(entries: &[DirectoryEntry]) -> Result<Bytes, Error> {
    let mut list = Vec::new();
    list.try_reserve_exact(entries.iter().map(|entry| entry.name.len() + 2).sum()).map_err(|_| Error::no_memory())?;
    for entry in entries {
        list.push(kind_out(entry.kind) as u8);
        list.extend_from_slice(&entry.name);
        list.push(0);
    }
    Ok(list.into())
}

/// Opens the root of all that there is. For a program's `main`, which gives parts of it away. (FS-18)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_filesystem_root(out: *mut kja_directory_t) -> kja_status_t {
    created(out, || Directory::ambient(Ambient::Root))
}

/// Opens the directory that the process is in. (FS-18)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_filesystem_current(out: *mut kja_directory_t) -> kja_status_t {
    created(out, || Directory::ambient(Ambient::Current))
}

/// Writes the path of that directory from the root, with a closing NUL, cut to `capacity`; its whole length goes to `length`, which may be null.
/// (FS-18)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_filesystem_current_path(
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| terminated_out(&Directory::current_path()?.to_bytes(), buffer.cast(), capacity, length))
}

/// Makes a directory of a descriptor; flags as `kja_file_from_fd`. Errors: `FAILED` with the OS error EBADF or ENOTDIR. (FS-20)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_from_fd(fd: i32, flags: u32, out: *mut kja_directory_t) -> kja_status_t {
    let fd = file_fd_in(fd, flags);
    created(out, || Directory::from_fd(fd?))
}

/// Makes an empty directory in the memory of the process, for tests: it does all that one on disk does. `now` tells the times of what is made
/// and changed in it; null for the machine's clock. (FS-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_new_in_memory(
    now: kja_clock_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_directory_t,
) -> kja_status_t {
    let clock = clock_in(now, ctx, destroy);
    created(out, || Ok(Directory::in_memory(clock)))
}

/// The number of its descriptor, which stays the directory's; see `kja_file_fd`. (FS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_fd(directory: kja_directory_t, out: *mut i32) -> kja_status_t {
    boundary(|| {
        put(out, -1)?;
        put(out, get::<Directory>(directory)?.fd()?.as_raw_fd())
    })
}

/// Another handle of the same directory. (FS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_clone(directory: kja_directory_t, out: *mut kja_directory_t) -> kja_status_t {
    created(out, || Ok(Directory::clone(&*get::<Directory>(directory)?)))
}

/// Writes what is known about it to `out`, whose `size` is set. (FS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_stat(directory: kja_directory_t, out: *mut kja_file_stat_t) -> kja_status_t {
    boundary(|| stat_out(&get::<Directory>(directory)?.stat()?, out))
}

/// Waits until the names in it are on the disk. (FS-05)
#[unsafe(no_mangle)]
pub extern "C" fn kja_directory_sync(directory: kja_directory_t) -> kja_status_t {
    boundary(|| get::<Directory>(directory)?.sync())
}

/// As `kja_directory_sync`, on a thread of the pool.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_sync_start(
    directory: kja_directory_t,
    runtime: kja_runtime_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let directory = get::<Directory>(directory)?;
        Ok(move || directory.sync().map(|()| Value::Unit))
    })
}

/// Lists what is in it, sorted by name: bytes that hold for each a byte with its kind (`KJA_NODE_FILE` or another), its name, and a NUL. What
/// waits to be committed is not among it. (FS-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_list(directory: kja_directory_t, out: *mut kja_bytes_t) -> kja_status_t {
    created(out, || listed(&get::<Directory>(directory)?.list()?))
}

/// As `kja_directory_list`, on a thread of the pool; the promise carries the bytes. (FS-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_list_start(
    directory: kja_directory_t,
    runtime: kja_runtime_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let directory = get::<Directory>(directory)?;
        Ok(move || listed(&directory.list()?).map(Value::Bytes))
    })
}

/// Looks at what stands there, be it a link that leads nowhere, and writes it to `out`, which may be null to ask only whether there is
/// something: that goes to `found`. If `found` is null, it is an error that there is nothing: `FAILED` with the OS error ENOENT. (FS-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_lstat(
    directory: kja_directory_t,
    path: *const c_char,
    path_len: usize,
    out: *mut kja_file_stat_t,
    found: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let path = path_in(path, path_len)?;
        let look = || {
            let stat = get::<Directory>(directory)?.lstat(&path)?;
            if let Some(stat) = stat.filter(|_| !out.is_null()) {
                stat_out(&stat, out)?;
            }
            Ok(stat.is_some())
        };
        done_out(found, look, || Directory::conflict("looking at", &path, None))
    })
}

/// What a symbolic link says, as bytes. Errors: `FAILED` with the OS error ENOENT, or EINVAL for what is no link. (FS-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_readlink(
    directory: kja_directory_t,
    path: *const c_char,
    path_len: usize,
    out: *mut kja_bytes_t,
) -> kja_status_t {
    created(out, || {
        let path = path_in(path, path_len)?;
        let target = get::<Directory>(directory)?.readlink(&path)?;
        target.map(Bytes::from).ok_or_else(|| Directory::conflict("reading", &path, None))
    })
}

fn opened_file(directory: &Directory, path: &Path, (access, tries): (Access, bool)) -> Result<Option<File>, Error> {
    if tries { directory.try_open_file(path, access) } else { directory.open_file(path, access).map(Some) }
}

/// Opens a file. `mode` is 0 to read it only, or `KJA_WRITE_CREATE`, `KJA_WRITE_MODIFY` or both, to which `KJA_WRITE_CREATE_PARENT`,
/// `KJA_WRITE_EXECUTABLE`, `KJA_WRITE_PRIVATE`, `KJA_OPEN_APPEND` may be added; `KJA_OPEN_TRY` with any. Errors: `FAILED` with the OS error
/// ENOENT or EEXIST if the mode does not fit what is there, EISDIR for a directory. (FS-12, FS-13, FS-16)
///
/// ```c
/// kja_directory_open_file(directory, "log/today", 9, KJA_WRITE_CREATE | KJA_WRITE_MODIFY | KJA_WRITE_CREATE_PARENT | KJA_OPEN_APPEND, &file);
/// kja_file_append(file, "hello\n", 6);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_open_file(
    directory: kja_directory_t,
    path: *const c_char,
    path_len: usize,
    mode: u32,
    out: *mut kja_file_t,
) -> kja_status_t {
    handle_out(out, || {
        let directory = get::<Directory>(directory)?;
        opened_file(&directory, &path_in(path, path_len)?, access_in(mode)?)
    })
}

/// As `kja_directory_open_file`, on a thread of the pool; the promise carries a `kja_file_t`. (FS-12, FS-13, FS-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_open_file_start(
    directory: kja_directory_t,
    runtime: kja_runtime_t,
    path: *const c_char,
    path_len: usize,
    mode: u32,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let directory = get::<Directory>(directory)?;
        let (path, access) = (path_in(path, path_len)?, access_in(mode)?);
        Ok(move || outcome_of(opened_file(&directory, &path, access)))
    })
}

fn opened_directory(
    directory: &Directory,
    path: &Path,
    (mode, tries): (Option<WriteMode>, bool),
) -> Result<Option<Directory>, Error> {
    if tries { directory.try_open_directory(path, mode) } else { directory.open_directory(path, mode).map(Some) }
}

/// Opens a directory; `mode` as for `kja_directory_open_file`, without `KJA_OPEN_APPEND`. Errors: as there, and ENOTDIR for something
/// else. (FS-12, FS-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_open_directory(
    directory: kja_directory_t,
    path: *const c_char,
    path_len: usize,
    mode: u32,
    out: *mut kja_directory_t,
) -> kja_status_t {
    handle_out(out, || {
        let directory = get::<Directory>(directory)?;
        opened_directory(&directory, &path_in(path, path_len)?, directory_access_in(mode)?)
    })
}

/// As `kja_directory_open_directory`, on a thread of the pool; the promise carries a `kja_directory_t`. (FS-12, FS-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_open_directory_start(
    directory: kja_directory_t,
    runtime: kja_runtime_t,
    path: *const c_char,
    path_len: usize,
    mode: u32,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let directory = get::<Directory>(directory)?;
        let (path, access) = (path_in(path, path_len)?, directory_access_in(mode)?);
        Ok(move || outcome_of(opened_directory(&directory, &path, access)))
    })
}

/// Makes a file without a name, which is gone with its last handle. (FS-15)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_create_temporary(
    directory: kja_directory_t,
    out: *mut kja_file_t,
) -> kja_status_t {
    created(out, || get::<Directory>(directory)?.create_temporary())
}

/// Makes a symbolic link that says `target`, whatever that leads to. `mode` is of `KJA_WRITE_`. Whether it was made goes to `done`; if that is
/// null, a mode that does not fit what is there is an error, as in `kja_directory_open_file`. (FS-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_symlink(
    directory: kja_directory_t,
    path: *const c_char,
    path_len: usize,
    target: *const c_char,
    target_len: usize,
    mode: u32,
    done: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let (path, target, mode) = (path_in(path, path_len)?, bytes_in(target.cast(), target_len)?, mode_in(mode)?);
        let make = || get::<Directory>(directory)?.try_symlink(&path, target, mode);
        done_out(done, make, || conflict_of(mode, &path))
    })
}

fn transfer_in(how: u32) -> Result<Transfer, Error> {
    match how {
        KJA_TRANSFER_MOVE => Ok(Transfer::Move),
        KJA_TRANSFER_LINK => Ok(Transfer::Link),
        KJA_TRANSFER_COPY => Ok(Transfer::Copy),
        other => Err(Error::invalid(format!("{other} is no way of transferring"))),
    }
}

/// Has what stands at `from_path` in `from` stand at `path` in `directory`, as `how` says: `KJA_TRANSFER_MOVE` or another. `mode` is of
/// `KJA_WRITE_` and says what may be there; it is replaced in one step, and a copy appears as a whole. From disk to disk, and between disk and
/// memory, a move is a copy and then a removal. `done` as in `kja_directory_symlink`. Errors: `FAILED` with the OS error ENOENT if there is
/// nothing to transfer, EPERM to link a directory, EINVAL to move one into itself; `UNIMPLEMENTED` to link from disk to disk; `OVERLOADED` to copy
/// directories more than 512 deep. (FS-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_transfer(
    directory: kja_directory_t,
    path: *const c_char,
    path_len: usize,
    mode: u32,
    from: kja_directory_t,
    from_path: *const c_char,
    from_path_len: usize,
    how: u32,
    done: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let (path, from_path) = (path_in(path, path_len)?, path_in(from_path, from_path_len)?);
        let (mode, how) = (mode_in(mode)?, transfer_in(how)?);
        let run = || {
            let to = get::<Directory>(directory)?;
            to.try_transfer(&path, mode, &*get::<Directory>(from)?, &from_path, how)
        };
        done_out(done, run, || conflict_of(mode, &path))
    })
}

/// As `kja_directory_transfer`, on a thread of the pool; the promise carries 1 if it was done, otherwise 0. (FS-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_transfer_start(
    directory: kja_directory_t,
    runtime: kja_runtime_t,
    path: *const c_char,
    path_len: usize,
    mode: u32,
    from: kja_directory_t,
    from_path: *const c_char,
    from_path_len: usize,
    how: u32,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let (to, from) = (get::<Directory>(directory)?, get::<Directory>(from)?);
        let (path, from_path) = (path_in(path, path_len)?, path_in(from_path, from_path_len)?);
        let (mode, how) = (mode_in(mode)?, transfer_in(how)?);
        Ok(move || to.try_transfer(&path, mode, &from, &from_path, how).map(|done| Value::U64(done.into())))
    })
}

/// Removes what stands there, with all that is in it. A symbolic link is not followed. Whether there was something goes to `done`; if that is
/// null, it is an error that there was nothing: `FAILED` with the OS error ENOENT. If it fails a part may have been removed. (FS-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_remove(
    directory: kja_directory_t,
    path: *const c_char,
    path_len: usize,
    done: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let path = path_in(path, path_len)?;
        let remove = || get::<Directory>(directory)?.try_remove(&path);
        done_out(done, remove, || Directory::conflict("removing", &path, None))
    })
}

/// As `kja_directory_remove`, on a thread of the pool; the promise carries 1 if there was something, otherwise 0. (FS-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_remove_start(
    directory: kja_directory_t,
    runtime: kja_runtime_t,
    path: *const c_char,
    path_len: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let (directory, path) = (get::<Directory>(directory)?, path_in(path, path_len)?);
        Ok(move || directory.try_remove(&path).map(|done| Value::U64(done.into())))
    })
}

/// Releases the handle. What was opened through it stays open.
#[unsafe(no_mangle)]
pub extern "C" fn kja_directory_release(directory: kja_directory_t) -> kja_status_t {
    release::<Directory>(directory)
}
