//! Runtimes.

use super::structure::{growing, structure_in};
use super::{
    boundary, context, created, get, handle, kja_destroy_fn, kja_executor_t, kja_runtime_t, kja_status_t, question,
    take,
};
use crate::error::Error;
use crate::foreign::{Hook, NumberHook};
use crate::runtime::{Hooks, Mode, Options, Runnable, Runtime, Slow};
use std::ffi::c_void;
use std::sync::Arc;

/// The runtime has a loop thread of its own.
pub const KJA_RUNTIME_THREAD: u32 = 0;
/// The runtime is driven by the thread that made it, inside `kja_promise_await`, `kja_runtime_poll` and
/// `kja_runtime_run` only.
pub const KJA_RUNTIME_WAIT_SCOPE: u32 = 1;

/// Timers go by a clock of the runtime's own, which starts at 0 and moves only when `kja_timer_advance` or, on a
/// wait scope, `kja_runtime_run` says so: for tests of what happens in time. Waits for the system go by real time all the
/// same: for the backlog of a unix socket, for descriptors, between the attempts of a connect. (TIME-06)
pub const KJA_RUNTIME_VIRTUAL_TIME: u32 = 1;

/// Choices for `kja_runtime_new`. Zero everything, then set `size` and what is wanted; 0 means the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kja_runtime_options_t {
    /// `sizeof(kja_runtime_options_t)`, so that the structure can grow.
    pub size: usize,
    /// `KJA_RUNTIME_THREAD` (the default) or `KJA_RUNTIME_WAIT_SCOPE`.
    pub mode: u32,
    /// 0 or `KJA_RUNTIME_VIRTUAL_TIME`.
    pub flags: u32,
    /// How long a shutdown may take, in nanoseconds; 0 for 5 seconds.
    pub shutdown_nanos: u64,
    /// How long a caller and an idle loop look for work before they sleep, in nanoseconds; 0 for 50
    /// microseconds, `UINT64_MAX` for not at all.
    pub look_nanos: u64,
    /// How many turns in a row before timers and sockets get a look, however long they take; 0 for 256, or fewer if they
    /// take more than about 50 microseconds together. With virtual time only turns count. (LOOP-09)
    pub turns_per_look: u64,
    /// Turns that take this long, in nanoseconds, are reported to `on_slow_turn`; 0 for none.
    pub slow_turn_nanos: u64,
    /// Runs on the loop's thread before anything else; may be null. For a wait scope it is not used.
    pub on_thread_start: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>,
    /// Runs on the loop's thread after everything else; may be null.
    pub on_thread_stop: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>,
    /// Runs on the loop's thread after a turn that took `nanos`, if that is `slow_turn_nanos` or more; may be null.
    pub on_slow_turn: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void, nanos: u64)>,
    /// Runs on any thread when a sleeping loop gets something to do, so that a host's own loop can call
    /// `kja_runtime_poll`; may be null. It must neither block nor call this library. (LOOP-13)
    pub on_runnable: Option<unsafe extern "C-unwind" fn(ctx: *mut c_void)>,
    /// For all the hooks.
    pub ctx: *mut c_void,
    /// Frees `ctx` when the runtime has ended, or when none was made; may be null.
    pub destroy: kja_destroy_fn,
}
growing!(kja_runtime_options_t, since destroy: kja_destroy_fn);

const LONGEST_LOOK: u64 = 1_000_000_000;

fn read_options(options: kja_runtime_options_t) -> Result<Options, Error> {
    let ctx = Arc::new(context(options.ctx, options.destroy));
    let mode = match options.mode {
        KJA_RUNTIME_THREAD => Mode::Thread,
        KJA_RUNTIME_WAIT_SCOPE => Mode::WaitScope,
        other => return Err(Error::invalid(format!("{other} is no runtime mode"))),
    };
    if options.flags & !KJA_RUNTIME_VIRTUAL_TIME != 0 {
        return Err(Error::invalid(format!("{:#x} are no runtime flags", options.flags)));
    }
    let defaults = Options::default();
    let or = |given: u64, default: u64| if given == 0 { default } else { given };
    let look_nanos = match options.look_nanos {
        u64::MAX => 0,
        nanos => or(nanos, defaults.look_nanos).min(LONGEST_LOOK),
    };
    let hook = |run| Hook { run };
    let slow = NumberHook { run: options.on_slow_turn };
    Ok(Options {
        mode,
        shutdown_nanos: or(options.shutdown_nanos, defaults.shutdown_nanos),
        look_nanos,
        virtual_time: options.flags & KJA_RUNTIME_VIRTUAL_TIME != 0,
        turns_per_look: options.turns_per_look.min(1 << 20) as usize,
        slow: (options.slow_turn_nanos != 0).then(|| Slow::new(options.slow_turn_nanos, slow, ctx.clone())),
        runnable: options.on_runnable.map(|run| Runnable { hook: hook(Some(run)), ctx: ctx.clone() }),
        end_handles: defaults.end_handles,
        hooks: Some(Hooks { start: hook(options.on_thread_start), stop: hook(options.on_thread_stop), ctx }),
    })
}

/// Makes a runtime. `options` may be null for the defaults: a loop on a thread of its own. Any number of
/// runtimes may live side by side. They belong to the process that made them: in a forked child all handles of the parent are
/// `BAD_HANDLE`, and the child may make runtimes of its own. (UNIX-19)
///
/// Errors: `INVALID_ARGUMENT` for options of the wrong size or with unknown values; `OVERLOADED` without
/// descriptors or threads. (LOOP-02, LOOP-05)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_new(
    options: *const kja_runtime_options_t,
    out: *mut kja_runtime_t,
) -> kja_status_t {
    // Read first: the context in it is taken over whatever becomes of the call.
    let options = structure_in(options).and_then(|given| given.map_or_else(|| Ok(Options::default()), read_options));
    handle::watch_forks();
    created(out, || Runtime::new(Options { end_handles: handle::end_all_of, ..options? }))
}

/// Ends the runtime: pending promises reject with `SHUTDOWN`, every socket is closed, the loop's thread is
/// joined. It blocks for the bound in the options at most. Afterwards all handles that belong to the
/// runtime are stale, except the runtime's own, which is still to be released. Bytes stay valid. A second
/// call succeeds. From any thread; for a wait scope from its owner.
///
/// Errors: `WOULD_DEADLOCK` on a loop's thread, and inside a destructor that this runtime's shutdown runs; `TIMED_OUT` if a
/// callback still runs at the end of the bound: the runtime ends when that returns, and another call waits for it again.
/// (LOOP-06)
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_shutdown(runtime: kja_runtime_t) -> kja_status_t {
    boundary(|| get::<Runtime>(runtime)?.shutdown())
}

/// Releases the handle; the runtime is shut down if it is alive. Blocks as `kja_runtime_shutdown` does.
///
/// Errors: `WOULD_DEADLOCK` where `kja_runtime_shutdown` has it; the handle stays valid then. `TIMED_OUT` if a callback still
/// runs at the end of the bound: the handle is released, and the runtime ends when that returns.
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_release(runtime: kja_runtime_t) -> kja_status_t {
    boundary(|| {
        let found = get::<Runtime>(runtime)?;
        found.check_may_end()?;
        take::<Runtime>(runtime)?;
        found.release()
    })
}

/// Whether the runtime has not been shut down; false for a handle that is none.
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_is_alive(runtime: kja_runtime_t) -> bool {
    question(|| Some(get::<Runtime>(runtime).ok()?.is_alive()))
}

/// Whether the calling thread is inside this runtime's loop, where blocking calls are refused.
#[unsafe(no_mangle)]
pub extern "C" fn kja_runtime_on_loop(runtime: kja_runtime_t) -> bool {
    question(|| Some(get::<Runtime>(runtime).ok()?.on_loop()))
}

/// A handle for calls into the loop from any thread. It does not keep the loop alive. (EXEC-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_runtime_executor(runtime: kja_runtime_t, out: *mut kja_executor_t) -> kja_status_t {
    created(out, || get::<Runtime>(runtime)?.executor())
}
