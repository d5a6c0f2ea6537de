//! Names into addresses: the system's resolver, on a thread of its own for each look-up.
//!
//! The system offers no way to interrupt a look-up. Its thread therefore holds nothing of the loop: a runtime
//! that is shut down meanwhile is gone at once, and the thread ends when the system lets it.

use super::parse::{Host, Port};
use super::{Address, lookup};
use crate::error::{Error, ErrorKind};
use crate::peer::Filter;
use crate::promise::{Fulfiller, Promise};
use crate::runtime::Shared;
use std::net::SocketAddr;
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

/// A host or a port by name.
pub(super) struct Query {
    pub(super) host: Host,
    pub(super) port: Port,
}

/// Looks a name up. The promise carries an [`Address`]. (NET-03)
pub(super) fn resolve(runtime: &Arc<Shared>, filter: &Filter, query: Query) -> Result<Promise, Error> {
    let under_way = LookUp::begin()?;
    let (fulfiller, promise) = Fulfiller::new(runtime.clone());
    let filter = filter.clone();
    let body = move || {
        let found = look_up(&query);
        drop(under_way);
        let runtime = fulfiller.runtime().clone();
        fulfiller.settle(found.and_then(|found| {
            let address = match found {
                Found::Any(port) => Address::any(runtime, filter, port),
                Found::Sockets(sockets) => Address::resolved(runtime, filter, sockets),
            };
            address.into_outcome()
        }));
    };
    std::thread::Builder::new()
        .name("kjasync-resolve".to_owned())
        .spawn(body)
        .map_err(|error| Error::from_io("starting a thread to look a name up", &error))?;
    Ok(promise)
}

enum Found {
    Any(u16),
    Sockets(Vec<SocketAddr>),
}

fn look_up(query: &Query) -> Result<Found, Error> {
    let (port, service) = match &query.port {
        Port::Number(port) => (Some(*port), None),
        Port::Service(service) => (None, Some(service.as_str())),
    };
    let host = match &query.host {
        Host::Any => None,
        Host::Ip(ip) => Some(ip.to_string()),
        Host::Scoped(ip, scope) => Some(format!("{ip}%{scope}")),
        Host::Name(name) => Some(name.clone()),
    };
    let shown = [host.as_deref(), service].into_iter().flatten().collect::<Vec<_>>().join(":");
    let explain =
        |error: Error| Error::with_os(error.kind(), error.os_error(), format!("resolving \"{shown}\": {error}"));
    let mut sockets = lookup::addresses(host.as_deref(), service).map_err(explain)?;
    let Some(first) = sockets.first() else {
        return Err(explain(Error::with_os(ErrorKind::Failed, libc::ENXIO, "no address")));
    };
    if host.is_none() {
        return Ok(Found::Any(first.port()));
    }
    if let Some(port) = port {
        sockets.iter_mut().for_each(|socket| socket.set_port(port));
    }
    Ok(Found::Sockets(sockets))
}
