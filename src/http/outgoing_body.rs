//! The body of a message that goes out.

use super::{Headers, for_engine};
use crate::error::Error;
use crate::stream::Read;
use crate::sync::Lock;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

/// The body of a message that goes out, as the protocol engine asks for it.
pub(super) struct OutgoingBody {
    source: Source,
    left: Option<u64>,
    /// Keeps count, if somebody wants to know.
    sent: Option<Arc<Sent>>,
    /// Something that is to live as long as the engine has the body.
    pub(super) attached: Option<Box<dyn Send>>,
}

enum Source {
    None,
    Bytes(Bytes),
    Stream(Read, Arc<Trailers>),
}

/// The headers behind a body, which are there by the time it ends.
#[derive(Default)]
pub(super) struct Trailers(Lock<Headers>);

impl Trailers {
    pub(super) fn set(&self, headers: Headers) {
        *self.0.lock() = headers;
    }

    fn take(&self) -> Result<Option<http::HeaderMap>, Error> {
        let headers = std::mem::take(&mut *self.0.lock());
        if headers.is_empty() { Ok(None) } else { for_engine(&headers).map(Some) }
    }
}

impl OutgoingBody {
    pub(super) fn none() -> Self {
        Self::of(Source::None, Some(0))
    }

    pub(super) fn bytes(bytes: Bytes) -> Self {
        let left = Some(bytes.len() as u64);
        Self::of(Source::Bytes(bytes), left)
    }

    /// What `read` brings: that many bytes, if that was said, and otherwise with trailers behind them.
    pub(super) fn stream(read: Read, length: Option<u64>, trailers: Arc<Trailers>) -> Self {
        Self::of(Source::Stream(read, trailers), length)
    }

    fn of(source: Source, left: Option<u64>) -> Self {
        Self { source, left, sent: None, attached: None }
    }
}

/// What the engine has taken of a body.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) bytes: AtomicU64,
    pub(super) whole: AtomicBool,
}

impl Sent {
    pub(super) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }
}

impl OutgoingBody {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.source {
            Source::None => Poll::Ready(None),
            Source::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.source = Source::None;
                self.left = Some(0);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Source::Stream(read, trailers) => match ready!(read.poll_bytes(cx)) {
                Ok(bytes) if bytes.is_empty() => {
                    let trailers = if self.left.is_none() { trailers.take()? } else { None };
                    self.source = Source::None;
                    Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
                }
                Ok(bytes) => {
                    if let Some(left) = &mut self.left {
                        *left = left.saturating_sub(bytes.len() as u64);
                    }
                    Poll::Ready(Some(Ok(Frame::data(bytes))))
                }
                Err(error) => Poll::Ready(Some(Err(error))),
            },
        }
    }

    /// Has it counted what the engine takes.
    pub(super) fn count(&mut self, sent: Arc<Sent>) {
        // Of an empty body the engine asks for nothing.
        sent.whole.store(http_body::Body::is_end_stream(self), Ordering::Release);
        self.sent = Some(sent);
    }
}

impl http_body::Body for OutgoingBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let taken = ready!(self.poll_data(cx));
        if let Some(sent) = &self.sent {
            let whole = match &taken {
                None => self.left.is_none_or(|left| left == 0),
                Some(Ok(frame)) => {
                    sent.bytes.fetch_add(frame.data_ref().map_or(0, Bytes::len) as u64, Ordering::AcqRel);
                    http_body::Body::is_end_stream(&*self)
                }
                Some(Err(_)) => false,
            };
            sent.whole.store(whole, Ordering::Release);
        }
        Poll::Ready(taken)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::None => true,
            Source::Bytes(bytes) => bytes.is_empty(),
            Source::Stream(..) => self.left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
