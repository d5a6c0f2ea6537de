//! The C ABI from Rust: closures as callbacks, handles as results.

use kjasync::ffi::{kja_call_t, kja_callback_fn, kja_destroy_fn, kja_status_t};
use std::any::Any;
use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

pub(crate) use kjasync::ffi::address::*;
pub(crate) use kjasync::ffi::bytes::*;
pub(crate) use kjasync::ffi::call::*;
pub(crate) use kjasync::ffi::canceler::*;
pub(crate) use kjasync::ffi::combine::*;
pub(crate) use kjasync::ffi::connection::*;
pub(crate) use kjasync::ffi::drive::*;
pub(crate) use kjasync::ffi::error::*;
pub(crate) use kjasync::ffi::error_object::*;
pub(crate) use kjasync::ffi::event::*;
pub(crate) use kjasync::ffi::executor::*;
pub(crate) use kjasync::ffi::fulfiller::*;
pub(crate) use kjasync::ffi::listener::*;
pub(crate) use kjasync::ffi::pipe::*;
pub(crate) use kjasync::ffi::promise::*;
pub(crate) use kjasync::ffi::queue::*;
pub(crate) use kjasync::ffi::runtime::*;
pub(crate) use kjasync::ffi::semaphore::*;
pub(crate) use kjasync::ffi::task_set::*;
pub(crate) use kjasync::ffi::timer::*;

type Body = Mutex<Option<Box<dyn FnOnce(kja_call_t) + Send>>>;

unsafe extern "C-unwind" fn run(ctx: *mut c_void, call: kja_call_t) {
    // SAFETY: made by `callback` and not yet destroyed.
    let body = unsafe { &*ctx.cast::<Body>() };
    let body = body.lock().unwrap().take();
    body.expect("a callback runs once")(call);
}

unsafe extern "C-unwind" fn drop_body(ctx: *mut c_void) {
    // SAFETY: made by `callback`; the library destroys a context once.
    drop(unsafe { Box::from_raw(ctx.cast::<Body>()) });
}

/// A closure as callback, context and destructor.
pub(crate) fn callback(
    body: impl FnOnce(kja_call_t) + Send + 'static,
) -> (kja_callback_fn, *mut c_void, kja_destroy_fn) {
    let body: Box<Body> = Box::new(Mutex::new(Some(Box::new(body))));
    (Some(run), Box::into_raw(body).cast(), Some(drop_body))
}

type Repeated = Mutex<Box<dyn FnMut(kja_call_t) + Send>>;

unsafe extern "C-unwind" fn run_repeated(ctx: *mut c_void, call: kja_call_t) {
    // SAFETY: made by `repeated` and not yet destroyed.
    let body = unsafe { &*ctx.cast::<Repeated>() };
    // One run may have panicked.
    let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
    body(call);
}

unsafe extern "C-unwind" fn drop_repeated(ctx: *mut c_void) {
    // SAFETY: made by `repeated`; the library destroys a context once.
    drop(unsafe { Box::from_raw(ctx.cast::<Repeated>()) });
}

/// As `callback`, for one that runs more than once.
pub(crate) fn repeated(
    body: impl FnMut(kja_call_t) + Send + 'static,
) -> (kja_callback_fn, *mut c_void, kja_destroy_fn) {
    let ctx: Box<Repeated> = Box::new(Mutex::new(Box::new(body)));
    (Some(run_repeated), Box::into_raw(ctx).cast(), Some(drop_repeated))
}

unsafe extern "C-unwind" fn drop_owned(ctx: *mut c_void) {
    // SAFETY: made by `owned`; the library destroys a context once.
    drop(unsafe { Box::from_raw(ctx.cast::<Box<dyn Any + Send>>()) });
}

/// A value as a context that its destructor drops.
pub(crate) fn owned<T: Send + 'static>(value: T) -> (*mut c_void, kja_destroy_fn) {
    let value: Box<Box<dyn Any + Send>> = Box::new(Box::new(value));
    (Box::into_raw(value).cast(), Some(drop_owned))
}

#[track_caller]
pub(crate) fn ok(status: kja_status_t) {
    assert_eq!(status, KJA_OK);
}

/// A call that fails leaves its status as the last error.
#[track_caller]
pub(crate) fn fails(status: kja_status_t, expected: kja_status_t) {
    assert_eq!(status, expected);
    assert_eq!(kja_last_error_status(), expected);
}

/// The handle that a successful call makes.
#[track_caller]
pub(crate) fn made(call: impl FnOnce(*mut u64) -> kja_status_t) -> u64 {
    let mut handle = 0;
    ok(call(&mut handle));
    assert_ne!(handle, 0);
    handle
}

#[track_caller]
pub(crate) fn new_runtime() -> u64 {
    // SAFETY: null options are allowed and `out` is a local.
    made(|out| unsafe { kja_runtime_new(std::ptr::null(), out) })
}

pub(crate) fn new_runtime_with(change: impl FnOnce(&mut kja_runtime_options_t)) -> u64 {
    // SAFETY: zero is a value of every field, and the header's way to ask for the defaults.
    let mut options: kja_runtime_options_t = unsafe { std::mem::zeroed() };
    options.size = size_of::<kja_runtime_options_t>();
    change(&mut options);
    // SAFETY: the options are complete and `out` is a local.
    made(|out| unsafe { kja_runtime_new(&options, out) })
}

#[track_caller]
pub(crate) fn never(runtime: u64) -> u64 {
    // SAFETY: `out` is a local.
    made(|out| unsafe { kja_promise_new_never(runtime, out) })
}

#[track_caller]
pub(crate) fn sleep(runtime: u64, nanos: u64) -> u64 {
    // SAFETY: `out` is a local.
    made(|out| unsafe { kja_timer_sleep_start(runtime, nanos, out) })
}

#[track_caller]
pub(crate) fn executor(runtime: u64) -> u64 {
    // SAFETY: `out` is a local.
    made(|out| unsafe { kja_runtime_executor(runtime, out) })
}

#[track_caller]
pub(crate) fn fulfiller(runtime: u64) -> (u64, u64) {
    let (mut fulfiller, mut promise) = (0, 0);
    // SAFETY: both out-parameters are locals.
    ok(unsafe { kja_fulfiller_new(runtime, &mut fulfiller, &mut promise) });
    (fulfiller, promise)
}

/// Runs a closure on the loop.
#[track_caller]
pub(crate) fn start(executor: u64, body: impl FnOnce(kja_call_t) + Send + 'static) -> u64 {
    let (run, ctx, destroy) = callback(body);
    // SAFETY: `callback` made all three for each other.
    made(|out| unsafe { kja_executor_execute_start(executor, run, ctx, destroy, out) })
}

#[track_caller]
pub(crate) fn then(promise: u64, body: impl FnOnce(kja_call_t) + Send + 'static) -> u64 {
    let (run, ctx, destroy) = callback(body);
    // SAFETY: `callback` made all three for each other.
    made(|out| unsafe { kja_promise_then(promise, run, ctx, destroy, out) })
}

#[track_caller]
pub(crate) fn finally(promise: u64, body: impl FnOnce(kja_call_t) + Send + 'static) -> u64 {
    let (run, ctx, destroy) = callback(body);
    // SAFETY: `callback` made all three for each other.
    made(|out| unsafe { kja_promise_finally(promise, run, ctx, destroy, out) })
}

#[track_caller]
pub(crate) fn attach<T: Send + 'static>(promise: u64, value: T) -> u64 {
    let (ctx, destroy) = owned(value);
    // SAFETY: `owned` made both for each other.
    made(|out| unsafe { kja_promise_attach(promise, ctx, destroy, out) })
}

/// Awaits with the tests' patience.
pub(crate) fn status(promise: u64) -> kja_status_t {
    kja_promise_await_for(promise, 20 * crate::gate::SECOND)
}
