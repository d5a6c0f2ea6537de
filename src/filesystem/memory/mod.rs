//! Directories and files in memory.

mod clock;
mod directory;
mod file;
mod mapping;
mod staged;

pub use clock::FileClock;
pub(super) use directory::MemoryDirectory;
pub(super) use file::{MemoryFile, MemoryHandle};

use super::node::{Metadata, NodeKind, WriteMode};
use crate::error::Error;
use rustix::io::Errno;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};

fn failed(what: impl Display, errno: Errno) -> Error {
    Error::from_io(what, &errno.into())
}

/// A number that no other node has.
fn new_identity() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn metadata(kind: NodeKind, size: usize, modified: u64, link_count: u64, identity: u64, mode: WriteMode) -> Metadata {
    let size = size as u64;
    let (executable, private) = (mode.has(WriteMode::EXECUTABLE), mode.has(WriteMode::PRIVATE));
    Metadata { kind, size, space_used: size, modified, link_count, identity, executable, private }
}
