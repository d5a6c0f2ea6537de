//! What stands above the operation of a cell, and who holds it.

use crate::probes::Probes;
use crate::rules::Combinator;
use crate::world::HOUR;
use kjasync::promise::{Canceled, Canceler, Fulfiller, Promise, TaskSet, When};
use kjasync::runtime::Runtime;
use kjasync::{Error, Value};
use std::sync::Arc;

/// The result of a combinator, with the operation below it.
pub(crate) enum Built {
    Promise(Promise),
    Set(TaskSet),
    /// The runtime holds it.
    Detached(Arc<Runtime>),
}

impl Built {
    /// Cancels it; whether there was something to cancel, where that is said.
    pub(crate) fn cancel(&self) -> Option<Canceled> {
        match self {
            Self::Promise(promise) => Some(promise.cancel()),
            Self::Set(tasks) => {
                tasks.clear();
                None
            }
            Self::Detached(runtime) => {
                runtime.cancel_detached().expect("a live runtime");
                None
            }
        }
    }

    /// What a thread may await: of a task set, that it is empty.
    pub(crate) fn awaitable(&self) -> Option<Promise> {
        match self {
            Self::Promise(promise) => Some(promise.clone()),
            Self::Set(tasks) => Some(tasks.on_empty().expect("nobody else waits")),
            Self::Detached(_) => None,
        }
    }
}

pub(crate) struct Above {
    pub(crate) built: Built,
    /// Settles another input of the combinator.
    pub(crate) companion: Option<Arc<Fulfiller>>,
    /// Another branch.
    pub(crate) sibling: Option<Promise>,
    /// What has wrapped the result.
    pub(crate) canceler: Option<Canceler>,
}

/// Whether its result also waits for its other input.
pub(crate) fn waits_for_companion(combinator: Combinator, failed: bool) -> bool {
    match combinator {
        Combinator::Join => true,
        Combinator::All => !failed,
        Combinator::Any => failed,
        _ => false,
    }
}

/// How often its callback runs if what is below it settles like this.
pub(crate) fn callbacks(combinator: Combinator, failed: bool) -> usize {
    match combinator {
        Combinator::Then => usize::from(!failed),
        Combinator::Catch | Combinator::TaskSet | Combinator::Detach => usize::from(failed),
        Combinator::Finally => 1,
        _ => 0,
    }
}

type Join = fn(&Runtime, &[Promise]) -> Result<Promise, Error>;

/// Puts the combinator above `promise`, of which it becomes the only holder.
pub(crate) fn build(combinator: Combinator, runtime: &Arc<Runtime>, probes: &Probes, promise: Promise) -> Above {
    let mut above = Above { built: Built::Promise(promise), companion: None, sibling: None, canceler: None };
    let Built::Promise(promise) = &above.built else { return above };
    let mut join = |join: Join, first: bool| {
        let (fulfiller, other) = runtime.fulfiller().expect("a live runtime");
        above.companion = Some(Arc::new(fulfiller));
        let inputs = if first { [promise.clone(), other] } else { [other, promise.clone()] };
        join(runtime, &inputs).expect("two promises")
    };
    let built = match combinator {
        Combinator::None => return above,
        Combinator::Then => promise.then(When::Value, probes.callback()),
        Combinator::Catch => promise.then(When::Error, probes.callback()),
        Combinator::Finally => promise.then(When::Finally, probes.late_callback()),
        Combinator::All => join(Promise::all, false),
        Combinator::Join => join(Promise::join, true),
        Combinator::Any => join(Promise::any, false),
        Combinator::Race => join(Promise::race, true),
        Combinator::Timeout => promise.timeout(3 * HOUR),
        Combinator::Fork => promise.fork(),
        Combinator::Branch => {
            above.sibling = Some(promise.fork());
            promise.fork()
        }
        Combinator::TaskSet => {
            let tasks = TaskSet::new(runtime, 1, probes.on_error()).expect("a live runtime");
            tasks.add(promise).expect("room");
            above.built = Built::Set(tasks);
            return above;
        }
        Combinator::Canceler => {
            let canceler = Canceler::new(runtime).expect("a live runtime");
            let wrapped = canceler.wrap(promise);
            above.canceler = Some(canceler);
            wrapped
        }
        Combinator::Attach => {
            let guard = probes.guard();
            promise.attach(crate::gate::opaque(guard))
        }
        Combinator::Detach => {
            let on_error = probes.on_error();
            let Built::Promise(promise) = std::mem::replace(&mut above.built, Built::Detached(runtime.clone())) else {
                return above;
            };
            promise.detach(Some(Box::new(on_error)));
            return above;
        }
        Combinator::Forward => {
            let (fulfiller, outer) = runtime.fulfiller().expect("a live runtime");
            assert!(fulfiller.forward(promise.clone()), "in time");
            outer
        }
    };
    above.built = Built::Promise(built);
    above
}

/// A value that nothing looks at.
pub(crate) fn fine() -> kjasync::Outcome {
    Ok(Value::Unit)
}
