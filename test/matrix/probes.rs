//! What tells afterwards what has happened, how often, and in which order.

use crate::gate::{Count, Gate, opaque};
use kjasync::{ErrorKind, Outcome, Value};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Whether an operation holds nothing of the outside any more.
pub(crate) type Over = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a callback of a source does when it runs.
type OwnCancel = Box<dyn FnOnce() + Send>;

#[derive(Clone, Default)]
pub(crate) struct Probes {
    /// The attachment of the operation has been freed.
    pub(crate) gone: Count,
    /// It was freed while the operation still held something.
    pub(crate) gone_early: Count,
    /// The `finally` above the operation has run.
    pub(crate) finally: Count,
    /// It ran before the attachment below it was freed.
    pub(crate) finally_early: Count,
    pub(crate) finally_freed: Count,
    /// What the combinator's callbacks were told, and the source's own.
    pub(crate) told: Arc<Mutex<Vec<Option<ErrorKind>>>>,
    /// Callbacks that began after the cancel had returned.
    pub(crate) late: Count,
    /// Closures and attachments, made and freed.
    pub(crate) made: Count,
    pub(crate) freed: Count,
    pub(crate) values_made: Count,
    pub(crate) values_freed: Count,
    /// The source's own callback: it has begun, it may go on, it has ended.
    pub(crate) begun: Gate,
    pub(crate) go_on: Gate,
    pub(crate) ended: Gate,
    /// What the source's own callback does.
    pub(crate) own: Arc<Mutex<Option<OwnCancel>>>,
    over: Arc<OnceLock<Over>>,
    returned: Arc<AtomicBool>,
}

impl Probes {
    pub(crate) fn watch(&self, over: Over) {
        let _ = self.over.set(over);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.get().is_some_and(|over| over())
    }

    /// The cancel has returned, or its result is known: from now on no callback begins.
    pub(crate) fn return_now(&self) {
        self.returned.store(true, Ordering::SeqCst);
    }

    /// An attachment for the operation.
    pub(crate) fn attachment(&self) -> kjasync::Opaque {
        let this = self.clone();
        opaque(crate::gate::on_drop(move || {
            if !this.is_over() {
                this.gone_early.add();
            }
            this.gone.add();
        }))
    }

    /// The `finally` right above the operation.
    pub(crate) fn finally(&self) -> impl FnOnce(Outcome) -> Outcome + Send + 'static {
        let (this, guard) = (self.clone(), self.finally_freed.on_drop());
        move |outcome| {
            let _guard = &guard;
            if this.gone.get() == 0 {
                this.finally_early.add();
            }
            this.finally.add();
            outcome
        }
    }

    /// Something that has to be freed once.
    pub(crate) fn guard(&self) -> impl Send + 'static {
        self.made.add();
        self.freed.on_drop()
    }

    fn tell(&self, outcome: &Outcome) {
        if self.returned.load(Ordering::SeqCst) {
            self.late.add();
        }
        self.told.lock().unwrap().push(outcome.as_ref().err().map(kjasync::Error::kind));
    }

    /// A callback of a combinator.
    pub(crate) fn callback(&self) -> impl FnOnce(Outcome) -> Outcome + Send + 'static {
        let (this, guard) = (self.clone(), self.guard());
        move |outcome| {
            let _guard = &guard;
            this.tell(&outcome);
            outcome
        }
    }

    /// As `callback`, for a `finally`, which may run after a cancel has returned.
    pub(crate) fn late_callback(&self) -> impl FnOnce(Outcome) -> Outcome + Send + 'static {
        let (this, guard) = (self.clone(), self.guard());
        move |outcome| {
            let _guard = &guard;
            this.told.lock().unwrap().push(None);
            outcome
        }
    }

    /// What the combinator's own callback is told about an error.
    pub(crate) fn on_error(&self) -> impl Fn(kjasync::Error) + Send + Sync + 'static {
        let (this, guard) = (self.clone(), Mutex::new(self.guard()));
        move |error| {
            let _guard = &guard;
            this.tell(&Err(error));
        }
    }

    /// A value that has to be freed once.
    pub(crate) fn value(&self) -> Value {
        self.values_made.add();
        Value::Opaque(Arc::new(opaque(self.values_freed.on_drop())))
    }

    /// The source's own callback, which holds `guard`.
    pub(crate) fn body(&self, guard: impl Send + 'static) -> impl FnOnce() -> Outcome + Send + 'static {
        let this = self.clone();
        move || {
            let _guard = &guard;
            if this.returned.load(Ordering::SeqCst) {
                this.late.add();
            }
            this.begun.open();
            this.go_on.pass();
            let own = this.own.lock().unwrap().take();
            if let Some(own) = own {
                own();
            }
            this.ended.open();
            Ok(this.value())
        }
    }
}
