//! WebSockets, by RFC 6455, with compression by RFC 7692. `doc/websocket.md` tells what holds for them.
//!
//! The protocol is plain functions on bytes: a [`Decoder`] turns what has come into events, an [`Encoder`] turns messages into
//! frames, for clients and servers, with and without compression.

mod close;
mod decoder;
mod deflate;
mod encoder;
mod extension;
mod frame;
mod handshake;
mod inward;
mod message;
mod options;
mod out;
mod passing;
mod pump;
mod receive;
mod send;
mod socket;
mod upgrade;
mod utf8;

pub use close::{CLOSE_CODE_DETAIL, CloseCode, CloseReason, Violation};
pub use decoder::{Decoder, Take};
pub use deflate::Window;
pub use encoder::{Deflating, Encoder, Wire};
pub use extension::{Agreed, BadExtension, Compression, CompressionMode, Parameters, accept, check_answer};
pub use frame::{MAX_CONTROL, Role};
pub use message::{Event, MessageKind, Piece};
pub use options::WebSocketOptions;
pub use receive::WebSocketMessage;
pub use socket::WebSocket;
