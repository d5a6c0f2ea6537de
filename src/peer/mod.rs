//! Who is at the other end of a connection, as far as the connection knows, and who may be.

mod cidr;
mod credentials;
mod filter;
mod tls;

pub use cidr::Cidr;
pub use credentials::Credentials;
pub(crate) use filter::Filter;
pub(crate) use tls::{Agreed, server_name};
pub use tls::{AltName, TlsIdentity};

use std::net::SocketAddr;

/// What a connection over a socket remembers of its making. A peer that has reset the connection has no name any
/// more, so that cannot be asked for later.
#[derive(Default)]
pub(crate) struct Remote {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) filter: Filter,
}
