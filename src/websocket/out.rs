//! The sending half of a socket: whose turn it is, and whether it can still send.
//!
//! There are two lines. In that of *messages* stands who sends one, a whole one or piece by piece, or closes; in that of
//! *frames* who has a frame to write. So a pong or a ping gets in between the fragments of a message, and nothing gets into
//! a frame or another message.

use super::{Deflating, Encoder, Role, Wire};
use crate::coordination::{Turn, Turns};
use crate::error::{Error, ErrorKind};
use crate::stream::WriteHalf;
use crate::sync::Lock;
use bytes::{Buf, Bytes};
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

/// Why nothing more can be sent.
#[derive(Clone)]
enum End {
    /// A close has been sent.
    Closed,
    Broken(Error),
}

/// Everything that sends use.
pub(super) struct Out {
    pub(super) messages: Turns,
    frames: Turns,
    /// Taken out by whoever is first in the line of frames.
    half: Lock<Option<Box<WriteHalf>>>,
    pub(super) encoder: Lock<Encoder>,
    /// Control frames need nothing of what messages leave behind.
    pub(super) control: Encoder,
    end: Lock<Option<End>>,
    ended: AtomicBool,
    pub(super) sent: AtomicU64,
}

pub(super) fn after_close() -> Error {
    Error::new(ErrorKind::Failed, "sending after the close of the socket")
}

impl Out {
    pub(super) fn new(half: WriteHalf, role: Role, deflating: Option<Deflating>) -> Self {
        Self {
            messages: Turns::default(),
            frames: Turns::default(),
            half: Lock::new(Some(Box::new(half))),
            encoder: Lock::new(Encoder::new(role, deflating)),
            control: Encoder::new(role, None),
            end: Lock::new(None),
            ended: AtomicBool::new(false),
            sent: AtomicU64::new(0),
        }
    }

    /// Whether frames can be sent at all.
    pub(super) fn check(&self) -> Result<(), Error> {
        if !self.ended.load(Ordering::Acquire) {
            return Ok(());
        }
        match &*self.end.lock() {
            None => Ok(()),
            Some(End::Closed) => Err(after_close()),
            Some(End::Broken(error)) => Err(error.clone()),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(*self.end.lock(), Some(End::Closed))
    }

    /// A close has been written: nothing may follow it.
    fn set_closed(&self) {
        self.set_end(End::Closed);
    }

    /// Nothing more can be sent, for this reason, unless there was one before.
    pub(super) fn break_off(&self, error: Error) {
        self.set_end(End::Broken(error));
    }

    fn set_end(&self, how: End) {
        {
            let mut end = self.end.lock();
            if end.is_none() {
                *end = Some(how);
                self.ended.store(true, Ordering::Release);
            }
        }
        self.messages.wake_all();
        self.frames.wake_all();
    }

    /// Tells the other side that nothing more will come, in whatever state the socket is.
    pub(super) async fn shut_down(self: Arc<Self>) -> Result<(), Error> {
        let turn = self.frames.take();
        std::future::poll_fn(|cx| turn.poll(cx)).await;
        let _rest = Resting(&self);
        std::future::poll_fn(|cx| self.with_half(|half| half.poll_shutdown(cx))).await
    }

    /// For whoever is first in the line of frames.
    fn with_half<R>(&self, run: impl FnOnce(&mut WriteHalf) -> Poll<Result<R, Error>>) -> Poll<Result<R, Error>> {
        let taken = self.half.lock().take();
        let Some(mut half) = taken else { return Poll::Ready(Err(Error::closed())) };
        let done = run(&mut half);
        if done.is_ready() {
            half.rest();
        }
        *self.half.lock() = Some(half);
        done
    }
}

/// A frame on its way. Dropped halfway, it leaves a socket that cannot send.
pub(super) struct FrameOut {
    out: Arc<Out>,
    turn: Turn,
    head: Bytes,
    data: Bytes,
    begun: bool,
    closes: bool,
    /// Whether the connection may know of it as who waits to write.
    waits: bool,
}

impl FrameOut {
    pub(super) fn new(out: &Arc<Out>, wire: Wire) -> Self {
        Self::in_turn(out, out.frames.take(), wire)
    }

    fn in_turn(out: &Arc<Out>, turn: Turn, wire: Wire) -> Self {
        Self { out: out.clone(), turn, head: wire.head, data: wire.data, begun: false, closes: false, waits: false }
    }

    /// A frame that ends the sending.
    pub(super) fn closing(out: &Arc<Out>, wire: Wire) -> Self {
        let mut frame = Self::new(out, wire);
        frame.closes = true;
        frame
    }

    /// As `new`, if nobody has a frame to write.
    pub(super) fn if_free(out: &Arc<Out>, wire: impl FnOnce() -> Wire) -> Option<Self> {
        let ((), turn) = out.frames.try_now(|| ((), true))?;
        Some(Self::in_turn(out, turn?, wire()))
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Writes it, and then leaves the line.
    pub(super) async fn write(mut self) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let first = self.turn.poll(cx).is_ready();
        self.out.check()?;
        if !first {
            return Poll::Pending;
        }
        let out = self.out.clone();
        self.waits = true;
        let written = out.with_half(|half| {
            while !(self.head.is_empty() && self.data.is_empty()) {
                let written = if self.data.is_empty() {
                    half.poll_write(cx, &[IoSlice::new(&self.head)])
                } else {
                    half.poll_write(cx, &[IoSlice::new(&self.head), IoSlice::new(&self.data)])
                };
                let count = ready!(written)?;
                self.begun = true;
                out.sent.fetch_add(count as u64, Ordering::Relaxed);
                let of_head = count.min(self.head.len());
                self.head.advance(of_head);
                self.data.advance(count - of_head);
            }
            half.poll_flush(cx)
        });
        match &written {
            Poll::Ready(Ok(())) => {
                (self.begun, self.waits) = (false, false);
                if self.closes {
                    out.set_closed();
                }
            }
            Poll::Ready(Err(error)) => out.break_off(error.clone()),
            // Whoever breaks it off may have looked before this waited.
            Poll::Pending => out.check()?,
        }
        written
    }
}

/// Has the connection forget who waits to write, when whoever is first in the line of frames leaves it.
struct Resting<'a>(&'a Out);

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        let half = self.0.half.lock().take();
        if let Some(mut half) = half {
            half.rest();
            *self.0.half.lock() = Some(half);
        }
    }
}

impl Drop for FrameOut {
    fn drop(&mut self) {
        if self.waits {
            drop(Resting(&self.out));
        }
        if self.begun {
            self.out.break_off(cut_short());
        }
    }
}

pub(super) fn cut_short() -> Error {
    Error::new(
        ErrorKind::Failed,
        "a send was cancelled with a part of its message on the way; this socket can send nothing more",
    )
}
