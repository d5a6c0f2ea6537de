//! The C ABI and nothing else, one file for each section of the header.
//!
//! Every exported function is glue: `boundary` catches panics and turns the result into a status, `handle`
//! arguments are looked up, pointers are checked for null, then one call into the crate is made.
#![allow(unsafe_code)]
#![allow(non_camel_case_types)]
// The header is where these functions are documented for callers; its text is each function's doc comment.
#![allow(clippy::missing_safety_doc)]

pub mod address;
pub mod bytes;
pub mod call;
pub mod canceler;
pub mod capability;
pub mod cidr;
pub mod combine;
pub mod compression;
pub mod connection;
pub mod coroutine;
pub mod datagram;
pub mod drive;
pub mod encoding;
pub mod error;
pub mod error_object;
pub mod event;
pub mod executor;
pub mod fd_observer;
pub mod filesystem_directory;
pub mod filesystem_file;
pub mod filesystem_path;
pub mod filesystem_replacer;
pub mod filesystem_stat;
pub mod fulfiller;
pub(crate) mod handle;
pub mod http_client;
pub mod http_head;
pub mod http_headers;
pub mod http_hooks;
pub mod http_input;
pub mod http_range;
pub mod http_request;
pub mod http_response;
pub mod http_server;
pub mod listener;
pub mod local;
mod memory;
pub mod message;
pub mod network;
pub mod network_wrapper;
pub mod peer;
pub mod pipe;
pub mod process;
pub mod promise;
pub mod provider;
pub mod queue;
pub mod result;
pub mod runtime;
pub mod semaphore;
pub mod signal;
mod slots;
mod structure;
pub mod task_set;
pub mod timer;
pub mod tls_context;
pub mod tls_failure;
pub mod tls_key_pair;
pub mod tls_peer;
pub mod url;
pub mod websocket;
pub mod websocket_message;
pub mod wrap;

use crate::error::Error;
use crate::foreign::{DestroyFn, ForeignCallback, Opaque};
use crate::object::Object;
use crate::promise::{Continuation, within};
use handle::{Entry, cell, get, get_promise, take, take_promise};
use memory::{buffer_in, bytes_in, bytes_out, memory_in, slice_in, terminated_out};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// `KJA_OK` or one of `KJA_ERR_*`.
pub type kja_status_t = i32;

/// Any handle. 0 is never one.
pub type kja_handle_t = u64;
/// An event loop with its own thread, or a wait scope. Released with `kja_runtime_release`.
pub type kja_runtime_t = u64;
/// Calls into a loop from any thread. Released with `kja_executor_release`.
pub type kja_executor_t = u64;
/// A started operation. Released with `kja_promise_release`, which cancels it if it is pending.
pub type kja_promise_t = u64;
/// Settles one promise by hand. Released with `kja_fulfiller_release`.
pub type kja_fulfiller_t = u64;
/// Immutable shared bytes. Released with `kja_bytes_release`.
pub type kja_bytes_t = u64;
/// Where to connect to or to listen on. Released with `kja_address_release`.
pub type kja_address_t = u64;
/// A listening socket. Released with `kja_listener_release`.
pub type kja_listener_t = u64;
/// The system's network or a part of it. Released with `kja_network_release`.
pub type kja_network_t = u64;
/// What turns connections into secure ones, or into others. Released with `kja_network_wrapper_release`.
pub type kja_network_wrapper_t = u64;
/// Everything that TLS handshakes are made with. Released with `kja_tls_context_release`.
pub type kja_tls_context_t = u64;
/// A private key with its certificates. Released with `kja_tls_key_pair_release`.
pub type kja_tls_key_pair_t = u64;
/// Who is at the other end of a connection. Released with `kja_peer_release`.
pub type kja_peer_t = u64;
/// A connected byte stream. Released with `kja_connection_release`.
pub type kja_connection_t = u64;
/// A bound datagram socket. Released with `kja_datagram_release`.
pub type kja_datagram_t = u64;
/// The bytes of one receive and what came beside them. Released with `kja_message_release`.
pub type kja_message_t = u64;
/// Several messages that were received together. Released with `kja_message_list_release`.
pub type kja_message_list_t = u64;
/// Promises that nobody awaits, held together. Released with `kja_task_set_release`, which cancels them.
pub type kja_task_set_t = u64;
/// One switch for many promises. Released with `kja_canceler_release`, which cancels them.
pub type kja_canceler_t = u64;
/// A bounded queue of values. Released with `kja_queue_release`.
pub type kja_queue_t = u64;
/// Permits, given out in order. Released with `kja_semaphore_release`.
pub type kja_semaphore_t = u64;
/// Permits of a semaphore that somebody has. Released with `kja_permit_release`, which gives them back.
pub type kja_permit_t = u64;
/// Something that happens once. Released with `kja_event_release`.
pub type kja_event_t = u64;
/// An error with all that it carries. Released with `kja_error_release`.
pub type kja_error_t = u64;
/// Headers of an HTTP message. Released with `kja_http_headers_release`.
pub type kja_http_headers_t = u64;
/// The head of an HTTP message. Released with `kja_http_head_release`.
pub type kja_http_head_t = u64;
/// Reads HTTP messages from a connection. Released with `kja_http_input_release`.
pub type kja_http_input_t = u64;
/// An HTTP message that was read from a connection. Released with `kja_http_message_release`.
pub type kja_http_message_t = u64;
/// An HTTP server. Released with `kja_http_server_release`, which ends what it serves.
pub type kja_http_server_t = u64;
/// A request that an HTTP server has got. Released with `kja_http_request_release`.
pub type kja_http_request_t = u64;
/// An HTTP client with its connections. Released with `kja_http_client_release`.
pub type kja_http_client_t = u64;
/// A response that an HTTP client has got. Released with `kja_http_response_release`.
pub type kja_http_response_t = u64;
/// A subscription to signals. Released with `kja_signal_release`.
pub type kja_signal_t = u64;
/// A signal that came. Released with `kja_signal_info_release`.
pub type kja_signal_info_t = u64;
/// A child process. Released with `kja_process_release`, which kills it unless it is to be kept.
pub type kja_process_t = u64;
/// How a program has ended, and what it has said. Released with `kja_process_output_release`.
pub type kja_process_output_t = u64;
/// Tells when a descriptor is ready. Released with `kja_fd_observer_release`.
pub type kja_fd_observer_t = u64;
/// Compresses or decompresses piece by piece. Released with `kja_coder_release`.
pub type kja_coder_t = u64;
/// A directory. Released with `kja_directory_release`.
pub type kja_directory_t = u64;
/// A file. Released with `kja_file_release`.
pub type kja_file_t = u64;
/// A part of a file as memory. Released with `kja_file_mapping_release`.
pub type kja_file_mapping_t = u64;
/// What takes its place when it is committed. Released with `kja_replacer_release`, which discards it otherwise.
pub type kja_replacer_t = u64;
/// A URL. Released with `kja_url_release`.
pub type kja_url_t = u64;
/// One end of a WebSocket. Released with `kja_websocket_release`.
pub type kja_websocket_t = u64;
/// A message that a WebSocket has received. Released with `kja_websocket_message_release`.
pub type kja_websocket_message_t = u64;
/// Names the running callback; of no use outside it or on another thread.
pub type kja_call_t = u64;

/// A callback. It runs on the loop's thread, at most once unless the function that takes it says otherwise, and must
/// neither block nor unwind.
pub type kja_callback_fn = Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, call: kja_call_t)>;
/// Frees a context. It runs exactly once, on any thread, and must neither block nor unwind.
pub type kja_destroy_fn = Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>;

const OK: kja_status_t = 0;

/// Runs the body of an exported function: no panic leaves it, and a failure becomes the last error.
fn boundary(body: impl FnOnce() -> Result<(), Error>) -> kja_status_t {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(Error::from_panic(payload)));
    match result {
        Ok(()) => OK,
        Err(error) => error::remember(error),
    }
}

/// Like `boundary` for a function whose result is a promise or another object, of which a new handle is written to
/// `out`: 0 unless it succeeds.
fn created<T: Into<Entry>>(out: *mut u64, body: impl FnOnce() -> Result<T, Error>) -> kja_status_t {
    boundary(|| {
        put(out, 0)?;
        let made = body()?;
        put(out, handle::insert(made)?)
    })
}

/// As `created`, for two handles.
fn created_two<A: Into<Entry>, B: Into<Entry>>(
    out: *mut u64,
    other: *mut u64,
    body: impl FnOnce() -> Result<(A, B), Error>,
) -> kja_status_t {
    boundary(|| {
        put(out, 0)?;
        put(other, 0)?;
        let (made, other_made) = body()?;
        let id = handle::insert(made)?;
        let other_id = handle::insert(other_made).inspect_err(|_| drop(handle::take_any(id)))?;
        put(out, id)?;
        put(other, other_id)
    })
}

fn question(body: impl FnOnce() -> Option<bool>) -> bool {
    catch_unwind(AssertUnwindSafe(body)).ok().flatten().unwrap_or(false)
}

fn put<T>(out: *mut T, value: T) -> Result<(), Error> {
    if out.is_null() {
        return Err(Error::null());
    }
    // SAFETY: not null, and the header requires out-parameters to be writable and aligned.
    unsafe { out.write(value) };
    Ok(())
}

/// Writes to an out-parameter that may be null.
fn put_wanted<T>(out: *mut T, value: T) -> Result<(), Error> {
    if out.is_null() { Ok(()) } else { put(out, value) }
}

/// Takes over a context. Done before anything can fail, so that its destructor runs in every case.
fn context(ctx: *mut c_void, destroy: kja_destroy_fn) -> Opaque {
    let destroy: DestroyFn = destroy;
    // SAFETY: the header requires contexts and their destructors to be usable from any thread.
    unsafe { Opaque::new(ctx, destroy) }
}

fn callback(run: kja_callback_fn, ctx: *mut c_void, destroy: kja_destroy_fn) -> Result<ForeignCallback, Error> {
    let ctx = context(ctx, destroy);
    let run = run.ok_or_else(Error::null)?;
    // SAFETY: the header requires the callback to accept its context on the loop's thread.
    Ok(unsafe { ForeignCallback::new(run, ctx) })
}

fn continuation(run: kja_callback_fn, ctx: *mut c_void, destroy: kja_destroy_fn) -> Result<Continuation, Error> {
    callback(run, ctx, destroy).map(Continuation::Foreign)
}

/// Releases a handle.
fn release<T: Object>(id: u64) -> kja_status_t {
    boundary(|| handle::remove_object::<T>(id).map(drop))
}

/// As `release`, without waiting for a callback of something that is dropped.
fn release_nowait<T: Object>(id: u64) -> kja_status_t {
    let mut status = OK;
    within(0, || status = release::<T>(id));
    status
}
