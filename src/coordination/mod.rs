//! What several operations share: turns, a queue, permits, an event.

mod consumers;
mod event;
mod queue;
mod semaphore;
mod turn;

pub(crate) use consumers::Consumers;
pub use event::Event;
pub use queue::Queue;
pub use semaphore::{Permit, Semaphore};
pub(crate) use turn::{Turn, Turns};
