//! Where a timer finds its entry in the heap, and the heap its waker: slots in chunks, each of which goes when it is empty.

use super::timer::NOWHERE;
use std::task::Waker;

const CHUNK: usize = 64;

/// A slot outlives its entry: after firing it stays, without a waker, until its timer is dropped.
pub(super) struct Slot {
    pub(super) waker: Option<Waker>,
    /// Place in the heap.
    pub(super) place: u32,
}

struct Chunk {
    /// None while all are free, but for the spare one.
    slots: Option<Box<[Slot; CHUNK]>>,
    /// A bit for each that is free.
    free: u64,
}

#[derive(Default)]
pub(super) struct Slots {
    chunks: Vec<Chunk>,
    /// Those with a free slot.
    with_room: Vec<u32>,
    /// One that is empty and keeps its memory, for whoever starts and drops one timer at a time.
    spare: Option<u32>,
}

impl Slots {
    pub(super) fn insert(&mut self, waker: Waker) -> u32 {
        let number = self.with_room.last().copied().unwrap_or_else(|| {
            let number = self.chunks.len() as u32;
            self.chunks.push(Chunk { slots: None, free: u64::MAX });
            self.with_room.push(number);
            number
        });
        if self.spare == Some(number) {
            self.spare = None;
        }
        let chunk = &mut self.chunks[number as usize];
        let free = chunk.free.trailing_zeros();
        chunk.free &= chunk.free - 1;
        if chunk.free == 0 {
            self.with_room.pop();
        }
        let slots =
            chunk.slots.get_or_insert_with(|| Box::new([const { Slot { waker: None, place: NOWHERE } }; CHUNK]));
        slots[free as usize].waker = Some(waker);
        number * CHUNK as u32 + free
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Slot {
        let slots = self.chunks[slot as usize / CHUNK].slots.as_mut();
        &mut slots.expect("a slot in use has memory")[slot as usize % CHUNK]
    }

    /// Frees a slot whose entry has left the heap.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Waker> {
        let own = self.get_mut(slot);
        own.place = NOWHERE;
        let waker = own.waker.take();
        let number = slot / CHUNK as u32;
        let chunk = &mut self.chunks[number as usize];
        if chunk.free == 0 {
            self.with_room.push(number);
        }
        chunk.free |= 1 << (slot % CHUNK as u32);
        if chunk.free == u64::MAX
            && let Some(spare) = self.spare.replace(number)
        {
            self.chunks[spare as usize].slots = None;
        }
        waker
    }

    #[cfg(test)]
    pub(super) fn with_memory(&self) -> usize {
        self.chunks.iter().filter(|chunk| chunk.slots.is_some()).count()
    }
}
