//! Putting something in its place in one step: it is made, or brought, beside it under a hidden name first.

use super::super::node::{Staged, WriteMode};
use super::super::path::Part;
use super::remove::remove;
use super::resolve::Named;
use super::{failed, kind_of};
use crate::error::Error;
use crate::filesystem::node::NodeKind;
use rustix::fs::{AtFlags, FileType, RenameFlags, linkat, renameat, renameat_with, statat, unlinkat};
use rustix::io::{Errno, Result};
use std::os::fd::{AsFd, BorrowedFd};

/// What begins like this is not listed.
pub(in super::super) const HIDDEN: &[u8] = b".kj-tmp.";

/// A name that nobody has.
pub(super) fn hidden_name() -> Part {
    let mut name = HIDDEN.to_vec();
    name.extend_from_slice(format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>()).as_bytes());
    name.into()
}

fn is_there(parent: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
    match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn is_directory(parent: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
    let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(kind_of(FileType::from_raw_mode(stat.st_mode)) == NodeKind::Directory)
}

/// Whether a disk says that it has no such way of renaming. It may also be what the plain way says, which is tried then.
fn cannot(errno: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP].contains(&errno)
}

/// Renames to a name that nobody has; `EXIST` if somebody does.
pub(super) fn rename_new(from: BorrowedFd<'_>, from_name: &[u8], to: BorrowedFd<'_>, name: &[u8]) -> Result<()> {
    match renameat_with(from, from_name, to, name, RenameFlags::NOREPLACE) {
        Err(errno) if cannot(errno) => {}
        done => return done,
    }
    rename_new_in_steps(from, from_name, to, name)
}

/// Where the disk does not do it.
fn rename_new_in_steps(from: BorrowedFd<'_>, from_name: &[u8], to: BorrowedFd<'_>, name: &[u8]) -> Result<()> {
    if !is_directory(from, from_name)? {
        linkat(from, from_name, to, name, AtFlags::empty())?;
        return unlinkat(from, from_name, AtFlags::empty());
    }
    // Of a directory there is no way without a gap here.
    if is_there(to, name)? { Err(Errno::EXIST) } else { renameat(from, from_name, to, name) }
}

/// Whether a plain renaming fails for what is in its place, which an exchange may be able to do.
pub(super) fn is_in_the_way(errno: Errno) -> bool {
    matches!(errno, Errno::NOTEMPTY | Errno::EXIST | Errno::ISDIR | Errno::NOTDIR)
}

/// Puts what stands beside it, under a hidden name, in its place. `false` if the mode does not fit; then it is still where it was.
pub(super) fn place(parent: BorrowedFd<'_>, hidden: &[u8], name: &[u8], mode: WriteMode) -> Result<bool> {
    if !mode.has(WriteMode::MODIFY) {
        return match rename_new(parent, hidden, parent, name) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(errno),
        };
    }
    loop {
        if mode.has(WriteMode::CREATE) {
            match renameat(parent, hidden, parent, name) {
                Ok(()) => break,
                Err(errno) if is_in_the_way(errno) => {}
                Err(errno) => return Err(errno),
            }
        }
        match renameat_with(parent, hidden, parent, name, RenameFlags::EXCHANGE) {
            Ok(()) => break,
            Err(Errno::NOENT) if !mode.has(WriteMode::CREATE) => return Ok(false),
            // It has gone meanwhile.
            Err(Errno::NOENT) => {}
            Err(errno) if cannot(errno) => match replace_in_steps(parent, hidden, name) {
                Ok(()) => break,
                Err(Errno::NOENT) if !mode.has(WriteMode::CREATE) => return Ok(false),
                Err(errno) => return Err(errno),
            },
            Err(errno) => return Err(errno),
        }
    }
    // What was there, or another name of the same file. Nothing sees it any more, and it is in its place whether or not this can be removed.
    let _ = remove(parent, hidden);
    Ok(true)
}

/// Where the disk exchanges nothing: for a moment nothing is there.
fn replace_in_steps(parent: BorrowedFd<'_>, hidden: &[u8], name: &[u8]) -> Result<()> {
    let old = hidden_name();
    renameat(parent, name, parent, &*old)?;
    if let Err(errno) = renameat(parent, hidden, parent, name) {
        // As it was; there is nothing else to be tried if that fails too.
        let _ = renameat(parent, &*old, parent, name);
        return Err(errno);
    }
    // As in `place`.
    let _ = remove(parent, &old);
    Ok(())
}

/// Something under a hidden name beside its place.
pub(super) struct StagedNode {
    pub(super) place: Named,
    pub(super) hidden: Part,
    pub(super) mode: WriteMode,
    pub(super) committed: bool,
}

impl StagedNode {
    pub(super) fn new(place: Named, hidden: Part, mode: WriteMode) -> Self {
        Self { place, hidden, mode, committed: false }
    }
}

impl Staged for StagedNode {
    fn commit(&mut self) -> std::result::Result<bool, Error> {
        let done = place(self.place.parent.as_fd(), &self.hidden, &self.place.name, self.mode);
        let done = done.map_err(|errno| failed("putting something new in its place", errno))?;
        self.committed = done;
        Ok(done)
    }
}

impl Drop for StagedNode {
    fn drop(&mut self) {
        if !self.committed {
            // There is nobody to be told; what stays is hidden.
            let _ = remove(self.place.parent.as_fd(), &self.hidden);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Access, Directory, Path};
    use super::*;
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    use std::os::fd::OwnedFd;

    struct Folder(Part, OwnedFd);

    impl Folder {
        fn new() -> Self {
            let name = [std::env::temp_dir().into_os_string().into_encoded_bytes(), hidden_name().to_vec()].join(&b'/');
            mkdirat(CWD, name.as_slice(), Mode::RWXU).unwrap();
            let fd = openat(CWD, name.as_slice(), OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
            Self(name.into(), fd)
        }

        fn directory(&self) -> Directory {
            Directory::from_fd(self.1.try_clone().unwrap()).unwrap()
        }

        fn make(&self, path: &str, text: &str) {
            let mode = WriteMode::CREATE | WriteMode::CREATE_PARENT;
            let file = self.directory().open_file(&Path::parse(path).unwrap(), Access::Write(mode)).unwrap();
            file.write(0, text.as_bytes()).unwrap();
        }

        fn text(&self, path: &str) -> Vec<u8> {
            let file = self.directory().open_file(&Path::parse(path).unwrap(), Access::Read).unwrap();
            file.read_all(100).unwrap().to_vec()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            remove(CWD, &self.0).unwrap();
        }
    }

    #[test]
    fn where_a_disk_exchanges_no_names_it_goes_in_steps() {
        let folder = Folder::new();
        let here = folder.1.as_fd();
        folder.make("new/a", "new");
        assert_eq!(replace_in_steps(here, b"new", b"place"), Err(Errno::NOENT));
        folder.make("place", "old");
        replace_in_steps(here, b"new", b"place").unwrap();
        assert_eq!(folder.text("place/a"), b"new");
        // If there is nothing to put there, what is there stays.
        assert_eq!(replace_in_steps(here, b"none", b"place"), Err(Errno::NOENT));
        assert_eq!((folder.text("place/a"), folder.directory().list().unwrap().len()), (b"new".to_vec(), 1));
    }

    #[test]
    fn where_a_disk_cannot_say_that_a_name_must_be_new_it_goes_in_steps() {
        let folder = Folder::new();
        let here = folder.1.as_fd();
        folder.make("file", "1");
        folder.make("directory/a", "2");
        for name in ["file", "directory"] {
            assert_eq!(rename_new_in_steps(here, name.as_bytes(), here, b"file"), Err(Errno::EXIST));
        }
        rename_new_in_steps(here, b"file", here, b"moved").unwrap();
        rename_new_in_steps(here, b"directory", here, b"place").unwrap();
        assert_eq!((folder.text("moved"), folder.text("place/a")), (b"1".to_vec(), b"2".to_vec()));
        assert_eq!(folder.directory().list().unwrap().len(), 2);
    }
}
