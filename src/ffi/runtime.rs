//! Runtimes.

use super::{boundary, context, created, kja_destroy_fn, kja_executor_t, kja_runtime_t, kja_status_t, put, question, runtime};
use crate::error::Error;
use crate::foreign::Hook;
use crate::handle::{self, Object};
use crate::runtime::{Hooks, Mode, Options, Runtime};
use std::ffi::c_void;
use std::sync::Arc;

/// The runtime has a loop thread of its own.
pub const KJA_RUNTIME_THREAD: u32 = 0;
/// The runtime is driven by the thread that made it, inside `kja_promise_await`, `kja_runtime_poll` and
/// `kja_runtime_run` only.
pub const KJA_RUNTIME_WAIT_SCOPE: u32 = 1;

/// Choices for `kja_runtime_new`. Zero everything, then set `size` and what is wanted; 0 means the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_runtime_options_t {
    /// `sizeof(kja_runtime_options_t)`, so that the structure can grow.
    pub size: usize,
    /// `KJA_RUNTIME_THREAD` (the default) or `KJA_RUNTIME_WAIT_SCOPE`.
    pub mode: u32,
    /// Zero.
    pub reserved: u32,
    /// How long a shutdown may take, in nanoseconds; 0 for 5 seconds.
    pub shutdown_nanos: u64,
    /// How long a caller and an idle loop look for work before they sleep, in nanoseconds; 0 for 50
    /// microseconds, `UINT64_MAX` for not at all.
    pub look_nanos: u64,
    /// Runs on the loop's thread before anything else; may be null. For a wait scope it is not used.
    pub on_thread_start: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>,
    /// Runs on the loop's thread after everything else; may be null.
    pub on_thread_stop: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>,
    /// For both hooks.
    pub ctx: *mut c_void,
    /// Frees `ctx` when the thread has stopped, or when no runtime was made; may be null.
    pub destroy: kja_destroy_fn,
}

/// The first release had everything up to `destroy`.
const FIRST_SIZE: usize = size_of::<kja_runtime_options_t>();
const LONGEST_LOOK: u64 = 1_000_000_000;

fn read_options(options: &kja_runtime_options_t) -> Result<Options, Error> {
    let ctx = context(options.ctx, options.destroy);
    let mode = match options.mode {
        KJA_RUNTIME_THREAD => Mode::Thread,
        KJA_RUNTIME_WAIT_SCOPE => Mode::WaitScope,
        other => return Err(Error::invalid(format!("{other} is no runtime mode"))),
    };
    if options.reserved != 0 {
        return Err(Error::invalid("the reserved field of the options is not zero"));
    }
    let defaults = Options::default();
    let look_nanos = match options.look_nanos {
        0 => defaults.look_nanos,
        u64::MAX => 0,
        nanos => nanos.min(LONGEST_LOOK),
    };
    let shutdown_nanos = if options.shutdown_nanos == 0 { defaults.shutdown_nanos } else { options.shutdown_nanos };
    let hooks = Hooks { start: Hook { run: options.on_thread_start }, stop: Hook { run: options.on_thread_stop }, ctx };
    Ok(Options { mode, shutdown_nanos, look_nanos, hooks: Some(hooks) })
}

/// Makes a runtime. `options` may be null for the defaults: a loop on a thread of its own. Any number of
/// runtimes may live side by side.
///
/// Errors: `INVALID_ARGUMENT` for options of the wrong size or with unknown values; `OVERLOADED` without
/// descriptors or threads. (LOOP-02, LOOP-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_new(options: *const kja_runtime_options_t, out: *mut kja_runtime_t) -> kja_status_t {
    // Read first: the context in it is taken over whatever becomes of the call.
    let options = options_in(options);
    created(out, || Ok(Object::Runtime(Arc::new(Runtime::new(options?)?))))
}

fn options_in(options: *const kja_runtime_options_t) -> Result<Options, Error> {
    // SAFETY: null, or by the header's rule readable; `size` comes first and says how far.
    let size = unsafe { options.cast::<usize>().as_ref() };
    match size {
        None => Ok(Options::default()),
        Some(size) if *size < FIRST_SIZE || *size > 4096 => {
            Err(Error::invalid(format!("options of {size} bytes; set size to sizeof(kja_runtime_options_t)")))
        }
        // SAFETY: `size` says that at least our structure is there.
        Some(_) => read_options(unsafe { &*options }),
    }
}

/// Ends the runtime: pending promises reject with `SHUTDOWN`, every socket is closed, the loop's thread is
/// joined. It blocks for the bound in the options at most. Afterwards all handles that belong to the
/// runtime are stale, except the runtime's own, which is still to be released. Bytes stay valid. A second
/// call succeeds. From any thread; for a wait scope from its owner.
///
/// Errors: `WOULD_DEADLOCK` on a loop's thread; `TIMED_OUT` if a callback still runs at the end of the
/// bound: the runtime ends when that returns, and another call waits for it again. (LOOP-06)
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_shutdown(runtime_: kja_runtime_t) -> kja_status_t {
    boundary(|| runtime(runtime_)?.shutdown())
}

/// Releases the handle; the runtime is shut down if it is alive. Blocks as `kja_runtime_shutdown` does.
///
/// Errors: `WOULD_DEADLOCK` on a loop's thread; the handle stays valid then.
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_release(runtime_: kja_runtime_t) -> kja_status_t {
    boundary(|| {
        let found = runtime(runtime_)?;
        if crate::runtime::on_any_loop() {
            return Err(Error::would_deadlock());
        }
        match handle::remove(runtime_, |object| matches!(object, Object::Runtime(_))) {
            Some(object) => drop(object),
            None => return Err(Error::bad_handle()),
        }
        drop(found);
        Ok(())
    })
}

/// Whether the runtime has not been shut down; false for a handle that is none.
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_is_alive(runtime_: kja_runtime_t) -> bool {
    question(|| Some(runtime(runtime_).ok()?.is_alive()))
}

/// Whether the calling thread is inside this runtime's loop, where blocking calls are refused.
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_on_loop(runtime_: kja_runtime_t) -> bool {
    question(|| Some(runtime(runtime_).ok()?.on_loop()))
}

/// A handle for calls into the loop from any thread. It does not keep the loop alive. (EXEC-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_executor(runtime_: kja_runtime_t, out: *mut kja_executor_t) -> kja_status_t {
    created(out, || Ok(Object::Executor(runtime(runtime_)?.executor()?)))
}

/// Wait scope: runs what is ready without blocking and writes the number of turns. `turns` may be null.
///
/// Errors: `WRONG_THREAD` off the owner's thread; `INVALID_ARGUMENT` for a runtime with a thread;
/// `WOULD_DEADLOCK` inside a callback. (LOOP-08)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_poll(runtime_: kja_runtime_t, turns: *mut u64) -> kja_status_t {
    boundary(|| {
        let made = runtime(runtime_)?.poll()?;
        if turns.is_null() { Ok(()) } else { put(turns, made) }
    })
}

/// Wait scope: turns the loop for `nanos` nanoseconds and writes the number of turns. `turns` may be null.
/// Errors as for `kja_runtime_poll`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_run(runtime_: kja_runtime_t, nanos: u64, turns: *mut u64) -> kja_status_t {
    boundary(|| {
        let made = runtime(runtime_)?.run(nanos)?;
        if turns.is_null() { Ok(()) } else { put(turns, made) }
    })
}
