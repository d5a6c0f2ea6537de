//! Queues.

use super::{
    boundary, bytes_in, context, created, get, kja_destroy_fn, kja_handle_t, kja_promise_t, kja_queue_t, kja_runtime_t,
    kja_status_t, put, release, result,
};
use crate::coordination::Queue;
use crate::error::Error;
use crate::runtime::Runtime;
use crate::value::Value;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Makes a queue that holds `capacity` values at most.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_queue_new(runtime: kja_runtime_t, capacity: usize, out: *mut kja_queue_t) -> kja_status_t {
    created(out, || Queue::new(&*get::<Runtime>(runtime)?, capacity))
}

fn push(queue: kja_queue_t, value: Result<Value, Error>, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<Queue>(queue)?.push(value?))
}

/// Adds a number as soon as there is room; the promise settles with unit then. Any thread. Errors: `DISCONNECTED` once
/// the queue is closed. Cancellation: before the promise has settled the value is not added. (QUEUE-03)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_queue_push_u64_start(
    queue: kja_queue_t,
    value: u64,
    out: *mut kja_promise_t,
) -> kja_status_t {
    push(queue, Ok(Value::U64(value)), out)
}

/// As `kja_queue_push_u64_start`, with the object of a handle, which stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_queue_push_handle_start(
    queue: kja_queue_t,
    value: kja_handle_t,
    out: *mut kja_promise_t,
) -> kja_status_t {
    push(queue, result::object_value(value), out)
}

/// As `kja_queue_push_u64_start`, with a pointer, which is taken over in every case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_queue_push_opaque_start(
    queue: kja_queue_t,
    value: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_promise_t,
) -> kja_status_t {
    push(queue, Ok(Value::Opaque(Arc::new(context(value, destroy)))), out)
}

/// Adds a number if there is room and nobody waits for room. Any thread, never blocks. Errors: `OVERLOADED` if not,
/// `DISCONNECTED` once the queue is closed.
#[unsafe(no_mangle)]
pub extern "C" fn kja_queue_try_push_u64(queue: kja_queue_t, value: u64) -> kja_status_t {
    boundary(|| get::<Queue>(queue)?.try_push(Value::U64(value)))
}

/// As `kja_queue_try_push_u64`, with a pointer, which is taken over in every case.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_queue_try_push_opaque(
    queue: kja_queue_t,
    value: *mut c_void,
    destroy: kja_destroy_fn,
) -> kja_status_t {
    let value = Value::Opaque(Arc::new(context(value, destroy)));
    boundary(|| get::<Queue>(queue)?.try_push(value))
}

/// Takes the oldest value as soon as there is one; the promise carries it. Those who wait are served in order. Errors:
/// `DISCONNECTED` once the queue is closed and empty. Cancellation: nothing is taken. A
/// value that the promise carries goes back to the front of the queue, also beyond its capacity, if nobody has learned
/// of it when the last such promise is released. (QUEUE-01, QUEUE-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_queue_pop_start(queue: kja_queue_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<Queue>(queue)?.pop())
}

/// Rejects everyone who waits for a value now; stored values stay. (QUEUE-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_queue_reject_all(
    queue: kja_queue_t,
    kind: kja_status_t,
    os_error: i32,
    text: *const c_char,
    text_len: usize,
) -> kja_status_t {
    boundary(|| {
        let found = get::<Queue>(queue)?;
        found.reject_all(&super::error::from_parts(kind, os_error, bytes_in(text.cast(), text_len)?)?);
        Ok(())
    })
}

pub(super) fn reject_oldest(queue: kja_queue_t, error: &Error) -> Result<(), Error> {
    if get::<Queue>(queue)?.reject_oldest(error) { Ok(()) } else { Err(Error::nobody_waits()) }
}

/// Rejects whoever has waited longest for a value. Errors: `FAILED` if nobody waits. (QUEUE-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_queue_reject_oldest(
    queue: kja_queue_t,
    kind: kja_status_t,
    os_error: i32,
    text: *const c_char,
    text_len: usize,
) -> kja_status_t {
    boundary(|| reject_oldest(queue, &super::error::from_parts(kind, os_error, bytes_in(text.cast(), text_len)?)?))
}

/// No more values: later pushes and those that wait for room fail, what is stored can still be taken.
#[unsafe(no_mangle)]
pub extern "C" fn kja_queue_close(queue: kja_queue_t) -> kja_status_t {
    boundary(|| {
        get::<Queue>(queue)?.close();
        Ok(())
    })
}

/// Writes how many values are stored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_queue_size(queue: kja_queue_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, get::<Queue>(queue)?.len()))
}

/// Releases the handle. Pending pushes and pops keep the queue; close it to end them. (QUEUE-02)
#[unsafe(no_mangle)]
pub extern "C" fn kja_queue_release(queue: kja_queue_t) -> kja_status_t {
    release::<Queue>(queue)
}
