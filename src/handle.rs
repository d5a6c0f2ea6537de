//! The handle table: 64-bit generational ids for everything the C ABI hands out.
//!
//! An id is `generation << 32 | shard << 28 | index`. A slot's generation grows each time it is emptied,
//! so a stale id never names its slot's next tenant; a slot whose generation would wrap is retired.
//! Generation 0 is never used, so neither is the id 0. Ids are looked up, never dereferenced: any bit
//! pattern from any thread is answered with an object or with nothing.
//!
//! A new handle goes to the shard of the thread that makes it. A shard's lock is held to move an `Arc`
//! in or out, never while one is dropped: destructors may be foreign code and may come back here.

use crate::coordination::{Event, Permit, Queue, Semaphore};
use crate::error::Error;
use crate::net::{Address, DatagramPort, Listener, Network, NetworkWrapper, Peer};
use crate::promise::{Canceler, Fulfiller, Promise, TaskSet};
use crate::runtime::{Executor, Runtime, RuntimeId, Shared, Status, end_object};
use crate::stream::{Connection, Message, Messages};
use crate::sync::{Lock, global};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const SHARD_BITS: u32 = if cfg!(kja_model) { 1 } else { 4 };
const SHARDS: usize = 1 << SHARD_BITS;
const INDEX_BITS: u32 = 32 - SHARD_BITS;
const CHUNK: usize = 256;

/// What a handle may stand for.
#[derive(Clone)]
pub(crate) enum Object {
    Runtime(Arc<Runtime>),
    Executor(Executor),
    Promise(Promise),
    Fulfiller(Arc<Fulfiller>),
    Bytes(Arc<Bytes>),
    Address(Arc<Address>),
    Listener(Arc<Listener>),
    Network(Arc<Network>),
    NetworkWrapper(Arc<NetworkWrapper>),
    Peer(Arc<Peer>),
    Connection(Arc<Connection>),
    TaskSet(Arc<TaskSet>),
    Canceler(Arc<Canceler>),
    Queue(Queue),
    Semaphore(Semaphore),
    Permit(Arc<Permit>),
    Event(Arc<Event>),
    Error(Error),
    Datagram(Arc<DatagramPort>),
    Message(Arc<Message>),
    Messages(Arc<Messages>),
}

impl Object {
    /// The runtime at whose shutdown the handle becomes stale.
    fn owner(&self) -> Option<&Arc<Shared>> {
        match self {
            Self::Runtime(_) | Self::Executor(_) | Self::Bytes(_) | Self::Error(_) => None,
            Self::Promise(promise) => Some(promise.runtime()),
            Self::Fulfiller(fulfiller) => Some(fulfiller.runtime()),
            Self::Address(address) => Some(address.runtime()),
            Self::Listener(listener) => Some(listener.runtime()),
            Self::Network(network) => Some(network.runtime()),
            Self::NetworkWrapper(wrapper) => Some(wrapper.runtime()),
            Self::Peer(peer) => peer.runtime(),
            Self::Connection(connection) => Some(connection.runtime()),
            Self::TaskSet(tasks) => Some(tasks.runtime()),
            Self::Canceler(canceler) => Some(canceler.runtime()),
            Self::Queue(queue) => Some(queue.runtime()),
            Self::Semaphore(semaphore) => Some(semaphore.runtime()),
            Self::Permit(permit) => Some(permit.runtime()),
            Self::Event(event) => Some(event.runtime()),
            Self::Datagram(port) => Some(port.runtime()),
            Self::Message(message) => Some(message.runtime()),
            Self::Messages(messages) => Some(messages.runtime()),
        }
    }
}

struct Slot {
    generation: u32,
    next_free: u32,
    object: Option<Object>,
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

    fn insert(&mut self, object: Object) -> (u32, u32) {
        let index = match self.free {
            Some(index) => index,
            None => self.grow(),
        };
        let slot = self.slot(index).expect("an index from the free list or just made");
        let next = slot.next_free;
        slot.object = Some(object);
        let generation = slot.generation;
        self.free = (next != u32::MAX).then_some(next);
        self.live += 1;
        (index, generation)
    }

    fn grow(&mut self) -> u32 {
        let index = self.used;
        assert!(index < 1 << INDEX_BITS, "more than 2^28 live handles in one shard");
        if index as usize == self.chunks.len() * CHUNK {
            let empty = || Slot { generation: 1, next_free: u32::MAX, object: None };
            self.chunks.push((0..CHUNK).map(|_| empty()).collect());
        }
        self.used += 1;
        index
    }

    fn remove(&mut self, index: u32) -> Option<Object> {
        let free = self.free.unwrap_or(u32::MAX);
        let slot = self.slot(index)?;
        let object = slot.object.take()?;
        let retired = slot.generation == u32::MAX;
        if !retired {
            slot.generation += 1;
            slot.next_free = free;
            self.free = Some(index);
        }
        self.live -= 1;
        Some(object)
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

/// Puts an object into the table and returns its id: a stale one if its runtime has begun to shut down.
pub(crate) fn insert(object: Object) -> u64 {
    let shard = home_shard();
    let mut table = SHARD[shard].lock();
    // The shutdown changes the status, then looks at the table: it finds the object, or we see the status.
    let late = object.owner().is_some_and(|owner| owner.status() != Status::Live);
    let (index, generation) = table.insert(object);
    let swept = if late { table.remove(index) } else { None };
    drop(table);
    swept.into_iter().for_each(end_object);
    u64::from(generation) << 32 | (shard as u64) << INDEX_BITS | u64::from(index)
}

/// Shows the object behind an id to `look`, which must only clone out of it. `None` for a bad id.
pub(crate) fn with<R>(id: u64, look: impl FnOnce(&Object) -> Option<R>) -> Option<R> {
    let (shard, index, generation) = split(id);
    let mut shard = SHARD[shard].lock();
    let slot = shard.slot(index)?;
    if slot.generation != generation {
        return None;
    }
    look(slot.object.as_ref()?)
}

/// Takes the object out if the id is valid and `wanted` agrees; the id is stale from then on.
pub(crate) fn remove(id: u64, wanted: impl FnOnce(&Object) -> bool) -> Option<Object> {
    let (shard, index, generation) = split(id);
    let mut shard = SHARD[shard].lock();
    let slot = shard.slot(index)?;
    if slot.generation != generation || !wanted(slot.object.as_ref()?) {
        return None;
    }
    shard.remove(index)
}

/// Takes out everything that belongs to a runtime.
pub(crate) fn remove_owned_by(runtime: RuntimeId) -> Vec<Object> {
    let mut found = Vec::new();
    for shard in SHARD.iter() {
        let mut shard = shard.lock();
        for index in 0..shard.used {
            let owned = shard
                .slot(index)
                .and_then(|slot| slot.object.as_ref())
                .is_some_and(|object| object.owner().is_some_and(|owner| owner.id == runtime));
            if owned {
                found.extend(shard.remove(index));
            }
        }
    }
    found
}

/// How many handles are live in the process.
pub(crate) fn count() -> usize {
    SHARD.iter().map(|shard| shard.lock().live).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Object {
        Object::Bytes(Arc::new(Bytes::from_static(b"x")))
    }

    #[test]
    fn a_handle_costs_a_slot_of_a_few_words() {
        // What has no room here is behind an `Arc`: promises and values grow with the largest of them.
        assert!(size_of::<Object>() <= 24 && size_of::<Slot>() <= 32, "{} {}", size_of::<Object>(), size_of::<Slot>());
    }

    #[test]
    fn stale_and_foreign_ids_find_nothing() {
        let id = insert(bytes());
        assert!(with(id, |_| Some(())).is_some());
        assert!(remove(id, |object| matches!(object, Object::Address(_))).is_none());
        assert!(remove(id, |_| true).is_some());
        assert!(remove(id, |_| true).is_none());
        assert!(with(id, |_| Some(())).is_none());
        for id in [0, 1, u64::MAX, id ^ 1 << 63, u64::from(u32::MAX), 1 << 32 | 0xFFF_FFFF] {
            assert!(with(id, |_| Some(())).is_none(), "{id:#x}");
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
