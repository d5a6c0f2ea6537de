//! The system's own forms of things: socket addresses, socket options, pipes, signals, children. Where systems
//! differ is in `sys`.

pub(crate) mod option;
pub(crate) mod pipe;
pub(crate) mod process;
pub(crate) mod signal;
pub(crate) mod sockaddr;
pub(crate) mod sys;

pub use sockaddr::Family;
