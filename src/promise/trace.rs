//! What a pending promise waits for.

use super::Promise;

/// A longer chain is cut here.
const LONGEST: usize = 64;

impl Promise {
    /// The names of the operations from this promise down to what it waits for at the end; empty once it has
    /// settled. Each is "running" while a thread is at it. A chain is cut after 64 names. (PROM-20)
    pub fn trace(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        let mut next = Some(self.cell().clone());
        while let Some(cell) = next.take().filter(|_| names.len() < LONGEST) {
            if let Some((name, awaits)) = cell.describe() {
                names.push(name);
                next = awaits;
            }
        }
        names
    }
}
