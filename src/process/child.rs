//! A child of this process until it is reaped, which happens once.

use crate::error::{Error, ErrorKind};
use crate::os::process::{await_exit, exit_descriptor, reap};
use crate::os::signal::send;
use crate::promise::Promise;
use crate::runtime::{Pauses, Shared};
use crate::stream::{Registered, register};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Lock, global};
use crate::value::{Outcome, Value};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::ready;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::Interest;

/// How long whoever drops a child that has been killed waits for its end, if the loop does no longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// How soon to look again at a child whose end was told of before it could be reaped; doubled up to the second figure.
const FIRST_PAUSE: u64 = 1_000_000;
const LONGEST_PAUSE: u64 = 100_000_000;

// Children that no loop watches any more. They are looked at whenever another one is started or dropped.
global!(ORPHANS: Lock<Vec<Arc<Child>>> = Lock::new(Vec::new()));

pub(super) fn reap_orphans() {
    ORPHANS.lock().retain(|child| matches!(child.reap(), Ok(None)));
}

/// Its number is its own, so that nothing is ever sent to another process: system calls that take the number are made under the
/// lock.
pub(super) struct Child {
    pid: i32,
    status: Lock<Option<i32>>,
    killed: AtomicBool,
    /// To be reaped here also if nobody waits for it.
    is_ours: bool,
}

impl Child {
    pub(super) fn new(pid: i32, is_ours: bool) -> Arc<Self> {
        Arc::new(Self { pid, status: Lock::new(None), killed: AtomicBool::new(false), is_ours })
    }

    /// Its number, until it has been reaped.
    pub(super) fn pid(&self) -> Option<i32> {
        self.status.lock().is_none().then_some(self.pid)
    }

    /// Whether its exit is to be taken here in any case.
    pub(super) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Takes its exit, if it has one and nobody did before; its status once it is known.
    fn reap(&self) -> std::io::Result<Option<i32>> {
        let mut status = self.status.lock();
        if status.is_none() {
            *status = reap(self.pid)?;
        }
        Ok(*status)
    }

    /// Sends a signal to it, or to the process group that it leads.
    pub(super) fn kill(&self, signal: i32, group: bool) -> Result<(), Error> {
        let status = self.status.lock();
        if status.is_some() {
            return Err(Error::with_os(ErrorKind::Failed, libc::ESRCH, "the process has ended"));
        }
        if signal == libc::SIGKILL {
            self.killed.store(true, Ordering::Release);
        }
        send(if group { -self.pid } else { self.pid }, signal)
    }

    /// Nobody watches it any more.
    pub(super) fn leave(self: &Arc<Self>) {
        if self.is_ours && matches!(self.reap(), Ok(None)) {
            if self.killed.load(Ordering::Acquire) {
                await_exit(self.pid, PATIENCE);
            }
            ORPHANS.lock().push(self.clone());
        }
        reap_orphans();
    }
}

/// What waits for its exit and takes it.
struct Exit {
    child: Arc<Child>,
    /// Told of its end; nothing if it had ended before.
    told: Option<Registered>,
}

impl Exit {
    fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(told) = &self.told {
            ready!(told.poll_read_ready(cx)).map_err(|_| Error::shutdown())?.retain_ready();
        }
        Poll::Ready(Ok(()))
    }

    async fn run(mut self, runtime: Arc<Shared>) -> Outcome {
        let mut pauses = Pauses::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let reaped = self.child.reap().map_err(|error| match error.raw_os_error() {
                Some(libc::ECHILD) => Error::from_io("somebody else has taken the exit of the process", &error),
                _ => Error::from_io("waiting for a process", &error),
            })?;
            if let Some(status) = reaped {
                return Ok(Value::U64(u64::from(status as u32)));
            }
            let mut told_before = true;
            poll_fn(|cx| {
                let told = self.poll_told(cx);
                told_before &= told.is_ready();
                told
            })
            .await?;
            if told_before {
                pauses.next(&runtime).await;
            }
        }
    }
}

impl Drop for Exit {
    fn drop(&mut self) {
        self.child.leave();
    }
}

/// Watches it: a promise of the status that `waitpid` gives.
pub(super) fn watch(runtime: &Arc<Shared>, child: &Arc<Child>) -> Result<Promise, Error> {
    let descriptor = exit_descriptor(child.pid).map_err(|error| Error::from_io("watching a process", &error))?;
    let told = descriptor.map(|descriptor| register(runtime, descriptor, Interest::READABLE)).transpose()?;
    let exit = Exit { child: child.clone(), told };
    Ok(Promise::start(runtime.clone(), "exit", exit.run(runtime.clone())))
}
