//! Datagram ports.

use super::connection::kja_slice_t;
use super::structure::{growing, structure_in};
use super::{
    boundary, buffer_in, bytes_in, callback, created, get, kja_address_t, kja_callback_fn, kja_datagram_t,
    kja_destroy_fn, kja_message_t, kja_promise_t, kja_status_t, put, put_wanted, release, slice_in,
};
use crate::error::Error;
use crate::net::{Address, DatagramPort, Receive};
use crate::promise::ForEach;
use crate::stream::Message;
use std::ffi::c_void;
use std::io::IoSlice;

/// How much of a datagram to take. Zero everything, then set `size` and what is wanted; 0 means the default. (DGRAM-02)
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_datagram_options_t {
    /// `sizeof(kja_datagram_options_t)`, so that the structure can grow.
    pub size: usize,
    /// Room for the content, in bytes; 0 for 8192. What does not fit is lost. No datagram over IP is longer than 65535.
    pub capacity: usize,
    /// Room for control messages, in bytes as `CMSG_SPACE` counts them; 0 for none.
    pub ancillary_capacity: usize,
}
growing!(kja_datagram_options_t, since ancillary_capacity: usize);

fn options(options: *const kja_datagram_options_t) -> Result<Receive, Error> {
    let Some(options) = structure_in(options)? else { return Ok(Receive::default()) };
    let capacity = if options.capacity == 0 { Receive::default().capacity } else { options.capacity };
    Ok(Receive { capacity, control_capacity: options.ancillary_capacity })
}

/// Binds a datagram port to the first address behind it. `*` is every address of this machine: one port for both
/// families, which sees IPv4 peers as `::ffff:a.b.c.d`. Port 0 has the system choose one. The file of a unix socket is removed
/// with its port, unless somebody has put another in its place. Never blocks. Errors: `FAILED`
/// with the OS error EADDRINUSE for a port in use. (NET-14)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_bind_datagram(address: kja_address_t, out: *mut kja_datagram_t) -> kja_status_t {
    created(out, || get::<Address>(address)?.bind_datagram())
}

/// Sends `size` bytes as one datagram; `size` may be 0. `to` is where, or 0 on a port that is connected. It is sent in
/// this call if the system has room for it, else it is copied and sent as soon as there is, after those that wait
/// already; a unix socket may be short of room at the receiver's end too. The promise carries the number of bytes.
///
/// Errors, none of which harms the port: `FAILED` with the OS error EMSGSIZE for what is too long, with EDESTADDRREQ
/// without a destination; `DISCONNECTED` with ECONNREFUSED, on a connected port, if an earlier datagram found nobody.
/// That it was sent does not say that it arrives. Cancellation: a datagram that still waits is not sent. (DGRAM-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_send_start(
    port: kja_datagram_t,
    data: *const c_void,
    size: usize,
    to: kja_address_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let to = if to == 0 { None } else { Some(get::<Address>(to)?) };
        let parts = [IoSlice::new(bytes_in(data, size)?)];
        get::<DatagramPort>(port)?.send(&parts, to.as_deref())
    })
}

/// Sends one datagram if the system takes it at once and no other send waits, and makes no promise; whether it did goes to
/// `sent`. If not, `kja_datagram_send_start` is for it. Any thread; never blocks. Otherwise as that. (DGRAM-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_send_now(
    port: kja_datagram_t,
    data: *const c_void,
    size: usize,
    to: kja_address_t,
    sent: *mut bool,
) -> kja_status_t {
    boundary(|| {
        put(sent, false)?;
        let to = if to == 0 { None } else { Some(get::<Address>(to)?) };
        put(sent, get::<DatagramPort>(port)?.send_now(bytes_in(data, size)?, to.as_deref())?)
    })
}

/// As `kja_datagram_send_start`, to whom a message came from. Errors: also `UNIMPLEMENTED` for a message from a socket without a
/// name. (DGRAM-01, DGRAM-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_reply_start(
    port: kja_datagram_t,
    data: *const c_void,
    size: usize,
    to: kja_message_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let parts = [IoSlice::new(bytes_in(data, size)?)];
        get::<DatagramPort>(port)?.reply(&parts, &*get::<Message>(to)?)
    })
}

/// As `kja_datagram_send_now`, to whom a message came from. Errors: as `kja_datagram_reply_start`. (DGRAM-01, DGRAM-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_reply_now(
    port: kja_datagram_t,
    data: *const c_void,
    size: usize,
    to: kja_message_t,
    sent: *mut bool,
) -> kja_status_t {
    boundary(|| {
        put(sent, false)?;
        put(sent, get::<DatagramPort>(port)?.reply_now(bytes_in(data, size)?, &*get::<Message>(to)?)?)
    })
}

/// As `kja_datagram_send_start`, one datagram of several pieces. (DGRAM-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_sendv_start(
    port: kja_datagram_t,
    slices: *const kja_slice_t,
    count: usize,
    to: kja_address_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let to = if to == 0 { None } else { Some(get::<Address>(to)?) };
        let parts: Result<Vec<IoSlice<'_>>, Error> =
            slice_in(slices, count)?.iter().map(|slice| Ok(IoSlice::new(bytes_in(slice.data, slice.size)?))).collect();
        get::<DatagramPort>(port)?.send(&parts?, to.as_deref())
    })
}

/// Receives the next datagram; the promise carries a `kja_message_t`. `options` may be null. Several receives may be
/// pending and are served in order.
///
/// Errors: on a connected port `DISCONNECTED` with the OS error ECONNREFUSED if a datagram that was sent found nobody; the
/// port stays usable. Cancellation: the datagram stays for the next receive, also if the promise carries it and nobody
/// has learned of it when the last such promise is released.
/// (DGRAM-02, DGRAM-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_receive_start(
    port: kja_datagram_t,
    options_: *const kja_datagram_options_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<DatagramPort>(port)?.receive(options(options_)?))
}

/// As `kja_datagram_receive_start`, with what has arrived behind the first datagram, `max` in all; the promise carries a
/// `kja_message_list_t` of at least one. Errors: `INVALID_ARGUMENT` if `max` is 0. (DGRAM-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_receive_many_start(
    port: kja_datagram_t,
    options_: *const kja_datagram_options_t,
    max: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<DatagramPort>(port)?.receive_many(options(options_)?, max))
}

/// Receives one datagram after another, each as `kja_datagram_receive_start`, and runs `on_message` on the loop for each, with the
/// message as its input. What the callback returns decides:
///
/// - unit: the next receive begins;
/// - a promise: it is waited for first, and its outcome decides likewise;
/// - any other value, or an error: the receiving ends, and that is the outcome of the promise.
///
/// Other receives wait until it ends. While it waits it keeps room for one datagram. `destroy(ctx)` runs before the promise
/// settles or its cancel returns. Up to 8 callbacks run in one turn of the loop.
///
/// Errors: those of a receive end it. Cancellation: what has not been given to the callback stays for the next receive, and a
/// promise that the last callback returned is dropped before `ctx` is. (DGRAM-02, DGRAM-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_receive_each_start(
    port: kja_datagram_t,
    options_: *const kja_datagram_options_t,
    on_message: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = callback(on_message, ctx, destroy);
    created(out, || get::<DatagramPort>(port)?.receive_each_with(options(options_)?, ForEach::Foreign(run?)))
}

/// From now on only this peer is heard, and it is sent to where no destination is given. Datagrams of others that have
/// arrived are still received. May be called again for another peer. Never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_connect(port: kja_datagram_t, to: kja_address_t) -> kja_status_t {
    boundary(|| get::<DatagramPort>(port)?.connect(&*get::<Address>(to)?))
}

/// The bound address, with the port that the system chose if 0 was asked for; a new handle. (DGRAM-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_local_address(port: kja_datagram_t, out: *mut kja_address_t) -> kja_status_t {
    created(out, || get::<DatagramPort>(port)?.local_address())
}

/// Reads a socket option (`getsockopt`) to `buffer`. Writes how many bytes the system gave to `length`, which may be
/// null. Errors: what the system says, with its error number. (DGRAM-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_getsockopt(
    port: kja_datagram_t,
    level: i32,
    option: i32,
    buffer: *mut c_void,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let size = get::<DatagramPort>(port)?.option(level, option, buffer_in(buffer, capacity)?)?.len();
        put_wanted(length, size)
    })
}

/// Sets a socket option (`setsockopt`). Errors: as `kja_datagram_getsockopt`. (DGRAM-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_datagram_setsockopt(
    port: kja_datagram_t,
    level: i32,
    option: i32,
    value: *const c_void,
    size: usize,
) -> kja_status_t {
    boundary(|| get::<DatagramPort>(port)?.set_option(level, option, bytes_in(value, size)?))
}

/// Closes the port now; pending sends and receives reject with `CANCELED`. A second call succeeds.
#[unsafe(no_mangle)]
pub extern "C" fn kja_datagram_close(port: kja_datagram_t) -> kja_status_t {
    boundary(|| {
        get::<DatagramPort>(port)?.close();
        Ok(())
    })
}

/// Releases the handle. Pending sends and receives keep the port until they settle; without any it is closed.
#[unsafe(no_mangle)]
pub extern "C" fn kja_datagram_release(port: kja_datagram_t) -> kja_status_t {
    release::<DatagramPort>(port)
}
