//! Why a message is not HTTP. (HTTP-15)

use crate::error::{Error, ErrorKind};
use bytes::Bytes;
use std::borrow::Cow;
use std::fmt;

/// The detail of an error under which the status stands that a server would answer with: two bytes, the high one first.
pub const STATUS_DETAIL: u64 = 0x6b6a_615f_6874_7374;
/// The detail of an error under which the bytes stand that are no message. They may be private.
pub const RAW_DETAIL: u64 = 0x6b6a_615f_6874_7277;

/// What is wrong with a message, and the answer that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// The status that a server would answer with.
    pub status: u16,
    /// The text beside that status.
    pub reason: &'static str,
    /// What is wrong, fit for anyone to read: nothing of the message is in it.
    pub description: &'static str,
    /// The bytes at fault. They may be private.
    pub raw: Bytes,
}

impl ProtocolError {
    const fn new(status: u16, reason: &'static str, description: &'static str) -> Self {
        Self { status, reason, description, raw: Bytes::new() }
    }

    pub(crate) const fn bad_request(description: &'static str) -> Self {
        Self::new(400, "Bad Request", description)
    }

    pub(crate) const fn head_too_large() -> Self {
        Self::new(431, "Request Header Fields Too Large", "the head of the message is longer than the limit")
    }

    pub(crate) const fn too_many_headers() -> Self {
        Self::new(431, "Request Header Fields Too Large", "the message has more header lines than the limit")
    }

    pub(crate) const fn target_too_long() -> Self {
        Self::new(414, "URI Too Long", "the target of the request is longer than the limit")
    }

    pub(crate) const fn timed_out() -> Self {
        Self::new(408, "Request Timeout", "the rest of the request did not come in time")
    }

    pub(crate) const fn bad_version() -> Self {
        Self::new(505, "HTTP Version Not Supported", "the version is neither HTTP/1.0 nor HTTP/1.1")
    }

    pub(crate) const fn unknown_coding() -> Self {
        Self::new(501, "Not Implemented", "a transfer coding other than chunked")
    }

    /// As an error of the library. The status and the bytes are details; nothing of the message is in the text.
    pub(crate) fn into_error(self) -> Error {
        let text = self.description;
        self.with_text(text)
    }

    /// As `into_error`, with what has failed before the text.
    pub(crate) fn into_error_of(self, what: &str) -> Error {
        let text = format!("{what}: {self}");
        self.with_text(text)
    }

    fn with_text(self, text: impl Into<Cow<'static, str>>) -> Error {
        let status = Bytes::copy_from_slice(&self.status.to_be_bytes());
        let error = Error::new(ErrorKind::Failed, text).with_detail(STATUS_DETAIL, Some(status));
        if self.raw.is_empty() { error } else { error.with_detail(RAW_DETAIL, Some(self.raw)) }
    }

    pub(crate) fn with_raw(mut self, raw: &[u8]) -> Self {
        self.raw = Bytes::copy_from_slice(raw);
        self
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description)
    }
}

impl std::error::Error for ProtocolError {}
