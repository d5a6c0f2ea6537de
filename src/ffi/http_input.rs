//! HTTP messages read from a connection, without a client or a server.

use super::http_head::{kind_in, kja_http_head_options_t, limits_in, method_in};
use super::http_headers::SharedHeaders;
use super::http_request::KJA_LENGTH_UNKNOWN;
use super::{
    boundary, created, get, kja_connection_t, kja_http_head_t, kja_http_headers_t, kja_http_input_t,
    kja_http_message_t, kja_promise_t, kja_status_t, put, release,
};
use crate::error::Error;
use crate::http::{BodyLength, HttpInput, HttpMessage};
use crate::stream::Connection;
use std::ffi::c_char;
use std::sync::Arc;

fn message(id: kja_http_message_t) -> Result<Arc<HttpMessage>, Error> {
    get::<HttpMessage>(id)
}

/// Makes an input that reads messages from a connection of any kind, one after another. It reads ahead, so nobody else reads the
/// connection from then on; writing is anybody's. `options` may be null. The connection's handle stays the caller's. Any thread.
/// (HTTP-24)
///
/// ```c
/// // What a language server hears:
/// kja_http_input_read_start(input, KJA_HTTP_HEAD_FIELDS, NULL, 0, &promise);
/// kja_promise_await(promise);
/// kja_promise_handle(promise, &message);
/// kja_http_message_body(message, &body); // Content-Length bytes, to be read to their end
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_input_new(
    connection: kja_connection_t,
    options: *const kja_http_head_options_t,
    out: *mut kja_http_input_t,
) -> kja_status_t {
    created(out, || {
        let connection = get::<Connection>(connection)?;
        HttpInput::new(&connection, limits_in(options)?).map(Arc::new)
    })
}

/// Reads the next message of a kind, one of `KJA_HTTP_HEAD_`, once the body of the one before has been read to its end. The promise carries a
/// `kja_http_message_t` (`kja_promise_handle`). `method` is that of the request that a response answers; null stands for `GET`.
///
/// Never blocks. Errors: `BUSY` if a message is being read or waited for. Of the promise: `DISCONNECTED` if the stream ends; `FAILED`
/// for what is no such message, with the details of `kja_http_head_parse`, and for everything behind it, or behind a body that was released
/// before its end. Cancellation: what has come of the message is kept for the next read. (HTTP-22)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_input_read_start(
    input: kja_http_input_t,
    kind: u32,
    method: *const c_char,
    method_len: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let input = get::<HttpInput>(input)?;
        input.read(kind_in(kind)?, &method_in(method, method_len)?)
    })
}

/// Waits until another message begins to come; nothing of it is taken. The promise carries 1 (`kja_promise_u64`), or 0 if the stream ends.
/// Otherwise as `kja_http_input_read_start`. (HTTP-23)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_input_when_next_start(
    input: kja_http_input_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || get::<HttpInput>(input)?.when_next())
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_http_input_release(input: kja_http_input_t) -> kja_status_t {
    release::<HttpInput>(input)
}

/// Writes a handle of the head.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_message_head(
    message_: kja_http_message_t,
    out: *mut kja_http_head_t,
) -> kja_status_t {
    created(out, || Ok(Arc::new(message(message_)?.head().clone())))
}

/// Writes how long the body is: 0 without a body, `KJA_LENGTH_UNKNOWN` if it ends with its last chunk or with the stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_message_body_length(message_: kja_http_message_t, out: *mut u64) -> kja_status_t {
    boundary(|| {
        let length = match message(message_)?.body_length() {
            BodyLength::Exactly(length) => length,
            BodyLength::Chunked | BodyLength::UntilClose => KJA_LENGTH_UNKNOWN,
        };
        put(out, length)
    })
}

/// Writes a handle of the body, a connection that is only read and ends with the body. One that is cut off fails with
/// `DISCONNECTED`, one that is malformed with `FAILED`. (HTTP-20, HTTP-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_message_body(
    message_: kja_http_message_t,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || Ok(message(message_)?.body().clone()))
}

/// Writes a handle of the header fields that came behind the body, once that has been read to its end. (HTTP-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_message_trailers(
    message_: kja_http_message_t,
    out: *mut kja_http_headers_t,
) -> kja_status_t {
    created(out, || Ok(SharedHeaders::from(message(message_)?.trailers())))
}

/// Releases the handle. Once no handle of the message or of its body is left, what has not been read of the body is lost, and the stream is of
/// no further use.
#[unsafe(no_mangle)]
pub extern "C" fn kja_http_message_release(message_: kja_http_message_t) -> kja_status_t {
    release::<HttpMessage>(message_)
}
