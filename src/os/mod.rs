//! The system's own forms of things: socket addresses, socket options.

pub(crate) mod option;
pub(crate) mod sockaddr;

pub use sockaddr::Family;
