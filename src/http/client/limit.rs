//! A number of requests of a client that may run at once. (HCLI-16, HCLI-17, HCLI-18, HCLI-19)

use super::HttpClient;
use super::slots::Slots;
use crate::error::Error;
use crate::promise::Promise;
use crate::runtime::Lent;
use std::sync::Arc;

/// Hears how many requests run and how many wait.
type CountsChanged = dyn Fn(usize, usize) + Send + Sync;

/// How a client is limited.
#[derive(Clone, Copy, Debug)]
pub struct LimitOptions {
    /// The most requests that run at once.
    pub max_running: usize,
    /// The most that wait for one of them to end: 1024. One more fails with `Overloaded`.
    pub max_waiting: usize,
    /// Whether a request counts until the head of its response has come, and not until the end of the body. (HCLI-18)
    pub until_head: bool,
}

/// The requests of a client that run and wait.
pub(super) struct Limit {
    slots: Arc<Slots>,
    until_head: bool,
    /// Tells somebody of the counts.
    _telling: Option<Promise>,
}

impl Limit {
    pub(super) fn slots(&self) -> Arc<Slots> {
        self.slots.clone()
    }

    pub(super) fn ends_at_head(&self) -> bool {
        self.until_head
    }
}

impl HttpClient {
    /// The same client, of whose requests no more than a number run at once; the others wait, in order, and one that is given up
    /// leaves the line. A WebSocket or a tunnel counts until it is closed. `changed` runs on the loop after the counts have
    /// changed, with how many run and how many wait by then; of changes in quick succession it may hear only the last.
    /// Dropping the client ends no request; the last of them ends the limit. (HCLI-16, HCLI-17, HCLI-18, HCLI-19)
    ///
    /// # Errors
    /// `InvalidArgument` for no request at all, and for a client that is limited already.
    pub fn limited(
        &self,
        options: LimitOptions,
        changed: Option<impl Fn(usize, usize) + Send + Sync + 'static>,
    ) -> Result<Self, Error> {
        let runtime = &self.inner.runtime;
        runtime.check()?;
        if options.max_running == 0 || self.limit.is_some() {
            return Err(Error::invalid("a limit of no request, or of a client that is limited already"));
        }
        let slots = Slots::new(runtime, options.max_running, options.max_waiting);
        let telling = changed.map(|changed| {
            let changed = Lent::<CountsChanged>::new(runtime, Arc::new(changed));
            let slots = slots.clone();
            Promise::start_on_loop(runtime.clone(), "http counts", async move {
                loop {
                    let counts = std::future::poll_fn(|cx| slots.poll_changed(cx)).await;
                    changed.get()?(counts.running, counts.waiting);
                }
            })
        });
        let limit = Limit { slots, until_head: options.until_head, _telling: telling };
        Ok(Self { inner: self.inner.clone(), limit: Some(Arc::new(limit)) })
    }

    /// How many requests run and how many wait, if the client is limited. (HCLI-17)
    pub fn counts(&self) -> Option<(usize, usize)> {
        let counts = self.limit.as_ref()?.slots.counts();
        Some((counts.running, counts.waiting))
    }
}
