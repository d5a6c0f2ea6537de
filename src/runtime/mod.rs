//! Runtimes: an event loop with its own thread, or a wait scope that its owner drives.

pub mod clock;
mod detached;
mod executor;
mod on_loop;
mod parker;
mod pump;
mod queue;
mod scope;
mod shutdown;
mod timer;

pub use executor::Executor;
pub(crate) use on_loop::on_any_loop;
pub(crate) use parker::Parker;
pub(crate) use timer::Timer;

use crate::error::Error;
use crate::foreign::{Hook, Opaque};
use crate::promise::{Fulfiller, Promise};
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use detached::Detached;
use queue::Queue;
use scope::{Driven, WaitScope};
use shutdown::LoopThread;
use std::sync::{Arc, OnceLock};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
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
    pub(crate) hooks: Option<Hooks>,
}

pub(crate) struct Hooks {
    pub(crate) start: Hook,
    pub(crate) stop: Hook,
    pub(crate) ctx: Opaque,
}

impl Default for Options {
    fn default() -> Self {
        Self { mode: Mode::Thread, shutdown_nanos: 5_000_000_000, look_nanos: 50_000, hooks: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Live,
    Closing,
    Closed,
}

/// What the loop, its cells and its callers share.
pub(crate) struct Shared {
    pub(crate) id: RuntimeId,
    pub(crate) queue: Queue,
    pub(crate) timers: Timers,
    pub(crate) detached: Detached,
    turns: AtomicU64,
    status: AtomicU8,
    shutdown_nanos: u64,
    look_nanos: u64,
    scope: OnceLock<WaitScope>,
    tokio: Lock<Option<tokio::runtime::Handle>>,
}

impl Shared {
    pub(crate) fn on_loop(&self) -> bool {
        on_loop::is_inside(self.id)
    }

    pub(crate) fn status(&self) -> Status {
        match self.status.load(Ordering::Acquire) {
            0 => Status::Live,
            1 => Status::Closing,
            _ => Status::Closed,
        }
    }

    /// Has the loop poll a cell: right after what it is at, if this is its thread.
    pub(crate) fn run_next(&self, cell: &Arc<crate::promise::Cell>) {
        if on_loop::push(cell) {
            self.queue.wake();
        } else {
            self.queue.push(cell.clone(), false);
        }
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
}

impl Runtime {
    /// Starts a runtime. For a wait scope the calling thread becomes its owner. (LOOP-02, LOOP-05)
    pub fn new(options: Options) -> Result<Self, Error> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::from_io("starting an event loop", &error))?;
        let shared = Arc::new(Shared {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            queue: Queue::new(),
            timers: Timers::new(),
            detached: Detached::default(),
            turns: AtomicU64::new(0),
            status: AtomicU8::new(Status::Live as u8),
            shutdown_nanos: options.shutdown_nanos,
            look_nanos: options.look_nanos,
            scope: OnceLock::new(),
            tokio: Lock::new(Some(tokio.handle().clone())),
        });
        // One tokio task polls everything: the cooperative budget of a task does not fit it.
        let pump = tokio::task::unconstrained(pump::pump(shared.clone()));
        let pump = tokio.spawn(pump);
        let thread = match options.mode {
            Mode::Thread => Some(LoopThread::spawn(&shared, tokio, pump, options.hooks)?),
            Mode::WaitScope => {
                shared.scope.get_or_init(|| WaitScope::new(Driven { tokio, pump }));
                None
            }
        };
        Ok(Self { shared, thread: Lock::new(thread) })
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

    /// Wait scope: runs what is ready, without blocking. (LOOP-08)
    pub fn poll(&self) -> Result<u64, Error> {
        self.shared.check()?;
        self.shared.scope.get().ok_or_else(Error::not_a_wait_scope)?.poll(&self.shared)
    }

    /// Wait scope: turns the loop for that long. Returns how many turns it made.
    pub fn run(&self, nanos: u64) -> Result<u64, Error> {
        self.shared.check()?;
        let scope = self.shared.scope.get().ok_or_else(Error::not_a_wait_scope)?;
        let before = self.shared.turns.load(Ordering::Relaxed);
        scope.drive(&self.shared, Some(clock::after(nanos)), |_| false)?;
        Ok(self.shared.turns.load(Ordering::Relaxed) - before)
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
        self.sleep_until(clock::after(nanos))
    }

    /// Settles at this time of the monotonic clock. (TIME-02)
    pub fn sleep_until(&self, deadline: u64) -> Result<Promise, Error> {
        self.shared.check()?;
        Ok(Promise::timer(self.shared.clone(), Timer::at(&self.shared, deadline)))
    }

    /// Settles on a later turn, after what is queued now. (PROM-26)
    pub fn yield_now(&self) -> Result<Promise, Error> {
        self.shared.check()?;
        let turn = crate::promise::Continuation::Closure(Box::new(|_| Ok(Value::Unit).into()));
        Ok(Promise::call(self.shared.clone(), None, turn))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}
