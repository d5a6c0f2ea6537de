//! What a directory and a file are, on disk as in memory.

use super::mapping::Mapping;
use super::path::{Part, Path};
use crate::error::Error;
use std::any::Any;
use std::ops::BitOr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use tokio::io::ReadBuf;

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// A file with bytes.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A disk or the like.
    BlockDevice,
    /// A terminal or the like.
    CharacterDevice,
    /// A pipe with a name.
    NamedPipe,
    /// A socket with a name.
    Socket,
    /// Something else.
    Other,
}

/// What is known about a node. (FS-05)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: NodeKind,
    /// How many bytes it has.
    pub size: u64,
    /// How many bytes of the disk it takes.
    pub space_used: u64,
    /// When it was last changed, in nanoseconds since the beginning of 1970; 0 for times before.
    pub modified: u64,
    /// Under how many names it stands.
    pub link_count: u64,
    /// The same for two handles if they stand for the same node, and hardly ever otherwise.
    pub identity: u64,
    /// Whether its owner may run it, or go through it.
    pub executable: bool,
    /// Whether nobody but its owner may do anything with it.
    pub private: bool,
}

/// A name in a directory. (FS-11)
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryEntry {
    /// The name.
    pub name: Part,
    /// What stands under it.
    pub kind: NodeKind,
}

/// What may be there already, and how something new is made. (FS-13)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteMode(pub(super) u32);

impl WriteMode {
    /// It is made if it is not there; without `MODIFY` it must not be there.
    pub const CREATE: Self = Self(1);
    /// It may be there; without `CREATE` it must be.
    pub const MODIFY: Self = Self(2);
    /// Directories on the way are made as needed. With `CREATE`.
    pub const CREATE_PARENT: Self = Self(4);
    /// A new file is a program.
    pub const EXECUTABLE: Self = Self(8);
    /// Nobody but the owner has access to something new.
    pub const PRIVATE: Self = Self(16);

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// # Errors
    /// `InvalidArgument` for bits that there are not.
    pub fn from_bits(bits: u32) -> Result<Self, Error> {
        if bits & !31 == 0 { Ok(Self(bits)) } else { Err(Error::invalid(format!("{bits:#x} is no mode of writing"))) }
    }

    /// # Errors
    /// `InvalidArgument` if it says neither that something may be made nor that something may be there.
    pub(super) fn check(self) -> Result<Self, Error> {
        let to_begin_with = self.has(Self::CREATE) || self.has(Self::MODIFY);
        let parents = !self.has(Self::CREATE_PARENT) || self.has(Self::CREATE);
        match (to_begin_with, parents) {
            (false, _) => Err(Error::invalid("a mode of writing needs CREATE or MODIFY")),
            (_, false) => Err(Error::invalid("CREATE_PARENT goes with CREATE")),
            _ => Ok(self),
        }
    }

    /// What permissions something new has, before the process's mask.
    pub(super) fn permissions(self, is_directory: bool) -> u32 {
        let all = if is_directory || self.has(Self::EXECUTABLE) { 0o777 } else { 0o666 };
        if self.has(Self::PRIVATE) { all & 0o700 } else { all }
    }
}

impl BitOr for WriteMode {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To be read.
    Read,
    /// To be read and written.
    Write(WriteMode),
    /// To be appended to, and nothing else. (FS-16)
    Append(WriteMode),
}

impl Access {
    pub(super) fn mode(self) -> Option<WriteMode> {
        match self {
            Self::Read => None,
            Self::Write(mode) | Self::Append(mode) => Some(mode),
        }
    }
}

/// How a node comes to another place. (FS-17)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// It is no longer in its old place.
    Move,
    /// It is in both.
    Link,
    /// A copy is made, of all that a directory contains.
    Copy,
}

/// A file, on disk or in memory. Everything may be called on any thread, and blocks.
pub(crate) trait FileNode: Send + Sync {
    fn stat(&self) -> Result<Metadata, Error>;
    fn sync(&self, data_only: bool) -> Result<(), Error>;
    /// Fills the buffer as far as the file goes.
    fn read_at(&self, offset: u64, buffer: &mut ReadBuf<'_>) -> Result<(), Error>;
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), Error>;
    fn append(&self, data: &[u8]) -> Result<(), Error>;
    fn zero(&self, offset: u64, size: u64) -> Result<(), Error>;
    fn truncate(&self, size: u64) -> Result<(), Error>;
    /// Copies from another file as the system does it best, as far as that goes: how much. The rest is read and written.
    fn copy_quickly(&self, offset: u64, from: &dyn FileNode, from_offset: u64, size: u64) -> Result<u64, Error>;
    fn map(self: Arc<Self>, kind: MappingKind, offset: u64, size: usize) -> Result<Mapping, Error>;
    fn fd(&self) -> Option<BorrowedFd<'_>>;
}

/// What memory over a file is for. (FS-07, FS-10)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingKind {
    /// To be read.
    Shared,
    /// To be written, which nobody else sees.
    Private,
    /// To be written, for everybody.
    Writable,
}

/// What takes its place when it is committed, and goes away if it is dropped.
pub(crate) trait Staged: Send {
    /// `false` if the mode does not fit what is in that place.
    fn commit(&mut self) -> Result<bool, Error>;
}

/// Something new and what puts it in its place.
pub(crate) type Staging<T> = (Arc<T>, Box<dyn Staged>);

/// A directory, on disk or in memory. Links are followed as far as they stay below it, the last of a path where a file or a directory is
/// opened. None, or `false`, is a conflict with the mode: something is missing, or is there. Everything may be called on any
/// thread, and blocks.
pub(crate) trait DirectoryNode: Any + Send + Sync {
    fn stat(&self) -> Result<Metadata, Error>;
    fn sync(&self) -> Result<(), Error>;
    /// Sorted, without what is hidden.
    fn list(&self) -> Result<Vec<DirectoryEntry>, Error>;
    fn lstat(&self, path: &Path) -> Result<Option<Metadata>, Error>;
    fn readlink(&self, path: &Path) -> Result<Option<Vec<u8>>, Error>;
    fn open_file(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn FileNode>>, Error>;
    fn open_directory(&self, path: &Path, mode: Option<WriteMode>) -> Result<Option<Arc<dyn DirectoryNode>>, Error>;
    fn stage_file(&self, path: &Path, mode: WriteMode) -> Result<Staging<dyn FileNode>, Error>;
    fn stage_directory(&self, path: &Path, mode: WriteMode) -> Result<Staging<dyn DirectoryNode>, Error>;
    fn temporary(&self) -> Result<Arc<dyn FileNode>, Error>;
    fn symlink(&self, path: &Path, target: &[u8], mode: WriteMode) -> Result<bool, Error>;
    /// Moves or links from another directory of the same kind; none if that cannot be done.
    fn adopt(
        &self,
        path: &Path,
        mode: WriteMode,
        from: &dyn DirectoryNode,
        from_path: &Path,
        link: bool,
    ) -> Result<Option<bool>, Error>;
    fn remove(&self, path: &Path) -> Result<bool, Error>;
    fn fd(&self) -> Option<BorrowedFd<'_>>;
}
