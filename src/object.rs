//! What promises carry and handles stand for, as everybody sees it.
//!
//! A kind of object is a type that implements [`Object`], in the file that defines it; nothing lists the kinds.

use crate::error::Error;
use crate::fork;
use crate::sync::atomic::{AtomicU8, Ordering};
use bytes::Bytes;
use std::any::{Any, type_name};
use std::sync::Arc;
// Used under locks only, so that models need not look at it.
use std::sync::atomic::AtomicU32;

/// Something that a promise may carry and a handle may stand for.
pub(crate) trait Object: Any + Send + Sync {
    /// The name of its kind, for texts.
    fn kind(&self) -> &'static str {
        type_name::<Self>().rsplit("::").next().unwrap_or_default()
    }

    /// The runtime that it belongs to: its handles become stale when that shuts down.
    fn owner(&self) -> Option<&Owner> {
        None
    }

    /// How many bytes it has brought, if it was received.
    fn byte_count(&self) -> usize {
        0
    }
}

impl dyn Object {
    pub(crate) fn is<T: Object>(&self) -> bool {
        let any: &dyn Any = self;
        any.is::<T>()
    }

    /// The object as what it is, if that is a `T`.
    pub(crate) fn downcast<T: Any + Send + Sync>(self: Arc<Self>) -> Option<Arc<T>> {
        let any: Arc<dyn Any + Send + Sync> = self;
        any.downcast().ok()
    }
}

impl Object for Bytes {}

impl Object for Error {}

/// How far a runtime is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Live,
    Closing,
    Closed,
}

/// How many shards the handle table has: few in a model, so that its threads meet there.
pub(crate) const SHARDS: usize = if cfg!(kja_model) { 2 } else { 16 };
/// What a list of chunks ends with.
pub(crate) const NO_CHUNK: u32 = u32::MAX;

/// The handle table's: which chunks of a shard an owner has. The lock of the shard protects them.
pub(crate) struct ChunkLists {
    /// The first of those with room.
    pub(crate) with_room: AtomicU32,
    /// The first of the others.
    pub(crate) exhausted: AtomicU32,
    /// The one that is empty and keeps its memory.
    pub(crate) spare: AtomicU32,
}

impl ChunkLists {
    pub(crate) const fn new() -> Self {
        Self {
            with_room: AtomicU32::new(NO_CHUNK),
            exhausted: AtomicU32::new(NO_CHUNK),
            spare: AtomicU32::new(NO_CHUNK),
        }
    }

    pub(crate) fn clear(&self) {
        [&self.with_room, &self.exhausted, &self.spare].iter().for_each(|list| list.store(NO_CHUNK, Ordering::Relaxed));
    }
}

/// A runtime, as its objects' handles know it.
pub(crate) struct Owner {
    status: AtomicU8,
    process: u32,
    pub(crate) chunks: [ChunkLists; SHARDS],
}

impl Owner {
    pub(crate) fn new() -> Self {
        let process = fork::process();
        Self { process, status: AtomicU8::new(Status::Live as u8), chunks: [const { ChunkLists::new() }; SHARDS] }
    }

    /// Whether this process was forked from the one that made it.
    pub(crate) fn is_of_parent(&self) -> bool {
        self.process != fork::process()
    }

    /// In a forked child nothing can be done with it, as if it had ended.
    pub(crate) fn status(&self) -> Status {
        if self.is_of_parent() {
            return Status::Closed;
        }
        match self.status.load(Ordering::Acquire) {
            0 => Status::Live,
            1 => Status::Closing,
            _ => Status::Closed,
        }
    }

    /// From now on nothing may be started. `false` if that was said before.
    pub(crate) fn start_closing(&self) -> bool {
        let (live, closing) = (Status::Live as u8, Status::Closing as u8);
        self.status.compare_exchange(live, closing, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    pub(crate) fn set_closed(&self) {
        self.status.store(Status::Closed as u8, Ordering::Release);
    }
}
