//! The key pair that this side shows.

use super::{ChooseKeyPair, TlsKeyPair};
use crate::error::Error;
use crate::promise::Resolution;
use crate::sync::Lock;
use crate::value::Outcome;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::Arc;

/// The key pair of a context, which may be replaced at any time: handshakes that begin later use the new one.
#[derive(Default)]
pub(super) struct Shown {
    own: Lock<Option<Arc<TlsKeyPair>>>,
    /// Chooses that of a client.
    choose: Option<Arc<ChooseKeyPair>>,
}

impl Shown {
    pub(super) fn new(own: Option<Arc<TlsKeyPair>>, choose: Option<Arc<ChooseKeyPair>>) -> Arc<Self> {
        Arc::new(Self { own: Lock::new(own), choose })
    }

    /// One that never changes.
    pub(super) fn only(pair: Arc<TlsKeyPair>) -> Arc<Self> {
        Self::new(Some(pair), None)
    }

    pub(super) fn replace(&self, pair: Option<Arc<TlsKeyPair>>) {
        let old = std::mem::replace(&mut *self.own.lock(), pair);
        drop(old);
    }

    pub(super) fn own(&self) -> Option<Arc<TlsKeyPair>> {
        self.own.lock().clone()
    }

    fn key(&self) -> Option<Arc<CertifiedKey>> {
        self.own.lock().as_ref().map(|pair| pair.0.clone())
    }
}

/// What a callback has chosen; `None` for the context's own.
pub(super) fn chosen(outcome: Outcome) -> Result<Option<Arc<TlsKeyPair>>, Error> {
    let value = outcome?;
    if value.is_unit() {
        return Ok(None);
    }
    value.into_object::<TlsKeyPair>().map(Some).ok_or_else(Error::wrong_type)
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key pair of a context")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.key()
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, authorities: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let Some(choose) = &self.choose else { return self.key() };
        let Resolution::Outcome(outcome) = choose(&authorities.concat()) else { return None };
        match chosen(outcome).ok()? {
            Some(pair) => Some(pair.0.clone()),
            None => self.key(),
        }
    }

    fn has_certs(&self) -> bool {
        self.choose.is_some() || self.own.lock().is_some()
    }
}
