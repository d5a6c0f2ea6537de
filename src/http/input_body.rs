//! The body of a message that an input has read.

use super::input::{PIECE, Source};
use super::{BodyLength, ChunkScan, HeadLimits, Headers, ProtocolError, parse_headers};
use crate::error::{Error, ErrorKind};
use crate::stream::Read;
use crate::sync::Lock;
use bytes::{Buf, BytesMut};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

enum Rest {
    Exactly(u64),
    Chunked(ChunkScan),
    UntilClose,
    /// It has been read to its end, or its source is at fault.
    Over,
}

/// Reads a body from what the input has and then from the stream. Dropped before its end, it leaves the stream of no further
/// use.
pub(super) struct InputBody {
    source: Arc<Source>,
    rest: Rest,
    read: Option<Read>,
    /// What has come of the trailers.
    trailer_lines: BytesMut,
    trailers: Arc<Lock<Headers>>,
}

impl InputBody {
    pub(super) fn new(source: Arc<Source>, length: BodyLength, trailers: Arc<Lock<Headers>>) -> Self {
        let rest = match length {
            BodyLength::Exactly(length) => Rest::Exactly(length),
            BodyLength::Chunked => Rest::Chunked(ChunkScan::new()),
            BodyLength::UntilClose => Rest::UntilClose,
        };
        Self { source, rest, read: None, trailer_lines: BytesMut::new(), trailers }
    }

    /// Nothing more comes of it.
    fn end(&mut self, broken: Option<Error>) {
        self.rest = Rest::Over;
        self.read = None;
        self.source.end_body(broken);
    }

    fn fail(&mut self, error: Error) -> io::Error {
        self.end(Some(error.clone()));
        error.into()
    }

    /// Gives what the buffer has of the body, and says whether the body has ended.
    fn give(&mut self, out: &mut ReadBuf<'_>) -> Result<bool, ProtocolError> {
        let (rest, lines) = (&mut self.rest, &mut self.trailer_lines);
        self.source.with(|state| {
            let buffer = &mut state.buffer;
            match rest {
                Rest::Over => return Ok(true),
                Rest::UntilClose => give(buffer, usize::MAX, out),
                Rest::Exactly(left) => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX);
                    *left -= give(buffer, most, out) as u64;
                    return Ok(*left == 0);
                }
                Rest::Chunked(scan) => {
                    while !scan.has_ended() && !buffer.is_empty() && out.remaining() > 0 {
                        let in_trailers = scan.is_in_trailers();
                        let most = buffer.len().min(out.remaining());
                        let (framing, data) = scan.frame(&buffer[..most])?;
                        let framing = buffer.split_to(framing);
                        if in_trailers {
                            lines.extend_from_slice(&framing);
                        }
                        give(buffer, data, out);
                    }
                    return Ok(scan.has_ended());
                }
            };
            Ok(false)
        })
    }

    fn take_trailers(&mut self) -> Result<(), ProtocolError> {
        if !self.trailer_lines.is_empty() {
            *self.trailers.lock() = parse_headers(&self.trailer_lines, &HeadLimits::default())?;
        }
        Ok(())
    }

    /// Reads more of the stream; whether there was more.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        if self.read.is_none() {
            self.read = Some(Read::new(self.source.connection(), 1, PIECE)?);
        }
        let bytes = ready!(self.read.as_mut().expect("made above").poll_bytes(cx));
        self.read = None;
        let bytes = bytes?;
        self.source.with(|state| state.buffer.extend_from_slice(&bytes));
        Poll::Ready(Ok(!bytes.is_empty()))
    }
}

/// Moves what fits from the front of the buffer; how much that was.
fn give(from: &mut BytesMut, most: usize, out: &mut ReadBuf<'_>) -> usize {
    let count = from.len().min(most).min(out.remaining());
    out.put_slice(&from[..count]);
    from.advance(count);
    count
}

impl AsyncRead for InputBody {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = out.filled().len();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if matches!(this.rest, Rest::Over) {
                return Poll::Ready(Ok(()));
            }
            let ended = match this.give(out) {
                Ok(true) => this.take_trailers().map(|()| true),
                other => other,
            };
            match ended {
                Ok(true) => this.end(None),
                Ok(false) => {}
                Err(error) => return Poll::Ready(Err(this.fail(error.into_error()))),
            }
            if out.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            if matches!(this.rest, Rest::Over) {
                continue;
            }
            match ready!(this.poll_more(cx)) {
                Ok(true) => {}
                Ok(false) if matches!(this.rest, Rest::UntilClose) => this.end(None),
                Ok(false) => {
                    let error = Error::new(ErrorKind::Disconnected, "the body was cut off: the stream has ended");
                    return Poll::Ready(Err(this.fail(error)));
                }
                Err(error) => return Poll::Ready(Err(this.fail(error))),
            }
        }
    }
}

fn read_only() -> io::Error {
    Error::new(ErrorKind::Unimplemented, "a body that comes in is only read").into()
}

impl AsyncWrite for InputBody {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, _data: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(read_only()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(read_only()))
    }
}

impl Drop for InputBody {
    fn drop(&mut self) {
        if !matches!(self.rest, Rest::Over) {
            self.end(Some(Error::new(ErrorKind::Failed, "the body of the last message was not read to its end")));
        }
    }
}
