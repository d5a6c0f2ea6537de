//! Paths to descriptors, below the directory that they begin in: by the system where it can, otherwise from name to name.

use super::super::path::{Part, Path};
use super::super::walk::{Entered, Place, Step, walk};
use crate::os::sys;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::{Errno, Result};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Those of everything that is opened as what it is. One of a pipe or a terminal must not wait for somebody at the other end, nor become ours.
const ALWAYS: OFlags = OFlags::CLOEXEC.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// How often links may change between a look and an opening.
const ATTEMPTS: usize = 1000;

/// A directory that paths begin in.
#[derive(Clone)]
pub(super) struct Root {
    pub(super) fd: Arc<OwnedFd>,
    /// The system's own resolution is not used.
    pub(super) walks: bool,
}

/// The directory that has a name, and the name.
pub(super) struct Named {
    pub(super) parent: Arc<OwnedFd>,
    pub(super) name: Part,
}

/// What a link says; `None` for what is no link, or nothing.
fn link_at(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Vec<u8>>> {
    match readlinkat(directory, name, Vec::new()) {
        Ok(target) => Ok(Some(target.into_bytes())),
        Err(Errno::INVAL | Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

impl Step for Arc<OwnedFd> {
    fn enter(&self, part: &[u8]) -> Result<Entered<Self>> {
        for _ in 0..ATTEMPTS {
            let flags = OFlags::CLOEXEC | sys::PASS | OFlags::DIRECTORY | OFlags::NOFOLLOW;
            match openat(self, part, flags, Mode::empty()) {
                Ok(fd) => return Ok(Entered::Directory(Self::new(fd))),
                // Systems do not agree on how to say that it is a link.
                Err(errno @ (Errno::LOOP | Errno::NOTDIR | Errno::MLINK)) => match link_at(self.as_fd(), part)? {
                    Some(target) => return Ok(Entered::Link(target)),
                    // It was a link, or it will not become a directory by waiting.
                    None if statat(self, part, AtFlags::SYMLINK_NOFOLLOW)
                        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) != FileType::Directory) =>
                    {
                        return Err(errno);
                    }
                    None => {}
                },
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::LOOP)
    }

    fn link(&self, part: &[u8]) -> Result<Option<Vec<u8>>> {
        link_at(self.as_fd(), part)
    }
}

impl Root {
    pub(super) fn new(fd: OwnedFd, walks: bool) -> Self {
        Self { fd: Arc::new(fd), walks }
    }

    /// The directory in which the last part of the path stands, whatever that is. Of the empty path there is none: `INVAL`.
    pub(super) fn named(&self, path: &Path) -> Result<Named> {
        let (Some(name), Some(parent)) = (path.basename(), path.parent()) else { return Err(Errno::INVAL) };
        if parent.parts().is_empty() {
            return Ok(Named { parent: self.fd.clone(), name: name.into() });
        }
        let flags = OFlags::CLOEXEC | sys::PASS | OFlags::DIRECTORY;
        if !self.walks
            && let Some(opened) = sys::open_beneath(self.fd.as_fd(), &parent.to_bytes(), flags, Mode::empty())
        {
            return Ok(Named { parent: Arc::new(opened?), name: name.into() });
        }
        match walk(self.fd.clone(), path, false)? {
            Place::In(parent, name) => Ok(Named { parent, name }),
            Place::Itself(_) => Err(Errno::INVAL),
        }
    }

    /// Opens what is there, or makes a file. Links are followed, unless a new file is asked for.
    pub(super) fn open(&self, path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let flags = ALWAYS | flags;
        if !self.walks
            && let Some(opened) = sys::open_beneath(self.fd.as_fd(), &path.to_bytes(), flags, mode)
        {
            return opened;
        }
        for _ in 0..ATTEMPTS {
            match walk(self.fd.clone(), path, !flags.contains(OFlags::EXCL))? {
                Place::Itself(directory) => return openat(&directory, c".", flags - OFlags::CREATE, mode),
                Place::In(parent, name) => match openat(&parent, &*name, flags | OFlags::NOFOLLOW, mode) {
                    // It has become a link since.
                    Err(Errno::LOOP | Errno::MLINK) => {}
                    Err(Errno::NOTDIR) if link_at(parent.as_fd(), &name)?.is_some() => {}
                    opened => return opened,
                },
            }
        }
        Err(Errno::LOOP)
    }
}
