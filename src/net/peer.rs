//! Who is at the other end of a connection. (PEER-01 to PEER-06)

use super::Address;
use crate::error::Error;
use crate::object::{Object, Owner};
use crate::peer::{Credentials, TlsIdentity};
use crate::stream::Connection;
use socket2::SockRef;
use std::fmt;
use std::sync::Arc;

/// Who the peer is.
pub enum Peer {
    /// Somebody at this address. No proof against a man in the middle. (PEER-02)
    Network(Arc<Address>),
    /// A process of this machine. (PEER-03)
    Local(Credentials),
    /// Somebody at the other end of a TLS connection: what was shown in the handshake, and who is at the other end of the
    /// connection below. (TLS-13, TLS-26)
    Tls(Arc<TlsIdentity>, Arc<Peer>),
    /// Nothing is known. (PEER-04)
    Unknown,
}

impl Object for Peer {
    fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Network(address) => address.owner(),
            Self::Tls(_, below) => below.owner(),
            Self::Local(_) | Self::Unknown => None,
        }
    }
}

impl Connection {
    /// The address of this end. (STRM-18)
    pub fn local_address(&self) -> Result<Address, Error> {
        self.ask_lowest(|lowest| {
            let name = lowest.on_socket("reading the local address", |fd| SockRef::from(&fd).local_addr())?;
            Ok(Address::from_socket(lowest.runtime(), &lowest.remote().filter, name))
        })
    }

    /// The address of the other end. (STRM-18)
    pub fn peer_address(&self) -> Result<Address, Error> {
        self.ask_lowest(|lowest| {
            let name = lowest.on_socket("reading the peer's address", |fd| SockRef::from(&fd).peer_addr())?;
            Ok(Address::from_socket(lowest.runtime(), &lowest.remote().filter, name))
        })
    }

    /// Who is at the other end: an address for TCP, a process for a Unix socket, over TLS what was shown in the handshake,
    /// otherwise unknown. Stays right after the peer has gone, and outlives the connection. (NET-12, NET-17, PEER-06, TLS-13)
    pub fn peer(&self) -> Peer {
        if self.is_peer_hidden() {
            return Peer::Unknown;
        }
        let lowest = self.ask_lowest(Self::own_peer);
        self.identities().into_iter().rev().fold(lowest, |below, identity| Peer::Tls(identity, Arc::new(below)))
    }

    fn own_peer(&self) -> Peer {
        let filter = &self.remote().filter;
        let network = |name| Peer::Network(Arc::new(Address::from_socket(self.runtime(), filter, name)));
        if let Some(address) = self.remote().address {
            return network(address.into());
        }
        let seen = self.on_socket("reading the peer", |fd| {
            let local = SockRef::from(&fd).local_addr()?;
            Ok(match SockRef::from(&fd).peer_addr() {
                _ if local.is_unix() => Peer::Local(Credentials::of(fd)),
                Ok(name) if name.as_socket().is_some() => network(name),
                _ => Peer::Unknown,
            })
        });
        seen.unwrap_or(Peer::Unknown)
    }
}

impl fmt::Display for Peer {
    /// Only that of an address can be parsed. (PEER-01)
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::Local(who) => {
                let parts: Vec<String> = [("pid", who.pid), ("uid", who.uid), ("gid", who.gid)]
                    .iter()
                    .filter_map(|(name, id)| id.map(|id| format!("{name} {id}")))
                    .collect();
                write!(f, "(local peer{}{})", if parts.is_empty() { "" } else { ": " }, parts.join(", "))
            }
            Self::Tls(identity, _) => identity.fmt(f),
            Self::Unknown => f.write_str("(unknown peer)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity: PEER-01
    #[test]
    fn texts_tell_what_is_known() {
        let text = |pid, uid, gid| Peer::Local(Credentials { pid, uid, gid }).to_string();
        assert_eq!(text(Some(1), Some(2), Some(3)), "(local peer: pid 1, uid 2, gid 3)");
        assert_eq!(text(None, Some(2), None), "(local peer: uid 2)");
        assert_eq!(text(None, None, None), "(local peer)");
        assert_eq!(Peer::Unknown.to_string(), "(unknown peer)");
    }
}
