//! A response while its body is read.

use super::connect::refused;
use crate::compression::CompressionFormat;
use crate::error::Error;
use crate::http::content_coding::{codings_of, decoded};
use crate::http::incoming_body::IncomingBody;
use crate::http::{BodyLength, Headers, ResponseHead};
use crate::object::{Object, Owner};
use crate::promise::Promise;
use crate::stream::Connection;
use std::sync::{Arc, OnceLock};

/// A response: its head, and its body as a stream. (HCLI-03)
///
/// Dropping it before the body has been read to its end closes the connection. (HCLI-05)
pub struct HttpResponse {
    head: ResponseHead,
    length: BodyLength,
    connection: Arc<Connection>,
    body: Option<IncomingBody>,
    /// Codings to be undone, and how long the body may be then.
    codings: Option<(Vec<CompressionFormat>, Option<u64>)>,
    is_tunnel: bool,
    stream: OnceLock<Arc<Connection>>,
}

impl HttpResponse {
    /// `decoded_limit` is there if codings of the body are to be undone, with how long it may be then.
    pub(super) fn new(
        mut head: ResponseHead,
        method: &str,
        connection: Arc<Connection>,
        body: IncomingBody,
        decoded_limit: Option<Option<u64>>,
    ) -> Arc<Self> {
        // It has been found to have one when it was read.
        let mut length = BodyLength::of_response(&head, method).unwrap_or(BodyLength::UntilClose);
        let codings = decoded_limit.filter(|_| length != BodyLength::Exactly(0)).and_then(|limit| {
            let formats = codings_of(&head.headers)?;
            head.headers.remove(b"content-encoding");
            head.headers.remove(b"content-length");
            length = BodyLength::UntilClose;
            Some((formats, limit))
        });
        let stream = OnceLock::new();
        Arc::new(Self { head, length, connection, body: Some(body), codings, is_tunnel: false, stream })
    }

    /// The response to a `CONNECT` that was accepted.
    pub(super) fn of_tunnel(head: ResponseHead, tunnel: Arc<Connection>) -> Arc<Self> {
        let (length, stream) = (BodyLength::Exactly(0), OnceLock::new());
        Arc::new(Self { head, length, connection: tunnel, body: None, codings: None, is_tunnel: true, stream })
    }

    /// The tunnel.
    ///
    /// # Errors
    /// `Failed` if there is none.
    pub(super) fn tunnel(&self) -> Result<&Arc<Connection>, Error> {
        if self.is_tunnel { Ok(&self.connection) } else { Err(refused(&self.head)) }
    }

    /// Status, text, version and headers.
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// How long the body is, if that was said: 0 without a body.
    pub fn body_length(&self) -> Option<u64> {
        match self.length {
            BodyLength::Exactly(length) => Some(length),
            BodyLength::Chunked | BodyLength::UntilClose => None,
        }
    }

    /// The body as a stream to read. One that is cut off fails with `Disconnected`. (HTTP-20)
    pub fn body(&self) -> &Arc<Connection> {
        self.stream.get_or_init(|| match &self.body {
            Some(body) => {
                let came = body.stream(&self.connection);
                match &self.codings {
                    None => came,
                    Some((formats, limit)) => decoded(came.clone(), formats, *limit).unwrap_or_else(|error| {
                        // Reading it gives the error.
                        came.close();
                        let failed = Promise::settled(self.connection.runtime().clone(), Err(error));
                        Connection::promised(&failed).unwrap_or(came)
                    }),
                }
            }
            None => Connection::nothing(self.connection.runtime()),
        })
    }

    /// The whole body, of at most `limit` bytes.
    ///
    /// # Errors
    /// `Overloaded` for a longer one.
    pub fn read_all(&self, limit: usize) -> Result<Promise, Error> {
        self.body().read_all(limit)
    }

    /// The headers behind the body, once that has been read to its end. (HTTP-21)
    pub fn trailers(&self) -> Headers {
        self.body.as_ref().map(IncomingBody::trailers).unwrap_or_default()
    }

    /// The connection that it comes over, to ask for its peer. Not to be read or written.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Object for HttpResponse {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.connection.runtime().owner)
    }
}
