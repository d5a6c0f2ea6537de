//! Letting others have their turn while there is always more to move.

use std::task::{Context, Poll};

/// How many bytes an operation moves in one turn, and one read or write more.
const STRETCH: usize = 64 * 1024;

/// Counts the bytes of one turn.
#[derive(Default)]
pub(crate) struct Stretch(usize);

impl Stretch {
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.0 += bytes;
    }

    /// Ready to go on; at the end of a stretch only after others have had their turn.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 < STRETCH {
            return Poll::Ready(());
        }
        self.0 = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
