//! The direction of a coded connection that is written to.

use super::coder::{Coder, PIECE, Until};
use crate::error::Error;
use crate::stream::{Stretch, WriteHalf};
use std::io::IoSlice;
use std::task::{Context, Poll, ready};

/// Codes what is written and keeps what has come of it until that is written below.
pub(super) struct Outbound {
    coder: Coder,
    out: Vec<u8>,
    sent: usize,
    /// What the coder is at, and what is finished before a flush is.
    at: Until,
    /// Whether it has gone that far.
    done: bool,
    /// Whether it may keep some of what it took.
    keeps: bool,
    /// Counts what is made, of which there may be much more than was written.
    stretch: Stretch,
}

impl Outbound {
    pub(super) fn new(coder: Coder) -> Self {
        Self {
            coder,
            out: Vec::new(),
            sent: 0,
            at: Until::InputUsed,
            done: true,
            keeps: false,
            stretch: Stretch::default(),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, below: &mut WriteHalf) -> Poll<Result<(), Error>> {
        while self.sent < self.out.len() {
            self.sent += ready!(below.poll_write(cx, &[IoSlice::new(&self.out[self.sent..])]))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Makes a piece; how much of the data it has used.
    fn make(&mut self, data: &[u8]) -> Result<usize, Error> {
        self.out.resize(PIECE, 0);
        self.sent = 0;
        let made = self.coder.run(data, &mut self.out, self.at).inspect_err(|_| self.out.clear())?;
        self.out.truncate(made.written);
        self.done = made.done;
        self.stretch.moved(made.used + made.written);
        Ok(made.used)
    }

    /// Takes some of the data.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        below: &mut WriteHalf,
        data: &[u8],
    ) -> Poll<Result<usize, Error>> {
        let data = &data[..data.len().min(PIECE)];
        loop {
            ready!(self.poll_send(cx, below))?;
            ready!(self.stretch.poll(cx));
            if self.at == Until::Flushed && !self.done {
                // A flush that somebody has cancelled.
                self.make(&[])?;
                continue;
            }
            self.at = Until::InputUsed;
            let used = self.make(data)?;
            if used > 0 {
                self.keeps = true;
                return Poll::Ready(Ok(used));
            }
        }
    }

    /// Writes below what has come of the data, and as much as there may be of it.
    pub(super) fn poll_go(
        &mut self,
        cx: &mut Context<'_>,
        below: &mut WriteHalf,
        until: Until,
    ) -> Poll<Result<(), Error>> {
        let wanted = match until {
            Until::Flushed => self.keeps && self.coder.compresses(),
            Until::Ended => self.at != Until::Ended,
            Until::InputUsed => false,
        };
        if wanted {
            (self.at, self.done, self.keeps) = (until, false, false);
        }
        loop {
            ready!(self.poll_send(cx, below))?;
            if self.done {
                return Poll::Ready(Ok(()));
            }
            ready!(self.stretch.poll(cx));
            self.make(&[])?;
        }
    }
}
