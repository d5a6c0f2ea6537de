//! Messages: what one receive brought, bytes and what came beside them.

use super::{
    boundary, created, get, kja_address_t, kja_bytes_t, kja_connection_t, kja_message_list_t, kja_message_t,
    kja_status_t, put, put_wanted, release,
};
use crate::error::Error;
use crate::stream::{Message, Messages};
use std::ffi::c_void;
use std::os::fd::IntoRawFd;

/// The bytes; a new handle on the same memory. They are empty for an empty datagram, and at the end of a stream.
/// (DGRAM-04, CAPS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_content(message: kja_message_t, out: *mut kja_bytes_t) -> kja_status_t {
    created(out, || Ok(get::<Message>(message)?.content().clone()))
}

/// The bytes where they are, without a handle: valid until the message is released. Out-parameters may be null.
/// (DGRAM-04, CAPS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_data(
    message: kja_message_t,
    data: *mut *const c_void,
    size: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let message = get::<Message>(message)?;
        put_wanted(data, message.content().as_ptr().cast())?;
        put_wanted(size, message.content().len())
    })
}

/// Whether the datagram was longer than the room for it; what was cut off is lost. (DGRAM-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_is_truncated(message: kja_message_t, out: *mut bool) -> kja_status_t {
    boundary(|| put(out, get::<Message>(message)?.is_truncated()))
}

/// How many control messages came. Descriptors are not among them: they are taken with `kja_message_take_fd`.
/// (DGRAM-05, STRM-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_control_count(message: kja_message_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, get::<Message>(message)?.control().len()))
}

/// A control message: its level (such as `SOL_SOCKET`), its type, and its data, which is aligned for any type of at most
/// 8 bytes and stays valid until the message is released. If `size` is less than that of the type expected, there is no
/// such value; for an array, `size / sizeof(T)` elements are whole. Out-parameters may be null. Errors:
/// `INVALID_ARGUMENT` if there is none with this index. (DGRAM-07, STRM-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_control(
    message: kja_message_t,
    index: usize,
    level: *mut i32,
    type_: *mut i32,
    data: *mut *const c_void,
    size: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let message = get::<Message>(message)?;
        let found =
            message.control().get(index).ok_or_else(|| Error::invalid(format!("no control message {index}")))?;
        put_wanted(level, found.level)?;
        put_wanted(type_, found.kind)?;
        put_wanted(data, found.data().as_ptr().cast())?;
        put_wanted(size, found.data().len())
    })
}

/// Whether there were more control messages than room for them, or more descriptors than were wanted or the process has
/// room for; the last message may be partial. (DGRAM-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_is_control_truncated(message: kja_message_t, out: *mut bool) -> kja_status_t {
    boundary(|| put(out, get::<Message>(message)?.is_control_truncated()))
}

/// Where a datagram came from, as numbers; a new handle. Errors: `UNIMPLEMENTED` for what came from a connection or from
/// a socket without a name. (DGRAM-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_source(message: kja_message_t, out: *mut kja_address_t) -> kja_status_t {
    created(out, || get::<Message>(message)?.source_address())
}

/// How many descriptors came, those that have been taken out included. (CAPS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_fd_count(message: kja_message_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, get::<Message>(message)?.fd_count()))
}

/// Takes a descriptor out: the caller closes it. It is closed on exec. Descriptors that nobody takes are closed with the
/// message. Errors: `INVALID_ARGUMENT` if there is none with this index, `FAILED` if it has been taken. (CAPS-02, CAPS-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_take_fd(message: kja_message_t, index: usize, out: *mut i32) -> kja_status_t {
    boundary(|| {
        put(out, -1)?;
        put(out, get::<Message>(message)?.take_fd(index)?.into_raw_fd())
    })
}

/// How many connections came, those that have been taken out included. (CAPS-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_connection_count(message: kja_message_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, get::<Message>(message)?.connection_count()))
}

/// Takes a connection out; a new handle. Connections that nobody takes are closed with the message. Errors as
/// `kja_message_take_fd`. (CAPS-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_take_connection(
    message: kja_message_t,
    index: usize,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || get::<Message>(message)?.take_connection(index))
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_message_release(message: kja_message_t) -> kja_status_t {
    release::<Message>(message)
}

/// How many messages there are. (DGRAM-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_list_count(list: kja_message_list_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, get::<Messages>(list)?.list.len()))
}

/// One of the messages, in the order in which they arrived; a new handle. Errors: `INVALID_ARGUMENT` if there is none
/// with this index. (DGRAM-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_message_list_get(
    list: kja_message_list_t,
    index: usize,
    out: *mut kja_message_t,
) -> kja_status_t {
    created(out, || {
        let found = get::<Messages>(list)?.list.get(index).cloned();
        found.ok_or_else(|| Error::invalid(format!("no message {index}")))
    })
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_message_list_release(list: kja_message_list_t) -> kja_status_t {
    release::<Messages>(list)
}
