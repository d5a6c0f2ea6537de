//! Connections, listeners, addresses and networks that the program provides.

use super::structure::{growing, structure_in};
use super::{
    bytes_in, context, created, get, kja_address_t, kja_call_t, kja_callback_fn, kja_connection_t, kja_destroy_fn,
    kja_listener_t, kja_network_t, kja_runtime_t, kja_status_t,
};
use crate::error::{Error, ErrorKind};
use crate::foreign::{ForeignProvider, LengthFn, Opaque, ParseFn, ReadFn};
use crate::net::{Acceptor, Address, Connector, Listener, Network, Resolver};
use crate::promise::{Resolution, invoke_with};
use crate::runtime::Runtime;
use crate::stream::{ByteStream, Connection};
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::ffi::{c_char, c_void};

/// Reads from a stream that the program provides: at least one byte and at most `max`, `max` being at least 1. Whoever reads
/// waits for `min` of them; fewer will do, and the rest is asked for then. The result is bytes
/// (`kja_call_return_bytes`), none at the end of the stream, or a promise of them, such as a read from another connection
/// (`kja_call_return_promise`).
pub type kja_read_fn = Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, call: kja_call_t, min: usize, max: usize)>;

/// How many bytes are left to read, `KJA_LENGTH_UNKNOWN` if nobody knows. On any thread, also several at a time; it must
/// neither block nor unwind, nor call this library.
pub type kja_length_fn = Option<unsafe extern "C-unwind" fn(ctx: *mut c_void) -> u64>;

/// What a `kja_length_fn` says of a stream whose length nobody knows.
pub const KJA_LENGTH_UNKNOWN: u64 = u64::MAX;

/// What a stream does that the program provides. Zero everything, then set `size` and what there is.
///
/// All callbacks but `length` run on the loop and must neither block nor unwind. One that takes time leaves a promise
/// (`kja_call_return_promise`) and returns. That promise is cancelled when the operation that waits for it is cancelled, and when
/// the connection is closed or released; a callback that has not begun by then never runs. One `read` is pending at a time,
/// and one `write` or `shutdown_write`. From its callbacks the connection may be used, closed and released like any other.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_connection_callbacks_t {
    /// `sizeof(kja_connection_callbacks_t)`, so that the structure can grow.
    pub size: usize,
    /// For all of them.
    pub ctx: *mut c_void,
    /// Frees `ctx` when the connection is closed, or nobody holds it any more, or no connection was made: once, after
    /// what was pending has ended. May be null.
    pub destroy: kja_destroy_fn,
    /// The connection that socket options, names, peer and descriptor are asked of, and which is closed with the new one; 0 for
    /// none. The handle stays the caller's.
    pub below: kja_connection_t,
    /// Reads; null for a stream that is at its end.
    pub read: kja_read_fn,
    /// Writes the bytes that are its input (`kja_call_bytes`), of which there are some: all of them, or as many as the number
    /// says that is its result (`kja_call_return_u64`), at least 1. Null for a stream that cannot be written to.
    pub write: kja_callback_fn,
    /// Tells the other side that nothing more will come, after all that was written. Its result makes no difference unless it
    /// is an error. Null if there is nothing to tell.
    pub shutdown_write: kja_callback_fn,
    /// Nobody will read any more. A pending read has been cancelled; the result is ignored. May be null.
    pub abort_read: kja_callback_fn,
    /// Nobody will write any more, for the error that is its input (`kja_call_status`). The result is ignored. May be null.
    pub abort_write: kja_callback_fn,
    /// Settles, as a rule with a promise, once writing would fail because the other side has gone. At most once. Null for a stream
    /// that cannot tell: then nobody hears of it.
    pub when_write_disconnected: kja_callback_fn,
    /// How many bytes are left to read; null if nobody knows.
    pub length: kja_length_fn,
}
growing!(kja_connection_callbacks_t, since length: kja_length_fn);

/// Where the connections of a listener come from that the program provides. Zero everything, then set `size` and `accept`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_listener_callbacks_t {
    /// `sizeof(kja_listener_callbacks_t)`, so that the structure can grow.
    pub size: usize,
    /// For the callback.
    pub ctx: *mut c_void,
    /// Frees `ctx` when the listener is closed, or nobody holds it any more, or no listener was made: once. May be null.
    pub destroy: kja_destroy_fn,
    /// Results in the next connection (`kja_call_return_handle`), or in a promise of it. On the loop, one at a time; it must
    /// neither block nor unwind. Its promise is cancelled with the accept that waits for it.
    pub accept: kja_callback_fn,
}
growing!(kja_listener_callbacks_t, since accept: kja_callback_fn);

/// What is behind an address that the program provides. Zero everything, then set `size` and what there is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_address_callbacks_t {
    /// `sizeof(kja_address_callbacks_t)`, so that the structure can grow.
    pub size: usize,
    /// For both callbacks.
    pub ctx: *mut c_void,
    /// Frees `ctx` when nobody needs it any more: neither the address, nor what connects to it or listens on it, nor the
    /// runtime; or when no address was made. Once. May be null.
    pub destroy: kja_destroy_fn,
    /// Results in a new connection (`kja_call_return_handle`), or in a promise of one. On the loop, any number of them side by
    /// side; it must neither block nor unwind. Its promise is cancelled with the connect that waits for it. Null for an address
    /// that nobody can connect to.
    pub connect: kja_callback_fn,
    /// As that of `kja_listener_callbacks_t`, for each listener on the address. Null for one that nobody can listen on.
    pub accept: kja_callback_fn,
    /// The text of the address, in UTF-8; null for `<provided>`.
    pub text: *const c_char,
    /// The length of the text.
    pub text_len: usize,
}
growing!(kja_address_callbacks_t, since text_len: usize);

/// Parses the text of an address for a network that the program provides: `text_len` bytes, not closed by a NUL, borrowed for
/// this call. The result is an address (`kja_call_return_handle`), of whatever kind, or a promise of one.
pub type kja_parse_fn = Option<
    unsafe extern "C-unwind" fn(
        ctx: *mut c_void,
        call: kja_call_t,
        text: *const c_char,
        text_len: usize,
        default_port: u16,
    ),
>;

/// Where the addresses of a network come from that the program provides. Zero everything, then set `size` and `parse`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_network_callbacks_t {
    /// `sizeof(kja_network_callbacks_t)`, so that the structure can grow.
    pub size: usize,
    /// For the callback.
    pub ctx: *mut c_void,
    /// Frees `ctx` when nothing that was made of the network needs it any more, or when no network was made. Once. May be null.
    pub destroy: kja_destroy_fn,
    /// Parses a text. On the loop, any number of them side by side; it must neither block nor unwind. Its promise is
    /// cancelled with the parse that waits for it.
    pub parse: kja_parse_fn,
}
growing!(kja_network_callbacks_t, since parse: kja_parse_fn);

type Stream = ForeignProvider<kja_connection_callbacks_t>;
type Accepts = ForeignProvider<kja_listener_callbacks_t>;
type Connects = ForeignProvider<kja_address_callbacks_t>;
type Parses = ForeignProvider<kja_network_callbacks_t>;

fn missing(what: &str) -> Resolution {
    Err(Error::new(ErrorKind::Unimplemented, format!("the program provides no {what}"))).into()
}

impl<F> ForeignProvider<F> {
    fn ask(&self, run: kja_callback_fn, what: &str, input: Outcome) -> Resolution {
        match run {
            Some(run) => invoke_with(input, |call| self.call(run, call)),
            None => missing(what),
        }
    }

    /// Of what this results in nobody hears.
    fn tell(&self, run: kja_callback_fn, input: Outcome) {
        if let Some(run) = run {
            drop(invoke_with(input, |call| self.call(run, call)));
        }
    }
}

impl ByteStream for Stream {
    fn read(&self, min: usize, max: usize) -> Resolution {
        let read: Option<ReadFn> = self.functions().read;
        match read {
            Some(run) => invoke_with(Ok(Value::Unit), |call| self.read(run, call, min, max)),
            None => Ok(Value::Bytes(Bytes::new())).into(),
        }
    }

    fn write(&self, bytes: Bytes) -> Resolution {
        self.ask(self.functions().write, "write", Ok(Value::Bytes(bytes)))
    }

    fn shutdown_write(&self) -> Resolution {
        match self.functions().shutdown_write {
            None => Ok(Value::Unit).into(),
            run => self.ask(run, "shutdown_write", Ok(Value::Unit)),
        }
    }

    fn abort_read(&self) {
        self.tell(self.functions().abort_read, Ok(Value::Unit));
    }

    fn abort_write(&self, error: Error) {
        self.tell(self.functions().abort_write, Err(error));
    }

    fn when_write_disconnected(&self) -> Option<Resolution> {
        let run = self.functions().when_write_disconnected?;
        Some(self.ask(Some(run), "when_write_disconnected", Ok(Value::Unit)))
    }

    fn length(&self) -> Option<u64> {
        let run: LengthFn = self.functions().length?;
        Some(self.length(run)).filter(|length| *length != KJA_LENGTH_UNKNOWN)
    }
}

impl Acceptor for Accepts {
    fn accept(&self) -> Resolution {
        self.ask(self.functions().accept, "accept", Ok(Value::Unit))
    }
}

/// The callbacks of an address, with its text.
struct Behind(Connects, String);

impl Connector for Behind {
    fn connect(&self) -> Resolution {
        self.0.ask(self.0.functions().connect, "connect", Ok(Value::Unit))
    }

    fn accept(&self) -> Resolution {
        self.0.ask(self.0.functions().accept, "accept", Ok(Value::Unit))
    }

    fn text(&self) -> String {
        self.1.clone()
    }

    fn can_listen(&self) -> bool {
        self.0.functions().accept.is_some()
    }
}

impl Resolver for Parses {
    fn parse(&self, text: &[u8], default_port: u16) -> Resolution {
        let parse: Option<ParseFn> = self.functions().parse;
        match parse {
            Some(run) => invoke_with(Ok(Value::Unit), |call| self.parse(run, call, text, default_port)),
            None => missing("parse"),
        }
    }
}

/// Takes over the callbacks and their context.
fn provider<F>(functions: F, ctx: *mut c_void, destroy: kja_destroy_fn) -> ForeignProvider<F> {
    let ctx: Opaque = context(ctx, destroy);
    // SAFETY: the header requires the callbacks to accept the context, where it says that they run; the pointers in the
    // structure are the context again, and a text that is read before this is kept.
    unsafe { ForeignProvider::new(functions, ctx) }
}

/// Makes a connection of the program's own stream. It is a connection like any other: it can be read, written, pumped,
/// teed, put below TLS, and served HTTP on. `ctx` is taken over in every case but that of a structure of the wrong size.
///
/// What fails in a callback fails the operation that waits for it. One whose result is of the wrong type, or which gives more
/// than was asked for or takes more than there is, fails it with `WRONG_TYPE` or `FAILED`. Cancelling a read loses nothing of what has
/// come; of a write that was cancelled nobody knows how much went. What a callback is given to write is a copy: it may keep it.
///
/// Errors: `INVALID_ARGUMENT` for a structure of the wrong size and for a `below` of another runtime; `OVERLOADED` for more
/// than 64 connections on top of each other. (LLIO-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_connection_from_callbacks(
    runtime: kja_runtime_t,
    callbacks: *const kja_connection_callbacks_t,
    out: *mut kja_connection_t,
) -> kja_status_t {
    // Read first: the context in it is taken over whatever becomes of the call.
    let given = structure_in(callbacks).and_then(|given| given.ok_or_else(Error::null));
    let given = given.map(|given| (given.below, provider(given, given.ctx, given.destroy)));
    created(out, || {
        let (below, stream) = given?;
        let below = if below == 0 { None } else { Some(get::<Connection>(below)?) };
        Connection::from_byte_stream(&*get::<Runtime>(runtime)?, stream, below)
    })
}

/// Makes a listener whose connections come from the program. It is a listener like any other: it can be wrapped, joined with
/// others, and served HTTP on; port and socket options it has none. An accept fails as the callback does, and with
/// `WRONG_TYPE` if its result is no connection. One that is cancelled loses no connection that has come. `ctx` is taken over in
/// every case but that of a structure of the wrong size. Errors: `INVALID_ARGUMENT` for a structure of the wrong size.
/// (LLIO-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_listener_from_callbacks(
    runtime: kja_runtime_t,
    callbacks: *const kja_listener_callbacks_t,
    out: *mut kja_listener_t,
) -> kja_status_t {
    let given = structure_in(callbacks).and_then(|given| given.ok_or_else(Error::null));
    let given = given.map(|given| provider(given, given.ctx, given.destroy));
    created(out, || {
        let acceptor: Accepts = given?;
        Listener::from_acceptor(&*get::<Runtime>(runtime)?, acceptor)
    })
}

/// Makes an address behind which is what the program provides. It can be connected to, listened on if there is an `accept`
/// (else `UNIMPLEMENTED`), and wrapped; it stands for no socket address, and no port. Connecting fails as the callback does, and
/// with `WRONG_TYPE` if its result is no connection. `ctx` is taken over in every case but that of a structure of the wrong
/// size. Errors: `INVALID_ARGUMENT` for a structure of the wrong size and for a text that is not UTF-8. (LLIO-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_address_from_callbacks(
    runtime: kja_runtime_t,
    callbacks: *const kja_address_callbacks_t,
    out: *mut kja_address_t,
) -> kja_status_t {
    let given = structure_in(callbacks).and_then(|given| given.ok_or_else(Error::null));
    let given = given.map(|given| (given, provider(given, given.ctx, given.destroy)));
    created(out, || {
        let (given, callbacks) = given?;
        let text = match bytes_in(given.text.cast(), if given.text.is_null() { 0 } else { given.text_len })? {
            _ if given.text.is_null() => "<provided>",
            text => std::str::from_utf8(text).map_err(|_| Error::invalid("a text that is not UTF-8"))?,
        };
        Address::from_connector(&*get::<Runtime>(runtime)?, Behind(callbacks, text.to_owned()))
    })
}

/// Makes a network whose addresses come from the program. It can parse texts, and so connect and serve wherever a network is
/// asked for, and be wrapped; it has no rules and no sockets (`UNIMPLEMENTED`). A parse fails as the callback does, and with
/// `WRONG_TYPE` if its result is no address. `ctx` is taken over in every case but that of a structure of the wrong size.
/// Errors: `INVALID_ARGUMENT` for a structure of the wrong size. (LLIO-13)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_from_callbacks(
    runtime: kja_runtime_t,
    callbacks: *const kja_network_callbacks_t,
    out: *mut kja_network_t,
) -> kja_status_t {
    let given = structure_in(callbacks).and_then(|given| given.ok_or_else(Error::null));
    let given = given.map(|given| provider(given, given.ctx, given.destroy));
    created(out, || {
        let resolver: Parses = given?;
        Network::from_resolver(&*get::<Runtime>(runtime)?, resolver)
    })
}
