//! Addresses, listeners and connections.

mod accept;
mod address;
mod connect;
mod datagram;
mod listener;
mod parse;
mod resolve;
mod unreachable;
mod wrap;

pub use address::Address;
pub use datagram::{DatagramPort, Receive};
pub use listener::Listener;
pub use wrap::Known;
pub(crate) use wrap::connection as wrap_connection;
