//! HTTP/1.1. What can be had without I/O is plain functions on bytes: URLs, heads, headers, ranges, framing.

mod body_length;
mod chunk_scan;
mod head;
mod headers;
mod protocol_error;
mod range;
mod url;

pub use body_length::BodyLength;
pub use chunk_scan::{ChunkScan, Scanned};
pub use head::{HeadLimits, RequestHead, ResponseHead, Version, head_length, parse_headers};
pub use headers::{Headers, is_token, is_value};
pub use protocol_error::ProtocolError;
pub use range::{ByteRange, Ranges};
pub use url::{QueryItem, Url, UrlContext, UrlOptions, UserInfo};
