//! One shard of the handle table: slots in chunks, each chunk for what belongs to one runtime, or to none.
//!
//! So the end of a runtime looks at its own chunks and no others. A chunk whose slots are all empty gives its memory back and
//! begins again, for whoever needs one, with a generation that no id of it has had: a stale id finds nothing there, then or later.
//! One empty chunk of each runtime keeps its memory, the lowest, for whoever makes and releases one handle at a time.

use super::handle::Entry;
use crate::object::{ChunkLists, NO_CHUNK, Owner, SHARDS};
use crate::sync::global;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

const CHUNK: usize = 64;
const NO_PLACE: u32 = u32::MAX;

struct Slot {
    /// 0 once all have been used: then it stays empty.
    generation: u32,
    /// Of an empty slot the next one in its chunk.
    next: u32,
    entry: Option<Entry>,
}

struct Chunk {
    /// Of which process what it has belongs to, as the shard counts them.
    process: u32,
    /// None while it is bare.
    slots: Option<Box<[Slot; CHUNK]>>,
    full: u32,
    /// The first empty slot.
    empty: u32,
    /// The one with which it begins again.
    generation: u32,
    /// It was full when it was last tried, and is on the list of those.
    exhausted: bool,
    previous: u32,
    next: u32,
}

pub(super) struct Shard {
    chunks: Vec<Chunk>,
    bare: BinaryHeap<Reverse<u32>>,
    full: usize,
    /// How many forks lie between this process and the first one.
    process: u32,
}

/// The number of a chunk with an empty slot.
pub(super) struct Room(u32);

global!(UNOWNED: [ChunkLists; SHARDS] = [const { ChunkLists::new() }; SHARDS]);

/// The lists of chunks from which what has this owner gets its slots.
fn lists(shard: usize, owner: Option<&Owner>) -> &ChunkLists {
    owner.map_or(&UNOWNED[shard], |owner| &owner.chunks[shard])
}

impl Shard {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), bare: BinaryHeap::new(), full: 0, process: 0 }
    }

    /// How many slots are full.
    pub(super) fn len(&self) -> usize {
        self.full
    }

    /// What is in a slot, if it is of this generation.
    #[inline]
    pub(super) fn get(&self, index: u32, generation: u32) -> Option<&Entry> {
        let (process, entry) = self.look(index, generation)?;
        if process == self.process { Some(entry) } else { None }
    }

    /// Whether what is in a slot of this generation belongs to a process that this one was forked from.
    pub(super) fn is_of_parent(&self, index: u32, generation: u32) -> bool {
        self.look(index, generation).is_some_and(|(process, _)| process != self.process)
    }

    #[inline]
    fn look(&self, index: u32, generation: u32) -> Option<(u32, &Entry)> {
        let chunk = self.chunks.get(index as usize / CHUNK)?;
        let slot = &chunk.slots.as_ref()?[index as usize % CHUNK];
        if slot.generation == generation { Some((chunk.process, slot.entry.as_ref()?)) } else { None }
    }

    /// Begins again in a forked child. What there is stays where it is: nobody finds it any more, and it is not dropped.
    pub(super) fn begin_again(&mut self, shard: usize) {
        self.process += 1;
        self.full = 0;
        UNOWNED[shard].clear();
    }

    /// A chunk of this owner's with an empty slot, all of it among the first `most` slots; `shard` is this shard's number. To be
    /// filled now.
    #[inline]
    pub(super) fn reserve(&mut self, shard: usize, owner: Option<&Owner>, most: usize) -> Option<Room> {
        let lists = lists(shard, owner);
        let mut number = lists.with_room.load(Relaxed);
        if self.chunks.get(number as usize).is_none_or(|chunk| chunk.empty == NO_PLACE) {
            number = self.find_room(lists, most)?;
        }
        if self.chunks[number as usize].full == 0 {
            // It was the spare one.
            lists.spare.store(NO_CHUNK, Relaxed);
        }
        Some(Room(number))
    }

    /// Fills an empty slot of the chunk.
    #[inline]
    pub(super) fn fill(&mut self, Room(number): Room, entry: Entry) -> (u32, u32) {
        let chunk = &mut self.chunks[number as usize];
        let place = chunk.empty;
        let slot = &mut chunk.slots.as_mut().expect("a chunk with room has memory")[place as usize % CHUNK];
        slot.entry = Some(entry);
        chunk.empty = slot.next;
        chunk.full += 1;
        self.full += 1;
        (number * CHUNK as u32 + place, slot.generation)
    }

    /// Empties a slot; its generation ends.
    #[inline]
    pub(super) fn remove(&mut self, shard: usize, index: u32) -> Option<Entry> {
        let (number, place) = (index / CHUNK as u32, index % CHUNK as u32);
        let chunk = self.chunks.get_mut(number as usize)?;
        let slot = &mut chunk.slots.as_mut()?[place as usize % CHUNK];
        let entry = slot.entry.take()?;
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            slot.next = chunk.empty;
            chunk.empty = place;
        } else {
            slot.generation = 0;
        }
        chunk.full -= 1;
        self.full -= 1;
        if chunk.exhausted || chunk.full == 0 {
            self.has_room_again(lists(shard, entry.owner()), number);
        }
        Some(entry)
    }

    /// A chunk with an empty slot, the first of those with room from now on.
    #[cold]
    fn find_room(&mut self, lists: &ChunkLists, most: usize) -> Option<u32> {
        loop {
            let first = lists.with_room.load(Relaxed);
            if first == NO_CHUNK {
                break;
            }
            if self.chunks[first as usize].empty != NO_PLACE {
                return Some(first);
            }
            self.unlink(&lists.with_room, first);
            self.link(&lists.exhausted, first);
            self.chunks[first as usize].exhausted = true;
        }
        let number = self.furnish(most)?;
        self.link(&lists.with_room, number);
        Some(number)
    }

    /// The lowest chunk that nobody has, with memory.
    fn furnish(&mut self, most: usize) -> Option<u32> {
        let number = self.bare.peek().map_or(self.chunks.len(), |Reverse(lowest)| *lowest as usize);
        if (number + 1) * CHUNK > most {
            return None;
        }
        let mut slots = Vec::new();
        slots.try_reserve_exact(CHUNK).ok()?;
        if number == self.chunks.len() {
            // With room for every chunk among the bare ones, for a release must not need memory.
            self.bare.try_reserve(number + 1 - self.bare.len()).ok()?;
            self.chunks.try_reserve(1).ok()?;
            let (empty, previous, next) = (NO_PLACE, NO_CHUNK, NO_CHUNK);
            let exhausted = false;
            let process = self.process;
            self.chunks.push(Chunk { process, slots: None, full: 0, empty, generation: 1, exhausted, previous, next });
        } else {
            self.bare.pop();
        }
        let chunk = &mut self.chunks[number];
        let generation = chunk.generation;
        chunk.process = self.process;
        slots.extend((1..=CHUNK as u32).map(|next| Slot { generation, next, entry: None }));
        slots[CHUNK - 1].next = NO_PLACE;
        chunk.slots = slots.into_boxed_slice().try_into().ok();
        chunk.empty = 0;
        Some(number as u32)
    }

    /// After a slot of the chunk has been emptied.
    #[cold]
    fn has_room_again(&mut self, lists: &ChunkLists, number: u32) {
        let chunk = &mut self.chunks[number as usize];
        let is_empty = chunk.full == 0;
        if std::mem::take(&mut chunk.exhausted) {
            self.unlink(&lists.exhausted, number);
            self.link(&lists.with_room, number);
        }
        if is_empty {
            let spare = lists.spare.load(Relaxed);
            lists.spare.store(spare.min(number), Relaxed);
            if spare != NO_CHUNK {
                self.strip(&lists.with_room, spare.max(number));
            }
        }
    }

    /// Takes an empty chunk from its owner, and its memory.
    fn strip(&mut self, list: &AtomicU32, number: u32) {
        self.unlink(list, number);
        let chunk = &mut self.chunks[number as usize];
        let Some(slots) = chunk.slots.take() else { return };
        (chunk.empty, chunk.exhausted) = (NO_PLACE, false);
        // A chunk with a slot that has used all generations cannot begin again.
        if slots.iter().all(|slot| slot.generation != 0) {
            chunk.generation = slots.iter().map(|slot| slot.generation).max().unwrap_or(chunk.generation);
            self.bare.push(Reverse(number));
        }
    }

    /// Takes out what belongs to an owner, chunk by chunk, until there are `most` or more; `false` if that may not be all.
    pub(super) fn remove_owned(&mut self, shard: usize, owner: &Owner, most: usize, found: &mut Vec<Entry>) -> bool {
        let lists = lists(shard, Some(owner));
        for list in [&lists.with_room, &lists.exhausted] {
            loop {
                let number = list.load(Relaxed);
                if number == NO_CHUNK {
                    break;
                }
                if found.len() >= most {
                    return false;
                }
                let chunk = &mut self.chunks[number as usize];
                for slot in chunk.slots.iter_mut().flat_map(|slots| slots.iter_mut()) {
                    #[cfg(test)]
                    tests::LOOKED_AT.set(tests::LOOKED_AT.get() + 1);
                    if let Some(entry) = slot.entry.take() {
                        slot.generation = slot.generation.checked_add(1).unwrap_or(0);
                        found.push(entry);
                    }
                }
                self.full -= chunk.full as usize;
                chunk.full = 0;
                self.strip(list, number);
            }
        }
        lists.spare.store(NO_CHUNK, Relaxed);
        true
    }

    fn link(&mut self, list: &AtomicU32, number: u32) {
        let next = list.load(Relaxed);
        if let Some(next) = self.chunks.get_mut(next as usize) {
            next.previous = number;
        }
        let chunk = &mut self.chunks[number as usize];
        (chunk.previous, chunk.next) = (NO_CHUNK, next);
        list.store(number, Relaxed);
    }

    fn unlink(&mut self, list: &AtomicU32, number: u32) {
        let (previous, next) = (self.chunks[number as usize].previous, self.chunks[number as usize].next);
        match self.chunks.get_mut(previous as usize) {
            Some(before) => before.next = next,
            None => list.store(next, Relaxed),
        }
        if let Some(after) = self.chunks.get_mut(next as usize) {
            after.previous = previous;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Object;
    use std::cell::Cell;
    use std::sync::Arc;

    // How many slots the ends of runtimes have looked at.
    thread_local!(pub(super) static LOOKED_AT: Cell<usize> = const { Cell::new(0) });

    struct Owned(Arc<Owner>);

    impl Object for Owned {
        fn owner(&self) -> Option<&Owner> {
            Some(&self.0)
        }
    }

    fn owner() -> Arc<Owner> {
        Arc::new(Owner::new())
    }

    fn insert(shard: &mut Shard, owner: &Arc<Owner>) -> (u32, u32) {
        let room = shard.reserve(0, Some(&**owner), 1 << 20).expect("room");
        shard.fill(room, Owned(owner.clone()).into())
    }

    fn fill(shard: &mut Shard, owner: &Arc<Owner>, count: usize) -> Vec<(u32, u32)> {
        (0..count).map(|_| insert(shard, owner)).collect()
    }

    fn empty(shard: &mut Shard, ids: &[(u32, u32)]) {
        ids.iter().for_each(|(index, _)| assert!(shard.remove(0, *index).is_some()));
    }

    fn slots_of(shard: &mut Shard, number: usize) -> &mut [Slot] {
        shard.chunks[number].slots.as_mut().expect("memory").as_mut_slice()
    }

    fn with_memory(shard: &Shard) -> Vec<usize> {
        (0..shard.chunks.len()).filter(|number| shard.chunks[*number].slots.is_some()).collect()
    }

    fn found(shard: &Shard, ids: &[(u32, u32)]) -> usize {
        ids.iter().filter(|(index, generation)| shard.get(*index, *generation).is_some()).count()
    }

    #[test]
    fn a_handle_costs_a_slot_of_a_few_words() {
        assert!(size_of::<Entry>() <= 16 && size_of::<Slot>() <= 32, "{} {}", size_of::<Entry>(), size_of::<Slot>());
    }

    #[test]
    fn a_slot_is_used_again_under_another_id() {
        let (mut shard, owner) = (Shard::new(), owner());
        let (index, first) = insert(&mut shard, &owner);
        assert!(shard.remove(0, index).is_some() && shard.remove(0, index).is_none());
        assert_eq!(insert(&mut shard, &owner), (index, first + 1));
    }

    #[test]
    fn a_slot_at_its_last_generation_is_retired() {
        let (mut shard, owner) = (Shard::new(), owner());
        let (index, _) = insert(&mut shard, &owner);
        slots_of(&mut shard, 0)[index as usize].generation = u32::MAX;
        assert!(shard.get(index, u32::MAX).is_some() && shard.remove(0, index).is_some());
        assert!(fill(&mut shard, &owner, 2 * CHUNK).iter().all(|(again, _)| *again != index));
        assert_eq!((shard.len(), found(&shard, &[(index, u32::MAX), (index, 0), (index, 1)])), (2 * CHUNK, 0));
    }

    #[test]
    fn a_chunk_with_a_retired_slot_does_not_begin_again() {
        let (mut shard, owner) = (Shard::new(), owner());
        let ids = fill(&mut shard, &owner, 3 * CHUNK);
        slots_of(&mut shard, 1)[7].generation = u32::MAX;
        empty(&mut shard, &ids);
        assert_eq!(with_memory(&shard), [0]);
        fill(&mut shard, &owner, 4 * CHUNK);
        assert_eq!(with_memory(&shard), [0, 2, 3, 4]);
    }

    #[test]
    fn empty_chunks_give_their_memory_back_and_stale_ids_find_nothing() {
        let (mut shard, owner) = (Shard::new(), owner());
        let mut stale = Vec::new();
        for round in 0..4 {
            let mut ids = fill(&mut shard, &owner, 100 * CHUNK);
            assert_eq!((with_memory(&shard).len(), found(&shard, &ids), found(&shard, &stale)), (100, ids.len(), 0));
            if round % 2 == 1 {
                ids.reverse();
            }
            empty(&mut shard, &ids);
            assert_eq!((with_memory(&shard), shard.len()), (vec![0], 0));
            stale.extend(ids);
        }
        assert_eq!(found(&shard, &stale), 0);
    }

    #[test]
    fn who_makes_and_releases_one_handle_keeps_its_memory() {
        let (mut shard, owner) = (Shard::new(), owner());
        for full in [0, CHUNK - 1, CHUNK, CHUNK + 1] {
            let ids = fill(&mut shard, &owner, full);
            let (index, _) = insert(&mut shard, &owner);
            let memory = with_memory(&shard);
            assert!(shard.remove(0, index).is_some());
            assert_eq!((with_memory(&shard), insert(&mut shard, &owner).0), (memory, index));
            assert!(shard.remove(0, index).is_some());
            empty(&mut shard, &ids);
        }
    }

    #[test]
    fn a_table_without_room_says_so() {
        let (mut shard, owner) = (Shard::new(), owner());
        fill(&mut shard, &owner, 2 * CHUNK);
        assert!(shard.reserve(0, Some(&*owner), 2 * CHUNK).is_none());
        assert!(shard.reserve(0, Some(&*owner), 3 * CHUNK).is_some());
        assert_eq!(shard.len(), 2 * CHUNK);
    }

    #[test]
    fn what_a_runtime_has_is_found_without_looking_at_the_rest() {
        let (mut shard, ours, others) = (Shard::new(), owner(), owner());
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            kept.extend(fill(&mut shard, &others, CHUNK / 2));
            gone.push(insert(&mut shard, &ours));
        }
        assert_eq!(with_memory(&shard).len(), 104);
        LOOKED_AT.set(0);
        let mut taken = Vec::new();
        assert!(!shard.remove_owned(0, &ours, 1, &mut taken));
        assert!(shard.remove_owned(0, &ours, usize::MAX, &mut taken));
        assert_eq!((taken.len(), found(&shard, &gone), found(&shard, &kept)), (200, 0, kept.len()));
        assert_eq!(LOOKED_AT.get(), 4 * CHUNK);
        taken.clear();
        assert!(shard.remove_owned(0, &others, usize::MAX, &mut taken));
        assert_eq!((taken.len(), found(&shard, &kept), shard.len(), with_memory(&shard)), (kept.len(), 0, 0, vec![]));
    }
}
