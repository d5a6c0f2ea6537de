//! What a service answers, on its way to the protocol engine.
//!
//! Headers that say how the message is sent are not the service's to decide and are left out, except that
//! `Connection: close` is honoured and the answer to a `HEAD` may say how long the body would be. (HTTP-06)

use crate::error::Error;
use crate::http::outgoing_body::{OutgoingBody, Trailers};
use crate::http::{Headers, ProtocolError, for_engine};
use crate::stream::Read;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};
use std::sync::Arc;

/// The head of a response and what follows it.
pub(super) struct Answer {
    head: http::response::Parts,
    body: AnswerBody,
    /// The connection is closed behind it.
    pub(super) close: bool,
}

pub(super) enum AnswerBody {
    Bytes(Bytes),
    /// What is written to the other end of this pipe; its length, if that was said, or else what follows it.
    Stream(Read, Option<u64>, Arc<Trailers>),
    /// None, and the connection becomes another.
    Switch,
}

/// The usual text beside a status.
pub(super) fn reason_of(status: u16) -> Option<&'static str> {
    http::StatusCode::from_u16(status).ok()?.canonical_reason()
}

impl Answer {
    /// # Errors
    /// `InvalidArgument` for a status, a text or a value that cannot be sent.
    pub(super) fn new(status: u16, reason: Option<&str>, headers: &Headers, body: AnswerBody) -> Result<Self, Error> {
        let mut answer = Self::of(status, body)?;
        if let Some(reason) = reason {
            let reason = hyper::ext::ReasonPhrase::try_from(reason.as_bytes())
                .map_err(|_| Error::invalid("the text beside a status is one line of printable characters"))?;
            answer.head.extensions.insert(reason);
        }
        answer.head.headers = for_engine(headers)?;
        answer.close = headers.has_item(b"connection", b"close");
        Ok(answer)
    }

    fn of(status: u16, body: AnswerBody) -> Result<Self, Error> {
        let status = http::StatusCode::from_u16(status)
            .map_err(|_| Error::invalid(format!("{status} is not a status of three digits")))?;
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.status = status;
        Ok(Self { head, body, close: false })
    }

    /// A short text, with a status that is known to be one.
    pub(super) fn text(status: u16, text: impl Into<Bytes>) -> Self {
        let mut answer = Self::of(status, AnswerBody::Bytes(text.into())).expect("a status of three digits");
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        answer.head.headers.insert(http::header::CONTENT_TYPE, kind);
        answer
    }

    /// For a body beyond the limit; the rest of it is not read.
    pub(super) fn too_long() -> Self {
        Self::text(413, "Content Too Large\n").closing()
    }

    /// For what was no request; nothing more is read from such a connection.
    pub(super) fn refusal(error: &ProtocolError) -> Self {
        Self::text(error.status, format!("{}: {}\n", error.reason, error.description)).closing()
    }

    /// Whether its body is yet to be written.
    pub(super) fn is_streamed(&self) -> bool {
        matches!(self.body, AnswerBody::Stream(..))
    }

    /// The last on its connection.
    pub(super) fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    /// What the engine sends. `head_only` is the answer to a `HEAD` request.
    pub(super) fn into_response(self, head_only: bool) -> http::Response<OutgoingBody> {
        let mut head = self.head;
        for name in [CONNECTION, HeaderName::from_static("keep-alive"), TE, HeaderName::from_static("proxy-connection")]
        {
            head.headers.remove(name);
        }
        if !head_only {
            head.headers.remove(CONTENT_LENGTH);
            head.headers.remove(TRANSFER_ENCODING);
        }
        if !matches!(self.body, AnswerBody::Switch) {
            head.headers.remove(UPGRADE);
            if self.close {
                head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
        } else if head.headers.contains_key(UPGRADE) {
            head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        let (body, length) = match self.body {
            AnswerBody::Bytes(bytes) => {
                let length = bytes.len() as u64;
                (OutgoingBody::bytes(bytes), Some(length))
            }
            AnswerBody::Stream(read, length, trailers) => (OutgoingBody::stream(read, length, trailers), length),
            AnswerBody::Switch => (OutgoingBody::none(), None),
        };
        let body = if head_only { OutgoingBody::none() } else { body };
        // A length of 0 is none: the service does not know what it would have been. (HSRV-02)
        if let Some(length) = length.filter(|length| head_only && *length > 0) {
            head.headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
        }
        http::Response::from_parts(head, body)
    }
}
