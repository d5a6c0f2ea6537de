//! Files on disk.

use super::super::mapping::Mapping;
use super::super::node::{FileNode, MappingKind, Metadata, NodeKind};
use super::mapping::map;
use super::{failed, metadata};
use crate::error::Error;
use crate::os::sys;
use crate::stream::{fill, quiet_write};
use crate::sync::Lock;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, ftruncate};
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use tokio::io::ReadBuf;

/// At most that much in one call of the system, which somebody may wait for.
const AT_ONCE: usize = 1 << 30;
const ZEROS: &[u8] = &[0; 64 * 1024];

pub(in super::super) struct DiskFile {
    fd: OwnedFd,
    /// What is written goes to the end, by the system's doing.
    appends: bool,
    /// Keeps appends apart where the system does not.
    end: Lock<()>,
}

impl DiskFile {
    pub(in super::super) fn new(fd: OwnedFd) -> Result<Self, Error> {
        let stat = fstat(&fd).map_err(|errno| failed("looking at a file", errno))?;
        if metadata(&stat).kind == NodeKind::Directory {
            return Err(failed("opening a file", Errno::ISDIR));
        }
        let flags = fcntl_getfl(&fd).map_err(|errno| failed("looking at a file", errno))?;
        Ok(Self::opened(fd, flags.contains(OFlags::APPEND)))
    }

    /// One that is known to be no directory.
    pub(super) fn opened(fd: OwnedFd, appends: bool) -> Self {
        Self { fd, appends, end: Lock::new(()) }
    }

    /// What was opened to be read, which directories can be, too.
    pub(super) fn opened_to_read(fd: OwnedFd) -> rustix::io::Result<Self> {
        let kind = FileType::from_raw_mode(fstat(&fd)?.st_mode);
        if kind == FileType::Directory { Err(Errno::ISDIR) } else { Ok(Self::opened(fd, false)) }
    }

    fn size(&self) -> Result<u64, Error> {
        Ok(self.stat()?.size)
    }

    /// Writes all, each time as much as `write` does of what is left.
    fn write(
        &self,
        mut data: &[u8],
        mut write: impl FnMut(&[u8], u64) -> rustix::io::Result<usize>,
    ) -> Result<(), Error> {
        let mut written = 0;
        while !data.is_empty() {
            let now = &data[..data.len().min(AT_ONCE)];
            match write(now, written) {
                // No disk does that; it would go on for ever.
                Ok(0) => return Err(failed("writing a file", Errno::IO)),
                Ok(count) => {
                    data = &data[count..];
                    written += count as u64;
                }
                Err(errno) => return Err(failed("writing a file", errno)),
            }
        }
        Ok(())
    }
}

impl FileNode for DiskFile {
    fn stat(&self) -> Result<Metadata, Error> {
        fstat(&self.fd).map(|stat| metadata(&stat)).map_err(|errno| failed("looking at a file", errno))
    }

    fn sync(&self, data_only: bool) -> Result<(), Error> {
        retry_on_intr(|| sys::flush(self.fd.as_fd(), data_only)).map_err(|errno| failed("syncing a file", errno))
    }

    fn read_at(&self, offset: u64, buffer: &mut ReadBuf<'_>) -> Result<(), Error> {
        let mut at = offset;
        // No file is that long, and the system takes it for a mistake.
        while buffer.remaining() > 0 && at <= (i64::MAX as u64).saturating_sub(buffer.remaining() as u64) {
            let count = retry_on_intr(|| fill::read_at(self.fd.as_fd(), buffer, at));
            match count.map_err(|errno| failed("reading a file", errno))? {
                0 => break,
                count => at += count as u64,
            }
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        if self.appends {
            return Err(Error::invalid("a file that is open for appending cannot be written at an offset"));
        }
        self.write(data, |data, written| quiet_write::write_at(self.fd.as_fd(), data, offset + written))
    }

    fn append(&self, data: &[u8]) -> Result<(), Error> {
        let _alone = self.end.lock();
        if self.appends {
            return self.write(data, |data, _| quiet_write::growing(|| rustix::io::write(&self.fd, data)));
        }
        let end = self.size()?;
        self.write(data, |data, written| quiet_write::write_at(self.fd.as_fd(), data, end + written))
    }

    fn zero(&self, offset: u64, size: u64) -> Result<(), Error> {
        if self.appends {
            return Err(Error::invalid("a file that is open for appending cannot be written at an offset"));
        }
        let end = offset + size;
        let there = self.size()?;
        // Where there is nothing yet it will be zeros.
        let within = there.min(end).saturating_sub(offset);
        let punched = within == 0
            || retry_on_intr(|| sys::punch_hole(self.fd.as_fd(), offset, within))
                .map_err(|errno| failed("zeroing a part of a file", errno))?;
        if !punched {
            let mut at = offset;
            while at < offset + within {
                let now = ZEROS.len().min(usize::try_from(offset + within - at).unwrap_or(usize::MAX));
                self.write_at(at, &ZEROS[..now])?;
                at += now as u64;
            }
        }
        // Not by setting its size: somebody may have made it longer meanwhile.
        if end > there { self.write_at(end - 1, &[0]) } else { Ok(()) }
    }

    fn truncate(&self, size: u64) -> Result<(), Error> {
        quiet_write::growing(|| ftruncate(&self.fd, size)).map_err(|errno| failed("setting a file's size", errno))
    }

    fn copy_quickly(&self, offset: u64, from: &dyn FileNode, from_offset: u64, size: u64) -> Result<u64, Error> {
        let (Some(from), false) = (from.fd(), self.appends) else { return Ok(0) };
        let mut copied = 0;
        while copied < size {
            let now = AT_ONCE.min(usize::try_from(size - copied).unwrap_or(usize::MAX));
            let (Some(read_at), write_at) = (from_offset.checked_add(copied), offset + copied) else { break };
            let count = quiet_write::growing(|| sys::copy_range(from, read_at, self.fd.as_fd(), write_at, now))
                .map_err(|errno| failed("copying a file", errno))?;
            match count {
                // Nothing at all may be a file that does not know its size; reading tells.
                None | Some(0) => break,
                Some(count) => copied += count as u64,
            }
        }
        Ok(copied)
    }

    fn map(self: Arc<Self>, kind: MappingKind, offset: u64, size: usize) -> Result<Mapping, Error> {
        map(self.fd.as_fd(), kind, offset, size)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }
}
