//! What is sent and received.

use super::CloseReason;
use bytes::Bytes;

/// Whether a message is text or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A message, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// That of the whole message.
    pub kind: MessageKind,
    /// What it holds. A piece of a text may end within a character.
    pub data: Bytes,
    /// Whether the message ends with it.
    pub last: bool,
}

/// What comes over a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message, or a piece of one.
    Data(Piece),
    /// Messages as they are on the wire, if that has been asked for: frames that are each a whole message. A text is not known
    /// to be UTF-8.
    Frames(Bytes),
    /// To be answered with a pong that holds the same.
    Ping(Bytes),
    /// The answer to a ping, or a sign of life.
    Pong(Bytes),
    /// The other end sends nothing more.
    Close(CloseReason),
}
