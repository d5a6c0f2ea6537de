//! What is known about files and directories.

use super::structure::{growing, structure_out};
use crate::error::Error;
use crate::filesystem::{Metadata, NodeKind};

/// A file with bytes.
pub const KJA_NODE_FILE: u32 = 1;
/// A directory.
pub const KJA_NODE_DIRECTORY: u32 = 2;
/// A symbolic link.
pub const KJA_NODE_SYMLINK: u32 = 3;
/// A disk or the like.
pub const KJA_NODE_BLOCK_DEVICE: u32 = 4;
/// A terminal or the like.
pub const KJA_NODE_CHARACTER_DEVICE: u32 = 5;
/// A pipe with a name.
pub const KJA_NODE_NAMED_PIPE: u32 = 6;
/// A socket with a name.
pub const KJA_NODE_SOCKET: u32 = 7;
/// Something else.
pub const KJA_NODE_OTHER: u32 = 8;

/// Its owner may run it, or go through it.
pub const KJA_STAT_EXECUTABLE: u32 = 1;
/// Nobody but its owner may do anything with it.
pub const KJA_STAT_PRIVATE: u32 = 2;

/// What is known about a file or a directory. Set `size` first. (FS-05)
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_file_stat_t {
    /// `sizeof(kja_file_stat_t)`, so that the structure can grow.
    pub size: usize,
    /// `KJA_NODE_FILE` or another kind.
    pub kind: u32,
    /// `KJA_STAT_EXECUTABLE`, `KJA_STAT_PRIVATE`.
    pub flags: u32,
    /// How many bytes it has.
    pub length: u64,
    /// How many bytes of the disk it takes.
    pub space_used: u64,
    /// When it was last changed, in nanoseconds since the beginning of 1970; 0 for times before.
    pub modified_nanos: u64,
    /// Under how many names it stands.
    pub link_count: u64,
    /// The same for two handles if they stand for the same file or directory, and hardly ever otherwise.
    pub identity: u64,
}

growing!(kja_file_stat_t, since identity: u64);

pub(super) fn kind_out(kind: NodeKind) -> u32 {
    match kind {
        NodeKind::File => KJA_NODE_FILE,
        NodeKind::Directory => KJA_NODE_DIRECTORY,
        NodeKind::Symlink => KJA_NODE_SYMLINK,
        NodeKind::BlockDevice => KJA_NODE_BLOCK_DEVICE,
        NodeKind::CharacterDevice => KJA_NODE_CHARACTER_DEVICE,
        NodeKind::NamedPipe => KJA_NODE_NAMED_PIPE,
        NodeKind::Socket => KJA_NODE_SOCKET,
        NodeKind::Other => KJA_NODE_OTHER,
    }
}

pub(super) fn stat_out(stat: &Metadata, out: *mut kja_file_stat_t) -> Result<(), Error> {
    let flag = |set, flag| if set { flag } else { 0 };
    structure_out(out, |size| kja_file_stat_t {
        size,
        kind: kind_out(stat.kind),
        flags: flag(stat.executable, KJA_STAT_EXECUTABLE) | flag(stat.private, KJA_STAT_PRIVATE),
        length: stat.size,
        space_used: stat.space_used,
        modified_nanos: stat.modified,
        link_count: stat.link_count,
        identity: stat.identity,
    })
}
