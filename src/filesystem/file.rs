//! Files.

use super::disk::DiskFile;
use super::mapping::Mapping;
use super::memory::{FileClock, MemoryFile, MemoryHandle};
use super::node::{FileNode, MappingKind, Metadata};
use crate::error::{Error, ErrorKind};
use crate::object::Object;
use crate::os::sys;
use crate::runtime::Runtime;
use crate::stream::{Connection, fill};
use bytes::Bytes;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use tokio::io::ReadBuf;

const PIECE: usize = 64 * 1024;

/// A file, on disk or in memory. Cloning gives another handle of it. What it does blocks for the disk; any thread. (FS-05)
#[derive(Clone)]
pub struct File(pub(super) Arc<dyn FileNode>);

impl Object for File {}

impl File {
    /// A file that somebody else has opened. (FS-20)
    ///
    /// # Errors
    /// `Failed` with the number EISDIR for a directory.
    pub fn from_fd(fd: OwnedFd) -> Result<Self, Error> {
        Ok(Self(Arc::new(DiskFile::new(fd)?)))
    }

    /// A file in memory, whose times come from the clock. (FS-19)
    pub fn in_memory(clock: FileClock) -> Self {
        Self(Arc::new(MemoryHandle::whole(Arc::new(MemoryFile::new(clock)))))
    }

    /// A file of the system's without a name, in memory. (FS-19)
    ///
    /// # Errors
    /// `Unimplemented` where the system has none.
    pub fn anonymous() -> Result<Self, Error> {
        Self::from_fd(sys::anonymous_file().map_err(|error| Error::from_io("making a file in memory", &error))?)
    }

    /// What is known about it. (FS-05)
    pub fn stat(&self) -> Result<Metadata, Error> {
        self.0.stat()
    }

    /// Waits until what was written is on the disk, and what is known about the file too unless it is `data_only`. (FS-05)
    pub fn sync(&self, data_only: bool) -> Result<(), Error> {
        self.0.sync(data_only)
    }

    /// Fills the buffer from an offset on, as far as the file goes. (FS-06)
    pub fn read_into(&self, offset: u64, buffer: &mut ReadBuf<'_>) -> Result<(), Error> {
        self.0.read_at(offset, buffer)
    }

    /// At most `size` bytes from an offset on, fewer only at the end. (FS-06)
    pub fn read(&self, offset: u64, size: usize) -> Result<Bytes, Error> {
        // What it says of its size need not be so; of a file of /proc it is nothing.
        let said = usize::try_from(self.stat()?.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut room = said.saturating_add(1);
        let mut all = Vec::new();
        while all.len() < size {
            room = room.max(512).min(size - all.len());
            all.try_reserve_exact(room).map_err(|_| Error::no_memory())?;
            let (before, at) = (all.len(), offset.saturating_add(all.len() as u64));
            fill::spare(&mut all, |buffer| self.0.read_at(at, buffer))?;
            if all.len() - before < room {
                break;
            }
            room = PIECE;
        }
        all.truncate(size);
        Ok(all.into())
    }

    /// All of it. (FS-06)
    ///
    /// # Errors
    /// `Overloaded` for more than `limit` bytes.
    pub fn read_all(&self, limit: usize) -> Result<Bytes, Error> {
        let all = self.read(0, limit.saturating_add(1))?;
        if all.len() > limit {
            return Err(Error::new(ErrorKind::Overloaded, format!("the file has more than {limit} bytes")));
        }
        Ok(all)
    }

    /// Writes all of it at an offset; a gap before it is zeros. (FS-09)
    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        end_of(offset, data.len() as u64)?;
        self.0.write_at(offset, data)
    }

    /// Has the file be this and nothing else. (FS-09)
    pub fn write_all(&self, data: &[u8]) -> Result<(), Error> {
        self.0.truncate(0)?;
        self.0.write_at(0, data)
    }

    /// Writes all of it at the end. If the file was opened to be appended to, nothing that others append comes in between. (FS-08, FS-20)
    pub fn append(&self, data: &[u8]) -> Result<(), Error> {
        self.0.append(data)
    }

    /// Has these bytes be zeros, and gives back the room on the disk where it can. (FS-09)
    pub fn zero(&self, offset: u64, size: u64) -> Result<(), Error> {
        end_of(offset, size)?;
        if size == 0 { Ok(()) } else { self.0.zero(offset, size) }
    }

    /// Cuts it off, or has zeros follow. (FS-09)
    pub fn truncate(&self, size: u64) -> Result<(), Error> {
        end_of(size, 0)?;
        self.0.truncate(size)
    }

    /// Copies at most `size` bytes from another file, fewer only at the end that it had when this began: how many. The system shares
    /// them where it can. (FS-09)
    pub fn copy(&self, offset: u64, from: &Self, from_offset: u64, size: u64) -> Result<u64, Error> {
        end_of(offset, 0)?;
        // What is copied behind itself would go on for ever. Files that the system makes up do not know their length.
        let size = match from.0.stat()?.size {
            0 => size,
            length => size.min(length.saturating_sub(from_offset)),
        };
        let mut copied = self.0.copy_quickly(offset, &*from.0, from_offset, size)?;
        let mut piece = Vec::new();
        piece.try_reserve_exact(PIECE).map_err(|_| Error::no_memory())?;
        while copied < size {
            piece.clear();
            fill::spare(&mut piece, |buffer| from.0.read_at(from_offset.saturating_add(copied), buffer))?;
            piece.truncate(usize::try_from(size - copied).unwrap_or(usize::MAX));
            if piece.is_empty() {
                break;
            }
            self.write(offset + copied, &piece)?;
            copied += piece.len() as u64;
        }
        Ok(copied)
    }

    /// A part of it as memory. It may end behind the file; what is there must not be touched. (FS-07, FS-10)
    pub fn map(&self, kind: MappingKind, offset: u64, size: usize) -> Result<Mapping, Error> {
        end_of(offset, size as u64)?;
        self.0.clone().map(kind, offset, size)
    }

    /// It as a connection, read and written from an offset on; see [`Connection::over_file`]. To a file that was opened to be appended to,
    /// all is written at its end. (FS-08)
    ///
    /// # Errors
    /// `Unimplemented` for a file in memory that is not the system's.
    pub fn connection(&self, runtime: &Runtime, offset: u64) -> Result<Arc<Connection>, Error> {
        let fd = self.fd()?.try_clone_to_owned().map_err(|error| Error::from_io("copying a descriptor", &error))?;
        Connection::over_appended_file(runtime, fd, offset)
    }

    /// Its descriptor. (FS-05)
    ///
    /// # Errors
    /// `Unimplemented` for a file in memory that is not the system's.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, Error> {
        self.0.fd().ok_or_else(|| Error::new(ErrorKind::Unimplemented, "a file in memory has no descriptor"))
    }
}

/// # Errors
/// `InvalidArgument` for an end that no file has.
fn end_of(offset: u64, size: u64) -> Result<u64, Error> {
    let end = offset.checked_add(size).filter(|end| *end <= i64::MAX as u64);
    end.ok_or_else(|| Error::invalid(format!("{size} bytes at {offset} lie beyond the end of any file")))
}
