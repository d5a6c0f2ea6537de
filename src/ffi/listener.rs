//! Listeners.

use super::{boundary, created, kja_address_t, kja_listener_t, kja_promise_t, kja_status_t, listener, release};
use crate::handle::{self, Object};
use std::sync::Arc;

/// The bound address, with the port that the system chose if 0 was asked for; a new handle. (NET-18, NET-19)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_local_address(
    listener_: kja_listener_t,
    out: *mut kja_address_t,
) -> kja_status_t {
    created(out, || Ok(Object::Address(Arc::new(listener(listener_)?.local_address()?))))
}

/// Waits for a connection; the promise carries a `kja_connection_t` with TCP_NODELAY set. Several accepts
/// may be pending and are served in order. Without descriptors or memory an accept stays pending and
/// tries again at growing intervals. Cancellation: the connection stays in the backlog. (NET-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_accept_start(listener_: kja_listener_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || Ok(Object::Promise(listener(listener_)?.accept()?)))
}

/// Stops listening now; pending accepts reject with `CANCELED`. A second call succeeds.
#[unsafe(no_mangle)]
pub extern "C" fn kja_listener_close(listener_: kja_listener_t) -> kja_status_t {
    boundary(|| {
        listener(listener_)?.close();
        Ok(())
    })
}

/// Releases the handle. Pending accepts keep the socket until they settle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_listener_release(listener: kja_listener_t) -> kja_status_t {
    release!(listener, Listener)
}
