//! The objects of a runtime that hold values, promises or descriptors. Its shutdown ends them, whoever still holds them,
//! be it themselves.

use super::Shared;
use crate::error::Error;
use crate::sync::Lock;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

/// Something that a shutdown ends.
pub(crate) trait Belonging: Send + Sync {
    /// Closes what it has open and drops what it holds. Nobody waits for it any more.
    fn end(&self);
}

#[derive(Default)]
struct Members {
    last: u64,
    objects: BTreeMap<u64, Weak<dyn Belonging>>,
    closed: bool,
}

#[derive(Default)]
pub(crate) struct Belongings(Lock<Members>);

/// An object's entry among the belongings of its runtime, given up when dropped.
#[derive(Default)]
pub(crate) struct Entry(OnceLock<(Arc<Shared>, u64)>);

/// What the caller has lent to an object, such as a callback. It goes when the object does, or when the runtime ends, whoever
/// holds the object then.
pub(crate) struct Lent<T: ?Sized>(Arc<Loan<T>>);

struct Loan<T: ?Sized> {
    lent: Lock<Option<Arc<T>>>,
    entry: Entry,
}

impl<T: ?Sized + Send + Sync + 'static> Lent<T> {
    pub(crate) fn new(runtime: &Arc<Shared>, lent: Arc<T>) -> Self {
        let loan = Arc::new(Loan { lent: Lock::new(Some(lent)), entry: Entry::default() });
        loan.entry.enter(runtime, &loan);
        Self(loan)
    }

    /// # Errors
    /// `Shutdown` once the runtime has ended.
    pub(crate) fn get(&self) -> Result<Arc<T>, Error> {
        self.0.lent.lock().clone().ok_or_else(Error::shutdown)
    }

    /// Gives it back before the object goes.
    pub(crate) fn give_back(&self) {
        self.0.end();
    }
}

impl<T: ?Sized + Send + Sync> Belonging for Loan<T> {
    fn end(&self) {
        let lent = self.lent.lock().take();
        drop(lent);
    }
}

impl Belongings {
    /// Takes all of them, so that nothing of what they hold goes before `end` says so; from now on none is taken in.
    pub(super) fn close(&self) -> Vec<Arc<dyn Belonging>> {
        let objects = {
            let mut members = self.0.lock();
            members.closed = true;
            std::mem::take(&mut members.objects)
        };
        objects.into_values().filter_map(|object| object.upgrade()).collect()
    }
}

impl Entry {
    /// Makes the object that has this entry one of the runtime's. Is that shut down, then the object ends here and now.
    pub(crate) fn enter<T: Belonging + 'static>(&self, runtime: &Arc<Shared>, object: &Arc<T>) {
        let number = {
            let mut members = runtime.belongings.0.lock();
            let number = (!members.closed).then(|| members.last + 1);
            if let Some(number) = number {
                members.last = number;
                members.objects.insert(number, Arc::downgrade(object) as Weak<dyn Belonging>);
            }
            number
        };
        match number {
            Some(number) => drop(self.0.set((runtime.clone(), number))),
            None => object.end(),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some((runtime, number)) = self.0.get() {
            let own = runtime.belongings.0.lock().objects.remove(number);
            drop(own);
        }
    }
}
