//! The body of a message that comes in, as what a connection reads from.

use super::Headers;
use super::service_failure::{ServiceFailure, answered_with};
use crate::error::{Error, ErrorKind};
use crate::runtime::{Shared, Timer};
use crate::stream::{Connection, Never, Transport};
use crate::sync::Lock;
use bytes::{Buf, Bytes};
use http_body::Body as _;
use std::future::Future;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::ReadBuf;

struct Reading {
    incoming: Option<hyper::body::Incoming>,
    chunk: Bytes,
    limit: Option<u64>,
    came: u64,
    trailers: Headers,
    reader: Option<Waker>,
    aborted: bool,
    /// How long a read may wait, and since when it does.
    patience: Option<u64>,
    /// What a service that waits in vain is answered for with.
    late_answer: Option<u16>,
    timer: Option<Timer>,
    /// When it has to be whole.
    due: Option<(u64, Timer)>,
    runtime: Arc<Shared>,
    at_end: Option<Box<dyn FnOnce() + Send>>,
    /// Why no more of it comes.
    failed: Option<Error>,
    /// What is told in place of an early end, if the other end is in this process.
    failure: Option<ServiceFailure>,
}

/// The body of a message, held by the message and by whoever reads it.
#[derive(Clone)]
pub(super) struct IncomingBody(Arc<Lock<Reading>>);

impl IncomingBody {
    pub(super) fn new(
        runtime: &Arc<Shared>,
        incoming: hyper::body::Incoming,
        limit: Option<u64>,
        patience: Option<u64>,
    ) -> Self {
        Self(Arc::new(Lock::new(Reading {
            incoming: (!incoming.is_end_stream()).then_some(incoming),
            chunk: Bytes::new(),
            limit,
            came: 0,
            trailers: Headers::new(),
            reader: None,
            aborted: false,
            patience,
            late_answer: None,
            timer: None,
            due: None,
            runtime: runtime.clone(),
            at_end: None,
            failed: None,
            failure: None,
        })))
    }

    /// The same, which has to be whole by then.
    pub(super) fn due(self, deadline: Option<u64>) -> Self {
        if let Some(deadline) = deadline {
            let mut reading = self.0.lock();
            reading.due = Some((deadline, Timer::at(&reading.runtime, deadline)));
        }
        self
    }

    /// The same, of a client who is to blame for being late.
    pub(super) fn late_is(self, status: u16) -> Self {
        self.0.lock().late_answer = Some(status);
        self
    }

    /// The same, of a service in this process, whose error is told.
    pub(super) fn failing_with(self, failure: Option<ServiceFailure>) -> Self {
        self.0.lock().failure = failure;
        self
    }

    /// The headers behind the body, once that has been read to its end.
    pub(super) fn trailers(&self) -> Headers {
        self.0.lock().trailers.clone()
    }

    /// How many bytes have been read of it.
    pub(super) fn came(&self) -> u64 {
        self.0.lock().came
    }

    /// Why no more of it comes, if it has failed.
    pub(super) fn failed(&self) -> Option<Error> {
        self.0.lock().failed.clone()
    }

    /// Whether more came than the limit allows.
    pub(super) fn is_too_long(&self) -> bool {
        let reading = self.0.lock();
        reading.limit.is_some_and(|limit| reading.came > limit)
    }

    /// The body as a stream to read.
    pub(super) fn stream(&self, below: &Arc<Connection>) -> Arc<Connection> {
        let transport = BodyTransport { body: self.clone(), below: below.clone(), open: Never::default() };
        Connection::new(below.runtime(), transport)
    }

    /// Runs this when the body has been read to its end.
    pub(super) fn at_end(&self, run: impl FnOnce() + Send + 'static) {
        let run: Box<dyn FnOnce() + Send> = Box::new(run);
        let mut reading = self.0.lock();
        if reading.incoming.is_some() {
            reading.at_end = Some(run);
            return;
        }
        drop(reading);
        run();
    }

    /// Ends it: what has not been read is not wanted.
    pub(super) fn abandon(&self) {
        let (incoming, reader) = {
            let mut reading = self.0.lock();
            reading.aborted = true;
            reading.timer = None;
            ((reading.incoming.take(), reading.at_end.take()), reading.reader.take())
        };
        drop(incoming);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Asks for it, so that a client that waits for that is told to go on; ready when that has been seen.
    pub(super) fn poll_begin(&self, cx: &mut Context<'_>, asked: &mut bool) -> Poll<()> {
        if std::mem::replace(asked, true) {
            return Poll::Ready(());
        }
        let mut reading = self.0.lock();
        // Whoever reads it has asked, and is to be woken.
        if reading.reader.is_none()
            && let Poll::Ready(Err(error)) = reading.poll_chunk(cx)
        {
            reading.failed = Some(error);
        }
        drop(reading);
        // The engine looks what is wanted before it goes on with this.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads on and throws away; ready at the end, or when that was too much.
    pub(super) fn poll_drain(&self, cx: &mut Context<'_>, most: &mut u64) -> Poll<()> {
        let mut reading = self.0.lock();
        while reading.incoming.is_some() && *most > 0 {
            if ready!(reading.poll_chunk(cx)).is_err() {
                break;
            }
            *most = most.saturating_sub(reading.chunk.len() as u64);
            reading.chunk = Bytes::new();
        }
        Poll::Ready(())
    }
}

/// Reads what the protocol engine makes of the body.
struct BodyTransport {
    body: IncomingBody,
    /// The connection that it comes over.
    below: Arc<Connection>,
    open: Never,
}

impl Reading {
    /// Ready with a chunk that is not empty, or at the end.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.chunk.is_empty() {
            let Some(incoming) = &mut self.incoming else { return Poll::Ready(Ok(())) };
            if self.due.as_ref().is_some_and(|(due, _)| self.runtime.clock.now() >= *due) {
                self.incoming = None;
                return Poll::Ready(Err(too_late()));
            }
            let Poll::Ready(frame) = Pin::new(incoming).poll_frame(cx) else { return self.poll_patience(cx).map(Err) };
            self.timer = None;
            match frame {
                None => self.incoming = None,
                Some(Err(error)) => {
                    self.incoming = None;
                    if let Some(error) = self.failure.as_ref().and_then(ServiceFailure::take) {
                        return Poll::Ready(Err(error));
                    }
                    let text = format!("the body was cut off: {error}");
                    return Poll::Ready(Err(Error::new(ErrorKind::Disconnected, text)));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.take(data)?,
                    Err(frame) => {
                        for (name, value) in frame.trailers_ref().into_iter().flatten() {
                            // They have been read by rules that are no laxer.
                            let _ = self.trailers.append(name.as_str().as_bytes(), value.as_bytes());
                        }
                    }
                },
            }
        }
        Poll::Ready(Ok(()))
    }

    fn take(&mut self, data: Bytes) -> Result<(), Error> {
        self.came += data.len() as u64;
        if self.limit.is_some_and(|limit| self.came > limit) {
            self.incoming = None;
            return Err(Error::new(ErrorKind::Overloaded, "the body is longer than the limit"));
        }
        self.chunk = data;
        Ok(())
    }

    /// Ready when a read has waited for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if let Some((_, timer)) = &mut self.due
            && Pin::new(timer).poll(cx).is_ready()
        {
            self.incoming = None;
            return Poll::Ready(too_late());
        }
        let Some(nanos) = self.patience else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Timer::after(&self.runtime, nanos));
        ready!(Pin::new(timer).poll(cx));
        let late = Error::new(ErrorKind::TimedOut, "nothing more of the body has come for too long");
        Poll::Ready(match self.late_answer {
            Some(status) => answered_with(late, status),
            None => late,
        })
    }
}

fn too_late() -> Error {
    Error::new(ErrorKind::TimedOut, "the whole request took too long")
}

fn read_only() -> Error {
    Error::new(ErrorKind::Unimplemented, "a body that comes in is only read")
}

impl Transport for BodyTransport {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        self.open.check_open()?;
        let mut reading = self.body.0.lock();
        if reading.aborted {
            return Poll::Ready(Ok(0));
        }
        if let Some(error) = reading.failed.clone().filter(|_| reading.incoming.is_none()) {
            return Poll::Ready(Err(error));
        }
        let old = reading.reader.replace(cx.waker().clone());
        drop(old);
        if let Err(error) = ready!(reading.poll_chunk(cx)) {
            // A connection whose body has failed is of no further use.
            let over = if reading.incoming.is_none() { reading.at_end.take() } else { None };
            reading.failed = Some(error.clone());
            drop(reading);
            drop(over);
            return Poll::Ready(Err(error));
        }
        if reading.chunk.is_empty() {
            let at_end = reading.at_end.take();
            drop(reading);
            at_end.into_iter().for_each(|run| run());
            return Poll::Ready(Ok(0));
        }
        let count = reading.chunk.len().min(buffer.remaining());
        buffer.put_slice(&reading.chunk[..count]);
        reading.chunk.advance(count);
        Poll::Ready(Ok(count))
    }

    fn poll_write(&self, _cx: &mut Context<'_>, _parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        Poll::Ready(Err(read_only()))
    }

    fn write_now(&self, _data: &[u8]) -> Result<usize, Error> {
        Err(read_only())
    }

    fn poll_shutdown_write(&self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Err(read_only()))
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.open.check_open()?;
        let mut reading = self.body.0.lock();
        reading.aborted = true;
        let reader = reading.reader.take();
        drop(reading);
        reader.into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn abort_write(&self, _error: Error) {}

    fn length(&self) -> Option<u64> {
        let reading = self.body.0.lock();
        let rest = reading.incoming.as_ref().map_or(Some(0), |incoming| incoming.size_hint().exact());
        rest.map(|rest| rest + reading.chunk.len() as u64)
    }

    fn below(&self) -> Option<Arc<Connection>> {
        Some(self.below.clone())
    }

    fn poll_write_disconnected(&self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Err(read_only()))
    }

    fn check_open(&self) -> Result<(), Error> {
        self.open.check_open()
    }

    fn close(&self) -> bool {
        let reader = self.body.0.lock().reader.take();
        let open = self.open.close();
        reader.into_iter().for_each(Waker::wake);
        open
    }

    fn forget_reader(&self) {
        let old = self.body.0.lock().reader.take();
        drop(old);
    }
}
