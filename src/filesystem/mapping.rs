//! Files as memory.

use crate::error::Error;
use crate::object::Object;
use std::ops::Range;

/// Memory over a part of a file. It stays until this is dropped, whatever becomes of the file.
pub struct Mapping(pub(super) Box<dyn Mapped>);

impl Object for Mapping {}

/// What is behind the memory.
pub(crate) trait Mapped: Send + Sync {
    /// Where it is, and how much.
    fn memory(&self) -> (*mut u8, usize);
    /// Has others see what was written there.
    fn changed(&self, range: Range<usize>) -> Result<(), Error>;
    /// As `changed`, and waits until it is on the disk.
    fn sync(&self, range: Range<usize>) -> Result<(), Error>;
}

impl Mapping {
    /// Where it is, and how many bytes. They may be written if the mapping is not `Shared`. Bytes behind the end of the file, and bytes that
    /// somebody cuts off later, must not be touched: the system kills the process.
    pub fn memory(&self) -> (*mut u8, usize) {
        self.0.memory()
    }

    /// Says that bytes of it were written; until then it is open whether others see that. (FS-10)
    ///
    /// # Errors
    /// `InvalidArgument` if there are no such bytes, or if it cannot be written for others.
    pub fn changed(&self, range: Range<usize>) -> Result<(), Error> {
        self.0.changed(self.part(range)?)
    }

    /// As [`changed`](Self::changed), and waits until they are on the disk. (FS-10)
    ///
    /// # Errors
    /// As there.
    pub fn sync(&self, range: Range<usize>) -> Result<(), Error> {
        self.0.sync(self.part(range)?)
    }

    fn part(&self, range: Range<usize>) -> Result<Range<usize>, Error> {
        let (_, size) = self.0.memory();
        if range.start > range.end || range.end > size {
            return Err(Error::invalid(format!("{range:?} is no part of {size} bytes")));
        }
        Ok(range)
    }
}
