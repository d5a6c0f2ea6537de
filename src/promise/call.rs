//! The frame of a foreign callback: its input, and the result it leaves.
//!
//! A callback gets a number, not a pointer. The number names a frame of the running thread and is of no
//! use outside the callback, from another thread, or for any other bit pattern.

use super::{Next, Resolution, Resumed};
use crate::error::Error;
use crate::foreign::ForeignCallback;
use crate::sync::Lasting;
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Frame {
    id: u64,
    pub(crate) input: Outcome,
    /// The bytes of the input, once somebody has asked for them.
    bytes: Option<Arc<Bytes>>,
    pub(crate) result: Resolution,
    /// That of the callback which this one was called from.
    outer: Option<Box<Frame>>,
    /// The input is that a coroutine has been cancelled.
    pub(crate) canceled: bool,
    /// The promise in `result` is to be waited for also if the coroutine is cancelled.
    pub(crate) shielded: bool,
}

impl Frame {
    /// The input, if it is bytes. They move into what handles share: a clone of bytes that nobody shares yet takes memory.
    pub(crate) fn bytes(&mut self) -> Result<Arc<Bytes>, Error> {
        match (&self.bytes, &mut self.input) {
            (Some(bytes), _) => Ok(bytes.clone()),
            (None, Ok(Value::Bytes(bytes))) => Ok(self.bytes.insert(Arc::new(std::mem::take(bytes))).clone()),
            (None, Ok(_)) => Err(Error::wrong_type()),
            (None, Err(error)) => Err(error.clone()),
        }
    }
}

fn next_id() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(1);
    thread_local!(static NEXT: Cell<u64> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) << 40));
    NEXT.with(|next| {
        next.set(next.get() + 1);
        next.get()
    })
}

thread_local! {
    /// The frame of the callback that this thread runs, the innermost first.
    static FRAMES: Lasting<Option<Frame>> = const { Lasting::new(ManuallyDrop::new(None)) };
}

fn push(mut frame: Frame) {
    FRAMES.with_borrow_mut(|frames| {
        frame.outer = frames.take().map(Box::new);
        **frames = Some(frame);
    });
}

/// Takes off the innermost frame.
fn pop() -> Option<Frame> {
    FRAMES.with_borrow_mut(|frames| {
        let mut frame = frames.take()?;
        **frames = frame.outer.take().map(|outer| *outer);
        Some(frame)
    })
}

/// Runs the callback with this input and returns what it left.
pub(crate) fn invoke(callback: &ForeignCallback, input: Outcome) -> Resolution {
    invoke_with(input, |id| callback.run(id))
}

/// As `invoke`, for a callback that takes more than its call.
pub(crate) fn invoke_with(input: Outcome, run: impl FnOnce(u64)) -> Resolution {
    in_frame(input, false, run).0
}

/// As `invoke`, for a coroutine.
pub(super) fn resume(callback: &ForeignCallback, resumed: Resumed) -> Next {
    match in_frame(resumed.outcome, resumed.canceled, |id| callback.run(id)) {
        (Resolution::Outcome(outcome), _) => Next::Done(outcome),
        (Resolution::Promise(promise), false) => Next::Wait(promise),
        (Resolution::Promise(promise), true) => Next::WaitShielded(promise),
    }
}

/// What the callback leaves, and whether that is shielded.
fn in_frame(input: Outcome, canceled: bool, run: impl FnOnce(u64)) -> (Resolution, bool) {
    let id = next_id();
    let result = Resolution::Outcome(Ok(Value::Unit));
    push(Frame { id, input, bytes: None, result, outer: None, canceled, shielded: false });
    let run = catch_unwind(AssertUnwindSafe(|| run(id)));
    // Callbacks nest and each takes its own frame off, so the last one is this one's.
    let frame = pop().expect("pushed above");
    match run {
        Ok(()) => (frame.result, frame.shielded),
        Err(payload) => (Resolution::Outcome(Err(Error::from_panic(payload))), false),
    }
}

/// Shows the frame that a call number names to `look`, which must not run or drop anything foreign.
pub(crate) fn with<R>(id: u64, look: impl FnOnce(&mut Frame) -> R) -> Result<R, Error> {
    let mut look = Some(look);
    let seen = FRAMES.with_borrow_mut(|frames| {
        let mut next = frames.as_mut();
        while let Some(frame) = next {
            if frame.id == id {
                return look.take().map(|look| look(frame));
            }
            next = frame.outer.as_deref_mut();
        }
        None
    });
    // Without such a frame, what `look` owns is dropped here, where the frames may be looked at again.
    drop(look);
    seen.ok_or_else(Error::bad_handle)
}
