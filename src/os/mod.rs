//! The system's own forms of things: socket addresses, socket options, pipes, signals.

pub(crate) mod option;
pub(crate) mod pipe;
pub(crate) mod signal;
pub(crate) mod sockaddr;

pub use sockaddr::Family;
