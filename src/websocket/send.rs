//! Sending messages: whole ones, and as streams of fragments. (WS-01)

use super::out::{FrameOut, Out, cut_short};
use super::{MessageKind, WebSocket, Wire};
use crate::coordination::Turn;
use crate::error::Error;
use crate::promise::Promise;
use crate::stream::{Connection, Read};
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The most that a fragment of a stream holds.
const FRAGMENT: usize = 64 * 1024;

enum Stage {
    /// In the line of messages.
    Waits(MessageKind, Bytes),
    Writes(FrameOut),
    Over,
}

/// A message on its way.
pub(super) struct Send {
    out: Arc<Out>,
    /// Kept open as long as somebody waits for this.
    _socket: Option<Arc<WebSocket>>,
    // Given up after the frame: dropped in this order.
    stage: Stage,
    turn: Turn,
    /// Whether the other end has to see the message, since later ones depend on it.
    must_arrive: bool,
}

impl Send {
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match &mut self.stage {
                Stage::Waits(kind, data) => {
                    let first = self.turn.poll(cx).is_ready();
                    self.out.check()?;
                    if !first {
                        return Poll::Pending;
                    }
                    let (kind, data) = (*kind, std::mem::take(data));
                    let wire = {
                        let mut encoder = self.out.encoder.lock();
                        self.must_arrive = encoder.is_changed_by(data.len());
                        encoder.message(kind, &data)
                    };
                    let frame = FrameOut::new(&self.out, wire);
                    self.stage = Stage::Writes(frame);
                }
                Stage::Writes(frame) => {
                    let sent = frame.poll(cx);
                    if sent.is_ready() {
                        self.stage = Stage::Over;
                    }
                    return sent;
                }
                Stage::Over => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl Future for Send {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll_sent(cx).map_ok(|()| Value::Unit)
    }
}

impl Drop for Send {
    fn drop(&mut self) {
        if matches!(self.stage, Stage::Writes(_)) && self.must_arrive {
            self.out.break_off(cut_short());
        }
    }
}

/// Marks a message of fragments that has begun, until it is over.
struct InMessage<'a>(&'a Out, bool);

impl Drop for InMessage<'_> {
    fn drop(&mut self) {
        if self.1 {
            self.0.break_off(cut_short());
        }
    }
}

async fn send_fragments(socket: Arc<WebSocket>, turn: Turn, kind: MessageKind, mut from: Read) -> Outcome {
    let out = socket.out().clone();
    first_in_line(&out, &turn).await?;
    let mut begun = InMessage(&out, false);
    loop {
        let piece = from.next(FRAGMENT).await?;
        let last = piece.is_empty();
        let wire = out.encoder.lock().fragment(kind, &piece, last)?;
        begun.1 = true;
        FrameOut::new(&out, wire).write().await?;
        if last {
            begun.1 = false;
            return Ok(Value::Unit);
        }
    }
}

/// Waits for the turn in the line of messages.
async fn first_in_line(out: &Out, turn: &Turn) -> Result<(), Error> {
    std::future::poll_fn(|cx| {
        let first = turn.poll(cx);
        out.check()?;
        first.map(Ok)
    })
    .await
}

/// Sends frames of which each is a whole message, as the other end has to get them.
pub(super) async fn send_frames(out: Arc<Out>, frames: Bytes) -> Result<(), Error> {
    let turn = out.messages.take();
    first_in_line(&out, &turn).await?;
    FrameOut::new(&out, Wire { head: frames, data: Bytes::new() }).write().await
}

impl WebSocket {
    /// Sends a text. (WS-01)
    ///
    /// # Errors
    /// `Failed` after a close or after a send that was cancelled on its way, `Disconnected` if the other end has gone.
    ///
    /// # Cancellation
    /// One that waits behind others sends nothing. One of which a part is on its way leaves a socket that can send nothing
    /// more: later sends fail, and only `disconnect` and `abort` are of use.
    pub fn send_text(self: &Arc<Self>, text: &str) -> Result<Promise, Error> {
        self.send(MessageKind::Text, Bytes::copy_from_slice(text.as_bytes()))
    }

    /// Sends bytes; as `send_text`.
    pub fn send_binary(self: &Arc<Self>, data: impl Into<Bytes>) -> Result<Promise, Error> {
        self.send(MessageKind::Binary, data.into())
    }

    /// Sends a message of this kind.
    ///
    /// # Errors
    /// As `send_text`; `InvalidArgument` for a text that is not UTF-8.
    pub(crate) fn send(self: &Arc<Self>, kind: MessageKind, data: Bytes) -> Result<Promise, Error> {
        self.runtime().check()?;
        check_text(kind, &data)?;
        let runtime = self.runtime().clone();
        let mut send = Send {
            out: self.out().clone(),
            _socket: Some(self.clone()),
            stage: Stage::Waits(kind, data),
            turn: self.out().messages.take(),
            must_arrive: false,
        };
        // Most messages are taken by the system at once, and need nobody who waits.
        match send.poll_sent(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(sent) => Ok(Promise::settled(runtime, sent.map(|()| Value::Unit))),
            Poll::Pending => Ok(Promise::start(runtime, "websocket send", send)),
        }
    }

    /// Sends a message if nobody is in line and the system takes at least a part of it, whose rest follows by itself; whether
    /// it did. Makes no promise.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_now(self: &Arc<Self>, kind: MessageKind, data: &[u8]) -> Result<bool, Error> {
        self.runtime().check()?;
        check_text(kind, data)?;
        let out = self.out();
        out.check()?;
        let Some(((), Some(turn))) = out.messages.try_now(|| ((), true)) else { return Ok(false) };
        let mut must_arrive = false;
        let frame = FrameOut::if_free(out, || {
            let mut encoder = out.encoder.lock();
            must_arrive = encoder.is_changed_by(data.len());
            let mut frame = Vec::new();
            encoder.message_into(kind, data, &mut frame);
            Wire { head: frame.into(), data: Bytes::new() }
        });
        let Some(mut frame) = frame else { return Ok(false) };
        match frame.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(sent) => sent.map(|()| true),
            Poll::Pending if frame.has_begun() || must_arrive => {
                let rest = Send { out: out.clone(), _socket: None, stage: Stage::Writes(frame), turn, must_arrive };
                self.goes_on("websocket send", rest);
                Ok(true)
            }
            Poll::Pending => Ok(false),
        }
    }

    /// Sends one message piece by piece: what is written to the connection beside the promise. Shutting down its writing, or
    /// dropping it, ends the message; other messages wait until then. (WS-01)
    ///
    /// # Cancellation
    /// Once a piece has been sent the message cannot be finished, and the socket can send nothing more. The same goes for
    /// aborting the writing.
    pub fn send_stream(self: &Arc<Self>, kind: MessageKind) -> Result<(Promise, Arc<Connection>), Error> {
        self.runtime().check()?;
        let (reader, writer) = Connection::pipe_of(self.runtime(), None)?;
        let from = Read::new(&reader, 1, FRAGMENT)?;
        let turn = self.out().messages.take();
        let send = send_fragments(self.clone(), turn, kind, from);
        Ok((Promise::start(self.runtime().clone(), "websocket send", send), writer))
    }
}

fn check_text(kind: MessageKind, data: &[u8]) -> Result<(), Error> {
    if kind == MessageKind::Text && std::str::from_utf8(data).is_err() {
        return Err(Error::invalid("a text to be sent is not UTF-8"));
    }
    Ok(())
}
