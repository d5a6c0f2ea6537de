//! Capability streams: descriptors and connections that travel with bytes.
//!
//! What is attached goes with the first byte, so there has to be one. Over a Unix socket a connection travels as its
//! descriptor; through a pipe in this process it travels as it is.

use super::control::{Beside, MOST_FDS, Wanted, room_for_fds};
use super::parts::Parts;
use super::read::{CHUNK, Reading, reserve};
use super::transport::Carrier;
use super::{Connection, Known, Message, wrap};
use crate::coordination::Turn;
use crate::error::{Error, ErrorKind};
use crate::foreign::owned_bytes;
use crate::promise::Promise;
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// What a write sends along.
pub(crate) enum Attached {
    Fds(Vec<OwnedFd>),
    Connections(Vec<Arc<Connection>>),
}

/// What a transport can send along.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carries {
    /// A connection goes as a copy of its descriptor.
    Descriptors,
    /// A connection goes as it is.
    Connections,
}

/// A write in its turn with something attached.
struct WriteWith {
    connection: Arc<Connection>,
    turn: Turn,
    parts: Parts,
    attached: Option<Attached>,
    /// Connections of which copies are sent.
    moved: Vec<Arc<Connection>>,
}

impl Future for WriteWith {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let this = &mut *self;
        if this.turn.poll(cx).is_pending() {
            this.connection.check_write()?;
            return Poll::Pending;
        }
        while !this.parts.is_empty() {
            this.connection.check_write()?;
            let (carrier, attached) = (this.connection.carrier()?, &mut this.attached);
            ready!(this.parts.poll(|parts| carrier.poll_write_with(cx, parts, attached)))?;
            if this.attached.is_none() {
                this.moved.drain(..).for_each(|connection| connection.close());
            }
        }
        Poll::Ready(Ok(Value::Unit))
    }
}

impl Drop for WriteWith {
    fn drop(&mut self) {
        // Given away: nobody else closes those that were not sent.
        self.moved.drain(..).for_each(|connection| connection.close());
    }
}

/// A read that keeps what came with the bytes.
struct ReadWith {
    reading: Reading,
    buffer: Vec<u8>,
    beside: Beside,
    min: usize,
    max: usize,
    wanted: Wanted,
}

impl ReadWith {
    fn new(connection: &Arc<Connection>, min: usize, max: usize, wanted: Wanted) -> Result<Self, Error> {
        if min > max || max == 0 {
            return Err(Error::invalid(format!("a read of at least {min} and at most {max} bytes")));
        }
        let (buffer, beside) = (Vec::new(), Beside::default());
        Ok(Self { reading: Reading::claim(connection)?, buffer, beside, min: min.max(1), max, wanted })
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Bytes, Beside), Error>> {
        loop {
            let filled = self.buffer.len();
            // What an earlier read gave back came without anything beside it.
            let again = self.reading.unread().take(self.max - filled);
            self.buffer.extend_from_slice(&again);
            if self.buffer.len() >= self.min && !again.is_empty() {
                break;
            }
            let filled = self.buffer.len();
            if self.buffer.capacity() == filled {
                reserve(&mut self.buffer, self.max.min(CHUNK.max(self.min)) - filled)?;
            }
            let (buffer, beside) = (&mut self.buffer, &mut self.beside);
            let read = self.reading.carrier()?.poll_read_with(cx, buffer, self.wanted, beside);
            if read.is_pending() && filled == 0 {
                // An idle read holds no memory.
                self.buffer = Vec::new();
            }
            if ready!(read)? == 0 || self.buffer.len() >= self.min {
                break;
            }
        }
        self.buffer.shrink_to_fit();
        Poll::Ready(Ok((Bytes::from(std::mem::take(&mut self.buffer)), std::mem::take(&mut self.beside))))
    }

    async fn all(mut self) -> Result<(Bytes, Beside), Error> {
        std::future::poll_fn(|cx| self.poll_all(cx)).await
    }
}

impl Drop for ReadWith {
    fn drop(&mut self) {
        self.reading.unread().give_back(Bytes::from(std::mem::take(&mut self.buffer)));
    }
}

fn wanted(most: usize) -> Wanted {
    Wanted { room: room_for_fds(most.min(MOST_FDS)), most, keeps: false }
}

/// One, with the one byte that it goes with.
const ONE: Wanted = Wanted { room: room_for_fds(1), most: 1, keeps: true };

fn not_one(what: &str, bytes: &Bytes, withheld: bool) -> Error {
    if bytes.is_empty() {
        return Error::new(ErrorKind::Disconnected, format!("the stream ended before a {what} came"));
    }
    if withheld {
        return Error::new(ErrorKind::Failed, format!("the system let no {what} in"));
    }
    Error::new(ErrorKind::Failed, format!("bytes came without a {what}"))
}

impl Connection {
    pub(super) fn carrier(&self) -> Result<&dyn Carrier, Error> {
        let bytes_only = || Error::new(ErrorKind::Unimplemented, "this connection carries bytes only");
        self.transport().carrier().ok_or_else(bytes_only)
    }

    fn carries(&self) -> Result<Carries, Error> {
        self.carrier()?.carries()
    }

    /// Whether that many descriptors or connections go together, with that many bytes.
    pub(crate) fn check_capabilities(size: usize, count: usize) -> Result<(), Error> {
        if size == 0 {
            return Err(Error::invalid("descriptors go with at least one byte"));
        }
        if count > MOST_FDS {
            return Err(Error::invalid(format!("{count} descriptors: at most {MOST_FDS} go together")));
        }
        Ok(())
    }

    fn write_attached(self: &Arc<Self>, data: &[u8], count: usize, attached: Attached) -> Result<WriteWith, Error> {
        self.runtime().check()?;
        Self::check_capabilities(data.len(), count)?;
        let parts = Parts::new([owned_bytes(data)?]);
        let attached = (count > 0).then_some(attached);
        Ok(WriteWith { connection: self.clone(), turn: self.writes().take(), parts, attached, moved: Vec::new() })
    }

    /// Writes bytes with descriptors attached to the first; they are closed here once sent. (CAPS-01)
    ///
    /// # Errors
    /// `Unimplemented` if this is neither a Unix socket nor a capability pipe.
    ///
    /// # Cancellation
    /// Until the first byte is sent no descriptor is; after it, all are.
    pub fn write_with_fds(self: &Arc<Self>, data: &[u8], fds: Vec<OwnedFd>) -> Result<Promise, Error> {
        self.carries()?;
        let write = self.write_attached(data, fds.len(), Attached::Fds(fds))?;
        Ok(Promise::start(self.runtime().clone(), "write_with_fds", write))
    }

    /// Writes bytes with connections attached to the first, which are closed here in any case. (CAPS-04)
    ///
    /// # Errors
    /// `Unimplemented` if this is neither a Unix socket nor a capability pipe, or if it is a socket and one of the
    /// connections has no descriptor.
    ///
    /// # Cancellation
    /// Until the first byte is sent no connection is; after it, all are.
    pub fn write_with_connections(self: &Arc<Self>, data: &[u8], moved: Vec<Arc<Self>>) -> Result<Promise, Error> {
        let write = self.writing_connections(data, moved)?;
        Ok(Promise::start(self.runtime().clone(), "write_with_connections", write))
    }

    fn writing_connections(self: &Arc<Self>, data: &[u8], moved: Vec<Arc<Self>>) -> Result<WriteWith, Error> {
        match self.carries()? {
            Carries::Connections => self.write_attached(data, moved.len(), Attached::Connections(moved)),
            Carries::Descriptors => {
                let fds: Result<Vec<OwnedFd>, Error> = moved.iter().map(|connection| connection.dup_own_fd()).collect();
                let mut write = self.write_attached(data, moved.len(), Attached::Fds(fds?))?;
                write.moved = moved;
                Ok(write)
            }
        }
    }

    fn read_with(self: &Arc<Self>, min: usize, max: usize, wanted: Wanted) -> Result<ReadWith, Error> {
        self.runtime().check()?;
        ReadWith::new(self, min, max, wanted)
    }

    /// Reads bytes and at most `most` descriptors that came with them; more are closed, and so are those for which the
    /// process has no room, which the message tells. The promise carries a [`Message`]. (CAPS-02)
    ///
    /// # Cancellation
    /// What had arrived for an unfinished `min` is lost; with `min` 1 nothing is.
    pub fn read_with_fds(self: &Arc<Self>, min: usize, max: usize, most: usize) -> Result<Promise, Error> {
        self.carries()?;
        let (this, read) = (self.clone(), self.read_with(min, max, wanted(most))?);
        Ok(Promise::start(self.runtime().clone(), "read_with_fds", async move {
            let (bytes, mut beside) = read.all().await?;
            no_other(&mut beside.connections, "connections")?;
            Ok(Message::new(this.runtime(), bytes, beside).into_value())
        }))
    }

    /// As `read_with_fds`, for connections. (CAPS-04)
    pub fn read_with_connections(self: &Arc<Self>, min: usize, max: usize, most: usize) -> Result<Promise, Error> {
        let carries = self.carries()?;
        let (this, read) = (self.clone(), self.read_with(min, max, wanted(most))?);
        Ok(Promise::start(self.runtime().clone(), "read_with_connections", async move {
            let (bytes, mut beside) = read.all().await?;
            this.unpack(carries, &mut beside)?;
            Ok(Message::new(this.runtime(), bytes, beside).into_value())
        }))
    }

    /// Connections out of what came, which travelled as they were or as descriptors.
    fn unpack(&self, carries: Carries, beside: &mut Beside) -> Result<(), Error> {
        if carries == Carries::Connections {
            return no_other(&mut beside.fds, "descriptors");
        }
        let known = Known { cloexec: true, nonblock: false };
        for fd in beside.fds.drain(..) {
            beside.connections.push(wrap(self.runtime(), fd, known)?);
        }
        Ok(())
    }

    /// Reads bytes and the control messages that came with them, for which there is room for `room` bytes; descriptors
    /// among them too. The promise carries a [`Message`]. (STRM-08)
    ///
    /// # Errors
    /// `Unimplemented` for what is no socket.
    pub fn read_with_control(self: &Arc<Self>, min: usize, max: usize, room: usize) -> Result<Promise, Error> {
        self.carrier().map_err(|_| Error::no_socket())?;
        let read = self.read_with(min, max, Wanted { room, most: usize::MAX, keeps: false })?;
        let this = self.clone();
        Ok(Promise::start(self.runtime().clone(), "read_with_control", async move {
            let (bytes, beside) = read.all().await?;
            Ok(Message::new(this.runtime(), bytes, beside).into_value())
        }))
    }

    /// Sends one descriptor, with a zero byte. (CAPS-05)
    pub fn send_fd(self: &Arc<Self>, fd: OwnedFd) -> Result<Promise, Error> {
        self.write_with_fds(&[0], vec![fd])
    }

    /// Receives one descriptor. The promise carries a [`Message`] with it; at the end of the stream one without, or,
    /// if it is `required`, the error `Disconnected`. (CAPS-05)
    ///
    /// # Errors
    /// `Overloaded` if the process has no descriptor left; the one that came is then the next receive's.
    pub fn receive_fd(self: &Arc<Self>, required: bool) -> Result<Promise, Error> {
        self.carries()?;
        let (this, read) = (self.clone(), self.read_with(1, 1, ONE)?);
        Ok(Promise::start(self.runtime().clone(), "receive_fd", async move {
            let (bytes, mut beside) = read.all().await?;
            no_other(&mut beside.connections, "connections")?;
            if beside.fds.is_empty() && (required || !bytes.is_empty()) {
                return Err(not_one("descriptor", &bytes, beside.truncated));
            }
            Ok(Message::new(this.runtime(), bytes, beside).into_value())
        }))
    }

    /// Sends one connection, with a zero byte. (CAPS-06)
    pub fn send_connection(self: &Arc<Self>, moved: Arc<Self>) -> Result<Promise, Error> {
        self.write_with_connections(&[0], vec![moved])
    }

    /// As `send_connection`, as a part of another operation.
    pub(crate) fn sending(
        self: &Arc<Self>,
        moved: Arc<Self>,
    ) -> Result<impl Future<Output = Outcome> + Send + use<>, Error> {
        self.writing_connections(&[0], vec![moved])
    }

    /// Two connected ends, of a kind that this one can send and that carries as much.
    pub(crate) fn pair_to_send(&self) -> Result<(Arc<Self>, Arc<Self>), Error> {
        match self.carries()? {
            Carries::Connections => Ok(Self::capability_pair(self.runtime())),
            Carries::Descriptors => Self::socket_pair(self.runtime()),
        }
    }

    pub(crate) fn check_open(&self) -> Result<(), Error> {
        self.transport().check_open()
    }

    /// `Unimplemented` if it carries bytes only.
    pub(crate) fn check_carries(&self) -> Result<(), Error> {
        self.carries().map(drop)
    }

    /// Receives one connection. The promise carries it; at the end of the stream unit, or, if it is `required`, the
    /// error `Disconnected`. (CAPS-06)
    ///
    /// # Errors
    /// `Overloaded` if the process has no descriptor left for it; the connection is then the next receive's.
    pub fn receive_connection(self: &Arc<Self>, required: bool) -> Result<Promise, Error> {
        let receiving = self.receiving()?;
        Ok(Promise::start(self.runtime().clone(), "receive_connection", async move {
            match receiving.await? {
                Some(connection) => Ok(Self::into_value(connection)),
                None if !required => Ok(Value::Unit),
                None => Err(Self::no_more()),
            }
        }))
    }

    /// As `receive_connection`, as a part of another operation; nothing at the end of the stream.
    pub(crate) fn receiving(
        self: &Arc<Self>,
    ) -> Result<impl Future<Output = Result<Option<Arc<Self>>, Error>> + Send + use<>, Error> {
        let carries = self.carries()?;
        let (this, read) = (self.clone(), self.read_with(1, 1, ONE)?);
        Ok(async move {
            let (bytes, mut beside) = read.all().await?;
            this.unpack(carries, &mut beside)?;
            let came = beside.connections.pop();
            if came.is_none() && !bytes.is_empty() {
                return Err(not_one("connection", &bytes, beside.truncated));
            }
            Ok(came)
        })
    }

    /// Why a connection that is required does not come.
    pub(crate) fn no_more() -> Error {
        not_one("connection", &Bytes::new(), false)
    }
}

fn no_other<T>(things: &mut Vec<T>, what: &str) -> Result<(), Error> {
    if things.is_empty() {
        return Ok(());
    }
    things.clear();
    Err(Error::new(ErrorKind::Failed, format!("{what} came, which are not what was asked for")))
}
