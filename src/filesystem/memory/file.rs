//! Files in memory.

use super::super::mapping::Mapping;
use super::super::node::{Access, FileNode, MappingKind, Metadata, NodeKind, WriteMode};
use super::clock::FileClock;
use super::mapping::map;
use super::{failed, metadata, new_identity};
use crate::error::Error;
use crate::stream::fill;
use crate::sync::Lock;
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::ReadBuf;

struct Content {
    data: Vec<u8>,
    modified: u64,
}

impl Content {
    /// Has it be at least that long, with zeros at the end.
    fn reach(&mut self, size: usize) -> Result<(), Error> {
        if let Some(more) = size.checked_sub(self.data.len()) {
            self.data.try_reserve(more).map_err(|_| Error::no_memory())?;
            self.data.resize(size, 0);
        }
        Ok(())
    }

    fn put(&mut self, start: usize, data: &[u8]) -> Result<(), Error> {
        let end = start.checked_add(data.len()).ok_or_else(Error::no_memory)?;
        if data.is_empty() {
            return Ok(());
        }
        self.reach(end)?;
        self.data[start..end].copy_from_slice(data);
        Ok(())
    }
}

pub(in super::super) struct MemoryFile {
    content: Lock<Content>,
    clock: FileClock,
    mode: WriteMode,
    identity: u64,
    names: AtomicU64,
}

/// A name of a file, which counts them.
pub(super) struct FileName(Arc<MemoryFile>);

impl FileName {
    pub(super) fn new(file: Arc<MemoryFile>) -> Self {
        file.names.fetch_add(1, Ordering::Relaxed);
        Self(file)
    }

    pub(super) fn file(&self) -> &Arc<MemoryFile> {
        &self.0
    }
}

impl Drop for FileName {
    fn drop(&mut self) {
        self.0.names.fetch_sub(1, Ordering::Relaxed);
    }
}

fn position(at: u64) -> Result<usize, Error> {
    usize::try_from(at).map_err(|_| Error::no_memory())
}

impl MemoryFile {
    pub(in super::super) fn new(clock: FileClock) -> Self {
        Self::with_mode(clock, WriteMode::default())
    }

    pub(super) fn with_mode(clock: FileClock, mode: WriteMode) -> Self {
        let content = Lock::new(Content { data: Vec::new(), modified: clock.now() });
        Self { content, clock, mode, identity: new_identity(), names: AtomicU64::new(0) }
    }

    fn change(&self, change: impl FnOnce(&mut Content) -> Result<(), Error>) -> Result<(), Error> {
        let now = self.clock.now();
        let mut content = self.content.lock();
        change(&mut content)?;
        content.modified = now;
        Ok(())
    }
}

impl MemoryFile {
    pub(super) fn stat(&self) -> Metadata {
        let content = self.content.lock();
        let names = self.names.load(Ordering::Relaxed);
        metadata(NodeKind::File, content.data.len(), content.modified, names, self.identity, self.mode)
    }

    pub(super) fn read_at(&self, offset: u64, buffer: &mut ReadBuf<'_>) {
        let content = self.content.lock();
        let rest = usize::try_from(offset).ok().and_then(|offset| content.data.get(offset..));
        fill::put(buffer, rest.unwrap_or_default());
    }

    pub(super) fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let start = position(offset)?;
        self.change(|content| content.put(start, data))
    }
}

/// A file as somebody has opened it.
pub(in super::super) struct MemoryHandle {
    file: Arc<MemoryFile>,
    reads: bool,
    writes: bool,
    appends: bool,
}

impl MemoryHandle {
    pub(super) fn new(file: Arc<MemoryFile>, access: Access) -> Self {
        let appends = matches!(access, Access::Append(_));
        Self { file, reads: !appends, writes: access != Access::Read, appends }
    }

    pub(in super::super) fn whole(file: Arc<MemoryFile>) -> Self {
        Self { file, reads: true, writes: true, appends: false }
    }

    fn check(&self, may: bool, what: &str) -> Result<(), Error> {
        if may { Ok(()) } else { Err(failed(what, Errno::BADF)) }
    }

    fn check_writes_at(&self) -> Result<(), Error> {
        if self.appends {
            return Err(Error::invalid("a file that is open for appending cannot be written at an offset"));
        }
        self.check(self.writes, "writing a file")
    }
}

impl FileNode for MemoryHandle {
    fn stat(&self) -> Result<Metadata, Error> {
        Ok(self.file.stat())
    }

    fn sync(&self, _data_only: bool) -> Result<(), Error> {
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut ReadBuf<'_>) -> Result<(), Error> {
        self.check(self.reads, "reading a file")?;
        self.file.read_at(offset, buffer);
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.check_writes_at()?;
        self.file.write_at(offset, data)
    }

    fn append(&self, data: &[u8]) -> Result<(), Error> {
        self.check(self.writes, "writing a file")?;
        self.file.change(|content| content.put(content.data.len(), data))
    }

    fn zero(&self, offset: u64, size: u64) -> Result<(), Error> {
        self.check_writes_at()?;
        let (start, end) = (position(offset)?, position(offset + size)?);
        self.file.change(|content| {
            content.reach(end)?;
            content.data[start..end].fill(0);
            Ok(())
        })
    }

    fn truncate(&self, size: u64) -> Result<(), Error> {
        self.check(self.writes, "setting a file's size")?;
        let size = position(size)?;
        self.file.change(|content| {
            content.reach(size)?;
            content.data.truncate(size);
            Ok(())
        })
    }

    fn copy_quickly(&self, _offset: u64, _from: &dyn FileNode, _from_offset: u64, _size: u64) -> Result<u64, Error> {
        Ok(0)
    }

    fn map(self: Arc<Self>, kind: MappingKind, offset: u64, size: usize) -> Result<Mapping, Error> {
        self.check(self.reads && (self.writes || kind != MappingKind::Writable), "mapping a file")?;
        map(self.file.clone(), kind, offset, size)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
