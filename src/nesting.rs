//! How deep things may stand on top of each other.
//!
//! A read through layers, a connect through wrappers and the drop of either go through all of them in one call, and each
//! takes some stack. So their number is bounded where one is made. What holds any number of others, such as a value that is a
//! queue of values, or a pointer whose destructor releases a handle, is dropped in turn.

use crate::error::{Error, ErrorKind};
use crate::sync::{Lasting, per_thread};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many may stand on top of each other, the lowest among them.
pub(crate) const MOST_LAYERS: usize = 64;

/// How many drops may run inside one another on a thread.
const MOST_DROPS: usize = 16;

/// How many there are with one on top of these.
pub(crate) fn one_more(layers: usize, what: &str) -> Result<usize, Error> {
    if layers < MOST_LAYERS { Ok(layers + 1) } else { Err(too_many(what)) }
}

pub(crate) fn too_many(what: &str) -> Error {
    Error::new(ErrorKind::Overloaded, format!("more than {MOST_LAYERS} {what} on top of each other"))
}

type Drops = Vec<Box<dyn FnOnce()>>;

per_thread! {
    /// How many drops this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// What was too deep inside others to be dropped there.
    static PUT_OFF: Lasting<Drops> = const { Lasting::new(ManuallyDrop::new(Vec::new())) };
}

/// One drop further in, until this is dropped, be it by a panic.
struct Deeper(usize);

impl Deeper {
    fn new() -> Self {
        DEPTH.with(|depth| Self(depth.replace(depth.get() + 1)))
    }
}

impl Drop for Deeper {
    fn drop(&mut self) {
        if self.0 + 1 == MOST_DROPS {
            work_off();
        }
        DEPTH.with(|depth| depth.set(self.0));
    }
}

/// Whether this thread is in as many drops as may run inside one another.
pub(crate) fn is_deep() -> bool {
    DEPTH.with(Cell::get) >= MOST_DROPS
}

/// Runs `run`, in which others may be dropped, as a drop that they are in.
pub(crate) fn one_deeper<R>(run: impl FnOnce() -> R) -> R {
    let _deeper = Deeper::new();
    run()
}

/// Runs what drops something that may be the last holder of another such thing: now, or, `MOST_DROPS` deep, right after the
/// drop that it is in. So a chain of any length takes a bounded stack.
pub(crate) fn drop_in_turn(drop_it: impl FnOnce() + 'static) {
    if is_deep() {
        PUT_OFF.with(|put_off| put_off.borrow_mut().push(Box::new(drop_it)));
    } else {
        one_deeper(drop_it);
    }
}

/// Drops what was put off inside the drop that is about to end, and what that puts off in its turn. A panic in one keeps
/// nothing else from going.
fn work_off() {
    while let Some(next) = PUT_OFF.with(|put_off| put_off.borrow_mut().pop()) {
        drop(catch_unwind(AssertUnwindSafe(next)));
    }
    // The list has no destructor: no thread may end with memory in it.
    drop(PUT_OFF.with(|put_off| std::mem::take(&mut **put_off.borrow_mut())));
}
