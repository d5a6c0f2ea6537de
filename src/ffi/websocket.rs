//! WebSockets.

use super::error::text_out;
use super::http_headers::headers_in;
use super::http_server::{limit_in, or_default};
use super::structure::{growing, structure_in, structure_out};
use super::{
    boundary, bytes_in, callback, created, created_two, get, kja_bytes_t, kja_callback_fn, kja_connection_t,
    kja_destroy_fn, kja_handle_t, kja_http_client_t, kja_http_headers_t, kja_http_request_t, kja_promise_t,
    kja_runtime_t, kja_status_t, kja_websocket_t, put, put_wanted, question, release,
};
use crate::error::Error;
use crate::http::{HttpClient, HttpRequest};
use crate::promise::ForEach;
use crate::runtime::Runtime;
use crate::stream::Connection;
use crate::websocket::{
    Agreed, CloseCode, CloseReason, Compression, CompressionMode, MessageKind, Role, WebSocket, WebSocketOptions,
};
use bytes::Bytes;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// The end that asked for the socket; it masks what it sends.
pub const KJA_WEBSOCKET_CLIENT: u32 = 1;
/// The end that accepted it.
pub const KJA_WEBSOCKET_SERVER: u32 = 2;

/// A message that is UTF-8.
pub const KJA_WEBSOCKET_TEXT: u32 = 1;
/// A message of any bytes.
pub const KJA_WEBSOCKET_BINARY: u32 = 2;
/// The close of the other end, which is the last that is received.
pub const KJA_WEBSOCKET_CLOSE: u32 = 8;

/// Messages are compressed, if the other end agrees.
pub const KJA_WEBSOCKET_COMPRESS: u32 = 1;
/// Messages of the server are compressed each by itself, which costs less memory and compresses less.
pub const KJA_WEBSOCKET_SERVER_NO_CONTEXT_TAKEOVER: u32 = 2;
/// The same for messages of the client.
pub const KJA_WEBSOCKET_CLIENT_NO_CONTEXT_TAKEOVER: u32 = 4;

/// A close without a code.
pub const KJA_WEBSOCKET_NO_CODE: u32 = 1005;

/// The detail of an error under which the code stands that the other end was closed with: two bytes, the high one first.
pub const KJA_WEBSOCKET_CODE_DETAIL: u64 = 0x6b6a_615f_7773_6363;

/// What may be chosen for a socket. Zeros stand for the defaults; of a limit the largest number is none.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct kja_websocket_options_t {
    /// `sizeof(kja_websocket_options_t)`.
    pub size: usize,
    /// `KJA_WEBSOCKET_COMPRESS` and the other flags of compression.
    pub flags: u32,
    /// The logarithm of the server's window, from 8 to 15: 15.
    pub server_max_window_bits: u8,
    /// That of the client's.
    pub client_max_window_bits: u8,
    /// How hard this end compresses, from 1 to 9: 6.
    pub level: u8,
    /// Always 0.
    pub reserved: u8,
    /// Messages of fewer bytes are sent plain: 64.
    pub compress_from: usize,
    /// The most bytes of a message that is received as a whole: 32 MiB. Beyond that the socket is closed with 1009.
    pub max_message: usize,
    /// How long the other end may take for its close, in nanoseconds: 10 s. Then the connection is cut.
    pub close_nanos: u64,
    /// After how long without a sign of life a ping is sent, while something is received: never.
    pub ping_nanos: u64,
    /// After how long without a sign of life the connection is cut, while something is received: never.
    pub idle_nanos: u64,
}

growing!(kja_websocket_options_t, since idle_nanos: u64);

fn options(given: *const kja_websocket_options_t) -> Result<WebSocketOptions, Error> {
    const FLAGS: u32 =
        KJA_WEBSOCKET_COMPRESS | KJA_WEBSOCKET_SERVER_NO_CONTEXT_TAKEOVER | KJA_WEBSOCKET_CLIENT_NO_CONTEXT_TAKEOVER;
    let (given, defaults) = (structure_in(given)?.unwrap_or_default(), WebSocketOptions::default());
    let bits = |bits: u8| if bits == 0 { 15 } else { bits };
    let windows = [given.server_max_window_bits, given.client_max_window_bits].map(bits);
    if given.flags & !FLAGS != 0 || given.level > 9 || windows.iter().any(|bits| !(8..=15).contains(bits)) {
        return Err(Error::invalid("options of a socket: a flag, a level or a window that there is not"));
    }
    let compression = Compression {
        mode: if given.flags & KJA_WEBSOCKET_COMPRESS != 0 { CompressionMode::On } else { CompressionMode::Off },
        server_no_context_takeover: given.flags & KJA_WEBSOCKET_SERVER_NO_CONTEXT_TAKEOVER != 0,
        client_no_context_takeover: given.flags & KJA_WEBSOCKET_CLIENT_NO_CONTEXT_TAKEOVER != 0,
        server_max_window_bits: windows[0],
        client_max_window_bits: windows[1],
        level: if given.level == 0 { defaults.compression.level } else { u32::from(given.level) },
        from_size: or_default(given.compress_from, defaults.compression.from_size),
    };
    Ok(WebSocketOptions {
        max_message: or_default(given.max_message, defaults.max_message),
        close_nanos: limit_in(given.close_nanos, defaults.close_nanos),
        ping_nanos: limit_in(given.ping_nanos, None),
        idle_nanos: limit_in(given.idle_nanos, None),
        compression,
    })
}

fn socket(id: kja_websocket_t) -> Result<Arc<WebSocket>, Error> {
    get::<WebSocket>(id)
}

fn kind_in(kind: u32) -> Result<MessageKind, Error> {
    match kind {
        KJA_WEBSOCKET_TEXT => Ok(MessageKind::Text),
        KJA_WEBSOCKET_BINARY => Ok(MessageKind::Binary),
        _ => Err(Error::invalid(format!("{kind} is no kind of message that can be sent"))),
    }
}

fn reason_in(code: u32, reason: *const c_char, reason_len: usize) -> Result<CloseReason, Error> {
    let text = std::str::from_utf8(bytes_in(reason.cast(), reason_len)?);
    let text = text.map_err(|_| Error::invalid("the reason of a close is not UTF-8"))?;
    CloseReason::new(CloseCode(code.try_into().unwrap_or(0)), text)
}

fn limit_of(limit: usize) -> Option<usize> {
    (limit != 0).then_some(limit)
}

/// Accepts a request for a WebSocket: the answer is sent, and the handle of the socket goes to `out`. That can be used at
/// once, and lives as long as the promise of the service. `headers` go into the answer, 0 for none; a
/// `Sec-WebSocket-Protocol` among them chooses one of the subprotocols that the client has offered. `options` may be null.
/// Errors: `FAILED` for a request that is no handshake, which has then been answered with 400, or with 426 for another version;
/// `INVALID_ARGUMENT` for headers that are the handshake's; otherwise as `kja_http_request_respond`. (HSRV-04, HSRV-22, WS-18,
/// WS-19, WS-22)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_request_accept_websocket(
    request: kja_http_request_t,
    headers: kja_http_headers_t,
    options_: *const kja_websocket_options_t,
    out: *mut kja_websocket_t,
) -> kja_status_t {
    created(out, || get::<HttpRequest>(request)?.accept_websocket(&headers_in(headers)?, options(options_)?))
}

/// Asks for a WebSocket at an absolute URL, `ws` or `http`, over a connection of its own. `headers` go into the request, 0 for
/// none; a `Sec-WebSocket-Protocol` among them offers subprotocols. `options` may be null. The promise carries a
/// `kja_websocket_t`, or a `kja_http_response_t` if the server answers otherwise; `kja_websocket_is` tells. Errors:
/// `INVALID_ARGUMENT` for headers that are the handshake's; of the promise `FAILED` for an answer that does not fit, otherwise
/// as `kja_http_client_request_start`. Cancellation: the connection is closed. (HCLI-06, HCLI-13, WS-18, WS-19, WS-22)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_http_client_websocket_start(
    client: kja_http_client_t,
    url: *const c_char,
    url_len: usize,
    headers: kja_http_headers_t,
    options_: *const kja_websocket_options_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let client = get::<HttpClient>(client)?;
        let url = std::str::from_utf8(bytes_in(url.cast(), url_len)?);
        let url = url.map_err(|_| Error::invalid("a URL that is not UTF-8"))?;
        client.websocket(url, &headers_in(headers)?, options(options_)?)
    })
}

/// Whether a handle is that of a socket.
#[unsafe(no_mangle)]
pub extern "C" fn kja_websocket_is(handle: kja_handle_t) -> bool {
    question(|| socket(handle).ok().map(|_| true))
}

/// Makes a socket of a connection whose handshake has been done, which is the socket's from now on. `role` is
/// `KJA_WEBSOCKET_CLIENT` or `KJA_WEBSOCKET_SERVER`. `extensions` is what the server has answered under
/// `Sec-WebSocket-Extensions`, empty for nothing. `options` may be null. Errors: `BUSY` if a read of the connection is pending;
/// `INVALID_ARGUMENT` for extensions other than permessage-deflate. (WS-14, WS-15, WS-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_new(
    connection: kja_connection_t,
    role: u32,
    extensions: *const c_char,
    extensions_len: usize,
    options_: *const kja_websocket_options_t,
    out: *mut kja_websocket_t,
) -> kja_status_t {
    created(out, || {
        let connection = get::<Connection>(connection)?;
        let role = match role {
            KJA_WEBSOCKET_CLIENT => Role::Client,
            KJA_WEBSOCKET_SERVER => Role::Server,
            _ => return Err(Error::invalid(format!("{role} is no role of a socket"))),
        };
        let extensions = std::str::from_utf8(bytes_in(extensions.cast(), extensions_len)?);
        let agreed = extensions.ok().map(Agreed::from_answer).and_then(Result::ok);
        let agreed = agreed.ok_or_else(|| Error::invalid("extensions that no socket has"))?;
        WebSocket::over(&connection, role, agreed, options(options_)?)
    })
}

/// Makes two sockets in this process, each of which receives what is sent over the other. There is no buffer between them: a
/// send settles when its message has been received. `options` may be null; nothing is compressed. (WS-16)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_pipe(
    runtime: kja_runtime_t,
    options_: *const kja_websocket_options_t,
    one: *mut kja_websocket_t,
    other: *mut kja_websocket_t,
) -> kja_status_t {
    created_two(one, other, || WebSocket::pipe(&*get::<Runtime>(runtime)?, options(options_)?))
}

/// Sends a message of `kind`, `KJA_WEBSOCKET_TEXT` or `KJA_WEBSOCKET_BINARY`, whose `size` bytes are copied. Messages go out
/// whole and in the order in which their sends were started, from any thread. The promise settles when the system has all
/// of it. Errors: `INVALID_ARGUMENT` for a text that is not UTF-8; of the promise `FAILED` after a close or a send that was
/// cancelled on its way, `DISCONNECTED` if the other end has gone. Cancellation: a message that waits behind others is not
/// sent. With a part of it on its way the socket can send nothing more, and says so; receiving goes on, and
/// `kja_websocket_disconnect` and `kja_websocket_abort` are what is left to do. (WS-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_send_start(
    socket_: kja_websocket_t,
    kind: u32,
    data: *const c_void,
    size: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(socket_)?.send(kind_in(kind)?, Bytes::copy_from_slice(bytes_in(data, size)?)))
}

/// As `kja_websocket_send_start`, without copying unless the message is compressed, masked or short. (WS-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_send_bytes_start(
    socket_: kja_websocket_t,
    kind: u32,
    data: kja_bytes_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(socket_)?.send(kind_in(kind)?, Bytes::clone(&*get::<Bytes>(data)?)))
}

/// Sends a message if no other send waits and the system takes at least a part of it, whose rest follows by itself; whether it
/// did goes to `sent`. Makes no promise. Any thread; never blocks. Errors: as `kja_websocket_send_start`. (WS-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_send_now(
    socket_: kja_websocket_t,
    kind: u32,
    data: *const c_void,
    size: usize,
    sent: *mut bool,
) -> kja_status_t {
    boundary(|| {
        put(sent, false)?;
        put(sent, socket(socket_)?.send_now(kind_in(kind)?, bytes_in(data, size)?)?)
    })
}

/// Sends one message piece by piece: what is written to the connection whose handle goes to `body`. Shutting down its writing
/// ends the message, and so does releasing it; other messages wait until then. The promise settles when all of it has been
/// sent. Errors: as `kja_websocket_send_start`. Cancellation, and an abort of the writing: once a piece has been sent, the socket
/// can send nothing more. (WS-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_send_stream_start(
    socket_: kja_websocket_t,
    kind: u32,
    body: *mut kja_connection_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created_two(body, out, || {
        let (sent, writer) = socket(socket_)?.send_stream(kind_in(kind)?)?;
        Ok((writer, sent))
    })
}

/// Receives the next message, of at most `limit` bytes, 0 for what the options say. The promise carries a
/// `kja_websocket_message_t`; the last is the close of the other end, which is answered by itself. Errors: `BUSY` if a receive is
/// pending. The promise fails with `DISCONNECTED` for an end without a close, with `FAILED` for what breaks the protocol and
/// `OVERLOADED` for a message that is too long, both of which close the socket with the code that is the detail
/// `KJA_WEBSOCKET_CODE_DETAIL` of the error, and with `TIMED_OUT` for another end that gives no sign of life. After an error or
/// the close every receive fails. Cancellation: what has come of a message is there for the next receive. (WS-02, WS-12,
/// WS-13, WS-20)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_receive_start(
    socket_: kja_websocket_t,
    limit: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(socket_)?.receive(limit_of(limit)))
}

/// Receives what has come of a message, as soon as something has: for messages that are larger than memory.
/// `kja_websocket_message_is_last` tells whether the message ends with it; a `kja_websocket_receive_start` before that gives
/// the rest of it. A piece of a text may end within a character. Otherwise as `kja_websocket_receive_start`. (WS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_receive_piece_start(
    socket_: kja_websocket_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(socket_)?.receive_piece())
}

/// Receives message after message, each as `kja_websocket_receive_start`, and runs `on_message` on the loop for each, the close
/// included, with the message as its input. What the callback returns decides:
///
/// - unit: the next receive begins; after the close the promise settles with unit;
/// - a promise: it is waited for first, and its outcome decides likewise;
/// - any other value, or an error: the receiving ends, and that is the outcome of the promise.
///
/// Errors: those of a receive end it. Cancellation: what has not been given to the callback is there for the next receive, and a
/// promise that the last callback returned is dropped before `ctx` is. (WS-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_receive_each_start(
    socket_: kja_websocket_t,
    limit: usize,
    on_message: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    let run = callback(on_message, ctx, destroy);
    created(out, || socket(socket_)?.receive_each_with(limit_of(limit), ForEach::Foreign(run?)))
}

/// Sends a close behind the messages that were started before. The promise settles when it is written; the close of the
/// other end is the last that is received, and if it does not come in time the connection is cut. `code` is 1000 to 1003,
/// 1007 to 1014 or 3000 to 4999, or `KJA_WEBSOCKET_NO_CODE` without a reason; a reason has at most 123 bytes. Where a close
/// has been sent already, also as the answer to one, this does nothing. Errors: `INVALID_ARGUMENT` for what cannot be sent;
/// otherwise as `kja_websocket_send_start`. Cancellation: one that waits behind messages sends nothing. (WS-03, WS-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_close_start(
    socket_: kja_websocket_t,
    code: u32,
    reason: *const c_char,
    reason_len: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(socket_)?.close(&reason_in(code, reason, reason_len)?))
}

/// As `kja_websocket_close_start`, and waits until the other end has closed or gone. What it still sends is thrown away, unless
/// somebody receives it. Errors: also `TIMED_OUT` if it does not close in time; the connection is cut then. (WS-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_finish_start(
    socket_: kja_websocket_t,
    code: u32,
    reason: *const c_char,
    reason_len: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(socket_)?.finish(&reason_in(code, reason, reason_len)?))
}

/// Ends the sending without a close: receives of the other end fail with `DISCONNECTED`, pending sends here with `FAILED`.
/// Receiving goes on. Any thread; never blocks. (WS-04)
#[unsafe(no_mangle)]
pub extern "C" fn kja_websocket_disconnect(socket_: kja_websocket_t) -> kja_status_t {
    boundary(|| {
        socket(socket_)?.disconnect();
        Ok(())
    })
}

/// Ends both directions now, without a close: whatever is pending fails with `CANCELED`. Any thread; never blocks. (WS-05)
#[unsafe(no_mangle)]
pub extern "C" fn kja_websocket_abort(socket_: kja_websocket_t) -> kja_status_t {
    boundary(|| {
        socket(socket_)?.abort();
        Ok(())
    })
}

/// The promise settles once sending would fail because the other end has gone, as far as that can be known. (WS-06)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_when_aborted_start(
    socket_: kja_websocket_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(socket_)?.when_aborted())
}

/// Sends a ping of at most 125 bytes. The promise settles when its pong has come, or that of a later ping; somebody has to be
/// receiving for that. Pings of the other end are answered without this. Errors: `INVALID_ARGUMENT` for a longer one; otherwise
/// as `kja_websocket_send_start`, and `DISCONNECTED` if the other end closes first. (WS-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_ping_start(
    socket_: kja_websocket_t,
    data: *const c_void,
    size: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(socket_)?.ping(Bytes::copy_from_slice(bytes_in(data, size)?)))
}

/// Sends a pong of at most 125 bytes that nobody has asked for, as a sign of life. Errors: as `kja_websocket_ping_start`. (WS-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_pong_start(
    socket_: kja_websocket_t,
    data: *const c_void,
    size: usize,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(socket_)?.pong(Bytes::copy_from_slice(bytes_in(data, size)?)))
}

/// Forwards the messages of one socket to the other until the first has closed, with what the other is closed as well. The
/// promise settles when that close has been written. An error of receiving closes the other with 1011, or with the code of a
/// broken protocol, and is the error of the promise; an error of sending is the error of the promise. Cancellation: messages
/// on their way are lost as with `kja_websocket_send_start`.
///
/// Between a server's socket and a client's that have agreed on the same compression, or on none, messages go on as they are,
/// without a look at what they hold: whether a text is UTF-8 is left to the other end. Compressed ones do so if no window goes
/// from message to message on their way (`KJA_WEBSOCKET_CLIENT_NO_CONTEXT_TAKEOVER` for those of a client). See
/// `kja_websocket_matching_options`. (WS-07, WS-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_pump_start(
    from: kja_websocket_t,
    to: kja_websocket_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || socket(from)?.pump_to(&socket(to)?))
}

/// Writes how many bytes have been sent and received since the handshake, those of frames included. Out-parameters may be null.
/// (WS-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_byte_counts(
    socket_: kja_websocket_t,
    sent: *mut u64,
    received: *mut u64,
) -> kja_status_t {
    boundary(|| {
        let socket = socket(socket_)?;
        put_wanted(sent, socket.sent_bytes())?;
        put_wanted(received, socket.received_byte_count())
    })
}

/// Copies the subprotocol that was agreed on, empty for none, with a closing NUL, cut to `capacity`; its whole length goes to
/// `length`, which may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_protocol(
    socket_: kja_websocket_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| text_out(socket(socket_)?.protocol().unwrap_or_default(), buffer, capacity, length))
}

/// Writes into `options` the flags and windows with which another socket comes to what this one has agreed on compression,
/// if its other end does not want less, and leaves the rest of `options` as it is. A proxy asks here first, with the socket to
/// the server, and accepts its client with that: `kja_websocket_pump_start` can then pass messages on as they are. (WS-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_matching_options(
    socket_: kja_websocket_t,
    options: *mut kja_websocket_options_t,
) -> kja_status_t {
    boundary(|| {
        let with = socket(socket_)?.matching_compression();
        let given = structure_in(options)?.unwrap_or_default();
        let flag = |is: bool, flag: u32| if is { flag } else { 0 };
        structure_out(options, |size| kja_websocket_options_t {
            size,
            flags: flag(with.mode == CompressionMode::On, KJA_WEBSOCKET_COMPRESS)
                | flag(with.server_no_context_takeover, KJA_WEBSOCKET_SERVER_NO_CONTEXT_TAKEOVER)
                | flag(with.client_no_context_takeover, KJA_WEBSOCKET_CLIENT_NO_CONTEXT_TAKEOVER),
            server_max_window_bits: with.server_max_window_bits,
            client_max_window_bits: with.client_max_window_bits,
            ..given
        })
    })
}

/// Copies what was agreed on compression, as `Sec-WebSocket-Extensions` has it, empty for nothing. Otherwise as
/// `kja_websocket_protocol`. (WS-17)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_extensions(
    socket_: kja_websocket_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let agreed = socket(socket_)?.agreed();
        let text = agreed.map(|agreed| agreed.parameters().to_string()).unwrap_or_default();
        text_out(&text, buffer, capacity, length)
    })
}

/// Writes a handle of the connection that the socket is over, to ask for its peer; it must be neither read nor written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_websocket_connection(
    socket_: kja_websocket_t,
    out: *mut kja_connection_t,
) -> kja_status_t {
    created(out, || Ok(socket(socket_)?.connection().clone()))
}

/// Releases the handle. The connection is closed when no handle, no promise and no pending operation has the socket.
#[unsafe(no_mangle)]
pub extern "C" fn kja_websocket_release(socket_: kja_websocket_t) -> kja_status_t {
    release::<WebSocket>(socket_)
}
