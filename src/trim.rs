//! Collections that a burst has made large give its memory back once it is over.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};

/// What one keeps without asking, in elements.
const KEPT: usize = 1024;

/// To be called after something has been taken out: what it costs is shared by as many that were.
pub(crate) trait Trim {
    /// Gives back room of which most is empty, but for as much again as it has.
    fn trim(&mut self);
}

/// How much room is enough, if there is too much.
fn enough(length: usize, capacity: usize) -> Option<usize> {
    (capacity > KEPT && length <= capacity / 4).then_some((2 * length).max(KEPT / 2))
}

impl<T> Trim for Vec<T> {
    fn trim(&mut self) {
        if let Some(room) = enough(self.len(), self.capacity()) {
            self.shrink_to(room);
        }
    }
}

impl<T> Trim for VecDeque<T> {
    fn trim(&mut self) {
        if let Some(room) = enough(self.len(), self.capacity()) {
            self.shrink_to(room);
        }
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Trim for HashMap<K, V, S> {
    fn trim(&mut self) {
        if let Some(room) = enough(self.len(), self.capacity()) {
            self.shrink_to(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_what_there_is() {
        let mut vec: Vec<u32> = (0..100_000).collect();
        let mut deque: VecDeque<u32> = (0..100_000).collect();
        let mut map: HashMap<u32, u32> = (0..100_000).map(|n| (n, n)).collect();
        for left in (0..100_000).rev() {
            vec.pop();
            deque.pop_front();
            map.remove(&(left as u32));
            vec.trim();
            deque.trim();
            map.trim();
            let most = (4 * left).max(2 * KEPT);
            assert!(vec.capacity() <= most && deque.capacity() <= most && map.capacity() <= 2 * most, "{left}");
        }
    }

    #[test]
    fn one_that_is_empty_at_once_keeps_little() {
        let (mut vec, mut deque): (Vec<u32>, VecDeque<u32>) = ((0..100_000).collect(), (0..100_000).collect());
        vec.clear();
        deque.clear();
        vec.trim();
        deque.trim();
        assert!(vec.capacity() <= KEPT && deque.capacity() <= KEPT);
    }
}
