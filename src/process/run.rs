//! Running a program to its end.

use super::{Command, Standard, Stdio};
use crate::error::Error;
use crate::object::{Object, Owner};
use crate::promise::{Promise, Watch, When};
use crate::runtime::{Runtime, Shared};
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// How a program has ended, and what it has said.
pub struct ProcessOutput {
    runtime: Arc<Shared>,
    status: i32,
    stdout: Bytes,
    stderr: Bytes,
}

impl ProcessOutput {
    /// The status that `waitpid` gives.
    pub fn status(&self) -> i32 {
        self.status
    }

    /// What came on its standard output, if that was collected.
    pub fn stdout(&self) -> &Bytes {
        &self.stdout
    }

    /// What came on its standard error, if that was collected.
    pub fn stderr(&self) -> &Bytes {
        &self.stderr
    }
}

impl Object for ProcessOutput {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime.owner)
    }

    fn byte_count(&self) -> usize {
        self.stdout.len() + self.stderr.len()
    }
}

/// Waits for all of them, or for the first error.
async fn all(mut waits: [Option<Watch>; 3]) -> Result<[Option<Value>; 3], Error> {
    let mut values = [const { None }; 3];
    poll_fn(|cx| {
        for (wait, value) in waits.iter_mut().zip(&mut values) {
            if let Some(pending) = wait
                && pending.poll_settled(cx)
            {
                *value = Some(pending.outcome()?);
                *wait = None;
            }
        }
        if waits.iter().all(Option::is_none) { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
    .map(|()| values)
}

impl Command {
    /// Starts it, writes `input` to it, and waits until it has ended and what it has said is read. Output and error are collected
    /// unless they are to go elsewhere, at most `limit` bytes of each; its input is that, or nothing, unless it is to come from
    /// elsewhere. The promise carries a [`ProcessOutput`].
    ///
    /// # Errors
    /// `Overloaded` for more than `limit`, which kills it; those of `spawn`.
    ///
    /// # Cancellation
    /// It is killed, unless it was to be kept.
    pub fn run(mut self, runtime: &Runtime, input: &[u8], limit: usize) -> Result<Promise, Error> {
        for stdio in [&mut self.stdout, &mut self.stderr] {
            if matches!(stdio, Stdio::Inherit) {
                *stdio = Stdio::Pipe;
            }
        }
        match self.stdin {
            Stdio::Inherit if input.is_empty() => self.stdin = Stdio::Null,
            Stdio::Inherit => self.stdin = Stdio::Pipe,
            _ if !input.is_empty() => return Err(Error::invalid("input for a program that has another one")),
            _ => {}
        }
        let process = self.spawn(runtime)?;
        let writing = match process.stream(Standard::Input) {
            None => None,
            Some(stdin) => {
                let write = stdin.write(input)?;
                let stdin = stdin.clone();
                // It need not read all of it.
                Some(write.then(When::Both, move |_| -> Outcome {
                    stdin.close();
                    Ok(Value::Unit)
                }))
            }
        };
        let read = |standard| {
            let read = process.stream(standard).map(|stream| stream.read_all(limit)).transpose()?;
            Ok::<_, Error>(read.map(Watch::new))
        };
        let waits = [read(Standard::Output)?, read(Standard::Error)?, Some(Watch::new(process.wait()?))];
        let shared = runtime.shared().clone();
        Ok(Promise::start(shared.clone(), "run", async move {
            let [stdout, stderr, status] = all(waits).await?;
            drop((writing, process));
            let bytes = |value: Option<Value>| value.and_then(Value::into_bytes).unwrap_or_default();
            let status = match status.map(Value::claim) {
                Some(Value::U64(status)) => status as u32 as i32,
                _ => return Err(Error::wrong_type()),
            };
            let output = ProcessOutput { runtime: shared, status, stdout: bytes(stdout), stderr: bytes(stderr) };
            Ok(Value::object(Arc::new(output)))
        }))
    }
}
