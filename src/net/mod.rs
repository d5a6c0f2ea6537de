//! Addresses, listeners and connections.

mod accept;
mod address;
mod connect;
mod connection;
mod listener;
mod parse;
mod resolve;

pub use address::Address;
pub use connection::Connection;
pub use listener::Listener;
