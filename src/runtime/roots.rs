//! The pending cells that a shutdown would not come to from anywhere else.
//!
//! What a runtime has pending is a forest. A timer is known to the heap and a call to the queue; what waits for another
//! cell of the same loop ends with that. All the others are *roots*, and noted here: whoever waits for a fulfiller, for
//! the system, or for another loop, and whoever has come to wait for a promise that may be older or younger than itself, so that
//! there is a root in every ring.
//!
//! # None is missed
//!
//! A cell is noted before anybody can see it pending, or while it is being polled. The shutdown closes a shard when it takes
//! what is in it, under its lock: a cell is among those that are taken, or is refused and ended by whoever wanted it noted.
//!
//! A thread notes cells in its own shard, and they are taken out by whoever settles them. The lock of a shard is the last that
//! a thread takes.

use crate::promise::Cell;
use crate::sync::Lock;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::trim::Trim;
use std::sync::Arc;

const SHARDS: usize = if cfg!(kja_model) { 1 } else { 8 };

/// Where a cell is among the roots.
pub(crate) struct Place {
    /// Its index and one, 0 if it is nowhere; written under the lock of the shard.
    index: AtomicU32,
    shard: AtomicU32,
}

#[derive(Default)]
struct Shard {
    cells: Vec<Arc<Cell>>,
    closed: bool,
}

#[derive(Default)]
pub(crate) struct Roots([Lock<Shard>; SHARDS]);

fn own_shard() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    thread_local!(static OWN: u32 = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS as u32);
    OWN.try_with(|own| *own).unwrap_or(0)
}

impl Place {
    pub(crate) fn nowhere() -> Self {
        Self { index: AtomicU32::new(0), shard: AtomicU32::new(0) }
    }

    /// Whether the cell is noted. To whoever settles it, and to whoever is about to note it, a fact.
    pub(crate) fn is_somewhere(&self) -> bool {
        self.index.load(Ordering::Relaxed) != 0
    }

    fn set(&self, index: usize) {
        self.index.store(index as u32 + 1, Ordering::Relaxed);
    }
}

impl Roots {
    /// Notes a cell; `false` once the shutdown has begun.
    pub(crate) fn add(&self, cell: &Arc<Cell>) -> bool {
        let own = own_shard();
        let mut shard = self.0[own as usize].lock();
        if shard.closed {
            return false;
        }
        cell.place.shard.store(own, Ordering::Relaxed);
        cell.place.set(shard.cells.len());
        shard.cells.push(cell.clone());
        true
    }

    /// Takes out a cell that has settled, unless the shutdown has.
    pub(crate) fn remove(&self, cell: &Cell) {
        let mut shard = self.0[cell.place.shard.load(Ordering::Relaxed) as usize].lock();
        let Some(index) = cell.place.index.load(Ordering::Relaxed).checked_sub(1) else { return };
        let index = index as usize;
        let own = shard.cells.swap_remove(index);
        own.place.index.store(0, Ordering::Relaxed);
        if let Some(moved) = shard.cells.get(index) {
            moved.place.set(index);
        }
        shard.cells.trim();
        drop(shard);
        drop(own);
    }

    /// Takes all of them; from now on none is noted.
    pub(super) fn close(&self) -> Vec<Arc<Cell>> {
        let mut all = Vec::new();
        for shard in &self.0 {
            let mut shard = shard.lock();
            shard.closed = true;
            let cells = std::mem::take(&mut shard.cells);
            cells.iter().for_each(|cell| cell.place.index.store(0, Ordering::Relaxed));
            drop(shard);
            all.extend(cells);
        }
        all
    }
}

#[cfg(all(test, not(kja_model)))]
mod tests {
    use crate::runtime::{Options, Runtime};

    #[test]
    fn the_memory_of_a_burst_is_given_back() {
        let runtime = Runtime::new(Options::default()).expect("a runtime");
        let room = || runtime.shared().roots.0.iter().map(|shard| shard.lock().cells.capacity()).sum::<usize>();
        let burst: Vec<_> = (0..100_000).map(|_| runtime.never().expect("it is alive")).collect();
        assert!(room() >= 100_000);
        drop(burst);
        assert!(room() <= 2048, "{}", room());
    }
}
