//! The requests of one connection, from whoever reads them to whoever answers them.

use crate::http::message_reader::Role;
use crate::http::{BodyLength, HeadLimits, ProtocolError, RequestHead, Version};
use crate::sync::Lock;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

/// A request as its head says, or why there is none.
pub(super) type Incoming = Result<(RequestHead, BodyLength), ProtocolError>;

/// Where a connection is between its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of a request has come yet.
    #[default]
    Idle,
    /// A part of its head has come.
    Head,
    /// It is being answered.
    Request,
}

/// Whether the engine is shown the body of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Passing {
    #[default]
    Shown,
    /// Nobody has asked for it yet.
    Held,
    /// The request is suspended: whoever goes on with it reads the body.
    Kept,
}

#[derive(Default)]
struct State {
    /// Boxed, so that a connection without a request holds little.
    heads: VecDeque<Box<Incoming>>,
    phase: Phase,
    /// How many requests have been answered.
    answered: u64,
    /// The last write has taken nothing: something of the response is still to be sent.
    stuck: bool,
    timed_out: bool,
    body: Passing,
    reader: Option<Waker>,
}

/// What the reader of a connection and whoever answers its requests share.
#[derive(Clone, Default)]
pub(super) struct Requests(Arc<Lock<State>>);

impl Requests {
    /// The request that the engine has just asked the service to answer.
    pub(super) fn next(&self) -> Option<Incoming> {
        self.0.lock().heads.pop_front().map(|head| *head)
    }

    /// The request has been answered: the next one may be read.
    pub(super) fn answered(&self) {
        let waker = {
            let mut state = self.0.lock();
            state.answered += 1;
            state.phase = Phase::Idle;
            state.reader.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Where the connection is now, and how many requests came before: a quick one leaves no other trace.
    pub(super) fn phase(&self) -> (Phase, u64) {
        let state = self.0.lock();
        (state.phase, state.answered)
    }

    /// Whether there were requests and all have been answered, with nothing of another one read or of the last answer left
    /// to be sent.
    pub(super) fn are_all_answered(&self) -> bool {
        let state = self.0.lock();
        state.answered > 0 && !state.stuck && state.phase == Phase::Idle
    }

    /// The same, though a part of the next head may have been read: whoever reads the connection next finds it there.
    pub(super) fn may_be_handed_on(&self) -> bool {
        let state = self.0.lock();
        state.answered > 0 && !state.stuck && matches!(state.phase, Phase::Idle | Phase::Head)
    }

    /// Whether something of a response is still to be sent.
    pub(super) fn is_stuck(&self) -> bool {
        self.0.lock().stuck
    }

    /// Keeps the body from the engine for good; `false` if somebody has asked for it.
    pub(super) fn keep_body(&self) -> bool {
        let mut state = self.0.lock();
        if state.body == Passing::Held {
            state.body = Passing::Kept;
        }
        state.body == Passing::Kept
    }

    /// Whether somebody has asked for the body.
    pub(super) fn shows_body(&self) -> bool {
        self.0.lock().body == Passing::Shown
    }

    /// Somebody asks for the body.
    pub(super) fn release_body(&self) {
        let waker = {
            let mut state = self.0.lock();
            if state.body != Passing::Held {
                return;
            }
            state.body = Passing::Shown;
            state.reader.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// The rest of a head is waited for no longer: the next look at it finds an error.
    pub(super) fn time_out(&self) {
        self.0.lock().timed_out = true;
    }

    fn push(&self, incoming: Incoming) {
        let mut state = self.0.lock();
        state.body = if incoming.is_ok() { Passing::Held } else { Passing::Shown };
        state.heads.push_back(Box::new(incoming));
        state.phase = Phase::Request;
    }
}

impl Requests {
    /// Whether that holds; then `cx` is woken when it has changed.
    fn waits_while(&self, cx: &Context<'_>, holds: impl FnOnce(&State) -> bool) -> bool {
        let mut state = self.0.lock();
        if !holds(&state) {
            return false;
        }
        let old = state.reader.replace(cx.waker().clone());
        drop(state);
        drop(old);
        true
    }
}

impl Role for Requests {
    fn holds_back(&self, cx: &Context<'_>) -> bool {
        self.waits_while(cx, |state| state.phase == Phase::Request)
    }

    fn holds_back_body(&self, cx: &Context<'_>) -> bool {
        self.waits_while(cx, |state| state.body != Passing::Shown)
    }

    fn gives_up(&self) -> Option<ProtocolError> {
        std::mem::take(&mut self.0.lock().timed_out).then(ProtocolError::timed_out)
    }

    fn waits(&self, has_begun: bool) {
        self.0.lock().phase = if has_begun { Phase::Head } else { Phase::Idle };
    }

    fn take(&mut self, head: &[u8], limits: &HeadLimits) -> (Bytes, BodyLength) {
        let incoming = RequestHead::parse(head, limits).and_then(|head| {
            check_host(&head)?;
            let length = BodyLength::of_request(&head)?;
            Ok((head, length))
        });
        match incoming {
            Ok((head, length)) => {
                let for_engine = for_engine(&head, length);
                self.push(Ok((head, length)));
                (for_engine, length)
            }
            Err(error) => (self.refuse(error), BodyLength::Exactly(0)),
        }
    }

    /// The engine asks for an answer all the same, and closes the connection behind it.
    fn refuse(&mut self, error: ProtocolError) -> Bytes {
        self.push(Err(error));
        Bytes::from_static(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
    }

    fn stuck(&self, stuck: bool) {
        self.0.lock().stuck = stuck;
    }
}

/// A request of HTTP/1.1 names one host: of several, who takes the first and who takes the last would differ.
fn check_host(head: &RequestHead) -> Result<(), ProtocolError> {
    let hosts = head.headers.get_all(b"host").count();
    if hosts > 1 || hosts == 0 && head.version == Version::Http11 {
        return Err(ProtocolError::bad_request("not exactly one Host header"));
    }
    Ok(())
}

/// The head of a request with no more than the engine has to know.
fn for_engine(head: &RequestHead, length: BodyLength) -> Bytes {
    let mut text = Vec::with_capacity(128);
    text.extend_from_slice(match head.method.as_str() {
        "HEAD" => b"HEAD / ".as_slice(),
        "CONNECT" => b"CONNECT a:1 ",
        _ => b"POST / ",
    });
    let is_http_11 = head.version == Version::Http11;
    text.extend_from_slice(if is_http_11 { b"HTTP/1.1\r\n" } else { b"HTTP/1.0\r\n" });
    length.write_header(&mut text);
    let headers = &head.headers;
    if headers.has_item(b"connection", b"close") {
        text.extend_from_slice(b"connection: close\r\n");
    } else if headers.has_item(b"connection", b"keep-alive") {
        text.extend_from_slice(b"connection: keep-alive\r\n");
    }
    if is_http_11 && headers.has_item(b"expect", b"100-continue") {
        text.extend_from_slice(b"expect: 100-continue\r\n");
    }
    if is_http_11 {
        // Trailers are sent only if a response announces them.
        text.extend_from_slice(b"te: trailers\r\n");
    }
    if headers.contains(b"upgrade") {
        text.extend_from_slice(b"upgrade: a\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.into()
}
