//! Child processes: started here or elsewhere, watched without SIGCHLD, so that others may have children of their own.

mod child;
mod command;
mod run;

pub use command::{Command, Stdio};
pub use run::ProcessOutput;

use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::os::process::is_child;
use crate::promise::{Promise, Watch};
use crate::runtime::{Belonging, Entry, Runtime, Shared, Timer};
use crate::stream::Connection;
use child::{Child, watch};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

/// A child of this process. Its exit is taken as soon as there is one, whether somebody waits or not, and kept.
///
/// Dropping the last holder of one that was started here kills it, unless it was to be kept, and takes its exit soon
/// after. Promises that wait for it hold it.
pub struct Process {
    runtime: Arc<Shared>,
    child: Arc<Child>,
    exit: Promise,
    ends: [Option<Arc<Connection>>; 3],
    leads_group: bool,
    kill_on_drop: bool,
    entry: Entry,
}

/// One of the three standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// Its input, to be written.
    Input = 0,
    /// Its output, to be read.
    Output = 1,
    /// Its error, to be read.
    Error = 2,
}

impl Process {
    fn over(
        runtime: &Arc<Shared>,
        child: Arc<Child>,
        ends: [Option<Arc<Connection>>; 3],
        leads_group: bool,
        kill_on_drop: bool,
    ) -> Result<Arc<Self>, Error> {
        let exit = watch(runtime, &child).inspect_err(|_| {
            // Nobody will ever know of it.
            if kill_on_drop {
                let _ = child.kill(libc::SIGKILL, leads_group);
            }
            child.leave();
        })?;
        let entry = Entry::default();
        let this = Arc::new(Self { runtime: runtime.clone(), child, exit, ends, leads_group, kill_on_drop, entry });
        this.entry.enter(runtime, &this);
        Ok(this)
    }

    /// Watches a child that was started elsewhere. Nobody else may take its exit meanwhile. What is dropped before that has
    /// come is the caller's again, neither killed nor reaped. (UNIX-05, UNIX-06, UNIX-07, UNIX-08)
    ///
    /// # Errors
    /// `InvalidArgument` for what is no child of this process, or has been reaped.
    pub fn watch(runtime: &Runtime, pid: i32) -> Result<Arc<Self>, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        if !is_child(pid) {
            return Err(Error::with_os(
                ErrorKind::InvalidArgument,
                libc::ECHILD,
                format!("{pid} is no child of this process"),
            ));
        }
        Self::over(runtime, Child::new(pid, false), [None, None, None], false, false)
    }

    /// Its number; `None` once its exit has been taken, when another process may have it. (UNIX-06)
    pub fn pid(&self) -> Option<i32> {
        self.child.pid()
    }

    /// Our end of a standard stream that was to be a pipe.
    pub fn stream(&self, standard: Standard) -> Option<&Arc<Connection>> {
        self.ends[standard as usize].as_ref()
    }

    /// The status that `waitpid` gives, once it has ended. Any number may wait, also afterwards. (UNIX-06)
    ///
    /// # Cancellation
    /// The process goes on, and its exit is taken all the same. (UNIX-07)
    pub fn wait(self: &Arc<Self>) -> Result<Promise, Error> {
        self.runtime.check()?;
        let (process, mut exit) = (self.clone(), Watch::new(self.exit.clone()));
        Ok(Promise::start(self.runtime.clone(), "wait", async move {
            let outcome = (&mut exit).await;
            drop(process);
            outcome
        }))
    }

    /// Sends a signal to it. Never hits another process.
    ///
    /// # Errors
    /// `Failed` with `ESRCH` once its exit has been taken.
    pub fn kill(&self, signal: i32) -> Result<(), Error> {
        self.child.kill(signal, false)
    }

    /// Sends a signal to its process group.
    ///
    /// # Errors
    /// As `kill`; `InvalidArgument` if it leads none.
    pub fn kill_group(&self, signal: i32) -> Result<(), Error> {
        if !self.leads_group {
            return Err(Error::invalid("the process was not started with a group of its own"));
        }
        self.child.kill(signal, true)
    }

    /// Asks it to end (SIGTERM), and kills it (SIGKILL) if it has not by `grace_nanos` from now; with a group of its own, all of
    /// that. Its status, as `wait`.
    ///
    /// # Cancellation
    /// What was sent has been sent; it is not killed.
    pub fn stop(self: &Arc<Self>, grace_nanos: u64) -> Result<Promise, Error> {
        self.runtime.check()?;
        let send = |process: &Self, signal| match process.child.kill(signal, process.leads_group) {
            // It was faster.
            Err(error) if error.os_error() == libc::ESRCH => Ok(()),
            sent => sent,
        };
        send(self, libc::SIGTERM)?;
        let process = self.clone();
        let deadline = self.runtime.clock.after(grace_nanos);
        Ok(Promise::start(self.runtime.clone(), "stop", async move {
            let mut exit = Watch::new(process.exit.clone());
            let mut grace = pin!(Timer::at(&process.runtime, deadline));
            let mut waits = true;
            poll_fn(|cx| {
                if exit.poll_settled(cx) {
                    return Poll::Ready(Ok(exit.outcome()));
                }
                if waits && grace.as_mut().poll(cx).is_ready() {
                    waits = false;
                    if let Err(error) = send(&process, libc::SIGKILL) {
                        return Poll::Ready(Err(error));
                    }
                }
                Poll::Pending
            })
            .await?
        }))
    }
}

impl Object for Process {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime.owner)
    }
}

impl Process {
    fn kill_unless_kept(&self) {
        if self.kill_on_drop && self.child.pid().is_some() {
            // It may have ended just now.
            let _ = self.child.kill(libc::SIGKILL, self.leads_group);
        }
    }
}

impl Belonging for Process {
    fn end(&self) {
        self.ends.iter().flatten().for_each(|end| end.close());
        self.kill_unless_kept();
        // The operation that took its exit has ended before.
        self.child.leave();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.child.is_ours() || self.child.pid().is_none() {
            return;
        }
        self.kill_unless_kept();
        if self.exit.outcome().is_some() {
            // Nobody takes its exit any more.
            self.child.leave();
        } else {
            self.exit.clone().give_to_runtime();
        }
    }
}
