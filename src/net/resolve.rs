//! Names into addresses: the system's resolver, on a thread of its own for each look-up.
//!
//! The system offers no way to interrupt a look-up. Its thread therefore holds nothing of the loop: a runtime
//! that is shut down meanwhile is gone at once, and the thread ends when the system lets it.

use super::Address;
use crate::error::{Error, ErrorKind};
use crate::promise::{Fulfiller, Promise};
use crate::runtime::Shared;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many look-ups the process has under way at most.
const MAX_LOOK_UPS: usize = 256;

static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

struct LookUp;

impl LookUp {
    fn begin() -> Result<Self, Error> {
        if UNDER_WAY.fetch_add(1, Ordering::Relaxed) < MAX_LOOK_UPS {
            return Ok(Self);
        }
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
        Err(Error::new(ErrorKind::Overloaded, format!("{MAX_LOOK_UPS} names are being looked up already")))
    }
}

impl Drop for LookUp {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Looks a name up. The promise carries an [`Address`]. (NET-03)
pub(super) fn resolve(runtime: &Arc<Shared>, name: String, port: u16) -> Result<Promise, Error> {
    let under_way = LookUp::begin()?;
    let (fulfiller, promise) = Fulfiller::new(runtime.clone());
    let body = move || {
        let found = look_up(&name, port);
        drop(under_way);
        let runtime = fulfiller.runtime().clone();
        fulfiller.settle(found.and_then(|sockets| Address::resolved(runtime, sockets).into_outcome()));
    };
    std::thread::Builder::new()
        .name("kjasync-resolve".to_owned())
        .spawn(body)
        .map_err(|error| Error::from_io("starting a thread to look a name up", &error))?;
    Ok(promise)
}

fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    let explain = |what: &dyn std::fmt::Display| Error::new(ErrorKind::Failed, format!("resolving \"{name}\": {what}"));
    let mut sockets = Vec::new();
    for socket in (name, port).to_socket_addrs().map_err(|error| explain(&error))? {
        if !sockets.contains(&socket) {
            sockets.push(socket);
        }
    }
    if sockets.is_empty() { Err(explain(&"no address")) } else { Ok(sockets) }
}
