//! What the protocol engine reads from: heads are read strictly here, and only bodies reach it as they are.
//!
//! The engine, hyper, is laxer than we want to be, keeps no spelling of names, and reads past the end of a message. So it
//! is not shown heads: they are read here and put in line for whoever answers or asked, and the engine gets a head that
//! says no more than it has to know. Nothing is read beyond a message while that is in hand. So what follows it is still
//! with the connection when that is handed on, or turns into a tunnel.

use super::{BodyLength, ChunkScan, HeadLimits, ProtocolError, Scanned, head_length};
use bytes::{Buf, Bytes, BytesMut};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// How much is asked for at once while a head is read.
const PIECE: usize = 4096;

/// Which messages are read, and who gets their heads.
pub(super) trait Role: Send + Unpin {
    /// Whether the next head has to wait; `cx` is woken when it need not.
    fn holds_back(&self, cx: &Context<'_>) -> bool;

    /// Whether the body behind the last head has to wait, likewise.
    fn holds_back_body(&self, _cx: &Context<'_>) -> bool {
        false
    }

    /// Whether the head that is being read is given up, and why.
    fn gives_up(&self) -> Option<ProtocolError>;

    /// Nothing or a part of a head has come.
    fn waits(&self, has_begun: bool);

    /// Takes a head. What the engine is to read in its place, and how long the body is that follows.
    fn take(&mut self, head: &[u8], limits: &HeadLimits) -> (Bytes, BodyLength);

    /// Takes what is no head. Nothing more is read; what the engine is to read instead.
    fn refuse(&mut self, error: ProtocolError) -> Bytes;

    /// Whether a write has taken nothing, so that something is still to be sent.
    fn stuck(&self, _stuck: bool) {}
}

enum Reading {
    /// A head, of which so many bytes have been searched for its end.
    Head {
        searched: usize,
    },
    /// The rest of a head for the engine, and what follows.
    ForEngine {
        rest: Bytes,
        then: Option<Body>,
    },
    Body(Body),
    /// Nothing more: the last message was none.
    Ended,
}

enum Body {
    Exactly(u64),
    Chunked(ChunkScan),
    UntilClose,
}

impl Body {
    fn of(length: BodyLength) -> Option<Self> {
        match length {
            BodyLength::Exactly(0) => None,
            BodyLength::Exactly(length) => Some(Self::Exactly(length)),
            BodyLength::Chunked => Some(Self::Chunked(ChunkScan::new())),
            BodyLength::UntilClose => Some(Self::UntilClose),
        }
    }
}

/// A stream whose messages are read strictly.
pub(super) struct MessageReader<T, R> {
    io: T,
    /// Has come and has not been passed on.
    buffer: BytesMut,
    reading: Reading,
    limits: HeadLimits,
    role: R,
}

impl<T, R: Role> MessageReader<T, R> {
    pub(super) fn new(io: T, limits: HeadLimits, role: R) -> Self {
        Self { io, buffer: BytesMut::new(), reading: Reading::Head { searched: 0 }, limits, role }
    }

    /// The stream, and what has come of whatever follows the last message.
    pub(super) fn into_parts(self) -> (T, Bytes) {
        (self.io, self.buffer.freeze())
    }

    /// What follows, if the head at the front of the buffer is whole or is none.
    fn take_head(&mut self, searched: usize) -> Option<Reading> {
        if let Some(error) = self.role.gives_up() {
            return Some(self.refuse(error));
        }
        // Empty lines between messages are of the past, and harmless.
        while searched == 0 && self.buffer.starts_with(b"\r\n") {
            self.buffer.advance(2);
        }
        let length = match head_length(&self.buffer, searched, &self.limits) {
            Ok(length) => length?,
            Err(error) => return Some(self.refuse(error)),
        };
        let head = self.buffer.split_to(length);
        let (rest, length) = self.role.take(&head, &self.limits);
        Some(Reading::ForEngine { rest, then: Body::of(length) })
    }

    fn refuse(&mut self, error: ProtocolError) -> Reading {
        self.buffer.clear();
        let rest = self.role.refuse(error);
        Reading::ForEngine { rest, then: None }
    }
}

/// Moves what fits from the front of `from`.
fn give(from: &mut impl Buf, most: usize, out: &mut ReadBuf<'_>) -> usize {
    let count = from.chunk().len().min(most).min(out.remaining());
    out.put_slice(&from.chunk()[..count]);
    from.advance(count);
    count
}

fn invalid(error: ProtocolError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl<T: AsyncRead + Unpin, R> MessageReader<T, R> {
    /// Reads more of a head; how much that was. An idle connection holds no memory for it.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = ReadBuf::uninit(&mut piece);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut piece))?;
        self.buffer.extend_from_slice(piece.filled());
        Poll::Ready(Ok(piece.filled().len()))
    }

    /// Gives bytes of a body, from the buffer first; how many.
    fn poll_body(&mut self, cx: &mut Context<'_>, most: usize, out: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        if !self.buffer.is_empty() {
            return Poll::Ready(Ok(give(&mut self.buffer, most, out)));
        }
        let before = out.filled().len();
        ready!(Pin::new(&mut (&mut self.io).take(most as u64)).poll_read(cx, out))?;
        Poll::Ready(Ok(out.filled().len() - before))
    }

    fn poll_chunks(
        &mut self,
        cx: &mut Context<'_>,
        mut scan: ChunkScan,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        let count = match self.poll_body(cx, usize::MAX, out) {
            Poll::Ready(count) => count?,
            Poll::Pending => {
                self.reading = Reading::Body(Body::Chunked(scan));
                return Poll::Pending;
            }
        };
        match scan.scan(&out.filled()[before..]).map_err(invalid)? {
            Scanned::All => self.reading = Reading::Body(Body::Chunked(scan)),
            Scanned::Ends(length) => {
                // What follows the body was read with it. It comes before what the buffer still has.
                let mut front = BytesMut::from(&out.filled()[before + length..before + count]);
                front.unsplit(self.buffer.split());
                self.buffer = front;
                out.set_filled(before + length);
                self.reading = Reading::Head { searched: 0 };
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin, R: Role> AsyncRead for MessageReader<T, R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match std::mem::replace(&mut this.reading, Reading::Ended) {
                Reading::Ended => return Poll::Ready(Ok(())),
                Reading::Head { searched } => {
                    this.reading = Reading::Head { searched };
                    if this.role.holds_back(cx) {
                        return Poll::Pending;
                    }
                    if let Some(reading) = this.take_head(searched) {
                        this.reading = reading;
                        continue;
                    }
                    let before = this.buffer.len();
                    this.role.waits(before > 0);
                    if ready!(this.poll_more(cx))? == 0 {
                        this.reading = Reading::Ended;
                        if before > 0 {
                            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                        }
                        return Poll::Ready(Ok(()));
                    }
                    this.reading = Reading::Head { searched: before };
                }
                Reading::ForEngine { mut rest, then } => {
                    if !rest.is_empty() {
                        give(&mut rest, usize::MAX, out);
                        this.reading = Reading::ForEngine { rest, then };
                        return Poll::Ready(Ok(()));
                    }
                    this.reading = then.map_or(Reading::Head { searched: 0 }, Reading::Body);
                }
                Reading::Body(body) if this.role.holds_back_body(cx) => {
                    this.reading = Reading::Body(body);
                    return Poll::Pending;
                }
                Reading::Body(Body::Exactly(0)) => this.reading = Reading::Head { searched: 0 },
                Reading::Body(Body::Exactly(left)) => {
                    this.reading = Reading::Body(Body::Exactly(left));
                    let most = usize::try_from(left).unwrap_or(usize::MAX);
                    let count = ready!(this.poll_body(cx, most, out))? as u64;
                    this.reading = Reading::Body(Body::Exactly(left - count));
                    return Poll::Ready(Ok(()));
                }
                Reading::Body(Body::UntilClose) => {
                    this.reading = Reading::Body(Body::UntilClose);
                    return this.poll_body(cx, usize::MAX, out).map_ok(drop);
                }
                Reading::Body(Body::Chunked(scan)) => return this.poll_chunks(cx, scan, out),
            }
        }
    }
}

impl<T: AsyncWrite + Unpin, R: Role> AsyncWrite for MessageReader<T, R> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        self.role.stuck(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
