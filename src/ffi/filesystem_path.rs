//! Paths. A path is a list of names from a directory on, written with slashes between them: `a/b/c`, and `.` for none. No path leads
//! out of the directory that it is used in.

use super::{boundary, bytes_in, kja_status_t, put, terminated_out};
use crate::error::Error;
use crate::filesystem::Path;
use std::ffi::c_char;
use std::hash::{DefaultHasher, Hash, Hasher};

/// As `kja_path_parse` reads it.
pub(super) fn path_in(text: *const c_char, len: usize) -> Result<Path, Error> {
    Path::parse(bytes_in(text.cast(), len)?)
}

fn path_out(path: &Path, buffer: *mut c_char, capacity: usize, length: *mut usize) -> Result<(), Error> {
    terminated_out(&path.to_bytes(), buffer.cast(), capacity, length)
}

/// Reads a path and writes it as it is kept, with a closing NUL, cut to `capacity`; the whole length goes to `length`, which may be null. So it
/// is with every path here, and every function that takes a path reads it like this. Names between slashes, in any encoding; empty ones and
/// `.` are left out. Plain functions on bytes: any thread, nothing blocks. Errors: `INVALID_ARGUMENT` for a leading slash, for `..`
/// and for a NUL. (FS-01, FS-02)
///
/// ```c
/// char path[100];
/// kja_path_parse("./a//b/", 7, path, sizeof path, NULL); // a/b
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_parse(
    text: *const c_char,
    text_len: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| path_out(&path_in(text, text_len)?, buffer, capacity, length))
}

/// What the system would take a text for, seen from a path: a leading slash begins at the root anew, `..` takes a name away. Symbolic links
/// are not looked at. Not for texts that are not trusted: they may come out anywhere below the directory in which the result is
/// used. Errors: as `kja_path_parse`, and `INVALID_ARGUMENT` for `..` where nothing is left. (FS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_eval(
    base: *const c_char,
    base_len: usize,
    text: *const c_char,
    text_len: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let text = bytes_in(text.cast(), text_len)?;
        path_out(&path_in(base, base_len)?.eval(text)?, buffer, capacity, length)
    })
}

/// One path behind another. Errors: as `kja_path_parse`. (FS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_append(
    base: *const c_char,
    base_len: usize,
    more: *const c_char,
    more_len: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| path_out(&path_in(base, base_len)?.append(&path_in(more, more_len)?), buffer, capacity, length))
}

/// How many names a path has. (FS-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_count(path: *const c_char, path_len: usize, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, path_in(path, path_len)?.parts().len()))
}

/// The names from `start` up to, not including, `end`. Errors: `INVALID_ARGUMENT` if there are no such names, otherwise as
/// `kja_path_parse`. (FS-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_slice(
    path: *const c_char,
    path_len: usize,
    start: usize,
    end: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| path_out(&path_in(path, path_len)?.slice(start, end)?, buffer, capacity, length))
}

/// The last name. Errors: `INVALID_ARGUMENT` if there is none, otherwise as `kja_path_parse`. (FS-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_basename(
    path: *const c_char,
    path_len: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let path = path_in(path, path_len)?;
        terminated_out(path.basename().ok_or_else(no_names)?, buffer.cast(), capacity, length)
    })
}

/// The path without its last name. Errors: as `kja_path_basename`. (FS-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_parent(
    path: *const c_char,
    path_len: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| path_out(&path_in(path, path_len)?.parent().ok_or_else(no_names)?, buffer, capacity, length))
}

fn no_names() -> Error {
    Error::invalid("the path has no names")
}

/// Whether a path begins with the names of another. (FS-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_starts_with(
    path: *const c_char,
    path_len: usize,
    head: *const c_char,
    head_len: usize,
    out: *mut bool,
) -> kja_status_t {
    boundary(|| put(out, path_in(path, path_len)?.starts_with(&path_in(head, head_len)?)))
}

/// Whether a path ends with the names of another. (FS-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_ends_with(
    path: *const c_char,
    path_len: usize,
    tail: *const c_char,
    tail_len: usize,
    out: *mut bool,
) -> kja_status_t {
    boundary(|| put(out, path_in(path, path_len)?.ends_with(&path_in(tail, tail_len)?)))
}

/// Compares name by name, as bytes: -1, 0 or 1 goes to `out`. (FS-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_compare(
    path: *const c_char,
    path_len: usize,
    other: *const c_char,
    other_len: usize,
    out: *mut i32,
) -> kja_status_t {
    boundary(|| put(out, path_in(path, path_len)?.cmp(&path_in(other, other_len)?) as i32))
}

/// A number that equal paths share, in this process. (FS-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_path_hash(path: *const c_char, path_len: usize, out: *mut u64) -> kja_status_t {
    boundary(|| {
        let mut hasher = DefaultHasher::new();
        path_in(path, path_len)?.hash(&mut hasher);
        put(out, hasher.finish())
    })
}
