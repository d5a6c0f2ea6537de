//! Addresses, networks, listeners, datagram ports, and who is at the other end.

mod accept;
mod accept_each;
mod address;
mod carried;
mod cidr;
mod connect;
mod datagram;
pub(crate) mod filter;
mod listener;
mod lookup;
mod network;
mod network_wrapper;
mod option;
mod parse;
mod peer;
mod receive_each;
mod resolve;
mod room;
mod sockaddr;
mod unix_file;
mod unreachable;
mod wrap;
mod wrapped_listener;

pub use address::Address;
pub use cidr::Cidr;
pub use datagram::{DatagramPort, Receive};
pub use listener::{Listener, Options as ListenOptions};
pub use network::Network;
pub use network_wrapper::{NetworkWrapper, Options as WrapperOptions, Wrap};
pub(crate) use option::{get as get_option, set as set_option};
pub(crate) use peer::Remote;
pub use peer::{Credentials, Peer};
pub use sockaddr::Family;
pub use wrap::Known;
pub(crate) use wrap::connection as wrap_connection;
