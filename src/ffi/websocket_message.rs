//! Messages that a WebSocket has received.

use super::websocket::{KJA_WEBSOCKET_BINARY, KJA_WEBSOCKET_CLOSE, KJA_WEBSOCKET_TEXT};
use super::{boundary, created, get, kja_bytes_t, kja_status_t, kja_websocket_message_t, put, put_wanted, release};
use crate::error::Error;
use crate::websocket::{CloseCode, MessageKind, WebSocketMessage};
use std::ffi::c_void;
use std::sync::Arc;

fn message(id: kja_websocket_message_t) -> Result<Arc<WebSocketMessage>, Error> {
    get::<WebSocketMessage>(id)
}

/// Writes `KJA_WEBSOCKET_TEXT`, `KJA_WEBSOCKET_BINARY` or `KJA_WEBSOCKET_CLOSE`. (WS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_message_kind(message_: kja_websocket_message_t, out: *mut u32) -> kja_status_t {
    boundary(|| {
        let kind = match message(message_)?.kind() {
            Some(MessageKind::Text) => KJA_WEBSOCKET_TEXT,
            Some(MessageKind::Binary) => KJA_WEBSOCKET_BINARY,
            None => KJA_WEBSOCKET_CLOSE,
        };
        put(out, kind)
    })
}

/// Writes where the bytes are, without a handle: valid until the message is released. They are those of the message, or the
/// reason of a close; a text is UTF-8. Out-parameters may be null. (WS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_message_data(
    message_: kja_websocket_message_t,
    data: *mut *const c_void,
    size: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let message = message(message_)?;
        put_wanted(data, message.bytes().as_ptr().cast())?;
        put_wanted(size, message.bytes().len())
    })
}

/// Writes a handle of the same bytes, which outlives the message. (WS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_message_bytes(
    message_: kja_websocket_message_t,
    out: *mut kja_bytes_t,
) -> kja_status_t {
    created(out, || Ok(message(message_)?.data()))
}

/// Writes the code of a close: `KJA_WEBSOCKET_NO_CODE` if it had none. Errors: `WRONG_TYPE` for a message. (WS-03, WS-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_message_close_code(
    message_: kja_websocket_message_t,
    out: *mut u32,
) -> kja_status_t {
    boundary(|| {
        let message = message(message_)?;
        let CloseCode(code) = message.close().ok_or_else(Error::wrong_type)?.code;
        put(out, u32::from(code))
    })
}

/// Writes whether it is a whole message, or the last piece of one. (WS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_message_is_last(
    message_: kja_websocket_message_t,
    out: *mut bool,
) -> kja_status_t {
    boundary(|| put(out, message(message_)?.is_last()))
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_websocket_message_release(message_: kja_websocket_message_t) -> kja_status_t {
    release::<WebSocketMessage>(message_)
}
