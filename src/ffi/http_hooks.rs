//! What those who run an HTTP server may decide and hear of.

use super::structure::{growing, structure_in};
use super::{
    callback, context, handle, kja_call_t, kja_callback_fn, kja_connection_t, kja_destroy_fn, kja_http_request_t,
};
use crate::error::Error;
use crate::foreign::{ForeignCallback, Opaque, SharedAbout, SharedCallback};
use crate::http::{HttpRequest, ServerHooks, Service};
use crate::object::Object;
use crate::promise::{Resolution, invoke, invoke_with};
use crate::stream::Connection;
use crate::value::{Outcome, Value};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

/// A service of its own for one connection.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_http_service_t {
    /// As the service of `kja_http_server_new`.
    pub run: kja_callback_fn,
    /// For it.
    pub ctx: *mut c_void,
    /// Frees `ctx` when the connection is over; may be null.
    pub destroy: kja_destroy_fn,
}

/// Makes the service of one connection, which it is told of before anything is read from it, by filling `service`, which is
/// all zeros. One that is left without a `run`, or an error as the result, closes the connection. The handle of the connection
/// is the callback's, to be released; it may be asked for its peer and its addresses, and must be neither read nor written.
pub type kja_http_connection_fn = Option<
    unsafe extern "C-unwind" fn(
        ctx: *mut c_void,
        call: kja_call_t,
        connection: kja_connection_t,
        service: *mut kja_http_service_t,
    ),
>;

/// Hears of a request or decides about it. The handle of the request is the callback's, to be released.
pub type kja_http_hook_fn =
    Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, call: kja_call_t, request: kja_http_request_t)>;

/// What a program decides and hears of beside requests. Zero everything, then set `size` and what is wanted. The callbacks
/// run on the loop, any number of times, and must neither block nor unwind; each may be null. Those that hear of a failure
/// may answer the request with `kja_http_request_respond` and its like, if that has not been done; otherwise the default
/// answer is sent.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_http_server_hooks_t {
    /// `sizeof(kja_http_server_hooks_t)`.
    pub size: usize,
    /// Makes a service for each connection, in place of the server's. (HSRV-07)
    pub on_connection: kja_http_connection_fn,
    /// Hears of what is no request, with the error as its input; `kja_error_detail` gives the status that fits and the bytes at
    /// fault. The request has neither method nor target and can only be answered; the connection is closed then. (HSRV-17)
    pub on_protocol_error: kja_http_hook_fn,
    /// Hears of a service that has failed, with the error as its input. (HSRV-18)
    pub on_service_failed: kja_http_hook_fn,
    /// Hears of a service that has ended without an answer. (HSRV-19)
    pub on_no_answer: kja_http_hook_fn,
    /// Hears of a connection that came to a listener and ended with an error or could not be served, with the error as its
    /// input. (HSRV-20)
    pub on_connection_failed: kja_callback_fn,
    /// Is asked when a response begins: any number but 0 as the result, `kja_call_return_u64`, closes the connection behind
    /// it. (HSRV-21)
    pub should_close: kja_http_hook_fn,
    /// Hears of a request that is over, because its response has been sent or its client has gone:
    /// `kja_http_request_summary` says what there is to log. It does not hear of requests that are suspended, become a
    /// tunnel, or end with the server.
    pub on_request_end: kja_http_hook_fn,
    /// For all of them.
    pub ctx: *mut c_void,
    /// Frees `ctx` when the server is gone, or when none was made; may be null.
    pub destroy: kja_destroy_fn,
}
growing!(kja_http_server_hooks_t, since destroy: kja_destroy_fn);

/// The service that a callback of the caller's is.
pub(super) fn service_of(run: ForeignCallback) -> Arc<Service> {
    Arc::new(move |request: &Arc<HttpRequest>| invoke(&run, Ok(HttpRequest::into_value(request.clone()))))
}

type Hear = Box<dyn Fn(&Arc<HttpRequest>, Outcome) -> Resolution + Send + Sync>;

/// A hook that gets a new handle of a request.
fn hook(run: kja_http_hook_fn, ctx: &Arc<Opaque>) -> Option<Hear> {
    // SAFETY: the header requires the hooks to accept the context on the loop's thread.
    let about = unsafe { SharedAbout::new(run?, ctx.clone()) };
    Some(Box::new(move |request, input| with_handle(request, input, |call, id| about.run(call, id))))
}

/// Runs a callback that gets a new handle of this object beside its call.
fn with_handle<T: Object>(object: &Arc<T>, input: Outcome, run: impl FnOnce(u64, u64)) -> Resolution {
    match handle::insert(object.clone()) {
        Ok(id) => invoke_with(input, |call| run(call, id)),
        Err(full) => Err(full).into(),
    }
}

fn service_maker(
    run: kja_http_connection_fn,
    ctx: &Arc<Opaque>,
) -> Option<impl Fn(&Arc<Connection>) -> Result<Arc<Service>, Error> + Send + Sync + use<>> {
    let (run, ctx) = (run?, ctx.clone());
    Some(move |connection: &Arc<Connection>| {
        let mut made = kja_http_service_t { run: None, ctx: null_mut(), destroy: None };
        let result = with_handle(connection, Ok(Value::Unit), |call, id| {
            // SAFETY: the header requires the hook to accept the context on the loop's thread; `made` outlives the call.
            unsafe { run(ctx.pointer(), call, id, &raw mut made) }
        });
        // Taken over in every case.
        let service = callback(made.run, made.ctx, made.destroy);
        match result {
            Resolution::Outcome(outcome) => outcome.and(service.map(service_of)),
            Resolution::Promise(_) => Err(Error::invalid("a service is made at once, not by a promise")),
        }
    })
}

/// The hooks of a server; none for null. Their context is taken over, unless their size is wrong.
pub(super) fn hooks_in(given: *const kja_http_server_hooks_t) -> Result<ServerHooks, Error> {
    let Some(given) = structure_in(given)? else { return Ok(ServerHooks::default()) };
    let ctx = &Arc::new(context(given.ctx, given.destroy));
    let mut hooks = ServerHooks::default();
    if let Some(make) = service_maker(given.on_connection, ctx) {
        hooks.on_connection = Some(Box::new(make));
    }
    if let Some(hear) = hook(given.on_protocol_error, ctx) {
        hooks.on_protocol_error =
            Some(Box::new(move |request, error| drop(hear(request, Err(error.clone().into_error())))));
    }
    if let Some(hear) = hook(given.on_service_failed, ctx) {
        hooks.on_service_failed = Some(Box::new(move |request, error| drop(hear(request, Err(error.clone())))));
    }
    if let Some(hear) = hook(given.on_no_answer, ctx) {
        hooks.on_no_answer = Some(Box::new(move |request| drop(hear(request, Ok(Value::Unit)))));
    }
    if let Some(run) = given.on_connection_failed {
        // SAFETY: the header requires the hooks to accept the context on the loop's thread.
        let hear = unsafe { SharedCallback::new(run, ctx.clone()) };
        hooks.on_connection_failed = Some(Box::new(move |error| drop(invoke_with(Err(error), |call| hear.run(call)))));
    }
    if let Some(ask) = hook(given.should_close, ctx) {
        hooks.should_close = Some(Box::new(
            move |request| matches!(ask(request, Ok(Value::Unit)), Resolution::Outcome(Ok(Value::U64(answer))) if answer != 0),
        ));
    }
    if let Some(hear) = hook(given.on_request_end, ctx) {
        hooks.on_request_end = Some(Box::new(move |request| drop(hear(request, Ok(Value::Unit)))));
    }
    Ok(hooks)
}
