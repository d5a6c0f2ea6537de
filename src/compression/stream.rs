//! Connections whose bytes are compressed or decompressed on their way.

use super::coder::{Coder, PIECE, Until};
use super::options::Coding;
use super::outbound::Outbound;
use crate::error::Error;
use crate::stream::{Connection, ReadHalf, WriteHalf};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read below at once.
const INPUT: usize = 16 * 1024;

/// What a layer does to each direction; one without a coding passes as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Codings {
    /// To what is read.
    pub read: Option<Coding>,
    /// To what is written.
    pub write: Option<Coding>,
    /// A shutdown of writing ends the coded bytes only, and what is below can be written to again once the layer is
    /// released. Otherwise it ends writing below as well. (GZIP-05)
    pub keep_below_open: bool,
}

/// A connection whose bytes are coded on their way to or from this one. (GZIP-01, GZIP-02, GZIP-03, BROT-01, BROT-02, BROT-03)
///
/// A write settles when what has come of it is on its way; a compressor keeps some until [`Connection::flush`] or a shutdown of
/// writing, which ends the data. Without that they are cut off. What is read compressed is flushed whenever nothing more is there
/// to be read below. While the layer lives nobody else reads or writes below.
///
/// # Errors
/// `InvalidArgument` as [`Coder::new`]; `Busy` if a read is pending; `Overloaded` for more than 64 connections on top of each other.
/// Reads and writes fail as [`Coder::run`] does.
pub fn coded(below: &Arc<Connection>, codings: &Codings) -> Result<Arc<Connection>, Error> {
    let coder = |coding: &Option<Coding>| coding.as_ref().map(Coder::new).transpose();
    let (read, write) = (coder(&codings.read)?, coder(&codings.write)?);
    let (read_half, write_half) = below.exclusive()?.split();
    let flush_wanted = Arc::new(AtomicBool::new(false));
    let stream = Coded {
        read_half,
        write_half,
        inbound: read.map(Inbound::new),
        outbound: write.map(Outbound::new),
        keep_below_open: codings.keep_below_open,
        flush_wanted: flush_wanted.clone(),
        flushing: false,
    };
    below.layer_with_flush(stream, flush_wanted)
}

struct Coded {
    read_half: ReadHalf,
    write_half: WriteHalf,
    inbound: Option<Inbound>,
    outbound: Option<Outbound>,
    keep_below_open: bool,
    /// Set by whoever wants all that was written to reach the other side.
    flush_wanted: Arc<AtomicBool>,
    /// Such a flush has begun.
    flushing: bool,
}

/// The direction that is read from.
struct Inbound {
    coder: Coder,
    input: Vec<u8>,
    used: usize,
    /// Nothing more comes from below.
    at_end: bool,
    /// The coder has taken something since it was flushed.
    keeps: bool,
    /// Nothing is there below just now: what the coder keeps is to come out.
    flushing: bool,
    ended: bool,
}

impl Inbound {
    fn new(coder: Coder) -> Self {
        Self { coder, input: Vec::new(), used: 0, at_end: false, keeps: false, flushing: false, ended: false }
    }

    fn until(&self) -> Until {
        match (self.at_end, self.flushing) {
            (true, _) => Until::Ended,
            (_, true) => Until::Flushed,
            _ => Until::InputUsed,
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        below: &mut ReadHalf,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut fills = 0;
        while !self.ended {
            let room = buffer.initialize_unfilled_to(buffer.remaining().min(PIECE));
            let until = self.until();
            let made = self.coder.run(&self.input[self.used..], room, until)?;
            self.used += made.used;
            self.keeps |= made.used > 0;
            if made.done && until != Until::InputUsed {
                (self.keeps, self.flushing) = (false, false);
                self.ended = until == Until::Ended;
            }
            if made.written > 0 {
                buffer.advance(made.written);
                break;
            }
            if !made.done || self.ended {
                continue;
            }
            if fills == PIECE / INPUT {
                // Much came that makes nothing: others have their turn.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            fills += 1;
            if self.poll_fill(cx, below)?.is_pending() {
                if !self.keeps || !self.coder.compresses() {
                    return Poll::Pending;
                }
                self.flushing = true;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads below, once all that came before has been used.
    fn poll_fill(&mut self, cx: &mut Context<'_>, below: &mut ReadHalf) -> Poll<io::Result<()>> {
        self.input.resize(INPUT, 0);
        let mut filled = ReadBuf::new(&mut self.input);
        let read = Pin::new(below).poll_read(cx, &mut filled);
        let count = filled.filled().len();
        self.input.truncate(count);
        self.used = 0;
        ready!(read)?;
        self.at_end = count == 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Coded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match &mut this.inbound {
            Some(inbound) => inbound.poll_read(cx, &mut this.read_half, buffer),
            None => Pin::new(&mut this.read_half).poll_read(cx, buffer),
        }
    }
}

impl Coded {
    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.flushing |= self.flush_wanted.swap(false, Ordering::AcqRel);
        let until = if self.flushing { Until::Flushed } else { Until::InputUsed };
        if let Some(outbound) = &mut self.outbound {
            ready!(outbound.poll_go(cx, &mut self.write_half, until))?;
        }
        if !self.flushing {
            return self.write_half.poll_pass_on(cx);
        }
        ready!(self.write_half.poll_flush(cx))?;
        self.flushing = false;
        Poll::Ready(Ok(()))
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(outbound) = &mut self.outbound {
            ready!(outbound.poll_go(cx, &mut self.write_half, Until::Ended))?;
        }
        if self.keep_below_open { self.write_half.poll_flush(cx) } else { self.write_half.poll_shutdown(cx) }
    }
}

impl AsyncWrite for Coded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = match &mut this.outbound {
            Some(outbound) => outbound.poll_write(cx, &mut this.write_half, data),
            None => this.write_half.poll_write(cx, &[io::IoSlice::new(data)]),
        };
        written.map_err(io::Error::from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flushed(cx).map_err(io::Error::from)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ended(cx).map_err(io::Error::from)
    }
}
