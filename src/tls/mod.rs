//! TLS over any connection. (TLS-01 to TLS-27, NET-22)
//!
//! The protocol engine is rustls. A [`TlsContext`] says who is trusted and how this side proves itself; its
//! [wrapper](TlsContext::wrapper) turns connections, listeners, addresses and networks into secure ones.

mod certificates;
mod context;
mod failure;
mod handshake;
mod key_pair;
mod options;
mod provider;
mod secure;
mod shown;
mod trust;
mod verify;

pub use context::TlsContext;
pub use failure::TlsFailure;
pub use key_pair::TlsKeyPair;
pub use options::{ChooseKeyPair, ClientCertificates, TlsOptions, TlsVersion, VerifyPeer};
