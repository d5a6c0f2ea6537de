//! Addresses, listeners and connections.

mod accept;
mod address;
mod connect;
mod listener;
mod parse;
mod resolve;

pub use address::Address;
pub use listener::Listener;
