//! Files and directories that take their place when they are committed, in one step.

use super::filesystem_directory::{done_out, mode_in};
use super::filesystem_file::started;
use super::filesystem_path::path_in;
use super::{
    boundary, created, get, kja_directory_t, kja_file_t, kja_promise_t, kja_replacer_t, kja_runtime_t, kja_status_t,
    release,
};
use crate::error::Error;
use crate::filesystem::{Directory, File, Path, Replacer, WriteMode};
use crate::object::Object;
use crate::value::Value;
use std::ffi::c_char;

enum Content {
    File(Replacer<File>),
    Directory(Replacer<Directory>),
}

struct Replacement {
    content: Content,
    path: Path,
    mode: WriteMode,
}

impl Object for Replacement {
    fn kind(&self) -> &'static str {
        "Replacer"
    }
}

impl Replacement {
    fn try_commit(&self) -> Result<bool, Error> {
        match &self.content {
            Content::File(replacer) => replacer.try_commit(),
            Content::Directory(replacer) => replacer.try_commit(),
        }
    }
}

/// Makes an empty file that will stand at `path`. Nobody sees it, and what stands there stays, until it is committed; released before
/// that, it is gone. `mode` is of `KJA_WRITE_` and says what may be there then. Blocks for the disk. (FS-14)
///
/// ```c
/// kja_directory_replace_file(directory, "state", 5, KJA_WRITE_CREATE | KJA_WRITE_MODIFY, &replacer);
/// kja_replacer_file(replacer, &file);
/// kja_file_write(file, 0, data, size);
/// kja_file_sync(file, false);
/// kja_replacer_commit(replacer, NULL);
/// kja_directory_sync(directory);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_replace_file(
    directory: kja_directory_t,
    path: *const c_char,
    path_len: usize,
    mode: u32,
    out: *mut kja_replacer_t,
) -> kja_status_t {
    created(out, || {
        let (directory, path, mode) = (get::<Directory>(directory)?, path_in(path, path_len)?, mode_in(mode)?);
        let content = Content::File(directory.replace_file(&path, mode)?);
        Ok(Replacement { content, path, mode })
    })
}

/// As `kja_directory_replace_file`, with an empty directory. (FS-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_directory_replace_directory(
    directory: kja_directory_t,
    path: *const c_char,
    path_len: usize,
    mode: u32,
    out: *mut kja_replacer_t,
) -> kja_status_t {
    created(out, || {
        let (directory, path, mode) = (get::<Directory>(directory)?, path_in(path, path_len)?, mode_in(mode)?);
        let content = Content::Directory(directory.replace_directory(&path, mode)?);
        Ok(Replacement { content, path, mode })
    })
}

/// The file to be filled; a handle of its own, which may be used after the commit too. Errors: `WRONG_TYPE` if it is a directory. (FS-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_replacer_file(replacer: kja_replacer_t, out: *mut kja_file_t) -> kja_status_t {
    created(out, || match &get::<Replacement>(replacer)?.content {
        Content::File(replacer) => Ok(replacer.get().clone()),
        Content::Directory(_) => Err(Error::wrong_type()),
    })
}

/// The directory to be filled; a handle of its own. Errors: `WRONG_TYPE` if it is a file. (FS-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_replacer_directory(replacer: kja_replacer_t, out: *mut kja_directory_t) -> kja_status_t {
    created(out, || match &get::<Replacement>(replacer)?.content {
        Content::Directory(replacer) => Ok(replacer.get().clone()),
        Content::File(_) => Err(Error::wrong_type()),
    })
}

/// Puts it in its place in one step; what was there is gone. On disks that exchange no names, and on these only if a directory is
/// replaced, nothing is there for a moment. Whether it was done goes to `done`: if not, the mode does not fit what is there, and it may be tried
/// again. If `done` is null that is an error, as in `kja_directory_open_file`. That it lasts is sure only when the file was synced before
/// and its directory after. Blocks for the disk. Errors: `FAILED` once it is in its place. (FS-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_replacer_commit(replacer: kja_replacer_t, done: *mut bool) -> kja_status_t {
    boundary(|| {
        let found = get::<Replacement>(replacer)?;
        let conflict = || Directory::conflict("replacing", &found.path, Some(found.mode));
        done_out(done, || found.try_commit(), conflict)
    })
}

/// As `kja_replacer_commit`, on a thread of the pool; the promise carries 1 if it was done, otherwise 0. (FS-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_replacer_commit_start(
    replacer: kja_replacer_t,
    runtime: kja_runtime_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    started(runtime, out, || {
        let replacer = get::<Replacement>(replacer)?;
        Ok(move || replacer.try_commit().map(|done| Value::U64(done.into())))
    })
}

/// Releases the handle. What was not committed is gone. Blocks for the disk.
#[unsafe(no_mangle)]
pub extern "C" fn kja_replacer_release(replacer: kja_replacer_t) -> kja_status_t {
    release::<Replacement>(replacer)
}
