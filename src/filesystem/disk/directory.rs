//! Directories on disk.

use super::super::node::{Access, DirectoryEntry, DirectoryNode, FileNode, Metadata, NodeKind, Staging, WriteMode};
use super::super::path::Path;
use super::file::DiskFile;
use super::remove::remove;
use super::resolve::{Named, Root};
use super::staged::{HIDDEN, StagedNode, hidden_name, is_in_the_way, place, rename_new};
use super::{failed, kind_of, metadata};
use crate::error::Error;
use crate::os::sys;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RawMode, fstat, linkat, mkdirat, openat, readlinkat, renameat, statat,
    symlinkat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};
use std::any::Any;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

pub(in super::super) struct DiskDirectory(Root);

fn permissions(mode: WriteMode, is_directory: bool) -> Mode {
    Mode::from_raw_mode(mode.permissions(is_directory) as RawMode)
}

/// `None` if something is missing on the way.
fn unless_missing<T>(found: rustix::io::Result<T>) -> rustix::io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

impl DiskDirectory {
    pub(in super::super) fn new(fd: OwnedFd, walks: bool) -> Result<Self, Error> {
        let stat = fstat(&fd).map_err(|errno| failed("looking at a directory", errno))?;
        if metadata(&stat).kind != NodeKind::Directory {
            return Err(failed("opening a directory", Errno::NOTDIR));
        }
        Ok(Self(Root::new(fd, walks)))
    }

    pub(in super::super) fn ambient(name: &str) -> Result<Self, Error> {
        let fd = openat(CWD, name, OFlags::RDONLY | DIRECTORY, Mode::empty());
        Ok(Self(Root::new(fd.map_err(|errno| failed(format_args!("opening \"{name}\""), errno))?, false)))
    }

    fn opened(&self, fd: OwnedFd) -> Self {
        Self(Root::new(fd, self.0.walks))
    }

    /// Makes the directories on the way to what the path names.
    fn make_parents(&self, path: &Path) -> rustix::io::Result<()> {
        for end in 1..path.parts().len() {
            let Ok(parent) = path.slice(0, end) else { break };
            let Named { parent, name } = self.0.named(&parent)?;
            match mkdirat(&parent, &*name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Does it again once the directories on the way are made, if that is wanted.
    fn with_parents<T>(
        &self,
        path: &Path,
        mode: WriteMode,
        run: impl Fn() -> rustix::io::Result<T>,
    ) -> rustix::io::Result<T> {
        match run() {
            Err(Errno::NOENT) if mode.has(WriteMode::CREATE_PARENT) => {
                self.make_parents(path)?;
                run()
            }
            done => done,
        }
    }

    fn place_of(&self, what: &str, path: &Path, mode: WriteMode) -> Result<Named, Error> {
        self.with_parents(path, mode, || self.0.named(path))
            .map_err(|errno| failed(format_args!("{what} \"{path}\""), errno))
    }

    /// Opens a directory that stands here under this very name.
    fn child(&self, place: &Named) -> rustix::io::Result<Self> {
        let fd = openat(&place.parent, &*place.name, OFlags::RDONLY | DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(self.opened(fd))
    }

    fn make_directory(&self, path: &Path, mode: WriteMode) -> rustix::io::Result<Option<Self>> {
        if path.parts().is_empty() {
            return self.open_existing(path, mode.has(WriteMode::MODIFY));
        }
        let place = self.with_parents(path, mode, || self.0.named(path))?;
        match mkdirat(&place.parent, &*place.name, permissions(mode, true)) {
            // One that was made here is not looked for under a link.
            Ok(()) => self.child(&place).map(Some),
            Err(Errno::EXIST) => self.open_existing(path, mode.has(WriteMode::MODIFY)),
            Err(errno) => Err(errno),
        }
    }

    fn open_existing(&self, path: &Path, may_be_there: bool) -> rustix::io::Result<Option<Self>> {
        if !may_be_there {
            return Ok(None);
        }
        self.0.open(path, OFlags::RDONLY | DIRECTORY, Mode::empty()).map(|fd| Some(self.opened(fd)))
    }

    fn move_here(&self, to: &Named, mode: WriteMode, from: &Named) -> rustix::io::Result<Option<bool>> {
        let (here, there) = (to.parent.as_fd(), from.parent.as_fd());
        let source = statat(there, &*from.name, AtFlags::SYMLINK_NOFOLLOW)?;
        if let Ok(target) = statat(here, &*to.name, AtFlags::SYMLINK_NOFOLLOW)
            && (source.st_dev, source.st_ino) == (target.st_dev, target.st_ino)
        {
            return if mode.has(WriteMode::MODIFY) { already_there(to, from).map(Some) } else { Ok(Some(false)) };
        }
        if !mode.has(WriteMode::MODIFY) {
            return match rename_new(there, &from.name, here, &to.name) {
                Err(Errno::EXIST) => Ok(Some(false)),
                done => done.map(|()| Some(true)),
            };
        }
        if mode.has(WriteMode::CREATE) {
            match renameat(there, &*from.name, here, &*to.name) {
                Err(errno) if is_in_the_way(errno) => {}
                done => return done.map(|()| Some(true)),
            }
        }
        let hidden = hidden_name();
        renameat(there, &*from.name, here, &*hidden)?;
        let placed = place(here, &hidden, &to.name, mode);
        if !matches!(placed, Ok(true)) {
            // Back to where it was; if somebody has taken that name it stays hidden, and the error tells.
            rename_new(here, &hidden, there, &from.name)?;
        }
        placed.map(Some)
    }

    fn link_here(&self, to: &Named, mode: WriteMode, from: &Named) -> rustix::io::Result<Option<bool>> {
        let (here, there) = (to.parent.as_fd(), from.parent.as_fd());
        if !mode.has(WriteMode::MODIFY) {
            return match linkat(there, &*from.name, here, &*to.name, AtFlags::empty()) {
                Err(Errno::EXIST) => Ok(Some(false)),
                done => done.map(|()| Some(true)),
            };
        }
        let hidden = hidden_name();
        linkat(there, &*from.name, here, &*hidden, AtFlags::empty())?;
        let placed = place(here, &hidden, &to.name, mode);
        if !matches!(placed, Ok(true)) {
            unlinkat(here, &*hidden, AtFlags::empty())?;
        }
        placed.map(Some)
    }
}

/// Moves a file onto another name of it: the system would do nothing.
fn already_there(to: &Named, from: &Named) -> rustix::io::Result<bool> {
    let (here, there) = (fstat(&to.parent)?, fstat(&from.parent)?);
    let same_place = (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) && to.name == from.name;
    if !same_place {
        unlinkat(&from.parent, &*from.name, AtFlags::empty())?;
    }
    Ok(true)
}

impl DirectoryNode for DiskDirectory {
    fn stat(&self) -> Result<Metadata, Error> {
        fstat(&self.0.fd).map(|stat| metadata(&stat)).map_err(|errno| failed("looking at a directory", errno))
    }

    fn sync(&self) -> Result<(), Error> {
        retry_on_intr(|| sys::flush(self.0.fd.as_fd(), false)).map_err(|errno| failed("syncing a directory", errno))
    }

    fn list(&self) -> Result<Vec<DirectoryEntry>, Error> {
        let list = || {
            let mut entries = Vec::new();
            for entry in Dir::read_from(&self.0.fd)? {
                let entry = entry?;
                let name = entry.file_name().to_bytes();
                if matches!(name, b"." | b"..") || name.starts_with(HIDDEN) {
                    continue;
                }
                let kind = match entry.file_type() {
                    // Not every disk says.
                    FileType::Unknown => match statat(&self.0.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                        Err(Errno::NOENT) => continue,
                        Err(errno) => return Err(errno),
                    },
                    known => known,
                };
                entries.push(DirectoryEntry { name: name.into(), kind: kind_of(kind) });
            }
            entries.sort();
            Ok(entries)
        };
        list().map_err(|errno| failed("listing a directory", errno))
    }

    fn lstat(&self, path: &Path) -> Result<Option<Metadata>, Error> {
        if path.parts().is_empty() {
            return self.stat().map(Some);
        }
        let look = || {
            let place = self.0.named(path)?;
            statat(&place.parent, &*place.name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| metadata(&stat))
        };
        unless_missing(look()).map_err(|errno| failed(format_args!("looking at \"{path}\""), errno))
    }

    fn readlink(&self, path: &Path) -> Result<Option<Vec<u8>>, Error> {
        let read = || {
            let place = self.0.named(path)?;
            readlinkat(&place.parent, &*place.name, Vec::new()).map(|target| target.into_bytes())
        };
        unless_missing(read()).map_err(|errno| failed(format_args!("reading the link \"{path}\""), errno))
    }

    fn open_file(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn FileNode>>, Error> {
        let base = match access {
            Access::Read => OFlags::RDONLY,
            Access::Write(_) => OFlags::RDWR,
            Access::Append(_) => OFlags::WRONLY | OFlags::APPEND,
        };
        let mode = access.mode().unwrap_or(WriteMode::MODIFY);
        let (creates, may_be_there) = (mode.has(WriteMode::CREATE), mode.has(WriteMode::MODIFY));
        let flag = |wanted, flag| if wanted { flag } else { OFlags::empty() };
        let flags = base | flag(creates, OFlags::CREATE) | flag(creates && !may_be_there, OFlags::EXCL);
        let opened = self.with_parents(path, mode, || self.0.open(path, flags, permissions(mode, false)));
        let opened = match opened {
            Err(Errno::EXIST) if creates && !may_be_there => Ok(None),
            Err(errno) if creates => Err(errno),
            opened => unless_missing(opened),
        };
        let what = |errno| failed(format_args!("opening \"{path}\""), errno);
        let Some(fd) = opened.map_err(what)? else { return Ok(None) };
        let file = match access {
            Access::Read => DiskFile::opened_to_read(fd).map_err(what)?,
            // Of a directory the system has said so.
            Access::Write(_) => DiskFile::opened(fd, false),
            Access::Append(_) => DiskFile::opened(fd, true),
        };
        Ok(Some(Arc::new(file)))
    }

    fn open_directory(&self, path: &Path, mode: Option<WriteMode>) -> Result<Option<Arc<dyn DirectoryNode>>, Error> {
        let opened = match mode {
            Some(mode) if mode.has(WriteMode::CREATE) => self.make_directory(path, mode),
            _ => match self.open_existing(path, true) {
                Err(Errno::NOENT) => Ok(None),
                // Something on the way is none, or what it leads to.
                Err(Errno::NOTDIR) if self.lstat(path)?.is_none() => Ok(None),
                opened => opened,
            },
        };
        let opened = opened.map_err(|errno| failed(format_args!("opening \"{path}\""), errno))?;
        Ok(opened.map(|opened| Arc::new(opened) as Arc<dyn DirectoryNode>))
    }

    fn stage_file(&self, path: &Path, mode: WriteMode) -> Result<Staging<dyn FileNode>, Error> {
        let place = self.place_of("replacing", path, mode)?;
        let hidden = hidden_name();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = openat(&place.parent, &*hidden, flags, permissions(mode, false))
            .map_err(|errno| failed(format_args!("replacing \"{path}\""), errno))?;
        let staged = StagedNode::new(place, hidden, mode);
        Ok((Arc::new(DiskFile::opened(fd, false)), Box::new(staged)))
    }

    fn stage_directory(&self, path: &Path, mode: WriteMode) -> Result<Staging<dyn DirectoryNode>, Error> {
        let place = self.place_of("replacing", path, mode)?;
        let hidden = Named { parent: place.parent.clone(), name: hidden_name() };
        let what = |errno| failed(format_args!("replacing \"{path}\""), errno);
        mkdirat(&hidden.parent, &*hidden.name, permissions(mode, true)).map_err(what)?;
        let staged = StagedNode::new(place, hidden.name.clone(), mode);
        let opened = self.child(&hidden).map_err(what)?;
        Ok((Arc::new(opened), Box::new(staged)))
    }

    fn temporary(&self) -> Result<Arc<dyn FileNode>, Error> {
        let make = || {
            if let Some(fd) = sys::unnamed_file(self.0.fd.as_fd())? {
                return Ok(fd);
            }
            let (hidden, flags) = (hidden_name(), OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC);
            let fd = openat(&self.0.fd, &*hidden, flags, Mode::from_raw_mode(0o600))?;
            unlinkat(&self.0.fd, &*hidden, AtFlags::empty())?;
            Ok(fd)
        };
        let fd = make().map_err(|errno| failed("making a temporary file", errno))?;
        Ok(Arc::new(DiskFile::opened(fd, false)))
    }

    fn symlink(&self, path: &Path, target: &[u8], mode: WriteMode) -> Result<bool, Error> {
        let to = self.place_of("linking", path, mode)?;
        let link = || {
            if !mode.has(WriteMode::MODIFY) {
                return match symlinkat(target, &to.parent, &*to.name) {
                    Err(Errno::EXIST) => Ok(false),
                    done => done.map(|()| true),
                };
            }
            let hidden = hidden_name();
            symlinkat(target, &to.parent, &*hidden)?;
            let placed = place(to.parent.as_fd(), &hidden, &to.name, mode);
            if !matches!(placed, Ok(true)) {
                unlinkat(&to.parent, &*hidden, AtFlags::empty())?;
            }
            placed
        };
        link().map_err(|errno| failed(format_args!("linking \"{path}\""), errno))
    }

    fn adopt(
        &self,
        path: &Path,
        mode: WriteMode,
        from: &dyn DirectoryNode,
        from_path: &Path,
        link: bool,
    ) -> Result<Option<bool>, Error> {
        let from: &dyn Any = from;
        let Some(Self(from)) = from.downcast_ref() else { return Ok(None) };
        let transfer = || {
            let source = from.named(from_path)?;
            let to = self.with_parents(path, mode, || self.0.named(path))?;
            if link { self.link_here(&to, mode, &source) } else { self.move_here(&to, mode, &source) }
        };
        match transfer() {
            Err(Errno::XDEV) if from.named(from_path).is_ok() && self.0.named(path).is_ok() => Ok(None),
            done => done.map_err(|errno| failed(format_args!("transferring \"{from_path}\" to \"{path}\""), errno)),
        }
    }

    fn remove(&self, path: &Path) -> Result<bool, Error> {
        let removed = self.0.named(path).and_then(|place| remove(place.parent.as_fd(), &place.name));
        let removed = unless_missing(removed).map_err(|errno| failed(format_args!("removing \"{path}\""), errno))?;
        Ok(removed.unwrap_or(false))
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.fd.as_fd())
    }
}
