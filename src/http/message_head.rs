//! The head of a message of any kind. (HTTP-13, HTTP-14, HTTP-22)

use super::{BodyLength, HeadLimits, Headers, ProtocolError, RequestHead, ResponseHead, Version, parse_headers};
use crate::error::Error;
use crate::object::Object;

/// What the first line of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadKind {
    /// A method, a target and a version.
    Request,
    /// A version, a status and a text.
    Response,
    /// There is none: the header fields come first, as in the base protocol of language servers.
    Fields,
}

/// The head of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageHead {
    /// Of a request.
    Request(RequestHead),
    /// Of a response.
    Response(ResponseHead),
    /// Of a message without a first line.
    Fields(Headers),
}

impl Object for MessageHead {}

impl MessageHead {
    /// Reads a whole head, from its first line to its blank line. (HTTP-13)
    ///
    /// # Errors
    /// What is wrong, with the status to answer.
    pub fn parse(kind: HeadKind, head: &[u8], limits: &HeadLimits) -> Result<Self, ProtocolError> {
        match kind {
            HeadKind::Request => RequestHead::parse(head, limits).map(Self::Request),
            HeadKind::Response => ResponseHead::parse(head, limits).map(Self::Response),
            HeadKind::Fields => parse_headers(head, limits).map(Self::Fields),
        }
    }

    /// What its first line is.
    pub fn kind(&self) -> HeadKind {
        match self {
            Self::Request(_) => HeadKind::Request,
            Self::Response(_) => HeadKind::Response,
            Self::Fields(_) => HeadKind::Fields,
        }
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(head) => &head.headers,
            Self::Response(head) => &head.headers,
            Self::Fields(headers) => headers,
        }
    }

    /// The text of the head. (HTTP-14)
    ///
    /// # Errors
    /// `InvalidArgument` for a first line that would not be read back as itself.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Request(head) => head.to_bytes(),
            Self::Response(head) => head.to_bytes(),
            Self::Fields(headers) => Ok(headers.to_lines()),
        }
    }

    /// Where the body ends that follows. For a response that depends on the method of its request; a message without a
    /// first line goes by the rules of a response to `GET`. (HTTP-18, HTTP-19)
    ///
    /// # Errors
    /// What is wrong. The stream cannot be used on.
    pub fn body_length(&self, method: &str) -> Result<BodyLength, ProtocolError> {
        match self {
            Self::Request(head) => BodyLength::of_request(head),
            Self::Response(head) => BodyLength::of_response(head, method),
            Self::Fields(headers) => BodyLength::of_fields(headers, Version::Http11),
        }
    }
}
