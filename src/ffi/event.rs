//! Events.

use super::{boundary, created, get, kja_event_t, kja_promise_t, kja_runtime_t, kja_status_t, question, release};
use crate::coordination::Event;
use crate::runtime::Runtime;

/// Makes an event that has not happened.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_event_new(runtime: kja_runtime_t, out: *mut kja_event_t) -> kja_status_t {
    created(out, || Event::new(&*get::<Runtime>(runtime)?))
}

/// Lets it happen: everyone who waits for it, or will, learns of it. Later calls succeed and do nothing. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn kja_event_set(event: kja_event_t) -> kja_status_t {
    boundary(|| {
        get::<Event>(event)?.set();
        Ok(())
    })
}

/// Whether it has happened; false for a handle that is none.
#[unsafe(no_mangle)]
pub extern "C" fn kja_event_is_set(event: kja_event_t) -> bool {
    question(|| Some(get::<Event>(event).ok()?.is_set()))
}

/// Settles with unit once it has happened, at once if it has. Cancellation: this waiter leaves, the others stay.
/// Releasing the event rejects its waiters with `FAILED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_event_wait_start(event: kja_event_t, out: *mut kja_promise_t) -> kja_status_t {
    created(out, || get::<Event>(event)?.wait())
}

/// Releases the handle.
#[unsafe(no_mangle)]
pub extern "C" fn kja_event_release(event: kja_event_t) -> kja_status_t {
    release::<Event>(event)
}
