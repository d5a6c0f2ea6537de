//! A request while it is being answered.

use super::answer::{Answer, AnswerBody};
use super::link::Link;
use crate::error::{Error, ErrorKind};
use crate::http::incoming_body::IncomingBody;
use crate::http::{BodyLength, Headers, RequestHead};
use crate::object::{Object, Owner};
use crate::promise::Fulfiller;
use crate::runtime::Shared;
use crate::stream::{Connection, Read};
use crate::sync::Lock;
use crate::value::Value;
use bytes::Bytes;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

#[derive(Default)]
enum Progress {
    #[default]
    Unanswered,
    Given(Answer),
    Sent,
}

#[derive(Default)]
struct State {
    progress: Progress,
    engine: Option<Waker>,
    /// What the body of the response is written to.
    streamed: Option<Arc<Connection>>,
}

/// A request and its answer. (HSRV-01, HSRV-02)
///
/// The service may keep it as long as it likes; once the request has ended, answering it fails.
pub struct HttpRequest {
    link: Arc<Link>,
    head: RequestHead,
    length: BodyLength,
    body: Option<IncomingBody>,
    stream: OnceLock<Arc<Connection>>,
    state: Lock<State>,
}

fn answered() -> Error {
    Error::new(ErrorKind::Failed, "the request has been answered already")
}

fn final_answer(status: u16, reason: Option<&str>, headers: &Headers, body: AnswerBody) -> Result<Answer, Error> {
    if !(200..=999).contains(&status) {
        return Err(Error::invalid(format!("{status} is not the status of a final response, from 200 to 999")));
    }
    Answer::new(status, reason, headers, body)
}

impl HttpRequest {
    pub(super) fn new(
        link: &Arc<Link>,
        head: RequestHead,
        length: BodyLength,
        body: Option<IncomingBody>,
    ) -> Arc<Self> {
        let state = Lock::new(State::default());
        Arc::new(Self { link: link.clone(), head, length, body, stream: OnceLock::new(), state })
    }

    /// Method, target, version and headers.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// How long the body is, if that was said: 0 without a body.
    pub fn body_length(&self) -> Option<u64> {
        match self.length {
            BodyLength::Exactly(length) => Some(length),
            BodyLength::Chunked | BodyLength::UntilClose => None,
        }
    }

    /// The body as a stream to read. It ends with the body; one that is cut off fails with `Disconnected`. (HTTP-20)
    pub fn body(&self) -> &Arc<Connection> {
        self.stream.get_or_init(|| match &self.body {
            Some(body) => body.stream(self.connection()),
            None => Connection::nothing(self.runtime()),
        })
    }

    /// The headers behind the body, once that has been read to its end. (HTTP-21)
    pub fn trailers(&self) -> Headers {
        self.body.as_ref().map(IncomingBody::trailers).unwrap_or_default()
    }

    pub(super) fn unread(&self) -> Option<&IncomingBody> {
        self.body.as_ref()
    }

    /// The connection that the request came over: who is at its other end, which address it came to. Not to be read or
    /// written.
    pub fn connection(&self) -> &Arc<Connection> {
        self.link.connection()
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        self.link.runtime()
    }

    /// Answers with a whole body. (HSRV-02)
    ///
    /// # Errors
    /// `Failed` if the request has been answered, `Disconnected` if it has ended, `InvalidArgument` for a status outside 200
    /// to 999 or a text that cannot stand beside it.
    pub fn respond(&self, status: u16, reason: Option<&str>, headers: &Headers, body: Bytes) -> Result<(), Error> {
        self.give(final_answer(status, reason, headers, AnswerBody::Bytes(body))?)
    }

    /// Answers with a body that is written later, to the connection that this returns: of `length` bytes, or in chunks.
    /// Shutting down or dropping that ends the body; short of its length, the connection is closed. (HSRV-02, HSRV-05)
    ///
    /// # Errors
    /// As `respond`.
    pub fn respond_stream(
        &self,
        status: u16,
        reason: Option<&str>,
        headers: &Headers,
        length: Option<u64>,
    ) -> Result<Arc<Connection>, Error> {
        let (reader, writer) = Connection::pipe_of(self.runtime(), length)?;
        let read = Read::new(&reader, 1, usize::MAX)?;
        let answer = final_answer(status, reason, headers, AnswerBody::Stream(read, length))?;
        self.state.lock().streamed = Some(writer.clone());
        self.give(answer)?;
        Ok(writer)
    }

    /// Answers with a short page of plain text. (HSRV-03)
    ///
    /// # Errors
    /// As `respond`.
    pub fn respond_error(&self, status: u16, reason: Option<&str>) -> Result<(), Error> {
        let known = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let text = format!("{}\n", reason.or(known).unwrap_or("Error"));
        let mut headers = Headers::new();
        headers.set(b"Content-Type", b"text/plain; charset=utf-8")?;
        self.respond(status, reason, &headers, Bytes::from(text))
    }

    /// Accepts a `CONNECT`, or an upgrade to another protocol: the answer is sent and the connection turns into the stream
    /// that this returns, which can be used at once. It begins with whatever came behind the request. (CONN-05)
    ///
    /// # Errors
    /// As `respond`; `InvalidArgument` for a request that asks for neither, or a status that does not fit.
    pub fn accept_tunnel(
        &self,
        status: u16,
        reason: Option<&str>,
        headers: &Headers,
    ) -> Result<Arc<Connection>, Error> {
        let fits = match self.head.method.as_str() {
            "CONNECT" => (200..300).contains(&status),
            _ => status == 101 && self.head.headers.contains(b"upgrade"),
        };
        if !fits {
            return Err(Error::invalid("CONNECT is accepted with a status from 200 to 299, an upgrade with 101"));
        }
        let answer = Answer::new(status, reason, headers, AnswerBody::Switch)?;
        let (fulfiller, switched) = Fulfiller::new(self.runtime().clone());
        let tunnel = Connection::promised(&switched)?;
        // Before the answer, which may be sent by another thread at once.
        self.link.becomes_tunnel(fulfiller);
        if let Err(error) = self.give(answer) {
            drop(self.link.take_tunnel());
            return Err(error);
        }
        Ok(tunnel)
    }

    fn give(&self, answer: Answer) -> Result<(), Error> {
        if self.link.is_ended() {
            return Err(Error::new(ErrorKind::Disconnected, "the client has gone"));
        }
        let engine = {
            let mut state = self.state.lock();
            if !matches!(state.progress, Progress::Unanswered) {
                return Err(answered());
            }
            state.progress = Progress::Given(answer);
            state.engine.take()
        };
        if let Some(engine) = engine {
            engine.wake();
        }
        Ok(())
    }

    /// The answer, once there is one.
    pub(super) fn poll_answer(&self, cx: &Context<'_>) -> Poll<Answer> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.progress, Progress::Sent) {
            Progress::Given(answer) => Poll::Ready(answer),
            before => {
                state.progress = before;
                let old = state.engine.replace(cx.waker().clone());
                drop(state);
                drop(old);
                Poll::Pending
            }
        }
    }

    /// The service has been cancelled for taking too long.
    pub(super) fn timed_out(&self) {
        if self.give(Answer::text(503, "Service Unavailable\n").closing()).is_err() {
            self.link.abort();
        }
    }

    /// The service is done with it: an answer is made if it has given none, and a streamed body ends, badly if the service
    /// failed. (HSRV-05, HSRV-18, HSRV-19)
    pub(super) fn service_ended(&self, outcome: Result<(), Error>) {
        let streamed = self.state.lock().streamed.take();
        if let Some(writer) = streamed {
            match &outcome {
                // What has been written before is sent first; what the writer still has pending is cut off.
                Ok(()) => writer.close(),
                Err(error) => drop(writer.abort_write(error.clone())),
            }
        }
        if matches!(self.state.lock().progress, Progress::Unanswered) {
            if let Some(answer) = self.link.answer_for(outcome) {
                // Too late at worst: the client has gone.
                let _ = self.give(answer);
            } else {
                self.link.abort();
            }
        }
    }

    /// The request as what a callback gets.
    pub fn into_value(this: Arc<Self>) -> Value {
        Value::object(this)
    }
}

impl Object for HttpRequest {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}
