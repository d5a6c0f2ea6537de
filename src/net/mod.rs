//! Addresses, networks, listeners, datagram ports, and who is at the other end.

mod accept;
mod accept_each;
mod address;
mod carried;
mod connect;
mod datagram;
mod listener;
mod lookup;
mod network;
mod network_wrapper;
mod parse;
mod peer;
mod provided;
mod receive_each;
mod resolve;
mod room;
mod unix_file;
mod wrap;
mod wrapped_listener;

pub use crate::os::Family;
pub use crate::peer::{AltName, Cidr, Credentials, TlsIdentity};
pub use address::Address;
pub use datagram::{DatagramPort, Receive};
pub use listener::{Listener, Options as ListenOptions};
pub use network::Network;
pub use network_wrapper::{NetworkWrapper, Options as WrapperOptions, Wrap};
pub use peer::Peer;
pub use provided::{Acceptor, Connector, Resolver};

/// What the text of an address stands for, if that is one number: for fuzz targets.
#[cfg(kja_fuzzing)]
pub fn number_of(text: &[u8]) -> Result<Option<std::net::SocketAddr>, crate::Error> {
    Ok(match parse::parse(text, 7)? {
        parse::Parsed::Host(parse::Host::Ip(ip), parse::Port::Number(port)) => Some((ip, port).into()),
        _ => None,
    })
}
