//! Who is at the other end of a connection. (PEER-01 to PEER-06)

use super::Address;
use super::filter::Filter;
use super::option;
use crate::object::{Object, Owner};
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// What a connection over a socket remembers of its making. A peer that has reset the connection has no name any
/// more, so that cannot be asked for later.
#[derive(Default)]
pub(crate) struct Remote {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) filter: Filter,
}

/// The process that called connect or listen, as far as the system tells. (PEER-03)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Its process number.
    pub pid: Option<u32>,
    /// Its user.
    pub uid: Option<u32>,
    /// Its main group.
    pub gid: Option<u32>,
}

/// Who the peer is.
pub enum Peer {
    /// Somebody at this address. No proof against a man in the middle. (PEER-02)
    Network(Arc<Address>),
    /// A process of this machine. (PEER-03)
    Local(Credentials),
    /// Nothing is known. (PEER-04)
    Unknown,
}

impl Object for Peer {
    fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Network(address) => address.owner(),
            Self::Local(_) | Self::Unknown => None,
        }
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
            Self::Unknown => f.write_str("(unknown peer)"),
        }
    }
}

impl Credentials {
    /// Those of the process at the other end of a unix socket. (PEER-03)
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Self {
        let mut raw = [0; size_of::<libc::ucred>()];
        let known = option::get(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut raw).is_ok_and(|size| size == raw.len());
        // A socket that was never connected has no process and the user -1.
        let pid = number(&raw, 0).filter(|pid| known && *pid != 0);
        let id = |at| number(&raw, at).filter(|id| known && *id != u32::MAX);
        Self { pid, uid: id(4), gid: id(8) }
    }

    /// Those of the process at the other end of a unix socket. (PEER-03)
    #[cfg(target_vendor = "apple")]
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Self {
        let mut raw = [0; size_of::<libc::xucred>()];
        let known = option::get(fd, libc::SOL_LOCAL, libc::LOCAL_PEERCRED, &mut raw).is_ok();
        let mut pid = [0; 4];
        let pid_known = option::get(fd, libc::SOL_LOCAL, libc::LOCAL_PEERPID, &mut pid).is_ok();
        let group = std::mem::offset_of!(libc::xucred, cr_groups);
        Self {
            pid: number(&pid, 0).filter(|pid| pid_known && *pid != 0),
            uid: number(&raw, std::mem::offset_of!(libc::xucred, cr_uid)).filter(|_| known),
            gid: number(&raw, group).filter(|_| known),
        }
    }

    /// This system has no way to ask that we know.
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub(crate) fn of(_fd: BorrowedFd<'_>) -> Self {
        Self::default()
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
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
