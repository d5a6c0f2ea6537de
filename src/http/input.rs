//! Messages read one after another from a stream, by whoever is neither a client nor a server. (HTTP-22, HTTP-23, HTTP-24)
//!
//! What has been read of the stream and belongs to no message yet stays with the input, so that cancelling a read loses
//! nothing.

use super::input_body::InputBody;
use super::{BodyLength, HeadKind, HeadLimits, Headers, MessageHead, ProtocolError, head_length};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::promise::Promise;
use crate::runtime::Shared;
use crate::stream::{Connection, Read};
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use bytes::{Buf, BytesMut};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The most that is read at once.
pub(super) const PIECE: usize = 64 * 1024;

/// What an input, its reads and the body of its last message share.
pub(super) struct Source {
    connection: Arc<Connection>,
    state: Lock<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// Has come and belongs to no message yet.
    pub(super) buffer: BytesMut,
    /// The body of the last message has not been read to its end.
    in_body: bool,
    /// Why nothing more can be read.
    broken: Option<Error>,
    /// A read is pending.
    busy: bool,
    reader: Option<Waker>,
}

fn ended() -> Error {
    Error::new(ErrorKind::Disconnected, "the stream has ended")
}

impl Source {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Does something with what has come.
    pub(super) fn with<R>(&self, run: impl FnOnce(&mut State) -> R) -> R {
        run(&mut self.state.lock())
    }

    /// The body has been read to its end, or will never be.
    pub(super) fn end_body(&self, broken: Option<Error>) {
        let reader = self.with(|state| {
            state.in_body = false;
            if state.broken.is_none() {
                state.broken = broken;
            }
            state.reader.take()
        });
        reader.into_iter().for_each(Waker::wake);
    }

    /// Ready once no body is in the way.
    fn poll_free(&self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.state.lock();
        if let Some(error) = &state.broken {
            return Poll::Ready(Err(error.clone()));
        }
        if !state.in_body {
            return Poll::Ready(Ok(()));
        }
        let old = state.reader.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Reads more into the buffer; whether there was more.
    async fn read_more(&self) -> Result<bool, Error> {
        let mut read = Read::new(&self.connection, 1, PIECE)?;
        let bytes = poll_fn(|cx| read.poll_bytes(cx)).await?;
        self.with(|state| state.buffer.extend_from_slice(&bytes));
        Ok(!bytes.is_empty())
    }

    fn refuse(&self, error: ProtocolError) -> Error {
        let error = error.into_error();
        self.end_body(Some(error.clone()));
        error
    }
}

/// Somebody reads a message, or waits for one; nobody else does meanwhile.
struct Turn(Arc<Source>);

impl Turn {
    fn take(source: &Arc<Source>) -> Result<Self, Error> {
        match source.with(|state| std::mem::replace(&mut state.busy, true)) {
            true => Err(Error::new(ErrorKind::Busy, "a message is already being read from this input")),
            false => Ok(Self(source.clone())),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let reader = self.0.with(|state| {
            state.busy = false;
            state.reader.take()
        });
        drop(reader);
    }
}

/// Reads messages from a connection, which belongs to it from then on as far as reading goes: it reads ahead. Writing is
/// anybody's. (HTTP-22, HTTP-23, HTTP-24)
pub struct HttpInput {
    source: Arc<Source>,
    limits: HeadLimits,
}

impl HttpInput {
    /// Nothing is read yet.
    ///
    /// # Errors
    /// `Shutdown` once the runtime of the connection has ended.
    pub fn new(connection: &Arc<Connection>, limits: HeadLimits) -> Result<Self, Error> {
        connection.runtime().check()?;
        let source = Arc::new(Source { connection: connection.clone(), state: Lock::new(State::default()) });
        Ok(Self { source, limits })
    }

    fn runtime(&self) -> &Arc<Shared> {
        self.source.connection.runtime()
    }

    /// A promise of the next message, an [`HttpMessage`], once the body of the one before has been read to its end. `method`
    /// is that of the request that a response answers. (HTTP-22)
    ///
    /// # Errors
    /// `Busy` if a message is being read or waited for. Of the promise: `Disconnected` at the end of the stream, `Failed` for
    /// what is no message and for every message behind it or behind a body that was not read to its end.
    pub fn read(&self, kind: HeadKind, method: &str) -> Result<Promise, Error> {
        self.runtime().check()?;
        let (turn, limits, method) = (Turn::take(&self.source)?, self.limits, method.to_owned());
        Ok(Promise::start(self.runtime().clone(), "http message", read(turn, kind, limits, method)))
    }

    /// A promise that says whether another message comes: 1, or 0 at the end of the stream. Nothing is taken. (HTTP-23)
    ///
    /// # Errors
    /// As `read`, but for the end of the stream.
    pub fn when_next(&self) -> Result<Promise, Error> {
        self.runtime().check()?;
        let turn = Turn::take(&self.source)?;
        Ok(Promise::start(self.runtime().clone(), "http message to come", async move {
            begins(&turn.0).await.map(|begins| Value::U64(begins.into()))
        }))
    }
}

impl Object for HttpInput {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

/// Whether a message has begun to come, once that is known.
async fn begins(source: &Source) -> Result<bool, Error> {
    poll_fn(|cx| source.poll_free(cx)).await?;
    loop {
        let begun = source.with(|state| {
            // Empty lines between messages are of the past, and harmless.
            while state.buffer.starts_with(b"\r\n") {
                state.buffer.advance(2);
            }
            !state.buffer.is_empty() && &state.buffer[..] != b"\r"
        });
        if begun {
            return Ok(true);
        }
        if !source.read_more().await? {
            return source.with(|state| if state.buffer.is_empty() { Ok(false) } else { Err(ended()) });
        }
    }
}

async fn read(turn: Turn, kind: HeadKind, limits: HeadLimits, method: String) -> Outcome {
    let source = &turn.0;
    if !begins(source).await? {
        return Err(ended());
    }
    let mut searched = 0;
    let head = loop {
        let (found, length) = source.with(|state| {
            let found = head_length(&state.buffer, searched, &limits);
            let head = found.map(|length| length.map(|length| state.buffer.split_to(length)));
            (head, state.buffer.len())
        });
        match found.map_err(|error| source.refuse(error))? {
            Some(head) => break head,
            None => searched = length,
        }
        if !source.read_more().await? {
            return Err(ended());
        }
    };
    let head = MessageHead::parse(kind, &head, &limits).map_err(|error| source.refuse(error))?;
    let length = head.body_length(&method).map_err(|error| source.refuse(error))?;
    let trailers = Arc::new(Lock::new(Headers::new()));
    let body = match length {
        BodyLength::Exactly(0) => Connection::nothing(source.connection.runtime()),
        length => {
            source.with(|state| state.in_body = true);
            let body = InputBody::new(source.clone(), length, trailers.clone());
            source.connection.layer(body)?
        }
    };
    Ok(Value::object(Arc::new(HttpMessage { head, length, body, trailers })))
}

/// A message that an [`HttpInput`] has read. Its body is still to be read; the next message is behind it.
pub struct HttpMessage {
    head: MessageHead,
    length: BodyLength,
    body: Arc<Connection>,
    trailers: Arc<Lock<Headers>>,
}

impl HttpMessage {
    /// The first line, if there is one, and the header fields.
    pub fn head(&self) -> &MessageHead {
        &self.head
    }

    /// How the body ends.
    pub fn body_length(&self) -> BodyLength {
        self.length
    }

    /// The body, to be read. It ends with the body; one that is cut off fails with `Disconnected`. (HTTP-20, HTTP-21)
    pub fn body(&self) -> &Arc<Connection> {
        &self.body
    }

    /// The header fields behind the body, once that has been read to its end. (HTTP-21)
    pub fn trailers(&self) -> Headers {
        self.trailers.lock().clone()
    }
}

impl Object for HttpMessage {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.body.runtime().owner)
    }
}
