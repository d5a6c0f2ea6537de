//! Files on disk as memory of the process.
#![allow(unsafe_code)]

use super::super::mapping::{Mapped, Mapping};
use super::super::node::MappingKind;
use super::failed;
use crate::error::Error;
use rustix::mm::{MapFlags, MsyncFlags, ProtFlags, mmap, msync, munmap};
use rustix::param::page_size;
use std::ffi::c_void;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::ptr::{NonNull, null_mut};

struct DiskMapping {
    /// The first page of it.
    first: *mut c_void,
    /// Where in it the wanted part begins.
    skipped: usize,
    size: usize,
    kind: MappingKind,
}

// SAFETY: memory of the process, which is given back when this is dropped; who touches it is the caller's business.
unsafe impl Send for DiskMapping {}
// SAFETY: as above; nothing here looks at what is in it.
unsafe impl Sync for DiskMapping {}

/// Maps a part of a file.
pub(super) fn map(fd: BorrowedFd<'_>, kind: MappingKind, offset: u64, size: usize) -> Result<Mapping, Error> {
    let skipped = (offset % page_size() as u64) as usize;
    let whole = size.checked_add(skipped).ok_or_else(Error::no_memory)?;
    let (protection, flags) = match kind {
        MappingKind::Shared => (ProtFlags::READ, MapFlags::SHARED),
        MappingKind::Private => (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE),
        MappingKind::Writable => (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED),
    };
    let first = if size == 0 {
        // The system maps no nothing.
        NonNull::dangling().as_ptr()
    } else {
        // SAFETY: the system chooses an address where nothing is.
        unsafe { mmap(null_mut(), whole, protection, flags, fd, offset - skipped as u64) }
            .map_err(|errno| failed("mapping a file", errno))?
    };
    let skipped = if size == 0 { 0 } else { skipped };
    Ok(Mapping(Box::new(DiskMapping { first, skipped, size, kind })))
}

impl DiskMapping {
    fn flush(&self, range: Range<usize>, flags: MsyncFlags) -> Result<(), Error> {
        if self.kind != MappingKind::Writable {
            return Err(Error::invalid("the mapping is not to be written for others"));
        }
        if range.is_empty() {
            return Ok(());
        }
        let start = self.skipped + range.start;
        let page = start - start % page_size();
        // SAFETY: the pages of this mapping that the range lies in.
        unsafe { msync(self.first.byte_add(page), self.skipped + range.end - page, flags) }
            .map_err(|errno| failed("writing the memory of a file", errno))
    }
}

impl Mapped for DiskMapping {
    fn memory(&self) -> (*mut u8, usize) {
        (self.first.cast::<u8>().wrapping_add(self.skipped), self.size)
    }

    fn changed(&self, range: Range<usize>) -> Result<(), Error> {
        self.flush(range, MsyncFlags::ASYNC)
    }

    fn sync(&self, range: Range<usize>) -> Result<(), Error> {
        self.flush(range, MsyncFlags::SYNC)
    }
}

impl Drop for DiskMapping {
    fn drop(&mut self) {
        if self.size > 0 {
            // SAFETY: what `map` has mapped; whoever has the memory has given it up. It fails for no such memory only.
            let _ = unsafe { munmap(self.first, self.skipped + self.size) };
        }
    }
}
