//! Runtimes: an event loop with its own thread, or a wait scope that its owner drives.

mod belongings;
mod budget;
pub mod clock;
mod detached;
mod drive;
mod executor;
mod local;
#[cfg(all(test, kja_model))]
pub(crate) mod model;
mod on_loop;
mod parker;
mod pauses;
#[cfg_attr(kja_model, allow(dead_code))]
mod pollable;
mod pump;
mod queue;
mod roots;
mod scope;
mod shutdown;
mod sleepers;
mod stats;
mod timer;
mod timer_slots;

pub(crate) use belongings::{Belonging, Entry, Lent};
pub use executor::Executor;
pub(crate) use on_loop::{home, on_any_loop};
pub(crate) use parker::Parker;
pub(crate) use pauses::Pauses;
pub(crate) use roots::Place;
pub(crate) use stats::Slow;
pub use stats::Stats;
pub(crate) use timer::Timer;

use crate::error::Error;
use crate::foreign::{Hook, Opaque};
pub(crate) use crate::object::Status;
use crate::object::{Object, Owner};
use crate::promise::{Coroutines, Fulfiller, Promise, Turn, this_thread, watch_forks};
use crate::sync::Lock;
use crate::value::Outcome;
use belongings::Belongings;
use clock::Clock;
use detached::Detached;
use local::Locals;
pub use local::new_local_key;
use queue::Queue;
use roots::Roots;
use scope::{Driven, WaitScope};
use shutdown::LoopThread;
use sleepers::Sleepers;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use timer::Timers;

pub(crate) type RuntimeId = u32;

/// How a runtime is driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By a thread of its own.
    #[default]
    Thread,
    /// By the thread that made it, inside its calls only.
    WaitScope,
}

/// What may be chosen when a runtime is made.
pub struct Options {
    /// How it is driven.
    pub mode: Mode,
    /// How long `shutdown` may take, in nanoseconds.
    pub shutdown_nanos: u64,
    /// How long a caller and an idle loop look before they sleep, in nanoseconds; 0 for not at all.
    pub look_nanos: u64,
    /// Timers go by a clock that only `advance` moves; waits for the system do not. (TIME-06)
    pub virtual_time: bool,
    /// How many turns in a row before timers and sockets get a look, however long they take; 0 for 256, or fewer if they
    /// take more than about 50 microseconds together. With virtual time only turns count. (LOOP-09)
    pub turns_per_look: usize,
    pub(crate) hooks: Option<Hooks>,
    pub(crate) slow: Option<Slow>,
    pub(crate) runnable: Option<Runnable>,
    /// Ends all that handles of the runtime stand for, by a deadline. Whoever hands out handles knows how.
    pub(crate) end_handles: fn(&Owner, u64),
}

pub(crate) struct Hooks {
    pub(crate) start: Hook,
    pub(crate) stop: Hook,
    pub(crate) ctx: Arc<Opaque>,
}

/// Tells whoever drives a wait scope that there is something to do. (LOOP-13)
pub(crate) struct Runnable {
    pub(crate) hook: Hook,
    pub(crate) ctx: Arc<Opaque>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Thread,
            shutdown_nanos: 5_000_000_000,
            look_nanos: 50_000,
            virtual_time: false,
            turns_per_look: 0,
            hooks: None,
            slow: None,
            runnable: None,
            end_handles: |_, _| {},
        }
    }
}

/// What the loop, its cells and its callers share.
pub(crate) struct Shared {
    pub(crate) id: RuntimeId,
    pub(crate) owner: Owner,
    pub(crate) queue: Queue,
    pub(crate) timers: Timers,
    /// Waits for the system, if the clock of the timers does not move by itself.
    pauses: Option<Timers>,
    ended_by: AtomicUsize,
    pub(crate) detached: Detached,
    pub(crate) roots: Roots,
    belongings: Belongings,
    pub(crate) coroutines: Coroutines,
    pub(crate) sleepers: Sleepers,
    locals: Locals,
    pub(crate) clock: Clock,
    /// How many cells there are.
    pub(crate) promises: AtomicU64,
    turns: AtomicU64,
    wake_ups: AtomicU64,
    turns_per_look: usize,
    slow: Option<Slow>,
    /// The pump stands still: a wait scope makes its turns itself.
    held: AtomicBool,
    end_handles: fn(&Owner, u64),
    shutdown_nanos: u64,
    look_nanos: u64,
    scope: OnceLock<WaitScope>,
    tokio: Lock<Option<tokio::runtime::Handle>>,
}

impl Shared {
    fn new(options: &mut Options, tokio: Option<tokio::runtime::Handle>) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            owner: Owner::new(),
            queue: Queue::new(options.runnable.take()),
            timers: Timers::new(),
            // What has no reactor waits for nothing of the system's.
            pauses: (options.virtual_time && tokio.is_some()).then(Timers::new),
            ended_by: AtomicUsize::new(0),
            detached: Detached::default(),
            roots: Roots::default(),
            belongings: Belongings::default(),
            coroutines: Coroutines::default(),
            sleepers: Sleepers::default(),
            locals: Locals::default(),
            clock: Clock::new(options.virtual_time),
            promises: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            wake_ups: AtomicU64::new(0),
            turns_per_look: options.turns_per_look,
            slow: options.slow.take(),
            held: AtomicBool::new(false),
            end_handles: options.end_handles,
            shutdown_nanos: options.shutdown_nanos,
            look_nanos: options.look_nanos,
            scope: OnceLock::new(),
            tokio: Lock::new(tokio),
        })
    }

    /// Wakes whatever is due.
    fn fire_timers(&self, due: &mut Vec<Waker>) {
        self.timers.fire(&self.clock, due);
        if let Some(pauses) = &self.pauses {
            pauses.fire(&Clock::Monotonic, due);
        }
    }

    pub(crate) fn on_loop(&self) -> bool {
        on_loop::is_inside(self.id)
    }

    pub(crate) fn status(&self) -> Status {
        self.owner.status()
    }

    /// Has the loop poll a cell: right after what it is at, if this is its thread.
    pub(crate) fn run_next(cell: Arc<crate::promise::Cell>) {
        if on_loop::takes(&cell) {
            // On the loop's thread nobody puts the loop to sleep again in between.
            cell.runtime.queue.wake();
            on_loop::push(cell);
        } else {
            cell.runtime.queue.push(cell.clone(), Turn::Queued);
        }
    }

    /// Why there is no outcome, for those who learn of a promise that nobody holds any more.
    pub(crate) fn gone(&self) -> Error {
        if self.status() == Status::Live { Error::canceled() } else { Error::shutdown() }
    }

    /// The thread that ends everything of the runtime just now; 0 for none.
    pub(crate) fn ended_by(&self) -> usize {
        self.ended_by.load(Ordering::Relaxed)
    }

    pub(crate) fn is_ended_here(&self) -> bool {
        self.ended_by() == this_thread()
    }

    pub(crate) fn check_live(&self) -> Result<(), Error> {
        if self.status() == Status::Live { Ok(()) } else { Err(Error::shutdown()) }
    }

    /// Whether an operation may be started here and now.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.check_live()?;
        match self.scope.get() {
            Some(scope) if !scope.is_owner() => Err(Error::wrong_thread()),
            _ => Ok(()),
        }
    }

    pub(crate) fn wait_scope(&self) -> Option<&WaitScope> {
        self.scope.get()
    }

    pub(crate) fn look_nanos(&self) -> u64 {
        self.look_nanos
    }

    /// The reactor, to register sockets with.
    pub(crate) fn tokio(&self) -> Result<tokio::runtime::Handle, Error> {
        self.tokio.lock().clone().ok_or_else(Error::shutdown)
    }
}

/// A runtime: dropping it shuts it down.
pub struct Runtime {
    shared: Arc<Shared>,
    thread: Lock<Option<LoopThread>>,
    released: AtomicBool,
}

impl Runtime {
    /// Starts a runtime. For a wait scope the calling thread becomes its owner. (LOOP-02, LOOP-05)
    pub fn new(mut options: Options) -> Result<Self, Error> {
        watch_forks();
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::from_io("starting an event loop", &error))?;
        let shared = Shared::new(&mut options, Some(tokio.handle().clone()));
        // One tokio task polls everything: the cooperative budget of a task does not fit it.
        let pump = tokio::task::unconstrained(pump::pump(shared.clone()));
        let pump = tokio.spawn(pump);
        let thread = match options.mode {
            Mode::Thread => Some(LoopThread::spawn(&shared, tokio, pump, options.hooks)?),
            Mode::WaitScope => {
                shared.scope.get_or_init(|| WaitScope::new(Driven { tokio, pump: Some(pump) }));
                None
            }
        };
        Ok(Self { shared, thread: Lock::new(thread), released: AtomicBool::new(false) })
    }

    /// Whether it has not been shut down.
    pub fn is_alive(&self) -> bool {
        self.shared.status() == Status::Live
    }

    /// Whether the calling thread is inside this runtime's loop.
    pub fn on_loop(&self) -> bool {
        self.shared.on_loop()
    }

    /// A handle for calls from any thread. (EXEC-01)
    pub fn executor(&self) -> Result<Executor, Error> {
        self.shared.check_live()?;
        Ok(Executor(self.shared.clone()))
    }

    /// A promise that has settled. (PROM-02, PROM-03)
    pub fn settled(&self, outcome: Outcome) -> Result<Promise, Error> {
        self.shared.check()?;
        Ok(Promise::settled(self.shared.clone(), outcome))
    }

    /// A promise that never settles. (PROM-21)
    pub fn never(&self) -> Result<Promise, Error> {
        self.shared.check()?;
        Ok(Promise::outside(self.shared.clone()))
    }

    /// A promise that is settled by hand. (FULF-07, FULF-11)
    pub fn fulfiller(&self) -> Result<(Fulfiller, Promise), Error> {
        self.shared.check()?;
        Ok(Fulfiller::new(self.shared.clone()))
    }

    /// Settles `nanos` from now; never early. (TIME-03)
    pub fn sleep(&self, nanos: u64) -> Result<Promise, Error> {
        self.sleep_until(self.shared.clock.after(nanos))
    }

    /// Settles at this time of the monotonic clock. (TIME-02)
    pub fn sleep_until(&self, deadline: u64) -> Result<Promise, Error> {
        self.shared.check()?;
        Ok(Promise::timer(self.shared.clone(), Timer::at(&self.shared, deadline)))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Object for Runtime {}
