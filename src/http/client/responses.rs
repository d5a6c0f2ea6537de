//! The responses of one connection, from whoever reads them to whoever asked.

use crate::http::message_reader::Role;
use crate::http::{BodyLength, HeadLimits, ProtocolError, ResponseHead, Version};
use crate::sync::Lock;
use bytes::Bytes;
use std::sync::Arc;
use std::task::{Context, Waker};

#[derive(Default)]
struct State {
    /// That of the request whose response is read.
    method: Option<String>,
    head: Option<Result<ResponseHead, ProtocolError>>,
    reader: Option<Waker>,
    /// The connection is no longer one of HTTP.
    switched: bool,
}

/// What the reader of a connection and whoever sends requests over it share.
#[derive(Clone, Default)]
pub(super) struct Responses(Arc<Lock<State>>);

impl Responses {
    /// A request with this method is about to be sent.
    pub(super) fn expect(&self, method: &str) {
        let reader = {
            let mut state = self.0.lock();
            state.method = Some(method.to_owned());
            state.head = None;
            state.reader.take()
        };
        reader.into_iter().for_each(Waker::wake);
    }

    /// The head of the response that the engine has just seen.
    pub(super) fn take_head(&self) -> Option<Result<ResponseHead, ProtocolError>> {
        self.0.lock().head.take()
    }

    /// Whether a response has made the connection another.
    pub(super) fn has_switched(&self) -> bool {
        self.0.lock().switched
    }

    fn put(&self, head: Result<ResponseHead, ProtocolError>) {
        let mut state = self.0.lock();
        let method = state.method.take();
        state.switched |= head.as_ref().is_ok_and(|head| switches(head, method.as_deref().unwrap_or_default()));
        state.head = Some(head);
    }
}

impl Role for Responses {
    /// What follows a switch is none of HTTP. Whatever else comes without a request is the engine's to find: it closes such a
    /// connection.
    fn holds_back(&self, _cx: &Context<'_>) -> bool {
        self.has_switched()
    }

    fn gives_up(&self) -> Option<ProtocolError> {
        None
    }

    fn waits(&self, _has_begun: bool) {}

    fn take(&mut self, head: &[u8], limits: &HeadLimits) -> (Bytes, BodyLength) {
        let method = self.0.lock().method.clone();
        let Some(method) = method else {
            return (self.refuse(ProtocolError::bad_request("a response without a request")), BodyLength::Exactly(0));
        };
        let response = ResponseHead::parse(head, limits).and_then(|head| {
            let length = BodyLength::of_response(&head, &method)?;
            Ok((head, length))
        });
        match response {
            // Only the last response counts; 101 is one.
            Ok((head, _)) if head.status < 200 && head.status != 101 => (Bytes::new(), BodyLength::Exactly(0)),
            Ok((head, length)) => {
                let for_engine = for_engine(&head, length, &method);
                self.put(Ok(head));
                (for_engine, length)
            }
            Err(error) => (self.refuse(error), BodyLength::Exactly(0)),
        }
    }

    fn refuse(&mut self, error: ProtocolError) -> Bytes {
        self.put(Err(error));
        Bytes::from_static(b"HTTP/1.1 500 -\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    }
}

/// Whether the connection is no longer one of HTTP behind this response to a request with that method.
pub(super) fn switches(head: &ResponseHead, method: &str) -> bool {
    method == "CONNECT" && (200..300).contains(&head.status) || head.status == 101
}

/// The head of a response with no more than the engine has to know.
fn for_engine(head: &ResponseHead, length: BodyLength, method: &str) -> Bytes {
    let mut text = Vec::with_capacity(128);
    text.extend_from_slice(if head.version == Version::Http11 { b"HTTP/1.1 " } else { b"HTTP/1.0 " });
    text.extend_from_slice(format!("{} -\r\n", head.status).as_bytes());
    match length {
        BodyLength::Exactly(0) if !switches(head, method) => text.extend_from_slice(b"content-length: 0\r\n"),
        length => length.write_header(&mut text),
    }
    let headers = &head.headers;
    if head.status == 101 {
        text.extend_from_slice(b"connection: upgrade\r\nupgrade: a\r\n");
    } else if headers.has_item(b"connection", b"close") {
        text.extend_from_slice(b"connection: close\r\n");
    } else if headers.has_item(b"connection", b"keep-alive") {
        text.extend_from_slice(b"connection: keep-alive\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.into()
}
