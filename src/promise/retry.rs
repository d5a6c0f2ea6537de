//! Trying again.

use super::{Continuation, Promise, Resolution, Watch};
use crate::error::{Error, ErrorKind};
use crate::foreign::ForeignCallback;
use crate::runtime::{Runtime, Shared, Timer};
use crate::value::Outcome;
use std::sync::Arc;

/// When to try again. The default is KJ's: once more, at once, if the peer was gone. (PROM-29)
#[derive(Clone, Debug)]
pub struct Retry {
    /// How often to try at most, the first time included.
    pub attempts: u32,
    /// After which kinds of error.
    pub kinds: Vec<ErrorKind>,
    /// How long to wait before the second attempt, in nanoseconds; doubled for each one after it.
    pub first_delay: u64,
    /// The longest that this grows to.
    pub longest_delay: u64,
}

impl Default for Retry {
    fn default() -> Self {
        let longest_delay = 30_000_000_000;
        Self { attempts: 2, kinds: vec![ErrorKind::Disconnected], first_delay: 0, longest_delay }
    }
}

/// Code that runs on the loop for each attempt.
#[derive(Clone)]
pub(crate) enum Attempt {
    Foreign(Arc<ForeignCallback>),
    Closure(Arc<dyn Fn() -> Resolution + Send + Sync>),
}

impl Attempt {
    fn continuation(&self) -> Continuation {
        match self {
            Self::Foreign(callback) => Continuation::Repeated(callback.clone()),
            Self::Closure(closure) => {
                let closure = closure.clone();
                Continuation::Closure(Box::new(move |_| closure()))
            }
        }
    }
}

async fn retry(runtime: Arc<Shared>, policy: Retry, attempt: Attempt) -> Outcome {
    let mut delay = policy.first_delay.min(policy.longest_delay);
    let mut left = policy.attempts;
    loop {
        let tried = Watch::new(Promise::call(runtime.clone(), attempt.continuation())).await;
        left -= 1;
        match tried {
            Err(error) if left > 0 && policy.kinds.contains(&error.kind()) => {}
            done => return done,
        }
        if delay > 0 {
            Timer::after(&runtime, delay).await;
        }
        delay = delay.saturating_mul(2).min(policy.longest_delay);
    }
}

impl Promise {
    /// Runs `attempt` on the loop, again and again as the policy says; the outcome is the last one's. (PROM-29)
    ///
    /// # Cancellation
    /// The attempt under way is cancelled, and there is no other.
    pub fn retry<R: Into<Resolution>>(
        runtime: &Runtime,
        policy: Retry,
        attempt: impl Fn() -> R + Send + Sync + 'static,
    ) -> Result<Promise, Error> {
        Self::retry_attempt(runtime, policy, Attempt::Closure(Arc::new(move || attempt().into())))
    }

    pub(crate) fn retry_attempt(runtime: &Runtime, policy: Retry, attempt: Attempt) -> Result<Promise, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        if policy.attempts == 0 {
            return Err(Error::invalid("no attempt at all"));
        }
        Ok(Promise::start(runtime.clone(), "retry", retry(runtime.clone(), policy, attempt)))
    }
}
