//! Removing with all that is inside, without following a link.

use super::super::path::Part;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::{Errno, Result};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How often a directory may get something new while it is emptied.
const ATTEMPTS: usize = 100;

/// A directory that is being emptied.
struct Emptied {
    fd: OwnedFd,
    name: Part,
    left: Vec<Part>,
    attempts: usize,
}

impl Emptied {
    fn new(parent: BorrowedFd<'_>, name: &[u8]) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(parent, name, flags, Mode::empty())?;
        let left = names(&fd)?;
        Ok(Self { fd, name: name.into(), left, attempts: 0 })
    }
}

fn names(fd: &OwnedFd) -> Result<Vec<Part>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(fd)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(name.into());
        }
    }
    Ok(names)
}

/// Removes what is no directory; whether it was one. Something that is gone is none.
fn unlink(parent: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(false),
        // Linux and POSIX do not agree on what is said of a directory.
        Err(Errno::ISDIR) => Ok(true),
        Err(Errno::PERM) => match Emptied::new(parent, name) {
            Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => Err(Errno::PERM),
            _ => Ok(true),
        },
        Err(errno) => Err(errno),
    }
}

/// Removes what stands there; `false` if nothing does.
pub(super) fn remove(parent: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) => return Ok(true),
        Err(Errno::NOENT) => return Ok(false),
        Err(_) if unlink(parent, name)? => {}
        Err(_) => return Ok(true),
    }
    let mut open = vec![Emptied::new(parent, name)?];
    while let Some(top) = open.last_mut() {
        if let Some(child) = top.left.pop() {
            if unlink(top.fd.as_fd(), &child)? {
                match Emptied::new(top.fd.as_fd(), &child) {
                    Ok(inner) => open.push(inner),
                    // It is gone, or is something else by now.
                    Err(Errno::NOENT) => {}
                    Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => top.left.push(child),
                    Err(errno) => return Err(errno),
                }
            }
            continue;
        }
        let Some(mut done) = open.pop() else { break };
        let above = open.last().map_or(parent, |above| above.fd.as_fd());
        match unlinkat(above, &*done.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            // Somebody has put something there.
            Err(Errno::NOTEMPTY | Errno::EXIST) if done.attempts < ATTEMPTS => {
                done.attempts += 1;
                done.left = names(&done.fd)?;
                open.push(done);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(true)
}
