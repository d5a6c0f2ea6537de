//! What there is to log of a request.

use crate::http::outgoing_body::Sent;
use crate::sync::Lock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};

/// What has become of a request so far. (HSRV-20)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestSummary {
    /// Of the response; `None` if none has begun.
    pub status: Option<u16>,
    /// How many bytes of the body of the request have been read.
    pub received: u64,
    /// How many bytes of the body of the response have been taken to be sent, not counting how they are framed. Counted only
    /// for a server with an `on_request_end`.
    pub sent: u64,
    /// Whether that was the whole response.
    pub whole: bool,
    /// From the end of the head to the end of the request, or until now, in nanoseconds.
    pub nanos: u64,
}

/// What is counted while a request goes on.
#[derive(Default)]
pub(super) struct Record {
    began: u64,
    ended: AtomicU64,
    is_over: AtomicBool,
    status: AtomicU16,
    sent: Lock<Option<Arc<Sent>>>,
}

impl Record {
    pub(super) fn new(now: u64) -> Self {
        Self { began: now, ..Self::default() }
    }

    pub(super) fn answered_with(&self, status: u16) {
        self.status.store(status, Ordering::Release);
    }

    /// The count that the body of the response keeps.
    pub(super) fn sent(&self) -> Arc<Sent> {
        self.sent.lock().get_or_insert_default().clone()
    }

    pub(super) fn end(&self, now: u64) {
        self.ended.store(now, Ordering::Release);
        self.is_over.store(true, Ordering::Release);
    }

    pub(super) fn summary(&self, received: u64, now: u64) -> RequestSummary {
        let until = if self.is_over.load(Ordering::Acquire) { self.ended.load(Ordering::Acquire) } else { now };
        let status = self.status.load(Ordering::Acquire);
        let sent = self.sent.lock().clone();
        RequestSummary {
            status: (status != 0).then_some(status),
            received,
            sent: sent.as_ref().map_or(0, |sent| sent.bytes.load(Ordering::Acquire)),
            whole: sent.is_some_and(|sent| sent.whole.load(Ordering::Acquire)),
            nanos: until.saturating_sub(self.began),
        }
    }
}
