//! The receiving half of a socket: bytes from the connection to the machine. (WS-02, WS-12)

use super::{Decoder, Event, Role, Take, Violation};
use crate::error::{Error, ErrorKind};
use crate::stream::ReadHalf;
use crate::sync::Lock;
use bytes::BytesMut;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// The least and the most that is asked for at once, unless a frame is known to need more.
const ROOM: (usize, usize) = (4096, 64 * 1024);

/// How many bytes are read in one turn of the loop before others have theirs.
const STRETCH: usize = 64 * 1024;

/// How many events are looked at in one turn.
const EVENTS: usize = 64;

/// Why there is no next event.
pub(super) enum Fault {
    Violation(Violation),
    Error(Error),
}

/// What whoever receives has to itself.
pub(super) struct In {
    half: ReadHalf,
    decoder: Decoder,
    input: BytesMut,
    /// How much is asked for at once: about as much as came last.
    room: usize,
    /// Nothing is read that belongs to the next frame.
    exact: bool,
    in_this_turn: (usize, usize),
}

fn no_close() -> Error {
    Error::new(ErrorKind::Disconnected, "the connection ended without a close of the socket")
}

impl In {
    pub(super) fn new(half: ReadHalf, decoder: Decoder) -> Self {
        Self { half, decoder, input: BytesMut::new(), room: ROOM.0, exact: false, in_this_turn: (0, 0) }
    }

    /// One that reads nothing ahead.
    pub(super) fn exact(half: ReadHalf, decoder: Decoder) -> Self {
        Self { exact: true, ..Self::new(half, decoder) }
    }

    /// Whether what comes here can be sent as it is by an end with this role.
    pub(super) fn passes_to(&self, role: Role) -> bool {
        !self.exact && self.decoder.from == role
    }

    /// The next event. An idle socket holds no memory for it.
    pub(super) fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
        how: Take,
        received: &AtomicU64,
    ) -> Poll<Result<Event, Fault>> {
        loop {
            if self.in_this_turn.0 >= STRETCH || self.in_this_turn.1 >= EVENTS {
                self.in_this_turn = (0, 0);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.decoder.decode(&mut self.input, how) {
                Ok(Some(event)) => {
                    self.in_this_turn.1 += 1;
                    return Poll::Ready(Ok(event));
                }
                Err(violation) => return Poll::Ready(Err(Fault::Violation(violation))),
                Ok(None) => {}
            }
            let frame = usize::try_from(self.decoder.wanted()).unwrap_or(usize::MAX);
            // What a header announces is believed as it comes: memory grows with what is there.
            let room = self.room.max(frame.min(self.input.len().max(ROOM.1)));
            self.input.reserve(room);
            let read = if self.exact {
                let needed = self.decoder.needed(&self.input) as u64;
                pin!((&mut self.half).take(needed).read_buf(&mut self.input)).poll(cx)
            } else {
                pin!(self.half.read_buf(&mut self.input)).poll(cx)
            };
            match read {
                Poll::Pending => {
                    self.in_this_turn = (0, 0);
                    if self.input.is_empty() {
                        self.input = BytesMut::new();
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(Fault::Error(Error::from_io("receiving from a socket", &error))));
                }
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Fault::Error(no_close()))),
                Poll::Ready(Ok(count)) => {
                    received.fetch_add(count as u64, Ordering::Relaxed);
                    self.in_this_turn.0 += count;
                    let fit = if count >= self.room { self.room * 2 } else { (count * 4).min(self.room) };
                    self.room = fit.clamp(ROOM.0, ROOM.1);
                }
            }
        }
    }

    /// Reads and throws away; ready at the end.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.input = BytesMut::new();
        let mut space = [std::mem::MaybeUninit::uninit(); ROOM.0];
        for _ in 0..STRETCH / ROOM.0 {
            let mut piece = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut self.half).poll_read(cx, &mut piece));
            if read.is_err() || piece.filled().is_empty() {
                return Poll::Ready(());
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[derive(Default)]
struct State {
    input: Option<Box<In>>,
    /// Nothing more can be received, for this reason.
    ended: Option<Error>,
    /// Why the connection has been cut off, if that was here.
    cut: Option<Error>,
    waiter: Option<Waker>,
}

/// The receiving half while nobody uses it.
pub(super) struct Inward {
    state: Lock<State>,
    pub(super) received: AtomicU64,
}

impl Inward {
    pub(super) fn new(input: In) -> Arc<Self> {
        let state = State { input: Some(Box::new(input)), ..State::default() };
        Arc::new(Self { state: Lock::new(state), received: AtomicU64::new(0) })
    }

    /// The right to receive.
    pub(super) fn claim(&self) -> Result<Box<In>, Error> {
        let mut state = self.state.lock();
        if let Some(error) = &state.ended {
            return Err(error.clone());
        }
        state.input.take().ok_or_else(|| Error::new(ErrorKind::Busy, "a receive is already pending on this socket"))
    }

    pub(super) fn give_back(&self, input: Box<In>) {
        input.half.rest();
        let waiter = {
            let mut state = self.state.lock();
            state.input = Some(input);
            state.waiter.take()
        };
        waiter.into_iter().for_each(Waker::wake);
    }

    /// The right to receive though that has ended, as soon as nobody has it.
    pub(super) fn poll_claim(&self, cx: &Context<'_>) -> Poll<Box<In>> {
        let mut state = self.state.lock();
        if let Some(input) = state.input.take() {
            return Poll::Ready(input);
        }
        let old = state.waiter.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Nothing more can be received; the first reason counts.
    pub(super) fn end(&self, error: Error) {
        self.state.lock().ended.get_or_insert(error);
    }

    pub(super) fn ended(&self) -> Option<Error> {
        self.state.lock().ended.clone()
    }

    /// The connection is about to be cut off for this reason.
    pub(super) fn cut(&self, error: Error) {
        self.state.lock().cut.get_or_insert(error);
    }

    /// What an error of the connection comes from.
    pub(super) fn explain(&self, error: Error) -> Error {
        self.state.lock().cut.clone().unwrap_or(error)
    }
}
