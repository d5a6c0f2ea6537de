//! Bytes on their way out, in pieces.

use crate::error::Error;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::task::{Poll, ready};

/// How many pieces one call takes at most; IOV_MAX is 1024 on every system we know.
pub(super) const MOST_PARTS: usize = 64;

/// Pieces none of which is empty.
#[derive(Default)]
pub(super) struct Parts(VecDeque<Bytes>);

impl Parts {
    pub(super) fn new(parts: impl IntoIterator<Item = Bytes>) -> Self {
        Self(parts.into_iter().filter(|part| !part.is_empty()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.0.push_back(part);
        }
    }

    /// Shows them to `write`, which says how many bytes it took; these are gone then.
    pub(super) fn poll(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> Poll<Result<usize, Error>>,
    ) -> Poll<Result<usize, Error>> {
        let written = match self.0.as_slices() {
            ([only], []) => write(&[IoSlice::new(only)]),
            _ => write(&self.0.iter().take(MOST_PARTS).map(|part| IoSlice::new(part)).collect::<Vec<_>>()),
        };
        let written = ready!(written)?;
        self.advance(written);
        Poll::Ready(Ok(written))
    }

    /// What is left, as one piece.
    pub(super) fn take(&mut self) -> Bytes {
        match std::mem::take(&mut self.0) {
            mut only if only.len() == 1 => only.pop_front().unwrap_or_default(),
            several => several.iter().flatten().copied().collect(),
        }
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.0.front_mut() {
            let step = written.min(first.len());
            first.advance(step);
            written -= step;
            if !first.is_empty() {
                break;
            }
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_gone_wherever_the_pieces_end() {
        let whole = b"abcdefghij";
        for step in 1..=whole.len() {
            let pieces = [&whole[..3], b"", &whole[3..4], &whole[4..]];
            let mut parts = Parts::new(pieces.map(Bytes::from_static));
            let mut seen = Vec::new();
            while !parts.is_empty() {
                let written = parts.poll(|slices| {
                    assert!(slices.iter().all(|slice| !slice.is_empty()));
                    let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                    let step = step.min(all.len());
                    seen.extend_from_slice(&all[..step]);
                    Poll::Ready(Ok(step))
                });
                assert!(written.is_ready());
            }
            assert_eq!(seen, whole, "{step} at a time");
        }
    }
}
