//! HTTP/1.1. What can be had without I/O is plain functions on bytes: URLs, heads, headers, ranges, framing.

mod body_length;
mod chunk_scan;
mod client;
mod content_coding;
mod head;
mod headers;
mod incoming_body;
mod input;
mod input_body;
mod message_head;
mod message_reader;
mod outgoing_body;
mod protocol_error;
mod range;
mod server;
mod service_failure;
mod switched;
mod url;

pub use body_length::BodyLength;
pub use chunk_scan::{ChunkScan, Scanned};
pub(crate) use client::Upgraded;
pub use client::{ClientOptions, ConnectOptions, ForwardOptions, HttpClient, HttpResponse, LimitOptions, Proxies};
pub use head::{HeadLimits, RequestHead, ResponseHead, Version, head_length, parse_headers};
use headers::for_engine;
pub use headers::{Headers, is_token, is_value};
pub use input::{HttpInput, HttpMessage};
pub use message_head::{HeadKind, MessageHead};
pub use protocol_error::{ProtocolError, RAW_DETAIL, STATUS_DETAIL};
pub use range::{ByteRange, Ranges};
pub use server::{HttpRequest, HttpServer, RequestSummary, ServerHooks, ServerOptions, Service};
pub use service_failure::ANSWER_DETAIL;
pub use url::{QueryItem, Url, UrlContext, UrlOptions, UserInfo};
