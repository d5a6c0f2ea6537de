//! Why a service has failed: for the client that it answers, and for one in this process. (HCLI-20)

use crate::error::Error;
use crate::sync::Lock;
use bytes::Bytes;
use std::sync::Arc;

/// The detail of an error under which the status stands that a service which fails with it is answered for with: two bytes, the
/// high one first. Without it the kind decides.
pub const ANSWER_DETAIL: u64 = 0x6b6a_615f_6874_616e;

/// The error, with the status that a service which fails with it is answered for with.
pub(super) fn answered_with(error: Error, status: u16) -> Error {
    error.with_detail(ANSWER_DETAIL, Some(Bytes::copy_from_slice(&status.to_be_bytes())))
}

/// The status that an error asks to be answered with: one of an error, from 400 to 599.
pub(super) fn answer_of(error: &Error) -> Option<u16> {
    let status = <[u8; 2]>::try_from(error.detail(ANSWER_DETAIL)?.as_ref()).ok()?;
    Some(u16::from_be_bytes(status)).filter(|status| (400..600).contains(status))
}

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
