//! A descriptor's gate: used and closed at the same time.

use super::*;
use crate::stream::Closable;

/// Counts its drops and notices uses after the first.
struct Watched(Arc<AtomicUsize>);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

#[test]
fn what_is_closed_is_dropped_once_and_after_its_last_use() {
    explore(3, || {
        let drops = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Closable::new(Watched(drops.clone())));
        let users: Vec<_> = (0..2)
            .map(|_| {
                let gate = gate.clone();
                loom::thread::spawn(move || {
                    if let Some(watched) = gate.get() {
                        assert_eq!(watched.0.load(Ordering::Acquire), 0);
                    }
                })
            })
            .collect();
        let first = gate.close();
        assert!(!gate.is_open() && gate.get().is_none());
        users.into_iter().for_each(|user| user.join().unwrap());
        assert!(first && !gate.close());
        assert_eq!(drops.load(Ordering::Acquire), 1);
    });
}
