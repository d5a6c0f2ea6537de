//! The handle table: 64-bit generational ids for everything the C ABI hands out.
//!
//! An id is `generation << 32 | shard << 28 | index`. A slot's generation grows each time it is emptied,
//! so a stale id never names its slot's next tenant; a slot whose generation would wrap is retired.
//! Generation 0 is never used, so neither is the id 0. Ids are looked up, never dereferenced: any bit
//! pattern from any thread is answered with an object or with nothing.
//!
//! A new handle goes to the shard of the thread that makes it. A shard's lock is held to move an `Arc`
//! in or out, never while one is dropped: destructors may be foreign code and may come back here.

use super::slots::Shard;
use crate::error::{Error, ErrorKind};
use crate::fork::{self, Global, Held};
use crate::object::{Object, Owner, SHARDS, Status};
use crate::promise::{Cell, Promise, within};
use crate::sync::{Lock, MutexGuard, global};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once};

const INDEX_BITS: u32 = 32 - SHARDS.trailing_zeros();
/// How many handles are taken from a runtime that ends before others get a turn at the shard.
const AT_ONCE: usize = 256;
/// An id that nothing ever has, for generation 0 is not used.
const NEVER_LIVE: u64 = u32::MAX as u64;

/// What a handle stands for. Promises are the ones that must be cheap: theirs cost no allocation.
#[derive(Clone)]
pub(crate) enum Entry {
    Promise(Promise),
    Object(Arc<dyn Object>),
}

impl Entry {
    pub(super) fn owner(&self) -> Option<&Owner> {
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

    /// The object as what it is, if that is a `T`.
    #[inline]
    fn typed<T: Object>(&self) -> Option<Arc<T>> {
        let pointer = Arc::as_ptr(self.object().filter(|object| object.is::<T>())?).cast::<T>();
        // SAFETY: the pointer is that of an `Arc`, held by the entry, of something whose type has just been asked.
        unsafe {
            Arc::increment_strong_count(pointer);
            Some(Arc::from_raw(pointer))
        }
    }

    fn kind(&self) -> &'static str {
        self.object().map_or("Promise", |object| object.kind())
    }

    fn end(self, deadline: u64) {
        match self {
            Self::Promise(promise) => promise.end(deadline),
            // What it has open the runtime closes.
            Self::Object(object) => drop(object),
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

#[cfg(kja_model)]
global!(SHARD: [Lock<Shard>; SHARDS] = std::array::from_fn(|_| Lock::new(Shard::new())));
#[cfg(not(kja_model))]
global!(SHARD: [Lock<Shard>; SHARDS] = [const { Lock::new(Shard::new()) }; SHARDS]);

/// A shard that is held across a fork.
struct HeldShard(MutexGuard<'static, Shard>, usize);

impl Held for HeldShard {
    fn in_child(&mut self) {
        self.0.begin_again(self.1);
    }
}

impl Global for [Lock<Shard>; SHARDS] {
    fn hold(&'static self, held: &mut Vec<Box<dyn Held>>) {
        for (number, shard) in self.iter().enumerate() {
            held.push(Box::new(HeldShard(shard.lock(), number)));
        }
    }
}

/// Has forked children begin with a table in which nothing is found.
pub(super) fn watch_forks() {
    static ONCE: Once = Once::new();
    let table: &'static [Lock<Shard>; SHARDS] = &SHARD;
    fork::keep_usable(&ONCE, table);
}

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
///
/// # Errors
/// `Overloaded` without memory for another handle.
pub(crate) fn insert(entry: impl Into<Entry>) -> Result<u64, Error> {
    let entry = entry.into();
    let shard = home_shard();
    let owner = entry.owner();
    let mut table = SHARD[shard].lock();
    // The shutdown changes the status, then looks at the table: it finds the entry, or we see the status.
    let late = owner.is_some_and(|owner| owner.status() != Status::Live);
    let room = if late { None } else { table.reserve(shard, owner, 1 << INDEX_BITS) };
    if let Some(room) = room {
        let (index, generation) = table.fill(room, entry);
        return Ok(u64::from(generation) << 32 | (shard as u64) << INDEX_BITS | u64::from(index));
    }
    drop(table);
    if late {
        within(0, || entry.end(0));
        return Ok(NEVER_LIVE);
    }
    Err(Error::no_memory())
}

/// Shows what a handle stands for to `look`, which must only clone out of it, and finds another kind with `None`.
#[inline]
fn with<R>(id: u64, look: impl FnOnce(&Entry) -> Option<R>) -> Result<R, Error> {
    let (shard, index, generation) = split(id);
    let table = SHARD[shard].lock();
    let found = table.get(index, generation).and_then(look);
    drop(table);
    found.ok_or_else(|| refusal(id))
}

/// Takes a handle out of the table if it is of the `wanted` kind: it is stale from then on.
#[inline]
fn remove(id: u64, wanted: impl FnOnce(&Entry) -> bool) -> Result<Entry, Error> {
    let (shard, index, generation) = split(id);
    let mut table = SHARD[shard].lock();
    let removed = if table.get(index, generation).is_some_and(wanted) { table.remove(shard, index) } else { None };
    drop(table);
    removed.ok_or_else(|| refusal(id))
}

/// Why a handle is not the one that was wanted.
#[cold]
fn refusal(id: u64) -> Error {
    let (shard, index, generation) = split(id);
    let table = SHARD[shard].lock();
    let kind = table.get(index, generation).map(Entry::kind);
    let of_parent = table.is_of_parent(index, generation);
    drop(table);
    match kind {
        None if of_parent => Error::new(ErrorKind::BadHandle, "a handle of the process that this one was forked from"),
        None => Error::bad_handle(),
        Some(kind) => {
            let text = format!("the handle of a {kind}, where one of another kind is needed");
            Error::new(ErrorKind::BadHandle, text)
        }
    }
}

/// The object of a handle.
pub(super) fn get<T: Object>(id: u64) -> Result<Arc<T>, Error> {
    with(id, Entry::typed)
}

/// Takes the handle of an object out of the table.
pub(super) fn remove_object<T: Object>(id: u64) -> Result<Entry, Error> {
    remove(id, |entry| entry.object().is_some_and(|object| object.is::<T>()))
}

/// As `remove_object`: the caller holds the object now.
pub(super) fn take<T: Object>(id: u64) -> Result<Arc<T>, Error> {
    remove_object::<T>(id)?.typed().ok_or_else(Error::bad_handle)
}

/// What a handle of any kind stands for.
pub(super) fn any(id: u64) -> Result<Entry, Error> {
    with(id, |entry| Some(entry.clone()))
}

pub(super) fn take_any(id: u64) -> Result<Entry, Error> {
    remove(id, |_| true)
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

/// Ends everything of a runtime that a handle stands for: promises reject, then what is open closes. Nothing is added
/// meanwhile, for an insert looks at the status.
pub(crate) fn end_all_of(owner: &Owner, deadline: u64) {
    let (mut promises, mut objects, mut some) = (Vec::new(), Vec::new(), Vec::new());
    for (number, shard) in SHARD.iter().enumerate() {
        let mut all = false;
        while !all {
            all = shard.lock().remove_owned(number, owner, AT_ONCE, &mut some);
            let (more_promises, more_objects): (Vec<_>, Vec<_>) =
                some.drain(..).partition(|entry| entry.promise().is_some());
            promises.extend(more_promises);
            objects.extend(more_objects);
        }
    }
    promises.into_iter().chain(objects).for_each(|entry| entry.end(deadline));
}

/// How many handles are live in the process.
pub(crate) fn count() -> usize {
    SHARD.iter().map(|shard| shard.lock().len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn release(id: u64) -> bool {
        take::<Bytes>(id).is_ok()
    }

    #[test]
    fn stale_and_foreign_ids_find_nothing() {
        let id = insert(Bytes::from_static(b"x")).expect("room");
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
}
