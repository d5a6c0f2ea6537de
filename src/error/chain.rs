//! A list that grows at its newest end without a copy: all that were made from it share what is older.

use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Chain<T>(Option<Arc<Link<T>>>);

#[derive(Debug)]
struct Link<T> {
    item: T,
    older: Chain<T>,
}

impl<T> Default for Chain<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Clone for Chain<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Chain<T> {
    pub(super) fn with(&self, item: T) -> Self {
        Self(Some(Arc::new(Link { item, older: self.clone() })))
    }

    /// The newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let links = std::iter::successors(self.0.as_deref(), |link| link.older.0.as_deref());
        links.map(|link| &link.item)
    }
}

impl<T> Drop for Chain<T> {
    fn drop(&mut self) {
        // One after the other: a long list would need as much stack.
        let mut next = self.0.take();
        while let Some(mut last_held_here) = next.and_then(Arc::into_inner) {
            next = last_held_here.older.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_made_and_dropped_link_by_link() {
        let mut chain = Chain::default();
        for item in 0..1_000_000 {
            chain = chain.with(item);
        }
        let other = chain.with(7);
        assert_eq!(other.iter().take(3).copied().collect::<Vec<_>>(), [7, 999_999, 999_998]);
        drop(chain);
        assert_eq!(other.iter().count(), 1_000_001);
    }
}
