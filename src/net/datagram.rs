//! Ports that send and receive datagrams.
//!
//! Any number of sends and receives may be pending; each kind is served in order. An error of one datagram leaves the
//! port as it is.

use super::connect::forbid;
use super::unix_file::OwnFile;
use super::{Address, room, wrap};
use crate::coordination::{Consumers, Turn, Turns};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::os::{option, sys};
use crate::peer::Filter;
use crate::promise::Promise;
use crate::runtime::{Belonging, Entry, Shared};
use crate::stream::control::{Arrived, Beside, Wanted, receive};
use crate::stream::{Direction, ErrorWatch, Message, Messages, Socket};
use crate::value::{Outcome, Value};
use bytes::Bytes;
use rustix::io::Errno;
use socket2::{Domain, MsgHdr, Protocol, SockAddr, SockRef, Type};
use std::borrow::Cow;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// How many datagrams of forbidden peers are dropped before others get their turn on the loop.
const FORBIDDEN_AT_ONCE: usize = 32;

/// How much of a datagram is taken. (DGRAM-02)
#[derive(Clone, Copy)]
pub struct Receive {
    /// How many bytes of its content; the rest is lost.
    pub capacity: usize,
    /// How many bytes of control messages.
    pub control_capacity: usize,
}

impl Default for Receive {
    fn default() -> Self {
        Self { capacity: 8192, control_capacity: 0 }
    }
}

/// A bound datagram socket.
pub struct DatagramPort {
    // Removed while the socket is open.
    file: OwnFile,
    socket: Socket,
    domain: Domain,
    /// The rules of the network of the address that it is bound to.
    filter: Filter,
    sends: Turns,
    pub(super) receives: Arc<Consumers>,
    /// Errors of sending come back only then.
    connected: AtomicBool,
    unreachable: ErrorWatch,
    entry: Entry,
}

/// The name of an address that a socket of this family can be sent to: of its own family if there is one, else an
/// IPv4 address as an IPv6 socket writes it.
pub(super) fn choose(address: &Address, domain: Domain) -> Result<Cow<'_, SockAddr>, Error> {
    let names = address.names()?;
    if let Some(own) = names.iter().find(|name| name.domain() == domain) {
        return Ok(Cow::Borrowed(own));
    }
    let first = names.first().ok_or_else(|| Error::invalid("an address without a name"))?;
    Ok(match first.as_socket() {
        Some(SocketAddr::V4(v4)) if domain == Domain::IPV6 => {
            Cow::Owned(SockAddr::from(SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port())))
        }
        _ => Cow::Borrowed(first),
    })
}

fn open(name: &SockAddr, any: bool) -> io::Result<OwnedFd> {
    let internet = name.as_socket().is_some();
    let socket = socket2::Socket::new(name.domain(), Type::DGRAM, internet.then_some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    sys::no_sigpipe(&socket)?;
    if name.is_ipv6() {
        socket.set_only_v6(!any)?;
    }
    socket.bind(name)?;
    Ok(OwnedFd::from(socket))
}

impl Address {
    /// Binds a port to its first address, whose file, that of a unix socket, goes with it; `*` is every address of the machine, of both families. (NET-14)
    pub fn bind_datagram(&self) -> Result<Arc<DatagramPort>, Error> {
        self.runtime().check()?;
        let mut failed = Error::invalid("no address to bind to");
        let most = if self.is_any() { 2 } else { 1 };
        for name in self.names()?.iter().take(most) {
            match open(name, self.is_any()) {
                Ok(fd) => return DatagramPort::bound(self.runtime(), fd, self.filter(), OwnFile::of(name)),
                Err(error) => {
                    failed = Error::from_io(format_args!("binding a datagram port to {self}"), &error);
                    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
                    // Without IPv6 the second address of `*` is the whole machine.
                    if !matches!(errno, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL)) {
                        break;
                    }
                }
            }
        }
        Err(failed)
    }
}

fn send_once(fd: BorrowedFd<'_>, parts: &[IoSlice<'_>], to: Option<&SockAddr>) -> rustix::io::Result<usize> {
    let message = MsgHdr::new().with_buffers(parts);
    let message = match to {
        Some(to) => message.with_addr(to),
        None => message,
    };
    let sent = SockRef::from(&fd).sendmsg(&message, sys::SEND);
    sent.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

fn sent(result: rustix::io::Result<usize>) -> Outcome {
    match result {
        Ok(count) => Ok(Value::U64(count as u64)),
        Err(errno) => Err(Error::from_io("sending a datagram", &errno.into())),
    }
}

/// What comes of a receive; it is taken apart at once.
#[allow(clippy::large_enum_variant)]
pub(super) enum Received {
    New(Message),
    /// What had come to a receive whose outcome reached nobody.
    Again(Value),
}

/// What becomes known of a datagram that was sent earlier, to whomever.
fn is_of_an_earlier_send(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::CONNREFUSED
            | Errno::HOSTUNREACH
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::NETDOWN
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::OPNOTSUPP
            | Errno::ACCESS
            | Errno::MSGSIZE
    )
}

/// How often a send is tried again after such an error, which may be its own.
const TRIES: usize = 4;

/// What came of a send without waiting.
enum Tried {
    Done(Outcome),
    /// Nothing; the place in the line that it has, if it asked for one and was the first.
    Blocked(Option<Turn>),
}

impl Belonging for DatagramPort {
    fn end(&self) {
        self.close();
    }
}

impl DatagramPort {
    /// Over a socket made elsewhere, whose file is somebody else's.
    pub(super) fn over(runtime: &Arc<Shared>, fd: OwnedFd, filter: &Filter) -> Result<Arc<Self>, Error> {
        Self::bound(runtime, fd, filter, OwnFile::none())
    }

    fn bound(runtime: &Arc<Shared>, fd: OwnedFd, filter: &Filter, file: OwnFile) -> Result<Arc<Self>, Error> {
        let domain = wrap::domain(&fd)?;
        let connected = AtomicBool::new(SockRef::from(&fd).peer_addr().is_ok());
        let socket = Socket::for_reading(runtime, fd)?;
        let (sends, receives, unreachable) = (Turns::default(), Arc::default(), ErrorWatch::default());
        let (filter, entry) = (filter.clone(), Entry::default());
        let this = Arc::new(Self { file, socket, domain, filter, sends, receives, connected, unreachable, entry });
        this.entry.enter(runtime, &this);
        Ok(this)
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        self.socket.runtime()
    }

    /// Sends one datagram of these pieces, to the address or to whom the port is connected to: at once if the system
    /// takes it, else from a copy. The promise carries the number of bytes. (DGRAM-01)
    ///
    /// # Cancellation
    /// A datagram that still waits is not sent.
    pub fn send(self: &Arc<Self>, parts: &[IoSlice<'_>], to: Option<&Address>) -> Result<Promise, Error> {
        let to = to.map(|to| choose(to, self.domain)).transpose()?;
        self.send_to(parts, to.as_deref())
    }

    /// As [`DatagramPort::send`], to whom a message came from. (DGRAM-01, DGRAM-06)
    pub fn reply(self: &Arc<Self>, parts: &[IoSlice<'_>], message: &Message) -> Result<Promise, Error> {
        self.send_to(parts, Some(message.named_source()?))
    }

    fn send_to(self: &Arc<Self>, parts: &[IoSlice<'_>], to: Option<&SockAddr>) -> Result<Promise, Error> {
        let turn = match self.try_send(parts, to, true)? {
            Tried::Done(outcome) => return Ok(Promise::settled(self.runtime().clone(), outcome)),
            Tried::Blocked(turn) => turn.unwrap_or_else(|| self.sends.take()),
        };
        let mut data = Vec::new();
        data.try_reserve_exact(parts.iter().map(|part| part.len()).sum()).map_err(|_| Error::no_memory())?;
        parts.iter().for_each(|part| data.extend_from_slice(part));
        let later = self.clone().send_later(turn, data, to.cloned());
        Ok(Promise::start(self.runtime().clone(), "send_datagram", later))
    }

    /// Sends one datagram if the system takes it at once and no other send waits; whether it did. Makes no promise.
    /// (DGRAM-01)
    pub fn send_now(&self, data: &[u8], to: Option<&Address>) -> Result<bool, Error> {
        let to = to.map(|to| choose(to, self.domain)).transpose()?;
        self.send_now_to(data, to.as_deref())
    }

    /// As [`DatagramPort::send_now`], to whom a message came from. (DGRAM-01, DGRAM-06)
    pub fn reply_now(&self, data: &[u8], message: &Message) -> Result<bool, Error> {
        self.send_now_to(data, Some(message.named_source()?))
    }

    fn send_now_to(&self, data: &[u8], to: Option<&SockAddr>) -> Result<bool, Error> {
        match self.try_send(&[IoSlice::new(data)], to, false)? {
            Tried::Done(outcome) => outcome.map(|_| true),
            Tried::Blocked(_) => Ok(false),
        }
    }

    /// Sends if nobody is in line. What the system does not take gets a place there, if that is `wanted`.
    fn try_send(&self, parts: &[IoSlice<'_>], to: Option<&SockAddr>, wanted: bool) -> Result<Tried, Error> {
        self.runtime().check()?;
        if let Some(forbidden) = to.filter(|to| !self.filter.allows(to)) {
            return Err(forbid(forbidden));
        }
        let now = self.sends.try_now(|| {
            let result = self.socket.with_fd(|fd| rustix::io::retry_on_intr(|| self.send_once(fd, parts, to)));
            let blocked = result.as_ref().is_ok_and(|result| *result == Err(Errno::AGAIN));
            (result, blocked && wanted)
        });
        Ok(match now {
            None => Tried::Blocked(None),
            Some((Ok(Err(Errno::AGAIN)), turn)) => Tried::Blocked(turn),
            Some((result, _)) => Tried::Done(result.and_then(sent)),
        })
    }

    async fn send_later(self: Arc<Self>, turn: Turn, data: Vec<u8>, to: Option<SockAddr>) -> Outcome {
        poll_fn(|cx| if turn.poll(cx).is_pending() { self.pending() } else { Poll::Ready(Ok(())) }).await?;
        let parts = [IoSlice::new(&data)];
        let call = |fd: BorrowedFd<'_>| self.send_once(fd, &parts, to.as_ref());
        let is_connected = self.connected.load(Ordering::Acquire);
        sent(room::send_when_there_is(&self.socket, to.as_ref(), is_connected, call).await?)
    }

    /// A closed port has nothing left to wait for.
    fn pending<R>(&self) -> Poll<Result<R, Error>> {
        match self.socket.with_fd(|_| ()) {
            Ok(()) => Poll::Pending,
            Err(closed) => Poll::Ready(Err(closed)),
        }
    }

    /// Whether this error is none of this call's: the system keeps it for whoever calls next, if the socket asks for such errors
    /// (IP_RECVERR). On a port that is not connected it is nobody's.
    fn passes_over(&self, errno: Errno) -> bool {
        self.domain != Domain::UNIX && is_of_an_earlier_send(errno) && !self.connected.load(Ordering::Acquire)
    }

    fn send_once(&self, fd: BorrowedFd<'_>, parts: &[IoSlice<'_>], to: Option<&SockAddr>) -> rustix::io::Result<usize> {
        let mut result = send_once(fd, parts, to);
        for _ in 0..TRIES {
            if !result.is_err_and(|errno| self.passes_over(errno)) {
                break;
            }
            result = send_once(fd, parts, to);
        }
        result
    }

    fn receive_once(&self, fd: BorrowedFd<'_>, options: Receive) -> rustix::io::Result<Message> {
        self.receive_with(fd, options, &mut Vec::new(), |content| {
            let mut content = std::mem::take(content);
            // In place with every allocator in use: the block only gets shorter.
            content.shrink_to_fit();
            Bytes::from(content)
        })
    }

    /// Receives into the empty `buffer`, of which `content` makes the message's bytes.
    pub(super) fn receive_with(
        &self,
        fd: BorrowedFd<'_>,
        options: Receive,
        buffer: &mut Vec<u8>,
        content: impl FnOnce(&mut Vec<u8>) -> Bytes,
    ) -> rustix::io::Result<Message> {
        buffer.try_reserve_exact(options.capacity).map_err(|_| Errno::NOMEM)?;
        let mut beside = Beside::default();
        let wanted = Wanted { room: options.control_capacity, most: usize::MAX, keeps: false };
        let received = receive(fd, buffer, wanted, &mut beside);
        let Arrived { truncated, source, .. } =
            received.map_err(|errno| if self.passes_over(errno) { Errno::INTR } else { errno })?;
        Ok(Message::new(self.runtime(), content(buffer), beside).with_source(source, truncated))
    }

    /// The next datagram of somebody whom the network's rules allow. (NET-10)
    async fn receive_first(&self, turn: &Turn, options: Receive) -> Outcome {
        match poll_fn(|cx| self.poll_receive(cx, turn, options, |fd| self.receive_once(fd, options))).await? {
            Received::New(message) => Ok(self.receives.give(message.into_value())),
            Received::Again(value) => Ok(value),
        }
    }

    fn allows(&self, message: &Message) -> bool {
        message.source().is_none_or(|source| self.filter.allows(source))
    }

    /// As `receive_first`, with this call.
    pub(super) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        turn: &Turn,
        options: Receive,
        mut once: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<Message>,
    ) -> Poll<Result<Received, Error>> {
        for _ in 0..FORBIDDEN_AT_ONCE {
            match ready!(self.poll_any(cx, turn, options, &mut once)) {
                Ok(Received::New(message)) if !self.allows(&message) => {}
                received => return Poll::Ready(received),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_any(
        &self,
        cx: &mut Context<'_>,
        turn: &Turn,
        options: Receive,
        once: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<Message>,
    ) -> Poll<Result<Received, Error>> {
        let received = if turn.poll(cx).is_pending() {
            self.pending()
        } else if let Some(returned) = self.receives.take_returned() {
            return Poll::Ready(Ok(Received::Again(returned)));
        } else {
            match self.socket.poll_io(Direction::Read, cx, once, |_| false) {
                Poll::Pending if self.connected.load(Ordering::Acquire) => self.poll_unreachable(cx, options),
                received => received,
            }
        };
        let received = ready!(received)?.map_err(|error| Error::from_io("receiving a datagram", &error));
        Poll::Ready(received.map(Received::New))
    }

    /// An error that is no datagram, or the datagram that has come instead.
    fn poll_unreachable(&self, cx: &mut Context<'_>, options: Receive) -> Poll<Result<io::Result<Message>, Error>> {
        // Elsewhere an error makes a socket readable.
        while cfg!(any(target_os = "linux", target_os = "android")) {
            ready!(self.unreachable.poll(&self.socket, cx))?;
            match self.socket.with_fd(|fd| self.receive_once(fd, options))? {
                // No error of the port: an entry in its error queue, which is there for whoever asks for it.
                Err(Errno::AGAIN | Errno::INTR) => {}
                received => return Poll::Ready(Ok(received.map_err(io::Error::from))),
            }
        }
        Poll::Pending
    }

    /// Receives the next datagram. The promise carries a [`Message`]. (DGRAM-03)
    ///
    /// # Cancellation
    /// The datagram is the next receive's, unless somebody has learned that the promise carries it.
    pub fn receive(self: &Arc<Self>, options: Receive) -> Result<Promise, Error> {
        self.runtime().check()?;
        let (port, turn) = (self.clone(), self.receives.turn());
        Ok(Promise::start(self.runtime().clone(), "receive_datagram", async move {
            port.receive_first(&turn, options).await
        }))
    }

    /// Receives the next datagram and those that have arrived behind it, `most` at most. The promise carries
    /// [`Messages`]. (DGRAM-03)
    pub fn receive_many(self: &Arc<Self>, options: Receive, most: usize) -> Result<Promise, Error> {
        self.runtime().check()?;
        if most == 0 {
            return Err(Error::invalid("at most no datagram"));
        }
        let (port, turn) = (self.clone(), self.receives.turn());
        Ok(Promise::start(self.runtime().clone(), "receive_datagrams", async move {
            let mut parts = vec![port.receive_first(&turn, options).await?];
            while parts.len() < most
                && let Some(returned) = port.receives.take_returned()
            {
                parts.push(returned);
            }
            // An error after the first is that of a datagram which was sent, and nobody's who receives.
            // Those that are forbidden count, so that whoever sends them holds nothing up.
            for _ in parts.len()..most {
                let Ok(Ok(next)) = port.socket.with_fd(|fd| port.receive_once(fd, options)) else { break };
                if port.allows(&next) {
                    parts.push(port.receives.give(next.into_value()));
                }
            }
            let list = parts.iter().cloned().filter_map(|part| part.shown().into_object()).collect();
            Ok(Messages::into_value(port.runtime(), list).unclaimed_whole(parts))
        }))
    }

    /// Hears only this peer from now on and sends to it where no address is given. Datagrams of others that have
    /// arrived are still received.
    pub fn connect(&self, to: &Address) -> Result<(), Error> {
        self.runtime().check()?;
        let name = choose(to, self.domain)?;
        if !self.filter.allows(&name) {
            return Err(forbid(&name));
        }
        let done = self.socket.with_fd(|fd| SockRef::from(&fd).connect(&name))?;
        done.map_err(|error| Error::from_io(format_args!("connecting a datagram port to {to}"), &error))?;
        self.connected.store(true, Ordering::Release);
        // Those that wait already are to notice it too.
        self.receives.line().wake_all();
        Ok(())
    }

    /// The bound address, with the port that the system chose if port 0 was asked for. (DGRAM-08)
    pub fn local_address(&self) -> Result<Address, Error> {
        let name = self.socket.with_fd(|fd| SockRef::from(&fd).local_addr())?;
        let name = name.map_err(|error| Error::from_io("reading the bound address", &error))?;
        Ok(Address::from_socket(self.runtime(), &self.filter, name))
    }

    /// Reads a socket option into the buffer; what the system wrote there. (DGRAM-08)
    pub fn option<'a>(&self, level: i32, name: i32, buffer: &'a mut [MaybeUninit<u8>]) -> Result<&'a [u8], Error> {
        let read = self.socket.with_fd(|fd| option::get(fd, level, name, buffer))?;
        read.map_err(|error| Error::from_io("reading a socket option", &error))
    }

    /// Sets a socket option. (DGRAM-08)
    pub fn set_option(&self, level: i32, name: i32, value: &[u8]) -> Result<(), Error> {
        let set = self.socket.with_fd(|fd| option::set(fd, level, name, value))?;
        set.map_err(|error| Error::from_io("setting a socket option", &error))
    }

    /// Closes the port now, and removes the file of a unix socket that was bound here and is still ours; pending operations
    /// reject with `Canceled`.
    pub fn close(&self) {
        self.file.remove();
        let open = self.socket.close();
        self.unreachable.close();
        if open {
            self.sends.wake_all();
            self.receives.close();
        }
    }
}

impl Object for DatagramPort {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

impl Message {
    fn named_source(&self) -> Result<&SockAddr, Error> {
        let unnamed = || Error::new(ErrorKind::Unimplemented, "the sender has no address");
        self.source().filter(|source| !source.is_unnamed()).ok_or_else(unnamed)
    }

    /// Where a datagram came from, as numbers. (DGRAM-06)
    ///
    /// # Errors
    /// `Unimplemented` for a sender without a name.
    pub fn source_address(&self) -> Result<Address, Error> {
        Ok(Address::from_socket(self.runtime(), &Filter::default(), self.named_source()?.clone()))
    }
}
