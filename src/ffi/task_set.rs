//! Task sets.

use super::{
    boundary, callback, created, get, get_promise, kja_callback_fn, kja_destroy_fn, kja_promise_t, kja_runtime_t,
    kja_status_t, kja_task_set_t, put, release, release_nowait, take_promise,
};
use crate::error::Error;
use crate::promise::{TaskSet, invoke};
use crate::runtime::Runtime;
use std::ffi::c_void;

/// How many tasks a set holds when 0 is asked for.
const DEFAULT_LIMIT: usize = 65_536;

/// Makes an empty task set for `limit` tasks at a time, 0 for 65536. `on_error` runs on the set's loop for each task that
/// fails, whatever loop that is of, with the error as its input; it may run many times and what it returns is ignored. `ctx` is taken over in
/// every case. Errors: `INVALID_ARGUMENT` without `on_error`. (TASK-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_task_set_new(
    runtime: kja_runtime_t,
    limit: usize,
    on_error: kja_callback_fn,
    ctx: *mut c_void,
    destroy: kja_destroy_fn,
    out: *mut kja_task_set_t,
) -> kja_status_t {
    let on_error = callback(on_error, ctx, destroy);
    created(out, || {
        let on_error = on_error?;
        let limit = if limit == 0 { DEFAULT_LIMIT } else { limit };
        let hear = move |error: Error| drop(invoke(&on_error, Err(error)));
        TaskSet::new(&*get::<Runtime>(runtime)?, limit, hear)
    })
}

/// Gives the set a promise, which it holds until that settles. The promise's handle is consumed if this succeeds.
/// Tasks may add tasks. Errors: `OVERLOADED` if the set is full. (TASK-01, TASK-08)
#[unsafe(no_mangle)]
pub extern "C" fn kja_task_set_add(tasks: kja_task_set_t, promise: kja_promise_t) -> kja_status_t {
    boundary(|| {
        get::<TaskSet>(tasks)?.add(&get_promise(promise)?)?;
        // Released meanwhile by another thread: then the set has it all the same.
        drop(take_promise(promise));
        Ok(())
    })
}

/// Writes how many tasks are pending; 0 for an empty set. (TASK-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_task_set_size(tasks: kja_task_set_t, out: *mut usize) -> kja_status_t {
    boundary(|| put(out, get::<TaskSet>(tasks)?.len()))
}

/// Settles with unit when the set is empty, at once if it is. Errors: `BUSY` if such a promise is pending. (TASK-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_task_set_on_empty_start(tasks: kja_task_set_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<TaskSet>(tasks)?.on_empty())
}

/// Cancels every task; they are gone when this returns, but for one that makes this call: it ends when its callback
/// returns. The set is usable afterwards. (TASK-06)
#[unsafe(no_mangle)]
pub extern "C" fn kja_task_set_clear(tasks: kja_task_set_t) -> kja_status_t {
    boundary(|| {
        get::<TaskSet>(tasks)?.clear();
        Ok(())
    })
}

/// Copies a text with a line for each task: the names of the operations that it waits for, outermost first. As
/// `kja_promise_trace` otherwise. (TASK-07)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_task_set_trace(
    tasks: kja_task_set_t,
    buffer: *mut std::ffi::c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let lines: Vec<String> = get::<TaskSet>(tasks)?.trace().iter().map(|names| names.join(" < ")).collect();
        super::error::text_out(&lines.join("\n"), buffer, capacity, length)
    })
}

/// As `kja_task_set_release`, without waiting for a task's callback that is running. For finalizers.
#[unsafe(no_mangle)]
pub extern "C" fn kja_task_set_release_nowait(tasks: kja_task_set_t) -> kja_status_t {
    release_nowait::<TaskSet>(tasks)
}

/// Releases the handle. The last one cancels every task. (TASK-03)
#[unsafe(no_mangle)]
pub extern "C" fn kja_task_set_release(tasks: kja_task_set_t) -> kja_status_t {
    release::<TaskSet>(tasks)
}
