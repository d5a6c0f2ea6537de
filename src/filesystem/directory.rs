//! Directories.

use super::disk::DiskDirectory;
use super::file::File;
use super::memory::{FileClock, MemoryDirectory};
use super::node::{Access, DirectoryEntry, DirectoryNode, Metadata, NodeKind, Transfer, WriteMode};
use super::path::Path;
use super::replacer::Replacer;
use crate::error::{Error, ErrorKind};
use crate::object::Object;
use rustix::io::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

/// A directory, on disk or in memory, and the right to all that is below it. Cloning gives another handle of it. What it does blocks for the
/// disk; any thread.
///
/// Symbolic links are followed as far as they stay below it: one that leads out is an error with the number EXDEV.
#[derive(Clone)]
pub struct Directory(pub(super) Arc<dyn DirectoryNode>);

impl Object for Directory {}

/// The directory that the process is in, or the root of all; for a program's `main` to give parts of it away. (FS-18)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambient {
    /// `/`.
    Root,
    /// `.`.
    Current,
}

fn failed(what: &str, path: &Path, errno: Errno) -> Error {
    Error::from_io(format_args!("{what} \"{path}\""), &errno.into())
}

/// How deep a tree may be that is copied: it takes stack and descriptors.
const DEEPEST: usize = 512;

impl Directory {
    /// The error of a mode that does not fit what is there.
    pub(crate) fn conflict(what: &str, path: &Path, mode: Option<WriteMode>) -> Error {
        let there = mode.is_some_and(|mode| !mode.has(WriteMode::MODIFY));
        failed(what, path, if there { Errno::EXIST } else { Errno::NOENT })
    }

    /// The root of all, or the directory that the process is in. (FS-18)
    pub fn ambient(which: Ambient) -> Result<Self, Error> {
        let name = if which == Ambient::Root { "/" } else { "." };
        Ok(Self(Arc::new(DiskDirectory::ambient(name)?)))
    }

    /// The path of the directory that the process is in, from the root. (FS-18)
    pub fn current_path() -> Result<Path, Error> {
        let path =
            std::env::current_dir().map_err(|error| Error::from_io("looking for the current directory", &error))?;
        Path::empty().eval(path.into_os_string().into_encoded_bytes())
    }

    /// A directory that somebody else has opened. (FS-20)
    ///
    /// # Errors
    /// `Failed` with the number ENOTDIR for anything else.
    pub fn from_fd(fd: OwnedFd) -> Result<Self, Error> {
        Ok(Self(Arc::new(DiskDirectory::new(fd, false)?)))
    }

    /// As [`from_fd`](Self::from_fd), resolving each path as on systems that do not do it themselves. For tests.
    #[doc(hidden)]
    pub fn from_fd_walking(fd: OwnedFd) -> Result<Self, Error> {
        Ok(Self(Arc::new(DiskDirectory::new(fd, true)?)))
    }

    /// An empty directory in memory, in which times come from the clock. (FS-19)
    pub fn in_memory(clock: FileClock) -> Self {
        Self(MemoryDirectory::root(clock))
    }

    /// What is known about it. (FS-05)
    pub fn stat(&self) -> Result<Metadata, Error> {
        self.0.stat()
    }

    /// Waits until the names in it are on the disk. (FS-05)
    pub fn sync(&self) -> Result<(), Error> {
        self.0.sync()
    }

    /// What is in it, sorted by name. What is not yet in its place is not among it. (FS-11)
    pub fn list(&self) -> Result<Vec<DirectoryEntry>, Error> {
        self.0.list()
    }

    /// What is known of what stands there; a link is not followed. None if there is nothing. (FS-11)
    pub fn lstat(&self, path: &Path) -> Result<Option<Metadata>, Error> {
        self.0.lstat(path)
    }

    /// Whether something stands there, be it a link that leads nowhere. (FS-11)
    pub fn exists(&self, path: &Path) -> Result<bool, Error> {
        Ok(self.lstat(path)?.is_some())
    }

    /// What the link says; none if there is nothing. (FS-11)
    ///
    /// # Errors
    /// `Failed` with the number EINVAL for what is no link.
    pub fn readlink(&self, path: &Path) -> Result<Option<Vec<u8>>, Error> {
        self.0.readlink(path)
    }

    /// Opens a file, or makes one. None if the mode does not fit: it is missing, or, without `MODIFY`, it is there. (FS-12, FS-13, FS-16)
    pub fn try_open_file(&self, path: &Path, access: Access) -> Result<Option<File>, Error> {
        if let Some(mode) = access.mode() {
            mode.check()?;
        }
        Ok(self.0.open_file(path, access)?.map(File))
    }

    /// As [`try_open_file`](Self::try_open_file), and a mode that does not fit is an error. (FS-12)
    ///
    /// # Errors
    /// `Failed` with the number ENOENT or EEXIST.
    pub fn open_file(&self, path: &Path, access: Access) -> Result<File, Error> {
        self.try_open_file(path, access)?.ok_or_else(|| Self::conflict("opening", path, access.mode()))
    }

    /// Opens a directory, or makes one. None if the mode does not fit. (FS-12, FS-13)
    pub fn try_open_directory(&self, path: &Path, mode: Option<WriteMode>) -> Result<Option<Self>, Error> {
        if let Some(mode) = mode {
            mode.check()?;
        }
        Ok(self.0.open_directory(path, mode)?.map(Self))
    }

    /// As [`try_open_directory`](Self::try_open_directory), and a mode that does not fit is an error. (FS-12)
    ///
    /// # Errors
    /// `Failed` with the number ENOENT or EEXIST.
    pub fn open_directory(&self, path: &Path, mode: Option<WriteMode>) -> Result<Self, Error> {
        self.try_open_directory(path, mode)?.ok_or_else(|| Self::conflict("opening", path, mode))
    }

    /// An empty file that takes its place when it is committed. (FS-14)
    pub fn replace_file(&self, path: &Path, mode: WriteMode) -> Result<Replacer<File>, Error> {
        let (file, staged) = self.0.stage_file(path, mode.check()?)?;
        Ok(Replacer::new(File(file), staged))
    }

    /// An empty directory that takes its place when it is committed. (FS-14)
    pub fn replace_directory(&self, path: &Path, mode: WriteMode) -> Result<Replacer<Self>, Error> {
        let (directory, staged) = self.0.stage_directory(path, mode.check()?)?;
        Ok(Replacer::new(Self(directory), staged))
    }

    /// A file without a name, which is gone with its last handle. (FS-15)
    pub fn create_temporary(&self) -> Result<File, Error> {
        self.0.temporary().map(File)
    }

    /// Makes a symbolic link with this text, whatever it leads to. `false` if the mode does not fit. (FS-17)
    pub fn try_symlink(&self, path: &Path, target: &[u8], mode: WriteMode) -> Result<bool, Error> {
        if target.is_empty() || target.contains(&0) {
            return Err(Error::invalid("a link has to lead somewhere, without a NUL"));
        }
        self.0.symlink(path, target, mode.check()?)
    }

    /// Moves, links or copies something here. `false` if the mode does not fit what is there. A copy appears as a whole. From one kind of
    /// disk to another, or between disk and memory, a move is a copy and then a removal. (FS-17)
    ///
    /// # Errors
    /// `Failed` with the number ENOENT if there is nothing to move; `Unimplemented` for a link to another kind of disk.
    pub fn try_transfer(
        &self,
        path: &Path,
        mode: WriteMode,
        from: &Self,
        from_path: &Path,
        how: Transfer,
    ) -> Result<bool, Error> {
        mode.check()?;
        if how != Transfer::Copy
            && let Some(done) = self.0.adopt(path, mode, &*from.0, from_path, how == Transfer::Link)?
        {
            return Ok(done);
        }
        if how == Transfer::Link {
            return Err(Error::new(ErrorKind::Unimplemented, "there is no link from one disk to another"));
        }
        let done = self.copy_tree(path, mode, from, from_path, DEEPEST)?;
        if done && how == Transfer::Move {
            from.0.remove(from_path)?;
        }
        Ok(done)
    }

    /// Removes what is there, with all that is in it; a link is not followed. `false` if there is nothing. (FS-17)
    pub fn try_remove(&self, path: &Path) -> Result<bool, Error> {
        self.0.remove(path)
    }

    /// Its descriptor. (FS-05)
    ///
    /// # Errors
    /// `Unimplemented` for a directory in memory.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, Error> {
        self.0.fd().ok_or_else(|| Error::new(ErrorKind::Unimplemented, "a directory in memory has no descriptor"))
    }

    fn copy_tree(
        &self,
        path: &Path,
        mode: WriteMode,
        from: &Self,
        from_path: &Path,
        deepest: usize,
    ) -> Result<bool, Error> {
        let Some(deepest) = deepest.checked_sub(1) else {
            return Err(Error::new(
                ErrorKind::Overloaded,
                format!("directories more than {DEEPEST} deep are not copied"),
            ));
        };
        let Some(stat) = from.lstat(from_path)? else { return Err(Self::conflict("copying", from_path, None)) };
        let bit = |set, bit| if set { bit } else { WriteMode::default() };
        let own = WriteMode::EXECUTABLE | WriteMode::PRIVATE;
        let mode =
            mode.without(own) | bit(stat.executable, WriteMode::EXECUTABLE) | bit(stat.private, WriteMode::PRIVATE);
        match stat.kind {
            NodeKind::File => {
                let new = self.replace_file(path, mode)?;
                let source = from.open_file(from_path, Access::Read)?;
                new.get().copy(0, &source, 0, u64::MAX)?;
                new.try_commit()
            }
            NodeKind::Symlink => {
                let target = from.readlink(from_path)?.ok_or_else(|| Self::conflict("copying", from_path, None))?;
                self.try_symlink(path, &target, mode)
            }
            NodeKind::Directory => {
                let source = from.open_directory(from_path, None)?;
                // Before there is a copy in it: it may be copied into itself.
                let entries = source.list()?;
                let new = self.replace_directory(path, mode)?;
                for entry in entries {
                    let name = Path::empty().child(&entry.name);
                    new.get().copy_tree(&name, WriteMode::CREATE, &source, &name, deepest)?;
                }
                new.try_commit()
            }
            _ => Err(Error::new(ErrorKind::Unimplemented, format!("\"{from_path}\" is nothing that can be copied"))),
        }
    }
}
