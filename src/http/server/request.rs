//! A request while it is being answered.

use super::answer::{Answer, AnswerBody, reason_of};
use super::link::{Link, Suspended};
use super::summary::{Record, RequestSummary};
use crate::compression::{CompressionFormat, code};
use crate::error::{Error, ErrorKind};
use crate::http::content_coding::{accepted, compressed, compression};
use crate::http::incoming_body::IncomingBody;
use crate::http::outgoing_body::Trailers;
use crate::http::{BodyLength, Headers, RequestHead, for_engine};
use crate::object::{Object, Owner};
use crate::promise::Fulfiller;
use crate::runtime::Shared;
use crate::stream::{Connection, Read};
use crate::sync::Lock;
use crate::value::Value;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

/// A body of fewer bytes gains nothing.
const WORTH_COMPRESSING: usize = 128;

#[expect(clippy::large_enum_variant, reason = "nearly every request is given an answer, which is moved out of here")]
#[derive(Default)]
enum Progress {
    #[default]
    Unanswered,
    Given(Answer),
    Sent,
    /// Somebody else is to answer it.
    Suspended,
}

#[derive(Default)]
struct State {
    progress: Progress,
    engine: Option<Waker>,
    /// What the body of the response is written to.
    streamed: Option<Streamed>,
    /// The response is to be compressed if the client accepts that.
    compresses: bool,
}

/// The body of a response that is written piece by piece.
struct Streamed {
    writer: Arc<Connection>,
    /// What may follow it, by the names that its head announces; none behind a body of a known length.
    trailers: Option<(Arc<Trailers>, Vec<Vec<u8>>)>,
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
    record: Record,
}

/// Whether a header may come behind a body: none that says how to read the message.
fn may_trail(name: &[u8]) -> bool {
    let of_the_message: [&[u8]; 12] = [
        b"authorization",
        b"cache-control",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"host",
        b"max-forwards",
        b"set-cookie",
        b"te",
        b"trailer",
        b"transfer-encoding",
    ];
    !of_the_message.iter().any(|other| other.eq_ignore_ascii_case(name))
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
        let record = Record::new(link.runtime().clock.now());
        Arc::new(Self { link: link.clone(), head, length, body, stream: OnceLock::new(), state, record })
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
            Some(body) => {
                self.link.requests().release_body();
                body.stream(self.connection())
            }
            None => Connection::nothing(self.runtime()),
        })
    }

    /// The headers behind the body, once that has been read to its end. (HTTP-21)
    pub fn trailers(&self) -> Headers {
        self.body.as_ref().map(IncomingBody::trailers).unwrap_or_default()
    }

    /// Why no more of the body comes, if it has failed.
    pub(in crate::http) fn body_failure(&self) -> Option<Error> {
        self.body.as_ref()?.failed()
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

    /// What there is to log of it.
    pub fn summary(&self) -> RequestSummary {
        let received = self.body.as_ref().map_or(0, IncomingBody::came);
        self.record.summary(received, self.runtime().clock.now())
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self.state.lock().progress, Progress::Unanswered)
    }

    /// Answers with a whole body. (HSRV-02)
    ///
    /// # Errors
    /// `Failed` if the request has been answered, `Disconnected` if it has ended, `InvalidArgument` for a status outside 200
    /// to 999 or a text that cannot stand beside it, `Unimplemented` for a status from 200 to 299 to a `CONNECT`, which only
    /// `accept_tunnel` accepts: a service that knows nothing of tunnels and fails with that is answered for with 501. (CONN-04)
    pub fn respond(&self, status: u16, reason: Option<&str>, headers: &Headers, body: Bytes) -> Result<(), Error> {
        let (headers, body) = match self.coding_for(status, headers)? {
            None => (Cow::Borrowed(headers), body),
            Some((coding, plain, changed)) => match self.compress_whole(coding, &body)? {
                Some(less) => (Cow::Owned(changed), less),
                None => (Cow::Owned(plain), body),
            },
        };
        self.give(self.final_answer(status, reason, &headers, AnswerBody::Bytes(body))?)
    }

    /// Has the response compressed, by brotli or gzip, if the client accepts that: it is sent with `Content-Encoding` and
    /// `Vary`, a streamed one in chunks whatever length is given for it. Has to come before the answer. What is coded already, is
    /// a part of something, must not be transformed, or would not become shorter is sent as it is. Do not ask for it where a secret
    /// stands beside what others may choose: its length tells.
    ///
    /// # Errors
    /// `Failed` if the request has been answered.
    pub fn compress(&self) -> Result<(), Error> {
        let mut state = self.state.lock();
        if !matches!(state.progress, Progress::Unanswered) {
            return Err(answered());
        }
        state.compresses = true;
        Ok(())
    }

    /// How a response is compressed, with its headers as they are without and with that; none if it is not asked for.
    fn coding_for(
        &self,
        status: u16,
        headers: &Headers,
    ) -> Result<Option<(Option<CompressionFormat>, Headers, Headers)>, Error> {
        if !self.state.lock().compresses || matches!(status, 204 | 206 | 304) || self.is_connect() {
            return Ok(None);
        }
        if headers.contains(b"content-encoding") || headers.has_item(b"cache-control", b"no-transform") {
            return Ok(None);
        }
        let mut plain = headers.clone();
        plain.append(b"Vary", b"Accept-Encoding")?;
        let Some((format, name)) = accepted(&self.head.headers) else { return Ok(Some((None, plain.clone(), plain))) };
        let mut changed = plain.clone();
        changed.set(b"Content-Encoding", name)?;
        changed.remove(b"content-length");
        if let Some(tag) = headers.get(b"etag").filter(|tag| tag.starts_with(b"\"")) {
            // The same, though not byte for byte.
            changed.set(b"ETag", &[b"W/", &tag[..]].concat())?;
        }
        Ok(Some((Some(format), plain, changed)))
    }

    /// The body compressed, if that is shorter.
    fn compress_whole(&self, format: Option<CompressionFormat>, body: &Bytes) -> Result<Option<Bytes>, Error> {
        let Some(format) = format.filter(|_| body.len() >= WORTH_COMPRESSING) else { return Ok(None) };
        let less = code(&compression(format), body, usize::MAX)?;
        Ok((less.len() < body.len()).then(|| less.into()))
    }

    fn final_answer(
        &self,
        status: u16,
        reason: Option<&str>,
        headers: &Headers,
        body: AnswerBody,
    ) -> Result<Answer, Error> {
        let mut answer = final_answer(status, reason, headers, body)?;
        if self.is_connect() {
            if (200..300).contains(&status) {
                return Err(Error::new(ErrorKind::Unimplemented, "a CONNECT is accepted as a tunnel, or refused"));
            }
            // The client may have sent something for the other end of the tunnel, which is no request. (CONN-07)
            answer = answer.closing();
        }
        Ok(answer)
    }

    fn is_connect(&self) -> bool {
        self.head.method == "CONNECT"
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
        let coding = self.coding_for(status, headers)?;
        let (reader, writer) = Connection::pipe_of(self.runtime(), length)?;
        let (reader, headers, length) = match coding {
            None => (reader, Cow::Borrowed(headers), length),
            Some((None, plain, _)) => (reader, Cow::Owned(plain), length),
            Some((Some(format), _, changed)) => (compressed(&reader, format)?, Cow::Owned(changed), None),
        };
        let headers = &*headers;
        let read = Read::new(&reader, 1, usize::MAX)?;
        let trailers = Arc::<Trailers>::default();
        let body = AnswerBody::Stream(read, length, trailers.clone());
        let answer = self.final_answer(status, reason, headers, body)?;
        let names = || headers.items(b"trailer").map(<[u8]>::to_vec).collect();
        let trailers = length.is_none().then(|| (trailers, names()));
        self.state.lock().streamed = Some(Streamed { writer: writer.clone(), trailers });
        self.give(answer)?;
        Ok(writer)
    }

    /// Puts headers behind the body of a response in chunks, in place of those that were put there before; they are sent when
    /// the body ends. Their names stand in the `Trailer` of the response. A client of HTTP/1.0 gets none. (HTTP-21)
    ///
    /// # Errors
    /// `Failed` if there is no such body, or it has ended with its service; `InvalidArgument` for a name that the response has
    /// not announced, or that cannot come behind a body.
    pub fn set_trailers(&self, headers: &Headers) -> Result<(), Error> {
        let state = self.state.lock();
        let none = || Error::new(ErrorKind::Failed, "the response has no body in chunks");
        let (trailers, names) = state.streamed.as_ref().and_then(|body| body.trailers.as_ref()).ok_or_else(none)?;
        for (name, _) in headers.iter() {
            if !may_trail(name) || !names.iter().any(|announced| announced.eq_ignore_ascii_case(name)) {
                let shown = String::from_utf8_lossy(name);
                return Err(Error::invalid(format!("the Trailer of the response does not announce {shown}")));
            }
        }
        for_engine(headers)?;
        trailers.set(headers.clone());
        Ok(())
    }

    /// Puts there what has come from elsewhere, as far as it was announced.
    pub(in crate::http) fn pass_on_trailers(&self, mut headers: Headers) {
        let state = self.state.lock();
        let Some((trailers, names)) = state.streamed.as_ref().and_then(|body| body.trailers.as_ref()) else { return };
        let came = headers.clone();
        for (name, _) in came.iter() {
            if !may_trail(name) || !names.iter().any(|announced| announced.eq_ignore_ascii_case(name)) {
                headers.remove(name);
            }
        }
        trailers.set(headers);
    }

    /// Answers with a short page of plain text. (HSRV-03)
    ///
    /// # Errors
    /// As `respond`.
    pub fn respond_error(&self, status: u16, reason: Option<&str>) -> Result<(), Error> {
        let text = format!("{}\n", reason.or(reason_of(status)).unwrap_or("Error"));
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
        let fits = if self.is_connect() {
            (200..300).contains(&status)
        } else {
            status == 101 && self.head.headers.contains(b"upgrade")
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

    /// Leaves the request to somebody else. The connection that this returns begins with its head and whatever has come
    /// behind that, so that whoever serves it, this server or another one, finds the request as if it had just come. Serving
    /// it here ends once the service has, with nothing handed on. (HSRV-23, HSRV-24)
    ///
    /// # Errors
    /// `Failed` if the request has been answered or its body asked for, `Disconnected` if it has ended.
    pub fn suspend(&self) -> Result<Arc<Connection>, Error> {
        let (fulfiller, promise) = Fulfiller::new(self.runtime().clone());
        let connection = Connection::promised(&promise)?;
        let head = Bytes::from(self.head.to_bytes()?);
        self.check_running()?;
        {
            let mut state = self.state.lock();
            if !matches!(state.progress, Progress::Unanswered) {
                return Err(answered());
            }
            if !self.link.requests().keep_body() {
                return Err(Error::new(ErrorKind::Failed, "the body of the request has been asked for already"));
            }
            state.progress = Progress::Suspended;
        }
        self.link.suspend(Suspended { head, connection: fulfiller });
        Ok(connection)
    }

    fn check_running(&self) -> Result<(), Error> {
        if self.link.is_ended() {
            return Err(Error::new(ErrorKind::Disconnected, "the client has gone"));
        }
        Ok(())
    }

    fn give(&self, answer: Answer) -> Result<(), Error> {
        self.check_running()?;
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

    /// The answer, if one has been given.
    pub(super) fn take_answer(&self) -> Option<Answer> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.progress, Progress::Sent) {
            Progress::Given(answer) => Some(answer),
            _ => None,
        }
    }

    /// The service has been cancelled for taking too long.
    pub(super) fn timed_out(&self) {
        if self.give(Answer::text(503, "Service Unavailable\n").closing()).is_err() {
            self.link.abort();
        }
    }

    /// The service is done with it: an answer is made if neither it nor a hook has given one, and a streamed body ends, badly
    /// if the service failed. A `CONNECT` that nobody has decided on is closed. (HSRV-05, HSRV-18, HSRV-19, CONN-07)
    pub(super) fn service_ended(self: &Arc<Self>, outcome: Result<(), Error>) {
        let streamed = self.state.lock().streamed.take();
        if let Some(Streamed { writer, .. }) = streamed {
            match &outcome {
                // What has been written before is sent first; what the writer still has pending is cut off.
                Ok(()) => writer.close(),
                Err(error) => {
                    self.link.tells(error);
                    drop(writer.abort_write(error.clone()));
                }
            }
        }
        self.link.tell(|program| program.service_ended(self, &outcome));
        if !self.is_unanswered() {
            return;
        }
        let answer = match outcome {
            Ok(()) if self.is_connect() => None,
            Ok(()) => Some(Answer::text(500, "the service has given no answer\n")),
            Err(error) if error.kind() == ErrorKind::Overloaded && self.has_too_long_a_body() => {
                Some(Answer::too_long())
            }
            Err(error) => self.link.answer_for(&error),
        };
        match answer {
            // Too late at worst: the client has gone.
            Some(answer) if self.is_connect() => drop(self.give(answer.closing())),
            Some(answer) => drop(self.give(answer)),
            None => self.link.abort(),
        }
    }

    fn has_too_long_a_body(&self) -> bool {
        self.body.as_ref().is_some_and(IncomingBody::is_too_long)
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
