//! Directories and files on disk.

mod directory;
mod file;
mod mapping;
mod remove;
mod resolve;
mod staged;

pub(super) use directory::DiskDirectory;
pub(super) use file::DiskFile;

use super::node::{Metadata, NodeKind};
use crate::error::Error;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Display;
use std::hash::{Hash, Hasher};

fn failed(what: impl Display, errno: Errno) -> Error {
    Error::from_io(what, &errno.into())
}

fn kind_of(kind: FileType) -> NodeKind {
    match kind {
        FileType::RegularFile => NodeKind::File,
        FileType::Directory => NodeKind::Directory,
        FileType::Symlink => NodeKind::Symlink,
        FileType::BlockDevice => NodeKind::BlockDevice,
        FileType::CharacterDevice => NodeKind::CharacterDevice,
        FileType::Fifo => NodeKind::NamedPipe,
        FileType::Socket => NodeKind::Socket,
        FileType::Unknown => NodeKind::Other,
    }
}

/// The types of the fields differ from system to system.
#[allow(clippy::unnecessary_cast, clippy::cast_lossless)]
fn metadata(stat: &Stat) -> Metadata {
    let mut identity = DefaultHasher::new();
    (stat.st_dev as u64, stat.st_ino as u64).hash(&mut identity);
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let mode = stat.st_mode as u32;
    Metadata {
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)),
        size: stat.st_size as u64,
        space_used: stat.st_blocks as u64 * 512,
        modified: if stat.st_mtime < 0 { 0 } else { seconds.saturating_mul(1_000_000_000) + stat.st_mtime_nsec as u64 },
        link_count: stat.st_nlink as u64,
        identity: identity.finish(),
        executable: mode & 0o100 != 0,
        private: mode & 0o077 == 0,
    }
}
