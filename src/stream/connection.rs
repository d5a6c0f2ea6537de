//! A connected byte stream.
//!
//! One read may be pending and any number of writes; a reader and writers do not disturb each other.
//! Writes go out in the order in which they were started. Every pending operation keeps the connection
//! alive; `close` ends them all.

use super::parts::Parts;
use super::transport::Transport;
use super::unread::Unread;
use super::write::{Flush, FlushAll, ShutdownWrite};
use super::{Read, ReadAll, ReadInto, Socket, Write, pump};
use crate::coordination::{Turn, Turns};
use crate::error::{Error, ErrorKind};
use crate::foreign::{BorrowedBuffer, Opaque, owned_bytes};
use crate::nesting::one_more;
use crate::object::{Object, Owner};
use crate::peer::Remote;
use crate::promise::Promise;
use crate::runtime::{Belonging, Entry, Shared};
use crate::sync::Lock;
use crate::value::Value;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// Why nothing more can be written.
#[derive(Clone)]
enum WriteEnd {
    /// The other side is being told of the end.
    Shutting,
    /// It has been told.
    Shut,
    Aborted(Error),
}

/// A byte stream that is open in both directions or in one.
pub struct Connection {
    runtime: Arc<Shared>,
    transport: Arc<dyn Transport>,
    reading: AtomicBool,
    unread: Unread,
    closed: AtomicBool,
    writes: Turns,
    write_end: Lock<Option<WriteEnd>>,
    /// Whether `write_end` says something: most writes need not look.
    write_ended: AtomicBool,
    /// Whether the transport may keep bytes that it has taken.
    buffers: bool,
    /// Whether a flush is under way that nobody waits for, and that flush.
    flushing: AtomicBool,
    flush: Lock<Option<Promise>>,
    /// How often bytes were moved by an `Exclusive`, for the layer that it belongs to.
    moved: AtomicUsize,
    /// How many connections stand on top of each other here, with this one.
    layers: usize,
    /// Settles when writing has become useless; made when somebody first asks.
    disconnected: Lock<Option<Promise>>,
    remote: Remote,
    /// Nobody may learn who the peer is.
    peer_hidden: AtomicBool,
    /// Something that is to go when this is closed.
    held: Lock<Option<Box<dyn Send>>>,
    entry: Entry,
}

impl Connection {
    pub(crate) fn new(runtime: &Arc<Shared>, transport: impl Transport + 'static) -> Arc<Self> {
        Self::build(runtime, transport, Remote::default(), 1)
    }

    /// A connection on top of another one.
    ///
    /// # Errors
    /// `Overloaded` if that is on top of too many others.
    pub(super) fn above(
        runtime: &Arc<Shared>,
        below: &Self,
        transport: impl Transport + 'static,
    ) -> Result<Arc<Self>, Error> {
        let layers = one_more(below.layers, "connections")?;
        Ok(Self::build(runtime, transport, Remote::default(), layers))
    }

    /// How many connections stand on top of each other here, with this one, as far as was known when it was made.
    pub(super) fn layers(&self) -> usize {
        self.layers
    }

    fn build(runtime: &Arc<Shared>, transport: impl Transport + 'static, remote: Remote, layers: usize) -> Arc<Self> {
        let this = Arc::new(Self {
            remote,
            layers,
            buffers: transport.buffers(),
            flushing: AtomicBool::new(false),
            flush: Lock::new(None),
            moved: AtomicUsize::new(0),
            peer_hidden: AtomicBool::new(false),
            runtime: runtime.clone(),
            transport: Arc::new(transport),
            reading: AtomicBool::new(false),
            unread: Unread::default(),
            closed: AtomicBool::new(false),
            writes: Turns::default(),
            write_end: Lock::new(None),
            write_ended: AtomicBool::new(false),
            disconnected: Lock::new(None),
            held: Lock::new(None),
            entry: Entry::default(),
        });
        this.entry.enter(runtime, &this);
        this
    }

    /// A connection over a socket.
    pub(crate) fn over_socket(socket: Socket) -> Arc<Self> {
        Self::with_remote(socket, Remote::default())
    }

    /// A connection over a socket of whose other end something is known.
    pub(crate) fn with_remote(socket: Socket, remote: Remote) -> Arc<Self> {
        let runtime = socket.runtime().clone();
        if remote.address.is_some() {
            socket.short_reads_drain();
        }
        Self::build(&runtime, super::Descriptor::new(socket, true), remote, 1)
    }

    /// The connection as what a promise carries.
    pub fn into_value(this: Arc<Self>) -> Value {
        Value::object(this)
    }

    pub(super) fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    pub(super) fn unread(&self) -> &Unread {
        &self.unread
    }

    /// Reads what an earlier read gave back, else from the transport; how much that was. `min` is what somebody waits for.
    #[inline(always)]
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        min: usize,
    ) -> Poll<Result<usize, Error>> {
        if self.unread.is_empty() {
            return self.transport.poll_read_at_least(cx, buffer, min);
        }
        self.transport.check_open()?;
        let taken = self.unread.take(buffer.remaining());
        buffer.put_slice(&taken);
        Poll::Ready(Ok(taken.len()))
    }

    pub(super) fn writes(&self) -> &Turns {
        &self.writes
    }

    pub(super) fn moved(&self) -> usize {
        self.moved.load(Ordering::Acquire)
    }

    pub(super) fn note_move(&self) {
        self.moved.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    pub(super) fn hides_peer(&self) -> bool {
        self.peer_hidden.load(Ordering::Acquire)
    }

    /// From now on nobody learns who the peer is: whoever sent this connection vouches for nothing. (CAPS-09)
    pub(crate) fn hide_peer(&self) {
        self.peer_hidden.store(true, Ordering::Release);
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }

    pub(super) fn claim_read(&self) -> bool {
        !self.reading.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end_read(&self) {
        self.transport.forget_reader();
        self.reading.store(false, Ordering::Release);
    }

    /// Whether writing is of any use.
    pub(super) fn check_write(&self) -> Result<(), Error> {
        self.check_write_end()?;
        self.transport.check_open()
    }

    /// Writes what the transport takes at once, when it is the caller's turn.
    pub(super) fn write_in_turn(&self, data: &[u8]) -> Result<usize, Error> {
        self.check_write_end()?;
        self.transport.write_now(data)
    }

    /// Whether the transport keeps none of the bytes that it has taken.
    pub(super) fn is_flushed(&self) -> bool {
        !self.buffers || self.transport.is_flushed()
    }

    pub(super) fn request_flush(&self) {
        if self.buffers {
            self.transport.request_flush();
        }
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if !self.buffers {
            return Poll::Ready(Ok(()));
        }
        self.check_write()?;
        self.transport.poll_flush(cx)
    }

    /// Whoever has this place in the line of writers will not go on.
    pub(super) fn end_write(self: &Arc<Self>, turn: &Turn) {
        if self.buffers {
            if turn.is_first() {
                self.transport.forget_writer();
                self.transport.end_writer();
            }
            self.flush_later();
        }
    }

    /// Has what the transport keeps flushed, after the writes in line, though nobody waits for it.
    fn flush_later(self: &Arc<Self>) {
        let useful = !self.is_flushed() && self.check_write().is_ok() && self.runtime.check().is_ok();
        if useful && !self.flushing.swap(true, Ordering::AcqRel) {
            let flush = Promise::start(self.runtime.clone(), "flush", Flush::new(self));
            let old = self.flush.lock().replace(flush);
            drop(old);
        }
    }

    pub(super) fn flush_is_over(&self) {
        self.flushing.store(false, Ordering::Release);
    }

    fn check_write_end(&self) -> Result<(), Error> {
        if !self.write_ended.load(Ordering::Acquire) {
            return Ok(());
        }
        match &*self.write_end.lock() {
            Some(WriteEnd::Shutting | WriteEnd::Shut) => Err(Error::after_end()),
            Some(WriteEnd::Aborted(error)) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Whether the end can be told to the other side; that may be done twice.
    fn check_shutdown(&self) -> Result<(), Error> {
        match &*self.write_end.lock() {
            Some(WriteEnd::Aborted(error)) => Err(error.clone()),
            Some(WriteEnd::Shut) => Ok(()),
            Some(WriteEnd::Shutting) | None => self.transport.check_open(),
        }
    }

    /// Reads at least `min` and at most `max` bytes; fewer than `min` only at the end of the stream, none
    /// if it has ended. The promise carries bytes. (STRM-01)
    ///
    /// # Errors
    /// `Busy` if a read is pending. `Disconnected` if the peer reset the connection.
    ///
    /// # Cancellation
    /// The connection stays usable, and nothing is lost: what had arrived for an unfinished `min` is read next.
    pub fn read(self: &Arc<Self>, min: usize, max: usize) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::start(self.runtime().clone(), "read", Read::new(self, min, max)?))
    }

    /// As `read`, and an end before `min` bytes is an error. (STRM-02, STRM-03)
    ///
    /// # Errors
    /// `Disconnected` for a stream that ends early; what came of it can be read nevertheless.
    pub fn read_required(self: &Arc<Self>, min: usize, max: usize) -> Result<Promise, Error> {
        self.runtime().check()?;
        let mut read = Read::new(self, min, max)?;
        Ok(Promise::start(self.runtime().clone(), "read_required", async move {
            let bytes = read.bytes().await?;
            if bytes.len() < min {
                let text = format!("the stream ended after {} of {min} bytes", bytes.len());
                read.give_back(bytes);
                return Err(Error::new(ErrorKind::Disconnected, text));
            }
            Ok(Value::Bytes(bytes))
        }))
    }

    pub(crate) fn read_into(self: &Arc<Self>, buffer: BorrowedBuffer, min: usize) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::start(self.runtime().clone(), "read_into", ReadInto::new(self, buffer, min)?))
    }

    /// Reads until the end; more than `limit` bytes are an error. (STRM-07)
    pub fn read_all(self: &Arc<Self>, limit: usize) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::start(self.runtime().clone(), "read_all", ReadAll::new(self, limit)?))
    }

    /// Writes all of `data`: at once as far as the kernel takes it, the rest from a copy. (STRM-10)
    ///
    /// # Errors
    /// `Overloaded` without the memory for the copy; what the kernel has taken is sent.
    ///
    /// # Cancellation
    /// What the kernel has taken is sent, the rest is not; later writes follow the part that was sent.
    pub fn write(self: &Arc<Self>, data: &[u8]) -> Result<Promise, Error> {
        self.write_with(data, |rest| owned_bytes(&data[rest..]))
    }

    /// Writes bytes without copying them.
    pub fn write_bytes(self: &Arc<Self>, data: &Bytes) -> Result<Promise, Error> {
        self.write_with(data, |rest| Ok(data.slice(rest..)))
    }

    /// Writes memory of the caller's without copying it; `owner` is dropped when it is no longer used.
    ///
    /// # Safety
    /// `size` bytes at `data` must stay readable and unchanged until the owner's destructor has run.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn write_borrowed(
        self: &Arc<Self>,
        data: *const u8,
        size: usize,
        owner: Opaque,
    ) -> Result<Promise, Error> {
        // SAFETY: the caller's promise is the one that `borrow_bytes` asks for.
        let bytes = unsafe { crate::foreign::borrow_bytes(data, size, owner) };
        self.write_bytes(&bytes)
    }

    /// Writes what the kernel takes at once, if no other write is pending; how much that was, maybe nothing. Makes no
    /// promise. (STRM-10)
    ///
    /// A layer may keep some of what it took, and passes it on later; a connection that is closed or dropped before that,
    /// without a shutdown of writing, loses it.
    pub fn write_now(self: &Arc<Self>, data: &[u8]) -> Result<usize, Error> {
        self.runtime().check()?;
        let written = self.writes.try_now(|| (self.write_in_turn(data), false));
        let Some((written, _)) = written else { return self.check_write().map(|()| 0) };
        if self.buffers {
            self.flush_later();
        }
        written
    }

    fn write_with(
        self: &Arc<Self>,
        data: &[u8],
        rest: impl Fn(usize) -> Result<Bytes, Error>,
    ) -> Result<Promise, Error> {
        self.runtime().check()?;
        let runtime = self.runtime().clone();
        Ok(match Write::now(self, data) {
            Some((outcome, None)) => Promise::settled(runtime, outcome.map(|_| Value::Unit)),
            Some((sent, Some(turn))) => {
                let parts = Parts::new([rest(sent.unwrap_or(0))?]);
                Promise::start(runtime, "write", Write::in_turn(self, turn, parts))
            }
            None => Promise::start(runtime, "write", Write::new(self, Parts::new([rest(0)?]))),
        })
    }

    /// Writes several pieces as one. (STRM-11)
    pub fn write_all(self: &Arc<Self>, parts: impl IntoIterator<Item = Bytes>) -> Result<Promise, Error> {
        self.runtime().check()?;
        let write = Write::new(self, Parts::new(parts));
        Ok(Promise::start(self.runtime().clone(), "write", write))
    }

    /// Has all that was written so far reach the other side, also what a compressor would rather keep until it has more. (GZIP-04)
    ///
    /// # Cancellation
    /// One that waits behind writes does nothing. One that has begun is finished by the next write or flush.
    pub fn flush(self: &Arc<Self>) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::start(self.runtime().clone(), "flush", FlushAll::new(self)))
    }

    /// Tells the peer, after the writes started so far, that nothing more will come. (STRM-15)
    ///
    /// # Cancellation
    /// One that waits behind writes does nothing. One that has begun, as a layer's may that has something to say first,
    /// stays begun: nothing more can be written, and another shutdown goes on with it.
    pub fn shutdown_write(self: &Arc<Self>) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::start(self.runtime().clone(), "shutdown_write", ShutdownWrite::new(self)))
    }

    /// Ends writing if that can be done at once, for a layer whose other side would take a mere close for a failure.
    pub(crate) fn say_goodbye(self: &Arc<Self>) {
        if self.buffers {
            drop(self.shutdown_write());
        }
    }

    pub(super) fn poll_shutdown_write(&self, turn: &Turn, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let first = turn.poll(cx).is_ready();
        self.check_shutdown()?;
        if !first {
            return Poll::Pending;
        }
        if matches!(*self.write_end.lock(), Some(WriteEnd::Shut)) {
            return Poll::Ready(Ok(()));
        }
        let shut = self.transport.poll_shutdown_write(cx);
        let how = match &shut {
            Poll::Ready(Ok(())) => WriteEnd::Shut,
            Poll::Ready(Err(_)) => return shut,
            Poll::Pending => WriteEnd::Shutting,
        };
        let mut end = self.write_end.lock();
        if !matches!(*end, Some(WriteEnd::Aborted(_))) {
            *end = Some(how);
            self.write_ended.store(true, Ordering::Release);
        }
        drop(end);
        shut
    }

    /// Stops reading for good: a pending read and all later ones see the end of the stream. (STRM-16)
    pub fn abort_read(&self) -> Result<(), Error> {
        self.transport.abort_read()?;
        self.unread.discard();
        Ok(())
    }

    /// Fails pending and later writes with this error. Whoever reads from a pipe in this process gets it too; the
    /// peer of a socket sees a reset when the connection is closed. (STRM-14)
    pub fn abort_write(&self, error: Error) -> Result<(), Error> {
        // The end of a system's pipe closes with its only direction: what counts is whether the caller closed it.
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::closed());
        }
        let before = {
            let mut end = self.write_end.lock();
            if matches!(*end, Some(WriteEnd::Shut)) {
                return Ok(());
            }
            self.write_ended.store(true, Ordering::Release);
            end.replace(WriteEnd::Aborted(error.clone()))
        };
        if !matches!(before, Some(WriteEnd::Aborted(_))) {
            self.transport.abort_write(error);
        }
        self.writes.wake_all();
        Ok(())
    }

    /// Settles once writing would fail because the other side has gone. May be asked for many times. (STRM-13)
    pub fn when_write_disconnected(&self) -> Result<Promise, Error> {
        self.runtime().check()?;
        let mut shared = self.disconnected.lock();
        if let Some(promise) = &*shared {
            return Ok(promise.fork_on(self.runtime().clone()));
        }
        let transport = self.transport.clone();
        let promise = Promise::start(self.runtime().clone(), "when_write_disconnected", async move {
            std::future::poll_fn(|cx| transport.poll_write_disconnected(cx)).await?;
            Ok(Value::Unit)
        });
        Ok(shared.insert(promise).fork_on(self.runtime().clone()))
    }

    /// How many bytes are left to read, if that is known. (STRM-04)
    pub fn length(&self) -> Option<u64> {
        Some(self.transport.length()?.saturating_add(self.unread.len() as u64))
    }

    /// Moves bytes from this connection to another on the loop, until the end or the limit. The
    /// promise carries their number. Neither end is shut down. (STRM-05, STRM-06)
    ///
    /// # Cancellation
    /// Both connections stay usable, and nothing is lost: what was read and not yet written is read next.
    pub fn pump_to(self: &Arc<Self>, to: &Arc<Self>, limit: u64) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::start(self.runtime().clone(), "pump", pump(self.clone(), to.clone(), limit)))
    }

    /// Keeps something until this is closed, in place of what was kept before.
    pub(crate) fn keep_until_closed(&self, held: impl Send + 'static) {
        let mut held: Option<Box<dyn Send>> = Some(Box::new(held));
        {
            let mut kept = self.held.lock();
            if !self.closed.load(Ordering::Acquire) {
                std::mem::swap(&mut *kept, &mut held);
            }
        }
        drop(held);
    }

    /// Closes the socket now; pending operations reject with `Canceled`.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if self.transport.close() {
            self.writes.wake_all();
        }
        let held = self.held.lock().take();
        drop(held);
    }
}

impl Object for Connection {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

impl Belonging for Connection {
    fn end(&self) {
        self.close();
    }
}
