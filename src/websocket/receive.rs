//! Receiving: one message, a piece of one, or a sequence of them. (WS-02)

use super::inward::{Fault, In};
use super::{CloseReason, Event, MessageKind, Piece, Take, WebSocket};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::promise::{ForEach, Items, Promise, Resolution};
use crate::runtime::{Shared, Timer};
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

/// What a receive gives.
pub struct WebSocketMessage {
    runtime: Arc<Shared>,
    content: Content,
}

enum Content {
    Piece(Piece),
    Close(CloseReason),
}

impl WebSocketMessage {
    /// What the other end closed with, if this is its close.
    pub fn close(&self) -> Option<&CloseReason> {
        match &self.content {
            Content::Close(reason) => Some(reason),
            Content::Piece(_) => None,
        }
    }

    /// Text or bytes; `None` for a close.
    pub fn kind(&self) -> Option<MessageKind> {
        match &self.content {
            Content::Piece(piece) => Some(piece.kind),
            Content::Close(_) => None,
        }
    }

    /// What it holds; the reason of a close.
    pub fn data(&self) -> Bytes {
        match &self.content {
            Content::Piece(piece) => piece.data.clone(),
            Content::Close(reason) => Bytes::copy_from_slice(reason.text.as_bytes()),
        }
    }

    /// The same where it is.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Piece(piece) => &piece.data,
            Content::Close(reason) => reason.text.as_bytes(),
        }
    }

    /// Whether it is a whole message or the last piece of one.
    pub fn is_last(&self) -> bool {
        match &self.content {
            Content::Piece(piece) => piece.last,
            Content::Close(_) => true,
        }
    }
}

impl Object for WebSocketMessage {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime.owner)
    }

    fn byte_count(&self) -> usize {
        self.bytes().len()
    }
}

/// Signs of life of the other end: when they are asked for, and when they are missed.
struct Life {
    seen: u64,
    ping: Option<Timer>,
    idle: Option<Timer>,
}

impl Life {
    fn new(socket: &WebSocket) -> Self {
        let mut life = Self { seen: 0, ping: None, idle: None };
        life.renew(socket);
        life
    }

    fn renew(&mut self, socket: &WebSocket) {
        let (options, runtime) = (socket.options(), socket.runtime());
        self.seen = socket.received_bytes();
        self.ping = options.ping_nanos.map(|nanos| Timer::after(runtime, nanos));
        self.idle = options.idle_nanos.map(|nanos| Timer::after(runtime, nanos));
    }

    /// Ready once the other end has been silent for too long.
    fn poll(&mut self, socket: &Arc<WebSocket>, cx: &mut Context<'_>) -> Poll<()> {
        if self.ping.is_none() && self.idle.is_none() {
            return Poll::Pending;
        }
        if self.seen != socket.received_bytes() {
            self.renew(socket);
        }
        if self.idle.as_mut().is_some_and(|timer| Pin::new(timer).poll(cx).is_ready()) {
            return Poll::Ready(());
        }
        if let (Some(timer), Some(nanos)) = (&mut self.ping, socket.options().ping_nanos)
            && Pin::new(timer).poll(cx).is_ready()
        {
            socket.ping_quietly();
            let mut next = Timer::after(socket.runtime(), nanos);
            // However short the time is, others have their turn.
            if Pin::new(&mut next).poll(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
            self.ping = Some(next);
        }
        Poll::Pending
    }
}

/// What comes of receiving.
pub(super) enum Received {
    Message(WebSocketMessage),
    /// As in [`Event::Frames`].
    Frames(Bytes),
}

/// The right to receive, and how.
pub(super) struct Receiving {
    socket: Arc<WebSocket>,
    input: Option<Box<In>>,
    how: Take,
    life: Life,
    closed: bool,
}

impl Receiving {
    pub(super) fn new(socket: &Arc<WebSocket>, how: Take) -> Result<Self, Error> {
        let input = Some(socket.inward().claim()?);
        Ok(Self { socket: socket.clone(), input, how, life: Life::new(socket), closed: false })
    }

    /// Has messages come as they are, where the other socket can send them like that: both ends mask or neither does, and they
    /// have agreed on the same compression. (WS-08)
    pub(super) fn pass_to(&mut self, to: &WebSocket) {
        let masked_alike = self.input.as_ref().is_some_and(|input| input.passes_to(to.role()));
        if masked_alike && self.socket.agreed() == to.agreed() {
            self.how = Take::Frames(self.socket.options().max_message);
        }
    }

    pub(super) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<WebSocketMessage, Error>> {
        Poll::Ready(match std::task::ready!(self.poll_received(cx))? {
            Received::Message(message) => Ok(message),
            // Who calls this has not asked for them.
            Received::Frames(_) => Err(Error::wrong_type()),
        })
    }

    pub(super) fn poll_received(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Error>> {
        let Some(input) = &mut self.input else { return Poll::Ready(Err(Error::closed())) };
        let socket = &self.socket;
        let content = loop {
            match input.poll_event(cx, self.how, &socket.inward().received) {
                Poll::Ready(Ok(Event::Data(piece))) => break Content::Piece(piece),
                Poll::Ready(Ok(Event::Frames(frames))) => return Poll::Ready(Ok(Received::Frames(frames))),
                Poll::Ready(Ok(Event::Ping(payload))) => socket.answer(payload),
                Poll::Ready(Ok(Event::Pong(payload))) => socket.pong_came(&payload),
                Poll::Ready(Ok(Event::Close(reason))) => {
                    self.closed = true;
                    socket.peer_closed(&reason);
                    break Content::Close(reason);
                }
                Poll::Ready(Err(Fault::Violation(violation))) => return Poll::Ready(Err(socket.refuse(violation))),
                Poll::Ready(Err(Fault::Error(error))) => return Poll::Ready(Err(socket.lost(error))),
                Poll::Pending => {
                    if self.life.poll(socket, cx).is_ready() {
                        let text = "the other end of the socket gave no sign of life in time";
                        return Poll::Ready(Err(socket.cut(Error::new(ErrorKind::TimedOut, text))));
                    }
                    return Poll::Pending;
                }
            }
        };
        Poll::Ready(Ok(Received::Message(WebSocketMessage { runtime: socket.runtime().clone(), content })))
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Some(input) = self.input.take() {
            self.socket.inward().give_back(input);
        }
    }
}

impl Future for Receiving {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let message = std::task::ready!(self.poll_message(cx));
        // Before whoever waits for it goes on to the next.
        if let Some(input) = self.input.take() {
            self.socket.inward().give_back(input);
        }
        Poll::Ready(message.map(|message| Value::object(Arc::new(message))))
    }
}

impl Items for Receiving {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        if self.closed {
            return Poll::Ready(None);
        }
        self.poll_message(cx).map(|message| Some(message.map(|message| Value::object(Arc::new(message)))))
    }
}

impl WebSocket {
    /// Receives the next message, of at most `limit` bytes, or by default of as many as the options allow. The promise carries
    /// a [`WebSocketMessage`]; the last one is a close. (WS-02)
    ///
    /// # Errors
    /// `Busy` if a receive is pending. `Disconnected` for an end without a close; `Failed` for what breaks the protocol,
    /// `Overloaded` for a message that is too big, both with the code that the other end is told as a detail; `TimedOut` for
    /// one that gives no sign of life. After an error or a close every receive fails.
    ///
    /// # Cancellation
    /// Nothing is lost: what has come of a message is there for the next receive.
    pub fn receive(self: &Arc<Self>, limit: Option<usize>) -> Result<Promise, Error> {
        self.start_receive(self.whole(limit))
    }

    /// Receives what has come of a message, as soon as something has: for messages that are larger than memory. A `receive`
    /// behind a piece that is not the last gives the rest of the message. Otherwise as `receive`.
    pub fn receive_piece(self: &Arc<Self>) -> Result<Promise, Error> {
        self.start_receive(Take::Pieces)
    }

    fn whole(&self, limit: Option<usize>) -> Take {
        Take::Whole(limit.unwrap_or(self.options().max_message))
    }

    fn start_receive(self: &Arc<Self>, how: Take) -> Result<Promise, Error> {
        self.runtime().check()?;
        let receive = match Receiving::new(self, how) {
            Ok(receive) => receive,
            Err(error) if error.kind() == ErrorKind::Busy => return Err(error),
            Err(error) => return Ok(Promise::settled(self.runtime().clone(), Err(error))),
        };
        Ok(Promise::start(self.runtime().clone(), "websocket receive", receive))
    }

    /// Receives message after message and runs `on_message` on the loop for each, the close included. What that returns
    /// decides: unit receives on, a promise is waited for first and decides then, any other value ends the receiving and is
    /// the outcome, and so does an error. After the close the outcome is unit.
    ///
    /// # Errors
    /// As `receive`.
    ///
    /// # Cancellation
    /// As `receive`; a promise that the last callback returned is dropped.
    pub fn receive_each<R: Into<Resolution>>(
        self: &Arc<Self>,
        limit: Option<usize>,
        on_message: impl FnMut(Arc<WebSocketMessage>) -> R + std::marker::Send + 'static,
    ) -> Result<Promise, Error> {
        self.receive_each_with(limit, ForEach::closure(Value::into_object::<WebSocketMessage>, on_message))
    }

    pub(crate) fn receive_each_with(self: &Arc<Self>, limit: Option<usize>, run: ForEach) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::each(self.runtime().clone(), Receiving::new(self, self.whole(limit))?, run))
    }

    pub(super) fn received_bytes(&self) -> u64 {
        self.inward().received.load(Ordering::Relaxed)
    }
}
