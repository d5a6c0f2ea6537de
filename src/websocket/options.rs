//! What may be chosen when a socket is made.

use super::Compression;

const SECOND: u64 = 1_000_000_000;

/// Limits of a socket. A time is in nanoseconds; `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub struct WebSocketOptions {
    /// The most bytes of a message that is received as a whole: 32 MiB. Beyond that the socket is closed with 1009. (WS-02)
    pub max_message: usize,
    /// How long the other end may take for its part of the closing handshake: 10 s. Then the connection is cut.
    pub close_nanos: Option<u64>,
    /// After how long without a sign of life a ping is sent, while something is received: never.
    pub ping_nanos: Option<u64>,
    /// After how long without a sign of life the connection is cut, while something is received: never.
    pub idle_nanos: Option<u64>,
    /// Whether messages are compressed, if the other end agrees: no. (WS-19)
    pub compression: Compression,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            max_message: 32 << 20,
            close_nanos: Some(10 * SECOND),
            ping_nanos: None,
            idle_nanos: None,
            compression: Compression::default(),
        }
    }
}
