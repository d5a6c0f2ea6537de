//! Paths, directories and files: what a program may reach is below the directories that it was given.
//!
//! Everything blocks for the disk, and may be called on any thread. Nothing belongs to a runtime; [`start`] does a piece of work on a
//! thread of a pool.

mod directory;
mod disk;
mod file;
mod mapping;
mod memory;
mod node;
mod path;
mod pool;
mod replacer;
mod walk;

pub use directory::{Ambient, Directory};
pub use file::File;
pub use mapping::Mapping;
pub use memory::FileClock;
pub use node::{Access, DirectoryEntry, MappingKind, Metadata, NodeKind, Transfer, WriteMode};
pub use path::{Part, Path};
pub use pool::start;
pub use replacer::Replacer;
