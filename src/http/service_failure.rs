//! Why a service in this process has failed, for the client that it answers. (HCLI-20)

use crate::error::Error;
use crate::sync::Lock;
use std::sync::Arc;

/// The error of a service, from its server to its client.
#[derive(Clone, Default)]
pub(super) struct ServiceFailure(Arc<Lock<Option<Error>>>);

impl ServiceFailure {
    pub(super) fn note(&self, error: &Error) {
        *self.0.lock() = Some(error.clone());
    }

    pub(super) fn take(&self) -> Option<Error> {
        self.0.lock().take()
    }
}
