//! The body of a message that goes out.

use crate::error::Error;
use crate::stream::Read;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The body of a message that goes out, as the protocol engine asks for it.
pub(super) struct OutgoingBody {
    source: Source,
    left: Option<u64>,
    /// Something that is to live as long as the engine has the body.
    pub(super) attached: Option<Box<dyn Send>>,
}

enum Source {
    None,
    Bytes(Bytes),
    Stream(Read),
}

impl OutgoingBody {
    pub(super) fn none() -> Self {
        Self { source: Source::None, left: Some(0), attached: None }
    }

    pub(super) fn bytes(bytes: Bytes) -> Self {
        let left = Some(bytes.len() as u64);
        Self { source: Source::Bytes(bytes), left, attached: None }
    }

    /// What `read` brings: that many bytes, if that was said.
    pub(super) fn stream(read: Read, length: Option<u64>) -> Self {
        Self { source: Source::Stream(read), left: length, attached: None }
    }
}

impl http_body::Body for OutgoingBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        match &mut this.source {
            Source::None => Poll::Ready(None),
            Source::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                this.source = Source::None;
                this.left = Some(0);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Source::Stream(read) => match ready!(read.poll_bytes(cx)) {
                Ok(bytes) if bytes.is_empty() => {
                    this.source = Source::None;
                    Poll::Ready(None)
                }
                Ok(bytes) => {
                    if let Some(left) = &mut this.left {
                        *left = left.saturating_sub(bytes.len() as u64);
                    }
                    Poll::Ready(Some(Ok(Frame::data(bytes))))
                }
                Err(error) => Poll::Ready(Some(Err(error))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::None => true,
            Source::Bytes(bytes) => bytes.is_empty(),
            Source::Stream(_) => self.left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
