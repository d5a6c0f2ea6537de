//! The handle table: 64-bit generational ids for everything the C ABI hands out.
//!
//! An id is `generation << 32 | shard << 28 | index`. A slot's generation grows each time it is emptied,
//! so a stale id never names its slot's next tenant; a slot whose generation would wrap is retired.
//! Generation 0 is never used, so neither is the id 0. Ids are looked up, never dereferenced: any bit
//! pattern from any thread is answered with an object or with nothing.
//!
//! A new handle goes to the shard of the thread that makes it. A shard's lock is held to move an `Arc`
//! in or out, never while one is dropped: destructors may be foreign code and may come back here.

use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner, Status};
use crate::promise::{Cell, Promise, within};
use crate::sync::{Lock, global};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const SHARD_BITS: u32 = if cfg!(kja_model) { 1 } else { 4 };
const SHARDS: usize = 1 << SHARD_BITS;
const INDEX_BITS: u32 = 32 - SHARD_BITS;
const CHUNK: usize = 256;

/// What a handle stands for. Promises are the ones that must be cheap: theirs cost no allocation.
#[derive(Clone)]
pub(crate) enum Entry {
    Promise(Promise),
    Object(Arc<dyn Object>),
}

impl Entry {
    fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Promise(promise) => Some(&promise.runtime().owner),
            Self::Object(object) => object.owner(),
        }
    }

    fn promise(&self) -> Option<&Promise> {
        match self {
            Self::Promise(promise) => Some(promise),
            Self::Object(_) => None,
        }
    }

    fn object(&self) -> Option<&Arc<dyn Object>> {
        match self {
            Self::Promise(_) => None,
            Self::Object(object) => Some(object),
        }
    }

    fn kind(&self) -> &'static str {
        self.object().map_or("Promise", |object| object.kind())
    }

    fn end(self, deadline: u64) {
        match self {
            Self::Promise(promise) => promise.end(deadline),
            Self::Object(object) => object.end(),
        }
    }
}

impl From<Promise> for Entry {
    fn from(promise: Promise) -> Self {
        Self::Promise(promise)
    }
}

impl From<Arc<dyn Object>> for Entry {
    fn from(object: Arc<dyn Object>) -> Self {
        Self::Object(object)
    }
}

impl<T: Object> From<Arc<T>> for Entry {
    fn from(object: Arc<T>) -> Self {
        Self::Object(object)
    }
}

impl<T: Object> From<T> for Entry {
    fn from(object: T) -> Self {
        Arc::new(object).into()
    }
}

struct Slot {
    generation: u32,
    next_free: u32,
    entry: Option<Entry>,
}

#[derive(Default)]
struct Shard {
    // Chunks never move, so that a growing table costs no copies and no second array.
    chunks: Vec<Box<[Slot]>>,
    used: u32,
    free: Option<u32>,
    live: usize,
}

impl Shard {
    const fn new() -> Self {
        Self { chunks: Vec::new(), used: 0, free: None, live: 0 }
    }

    fn slot(&mut self, index: u32) -> Option<&mut Slot> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    fn live(&mut self, index: u32, generation: u32) -> Option<&Entry> {
        self.slot(index).filter(|slot| slot.generation == generation)?.entry.as_ref()
    }

    fn insert(&mut self, entry: Entry) -> (u32, u32) {
        let index = match self.free {
            Some(index) => index,
            None => self.grow(),
        };
        let slot = self.slot(index).expect("an index from the free list or just made");
        let next = slot.next_free;
        slot.entry = Some(entry);
        let generation = slot.generation;
        self.free = (next != u32::MAX).then_some(next);
        self.live += 1;
        (index, generation)
    }

    fn grow(&mut self) -> u32 {
        let index = self.used;
        assert!(index < 1 << INDEX_BITS, "more than 2^28 live handles in one shard");
        if index as usize == self.chunks.len() * CHUNK {
            let empty = || Slot { generation: 1, next_free: u32::MAX, entry: None };
            self.chunks.push((0..CHUNK).map(|_| empty()).collect());
        }
        self.used += 1;
        index
    }

    fn remove(&mut self, index: u32) -> Option<Entry> {
        let free = self.free.unwrap_or(u32::MAX);
        let slot = self.slot(index)?;
        let entry = slot.entry.take()?;
        let retired = slot.generation == u32::MAX;
        if !retired {
            slot.generation += 1;
            slot.next_free = free;
            self.free = Some(index);
        }
        self.live -= 1;
        Some(entry)
    }
}

// Few shards in a model, so that its threads meet there.
#[cfg(kja_model)]
global!(SHARD: [Lock<Shard>; SHARDS] = std::array::from_fn(|_| Lock::new(Shard::new())));
#[cfg(not(kja_model))]
global!(SHARD: [Lock<Shard>; SHARDS] = [const { Lock::new(Shard::new()) }; SHARDS]);

fn split(id: u64) -> (usize, u32, u32) {
    let low = id as u32;
    ((low >> INDEX_BITS) as usize, low & ((1 << INDEX_BITS) - 1), (id >> 32) as u32)
}

fn home_shard() -> usize {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    thread_local!(static HOME: usize = NEXT.fetch_add(1, Ordering::Relaxed) as usize % SHARDS);
    HOME.try_with(|home| *home).unwrap_or(0)
}

/// Puts something into the table and returns its id: a stale one if its runtime has begun to shut down.
pub(crate) fn insert(entry: impl Into<Entry>) -> u64 {
    let entry = entry.into();
    let shard = home_shard();
    let mut table = SHARD[shard].lock();
    // The shutdown changes the status, then looks at the table: it finds the entry, or we see the status.
    let late = entry.owner().is_some_and(|owner| owner.status() != Status::Live);
    let (index, generation) = table.insert(entry);
    let swept = if late { table.remove(index) } else { None };
    drop(table);
    if let Some(entry) = swept {
        within(0, || entry.end(0));
    }
    u64::from(generation) << 32 | (shard as u64) << INDEX_BITS | u64::from(index)
}

/// Shows what a handle stands for to `look`, which must only clone out of it, and finds another kind with `None`.
fn with<R>(id: u64, look: impl FnOnce(&Entry) -> Option<R>) -> Result<R, Error> {
    let (shard, index, generation) = split(id);
    let mut shard = SHARD[shard].lock();
    let entry = shard.live(index, generation).ok_or_else(Error::bad_handle)?;
    let kind = entry.kind();
    let found = look(entry);
    drop(shard);
    found.ok_or_else(|| wrong_kind(kind))
}

/// Takes a handle out of the table if it is of the `wanted` kind: it is stale from then on.
fn remove(id: u64, wanted: impl FnOnce(&Entry) -> bool) -> Result<Entry, Error> {
    let (shard, index, generation) = split(id);
    let mut shard = SHARD[shard].lock();
    let entry = shard.live(index, generation).ok_or_else(Error::bad_handle)?;
    let kind = entry.kind();
    let removed = if wanted(entry) { shard.remove(index) } else { None };
    drop(shard);
    removed.ok_or_else(|| wrong_kind(kind))
}

fn wrong_kind(kind: &str) -> Error {
    Error::new(ErrorKind::BadHandle, format!("the handle of a {kind}, where one of another kind is needed"))
}

/// The object of a handle.
pub(super) fn get<T: Object>(id: u64) -> Result<Arc<T>, Error> {
    let is_wanted = |object: &&Arc<dyn Object>| object.is::<T>();
    let found = with(id, |entry| entry.object().filter(is_wanted).cloned())?;
    found.downcast().ok_or_else(Error::bad_handle)
}

/// Takes a handle out of the table: the caller holds its object now.
pub(super) fn take<T: Object>(id: u64) -> Result<Arc<T>, Error> {
    match remove(id, |entry| entry.object().is_some_and(|object| object.is::<T>()))? {
        Entry::Object(object) => object.downcast().ok_or_else(Error::bad_handle),
        Entry::Promise(_) => Err(Error::bad_handle()),
    }
}

/// What a handle of any kind stands for.
pub(super) fn any(id: u64) -> Result<Entry, Error> {
    with(id, |entry| Some(entry.clone()))
}

/// A promise, of which the caller becomes a holder.
pub(crate) fn get_promise(id: u64) -> Result<Promise, Error> {
    with(id, |entry| entry.promise().cloned())
}

/// The cell of a promise, without becoming one of its holders: a release elsewhere still ends it.
pub(super) fn cell(id: u64) -> Result<Arc<Cell>, Error> {
    with(id, |entry| entry.promise().map(|promise| promise.cell().clone()))
}

/// Takes a promise's handle out of the table: the caller is its holder now.
pub(crate) fn take_promise(id: u64) -> Result<Promise, Error> {
    match remove(id, |entry| entry.promise().is_some())? {
        Entry::Promise(promise) => Ok(promise),
        Entry::Object(_) => Err(Error::bad_handle()),
    }
}

/// Ends everything of a runtime that a handle stands for: promises reject, then what is open closes.
pub(crate) fn end_all_of(owner: &Owner, deadline: u64) {
    let mut found = Vec::new();
    for shard in SHARD.iter() {
        let mut shard = shard.lock();
        for index in 0..shard.used {
            let owned = shard
                .slot(index)
                .and_then(|slot| slot.entry.as_ref())
                .is_some_and(|entry| entry.owner().is_some_and(|other| std::ptr::eq(owner, other)));
            if owned {
                found.extend(shard.remove(index));
            }
        }
    }
    let (promises, objects): (Vec<_>, Vec<_>) = found.into_iter().partition(|entry| entry.promise().is_some());
    promises.into_iter().chain(objects).for_each(|entry| entry.end(deadline));
}

/// How many handles are live in the process.
pub(crate) fn count() -> usize {
    SHARD.iter().map(|shard| shard.lock().live).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn bytes() -> Entry {
        Bytes::from_static(b"x").into()
    }

    fn release(id: u64) -> bool {
        take::<Bytes>(id).is_ok()
    }

    #[test]
    fn a_handle_costs_a_slot_of_a_few_words() {
        assert!(size_of::<Entry>() <= 24 && size_of::<Slot>() <= 32, "{} {}", size_of::<Entry>(), size_of::<Slot>());
    }

    #[test]
    fn stale_and_foreign_ids_find_nothing() {
        let id = insert(bytes());
        assert!(get::<Bytes>(id).is_ok());
        let error = take::<Error>(id).expect_err("bytes are no error");
        assert_eq!(error.kind(), ErrorKind::BadHandle);
        assert!(error.text().contains("Bytes"), "{error}");
        assert!(release(id));
        assert!(!release(id));
        for id in [0, 1, u64::MAX, id, id ^ 1 << 63, u64::from(u32::MAX), 1 << 32 | 0xFFF_FFFF] {
            assert!(any(id).is_err(), "{id:#x}");
        }
    }

    #[test]
    fn a_slot_is_used_again_under_another_id() {
        let mut shard = Shard::new();
        let (index, first) = shard.insert(bytes());
        shard.remove(index);
        let (again, second) = shard.insert(bytes());
        assert_eq!((index, first + 1), (again, second));
    }

    #[test]
    fn a_slot_at_its_last_generation_is_retired() {
        let mut shard = Shard::new();
        let (index, _) = shard.insert(bytes());
        shard.slot(index).expect("just made").generation = u32::MAX;
        assert!(shard.remove(index).is_some());
        let (next, generation) = shard.insert(bytes());
        assert_eq!((next, generation), (index + 1, 1));
        assert_eq!(shard.live, 1);
    }
}
