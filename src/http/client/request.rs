//! A request that can be sent.

use super::pool::Origin;
use crate::error::Error;
use crate::http::outgoing_body::OutgoingBody;
use crate::http::{Headers, for_engine};
use crate::stream::Read;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};

/// The body of a request.
pub(super) enum Outgoing {
    None,
    Bytes(Bytes),
    Stream(Read, Option<u64>),
}

/// A request that can be sent.
pub(super) struct Request {
    pub(super) method: String,
    /// What is asked for, as it stands in the first line.
    target: String,
    /// What the header of that name says, unless the user says something else.
    host: String,
    /// Which connections can carry it.
    pub(super) origin: Origin,
    headers: Headers,
    body: Outgoing,
    /// Whether the connection is asked to become another.
    pub(super) upgrades: bool,
}

impl Request {
    /// # Errors
    /// `InvalidArgument` for what could not be sent.
    pub(super) fn new(
        method: &str,
        (target, host): (String, String),
        origin: Origin,
        headers: &Headers,
        body: Outgoing,
    ) -> Result<Self, Error> {
        let (method, headers) = (method.to_owned(), headers.clone());
        let request = Self { method, target, host, origin, headers, body, upgrades: false };
        request.head()?;
        Ok(request)
    }

    fn head(&self) -> Result<http::Request<()>, Error> {
        let mut request = http::Request::new(());
        *request.method_mut() = http::Method::from_bytes(self.method.as_bytes())
            .map_err(|_| Error::invalid("the method of a request is a token such as GET"))?;
        *request.uri_mut() = http::Uri::try_from(self.target.as_str())
            .map_err(|_| Error::invalid(format!("\"{}\" cannot be the target of a request", self.target)))?;
        let headers = request.headers_mut();
        // Before the others, where servers look for it first.
        let host = HeaderValue::from_str(&self.host).map_err(|_| Error::invalid("the URL has no host"))?;
        headers.insert(HOST, host);
        for (name, value) in &for_engine(&self.headers)? {
            if [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
                continue;
            }
            if name == HOST {
                headers.insert(HOST, value.clone());
            } else {
                headers.append(name.clone(), value.clone());
            }
        }
        if self.upgrades {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        Ok(request)
    }

    /// What is sent; a streamed body goes with it.
    pub(super) fn message(&mut self) -> Result<http::Request<OutgoingBody>, Error> {
        let body = match std::mem::replace(&mut self.body, Outgoing::None) {
            Outgoing::None => OutgoingBody::none(),
            Outgoing::Bytes(bytes) => {
                self.body = Outgoing::Bytes(bytes.clone());
                OutgoingBody::bytes(bytes)
            }
            Outgoing::Stream(read, length) => OutgoingBody::stream(read, length),
        };
        Ok(self.head()?.map(|()| body))
    }

    /// Whether sending it once more does no harm.
    pub(super) fn may_be_repeated(&self) -> bool {
        let idempotent = matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE");
        idempotent && matches!(self.body, Outgoing::None | Outgoing::Bytes(_))
    }
}
