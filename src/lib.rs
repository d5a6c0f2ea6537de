//! KjAsync: promises with real cancellation, executors, timers and streams, on a tokio loop behind
//! opaque handles.
//!
//! The C ABI in `include/kjasync.h` is the product's surface; this crate is what it is made of and can be
//! used from Rust directly. `doc/architecture.md` tells how an operation travels.

pub mod codec;
pub mod compression;
pub mod coordination;
mod error;
pub mod ffi;
pub mod filesystem;
mod foreign;
mod fork;
pub mod http;
#[cfg(all(test, kja_model))]
#[path = "../test/models/mod.rs"]
mod models;
mod nesting;
pub mod net;
mod object;
mod os;
mod peer;
pub mod process;
pub mod promise;
pub mod runtime;
pub mod signal;
pub mod stream;
mod sync;
pub mod tls;
mod trim;
mod value;
pub mod websocket;

pub use error::{Context, Error, ErrorKind};
pub use foreign::{DestroyFn, Opaque};
pub use value::{ObjectRef, Outcome, Value};
