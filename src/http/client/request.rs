//! A request that can be sent.

use super::route::Place;
use crate::error::Error;
use crate::http::content_coding::ACCEPTED;
use crate::http::outgoing_body::{OutgoingBody, Sent, Trailers};
use crate::http::{Headers, for_engine};
use crate::stream::Read;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};
use std::sync::Arc;

/// The body of a request.
pub(super) enum Outgoing {
    None,
    Bytes(Bytes),
    /// What follows it is there by the time it ends.
    Stream(Read, Option<u64>, Arc<Trailers>),
}

/// A request that can be sent.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) place: Place,
    headers: Headers,
    body: Outgoing,
    /// Whether the connection is asked to become another.
    pub(super) upgrades: bool,
    /// Whether the response may be compressed on its way, which is undone.
    pub(super) decodes: bool,
    /// Whether it is that of somebody else.
    pub(super) is_forwarded: bool,
    /// When the response has to be whole.
    pub(super) deadline: Option<u64>,
    /// How much of the body has gone.
    pub(super) sent: Arc<Sent>,
}

impl Request {
    /// # Errors
    /// `InvalidArgument` for what could not be sent.
    pub(super) fn new(method: &str, place: Place, headers: &Headers, body: Outgoing) -> Result<Self, Error> {
        let (method, headers) = (method.to_owned(), headers.clone());
        let request = Self {
            method,
            place,
            headers,
            body,
            upgrades: false,
            decodes: false,
            is_forwarded: false,
            deadline: None,
            sent: Arc::default(),
        };
        request.head()?;
        Ok(request)
    }

    fn head(&self) -> Result<http::Request<()>, Error> {
        let mut request = http::Request::new(());
        *request.method_mut() = http::Method::from_bytes(self.method.as_bytes())
            .map_err(|_| Error::invalid("the method of a request is a token such as GET"))?;
        *request.uri_mut() = http::Uri::try_from(self.place.target.as_str())
            .map_err(|_| Error::invalid(format!("\"{}\" cannot be the target of a request", self.place.target)))?;
        let headers = request.headers_mut();
        // Before the others, where servers look for it first.
        let host = HeaderValue::from_str(&self.place.host).map_err(|_| Error::invalid("the URL has no host"))?;
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
        if matches!(&self.body, Outgoing::Bytes(bytes) if bytes.is_empty()) {
            // Of an empty body the engine says nothing.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        if let Some(authorization) = &self.place.proxy_authorization {
            let value = HeaderValue::from_str(authorization);
            headers
                .insert(PROXY_AUTHORIZATION, value.map_err(|_| Error::invalid("the user of a proxy cannot be sent"))?);
        }
        if self.decodes {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
        }
        if self.upgrades {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        Ok(request)
    }

    /// What is sent; a streamed body goes with it.
    pub(super) fn message(&mut self) -> Result<http::Request<OutgoingBody>, Error> {
        let head = self.head()?;
        let mut body = match std::mem::replace(&mut self.body, Outgoing::None) {
            Outgoing::None => OutgoingBody::none(),
            Outgoing::Bytes(bytes) => {
                self.body = Outgoing::Bytes(bytes.clone());
                OutgoingBody::bytes(bytes)
            }
            Outgoing::Stream(read, length, trailers) => OutgoingBody::stream(read, length, trailers),
        };
        body.count(self.sent.clone());
        Ok(head.map(|()| body))
    }

    /// Whether sending it once more does no harm.
    pub(super) fn may_be_repeated(&self) -> bool {
        let idempotent = matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE");
        idempotent && matches!(self.body, Outgoing::None | Outgoing::Bytes(_))
    }
}
