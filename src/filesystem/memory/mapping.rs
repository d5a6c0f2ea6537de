//! Parts of files in memory as memory: copies, which go back when it is said that they were changed.
#![allow(unsafe_code)]

use super::super::mapping::{Mapped, Mapping};
use super::super::node::MappingKind;
use super::file::MemoryFile;
use crate::error::Error;
use std::ops::Range;
use std::sync::Arc;
use tokio::io::ReadBuf;

struct MemoryMapping {
    file: Arc<MemoryFile>,
    offset: u64,
    kind: MappingKind,
    /// Of a `Box<[u8]>`, which the caller may write to meanwhile.
    memory: *mut [u8],
}

// SAFETY: memory of its own; who touches it is the caller's business.
unsafe impl Send for MemoryMapping {}
// SAFETY: as above.
unsafe impl Sync for MemoryMapping {}

pub(super) fn map(file: Arc<MemoryFile>, kind: MappingKind, offset: u64, size: usize) -> Result<Mapping, Error> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(size).map_err(|_| Error::no_memory())?;
    memory.resize(size, 0);
    file.read_at(offset, &mut ReadBuf::new(&mut memory));
    let memory = Box::into_raw(memory.into_boxed_slice());
    Ok(Mapping(Box::new(MemoryMapping { file, offset, kind, memory })))
}

impl Mapped for MemoryMapping {
    fn memory(&self) -> (*mut u8, usize) {
        (self.memory.cast(), self.memory.len())
    }

    fn changed(&self, range: Range<usize>) -> Result<(), Error> {
        if self.kind != MappingKind::Writable {
            return Err(Error::invalid("the mapping is not to be written for others"));
        }
        let (start, size) = (range.start, range.len());
        let there = usize::try_from(self.file.stat().size.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        // As on disk, what lies behind the end of the file is of no file.
        let size = size.min(there.saturating_sub(start));
        // SAFETY: a part of the memory, which was looked at by the caller; nobody writes to it while it is said to be changed.
        let data = unsafe { std::slice::from_raw_parts(self.memory.cast::<u8>().add(start), size) };
        self.file.write_at(self.offset + start as u64, data)
    }

    fn sync(&self, range: Range<usize>) -> Result<(), Error> {
        self.changed(range)
    }
}

impl Drop for MemoryMapping {
    fn drop(&mut self) {
        // SAFETY: from `Box::into_raw`, and whoever had the memory has given it up.
        drop(unsafe { Box::from_raw(self.memory) });
    }
}
