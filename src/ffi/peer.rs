//! Who is at the other end of a connection.

use super::{boundary, created, get, kja_address_t, kja_peer_t, kja_status_t, put, put_wanted, release};
use crate::error::Error;
use crate::net::{Address, Credentials, Peer};
use std::ffi::c_char;

/// Nothing is known.
pub const KJA_PEER_UNKNOWN: u32 = 0;
/// Somebody at a network address.
pub const KJA_PEER_NETWORK: u32 = 1;
/// A process of this machine.
pub const KJA_PEER_LOCAL: u32 = 2;
/// Somebody at the other end of a TLS connection.
pub const KJA_PEER_TLS: u32 = 3;

/// What is known of a peer: one of `KJA_PEER_*`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_peer_kind(peer: kja_peer_t, out: *mut u32) -> kja_status_t {
    boundary(|| {
        let kind = match &*get::<Peer>(peer)? {
            Peer::Unknown => KJA_PEER_UNKNOWN,
            Peer::Network(_) => KJA_PEER_NETWORK,
            Peer::Local(_) => KJA_PEER_LOCAL,
            Peer::Tls(..) => KJA_PEER_TLS,
        };
        put(out, kind)
    })
}

/// Copies a text for people, with a closing NUL, cut to `capacity`; that of a network address can be parsed. Writes its
/// whole length, without the NUL, to `length`, which may be null. (PEER-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_peer_text(
    peer: kja_peer_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::error::text_out(&get::<Peer>(peer)?.to_string(), buffer, capacity, length))
}

/// The address of a network peer; a new handle. No proof against a man in the middle. Errors: `WRONG_TYPE` for other
/// kinds. (PEER-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_peer_address(peer: kja_peer_t, out: *mut kja_address_t) -> kja_status_t {
    created(out, || match &*get::<Peer>(peer)? {
        Peer::Network(address) => Ok(address.clone()),
        _ => Err(Error::wrong_peer()),
    })
}

/// The process, user and main group of a local peer, as they were when it called connect or listen; -1 for what the
/// system does not tell. Any out-parameter may be null. Errors: `WRONG_TYPE` for other kinds. (PEER-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_peer_credentials(
    peer: kja_peer_t,
    pid: *mut i64,
    uid: *mut i64,
    gid: *mut i64,
) -> kja_status_t {
    boundary(|| {
        let Peer::Local(who) = &*get::<Peer>(peer)? else { return Err(Error::wrong_peer()) };
        for (out, id) in [(pid, who.pid), (uid, who.uid), (gid, who.gid)] {
            put_wanted(out, id.map_or(-1, i64::from))?;
        }
        Ok(())
    })
}

/// Who is at the other end of the connection that a TLS connection is on top of; a new handle. Errors: `WRONG_TYPE` for other
/// kinds. (TLS-26)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_peer_below(peer: kja_peer_t, out: *mut kja_peer_t) -> kja_status_t {
    created(out, || match &*get::<Peer>(peer)? {
        Peer::Tls(_, below) => Ok(below.clone()),
        _ => Err(Error::wrong_peer()),
    })
}

/// A peer at this address, for a transport of the caller's. The address stays the caller's. (PEER-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_peer_new_network(address: kja_address_t, out: *mut kja_peer_t) -> kja_status_t {
    created(out, || Ok(Peer::Network(get::<Address>(address)?)))
}

/// A process of this machine, for a transport of the caller's; -1 for what is not known. It belongs to no runtime.
/// Errors: `INVALID_ARGUMENT` for a number that is none of 32 bits. (PEER-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_peer_new_local(pid: i64, uid: i64, gid: i64, out: *mut kja_peer_t) -> kja_status_t {
    created(out, || {
        let id = |id: i64| match id {
            -1 => Ok(None),
            _ => u32::try_from(id).map(Some).map_err(|_| Error::invalid(format!("{id} is no process, user or group"))),
        };
        let who = Credentials { pid: id(pid)?, uid: id(uid)?, gid: id(gid)? };
        Ok(Peer::Local(who))
    })
}

/// A peer of whom nothing is known. It belongs to no runtime. (PEER-04, PEER-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_peer_new_unknown(out: *mut kja_peer_t) -> kja_status_t {
    created(out, || Ok(Peer::Unknown))
}

/// Releases the handle. The connection that it came from is not touched. (PEER-06)
#[unsafe(no_mangle)]
pub extern "C" fn kja_peer_release(peer: kja_peer_t) -> kja_status_t {
    release::<Peer>(peer)
}
