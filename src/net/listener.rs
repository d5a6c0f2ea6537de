//! Listeners: on sockets, and on whatever else connections come from.

use super::unix_file::{self, OwnFile};
use super::{Address, accept, connect};
use crate::coordination::Consumers;
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::os::option;
use crate::os::sockaddr;
use crate::peer::Filter;
use crate::promise::Promise;
use crate::runtime::{Belonging, Entry, Shared};
use crate::stream::Socket;
use crate::value::Outcome;
use rustix::io::Errno;
use socket2::{SockAddr, SockRef};
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system takes its own maximum for anything larger.
const DEFAULT_BACKLOG: u32 = i32::MAX as u32;

/// How often a port that the system chose for one address, and that is taken for the next one, is given up.
const PORT_ATTEMPTS: usize = 8;

/// How to listen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How many connections may wait to be accepted; 0 for as many as the system allows.
    pub backlog: u32,
    /// Whether the file of a unix socket that nobody listens on is replaced.
    pub replace_stale: bool,
}

/// An accept in its place in a line. What it takes it gives out in the same poll, so that dropping it loses nothing; and
/// what it gives out goes back to the line if it reaches nobody.
pub(super) type Accepting = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What a source says of sockets that has none.
pub(super) fn no_socket() -> Error {
    Error::new(ErrorKind::Unimplemented, "this listener has no socket of its own")
}

/// Where connections come from. Its line is shared by all listeners that it is a part of.
pub(super) trait Source: Send + Sync {
    fn runtime(&self) -> &Arc<Shared>;

    /// Takes the last place in the line.
    fn accept(self: Arc<Self>) -> Accepting;

    fn local_address(&self) -> Result<Address, Error>;

    fn port(&self) -> Result<u16, Error> {
        Ok(0)
    }

    fn option<'a>(&self, _level: i32, _option: i32, _buffer: &'a mut [MaybeUninit<u8>]) -> Result<&'a [u8], Error> {
        Err(no_socket())
    }

    fn set_option(&self, _level: i32, _option: i32, _value: &[u8]) -> Result<(), Error> {
        Err(no_socket())
    }

    /// Ends it, and wakes everybody in the line.
    fn close(&self);
}

/// One listening socket.
pub(super) struct Member {
    // Removed while the socket is open.
    file: OwnFile,
    pub(super) socket: Socket,
    pub(super) filter: Filter,
    pub(super) is_unix: bool,
    pub(super) is_abstract: bool,
    accepts: Arc<Consumers>,
}

/// One or several sources of connections. Any number of accepts may be pending; they are served in order. (NET-20)
pub struct Listener {
    sources: Vec<Arc<dyn Source>>,
    /// Which of them the next accept looks at first, so that a busy one does not starve the others.
    first: AtomicUsize,
    /// How many listeners stand on top of each other here, with this one.
    layers: usize,
    entry: Entry,
}

pub(super) fn listen(
    runtime: &Arc<Shared>,
    filter: &Filter,
    addresses: &[SockAddr],
    any: bool,
    options: &Options,
) -> Result<Arc<Listener>, Error> {
    let mut attempts = PORT_ATTEMPTS;
    loop {
        attempts -= 1;
        match listen_on_all(runtime, filter, addresses, any, options) {
            Err((error, true)) if attempts > 0 && error.os_error() == Errno::ADDRINUSE.raw_os_error() => {}
            Err((error, _)) => return Err(error),
            Ok(members) => {
                return Ok(Listener::of(
                    members.into_iter().map(|member| Arc::new(member) as Arc<dyn Source>).collect(),
                ));
            }
        }
    }
}

/// Fails with whether a port was chosen by the system before.
fn listen_on_all(
    runtime: &Arc<Shared>,
    filter: &Filter,
    addresses: &[SockAddr],
    any: bool,
    options: &Options,
) -> Result<Vec<Member>, (Error, bool)> {
    let mut failed = Error::invalid("no address to listen on");
    let mut members: Vec<Member> = Vec::new();
    let mut chosen = 0;
    for address in addresses {
        let address = with_port(address, chosen);
        match Member::listen(runtime, filter, &address, any, options) {
            Ok(member) => {
                if with_port(&address, 1) != address {
                    chosen = member.port().map_err(|error| (error, false))?;
                }
                members.push(member);
            }
            // Without IPv6 the other addresses of a host, or of `*`, are all there is.
            Err(error) if addresses.len() > 1 && is_not_here(&error) => failed = error,
            Err(error) => return Err((error, chosen != 0)),
        }
        if any && !members.is_empty() {
            break;
        }
    }
    if members.is_empty() { Err((failed, false)) } else { Ok(members) }
}

/// The same address, with this port if it has none.
fn with_port(address: &SockAddr, port: u16) -> SockAddr {
    match address.as_socket() {
        Some(mut socket) if socket.port() == 0 => {
            socket.set_port(port);
            socket.into()
        }
        _ => address.clone(),
    }
}

fn is_not_here(error: &Error) -> bool {
    [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL].iter().any(|errno| errno.raw_os_error() == error.os_error())
}

fn open(address: &SockAddr, any: bool, options: &Options) -> io::Result<OwnedFd> {
    let socket = connect::open(address)?;
    if !address.is_unix() {
        socket.set_reuse_address(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(!any)?;
    }
    let in_use = |error: &io::Error| error.raw_os_error() == Some(Errno::ADDRINUSE.raw_os_error());
    match socket.bind(address) {
        Err(error) if options.replace_stale && in_use(&error) && unix_file::remove_stale(address)? => {
            socket.bind(address)?
        }
        bound => bound?,
    }
    let backlog = if options.backlog == 0 { DEFAULT_BACKLOG } else { options.backlog };
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(OwnedFd::from(socket))
}

impl Member {
    fn listen(
        runtime: &Arc<Shared>,
        filter: &Filter,
        address: &SockAddr,
        any: bool,
        options: &Options,
    ) -> Result<Self, Error> {
        let text = || sockaddr::text(address);
        if !filter.allows_family(address) {
            let text = format!("the rules of this network forbid whoever could connect to {}", text());
            return Err(Error::new(ErrorKind::Failed, text));
        }
        let fd = open(address, any, options)
            .map_err(|error| Error::from_io(format_args!("listening on {}", text()), &error))?;
        Ok(Self {
            file: OwnFile::of(address),
            socket: Socket::new(runtime, fd)?,
            filter: filter.clone(),
            is_unix: address.is_unix(),
            is_abstract: sockaddr::abstract_name(address).is_some(),
            accepts: Arc::default(),
        })
    }

    /// Over a socket that is listening already, whose file is somebody else's.
    fn over(socket: Socket, filter: &Filter) -> Result<Self, Error> {
        let mut member = Self {
            socket,
            filter: filter.clone(),
            is_unix: false,
            is_abstract: false,
            accepts: Arc::default(),
            file: OwnFile::none(),
        };
        let name = member.name()?;
        member.is_unix = name.is_unix();
        member.is_abstract = sockaddr::abstract_name(&name).is_some();
        Ok(member)
    }

    fn name(&self) -> Result<SockAddr, Error> {
        let name = self.socket.with_fd(|fd| SockRef::from(&fd).local_addr())?;
        name.map_err(|error| Error::from_io("reading the bound address", &error))
    }
}

impl Source for Member {
    fn runtime(&self) -> &Arc<Shared> {
        self.socket.runtime()
    }

    fn accept(self: Arc<Self>) -> Accepting {
        let (accepts, turn) = (self.accepts.clone(), self.accepts.turn());
        Box::pin(async move { accepts.take(&turn, accept::accept_from(&self, &turn)).await })
    }

    fn local_address(&self) -> Result<Address, Error> {
        Ok(Address::from_socket(self.socket.runtime(), &self.filter, self.name()?))
    }

    fn port(&self) -> Result<u16, Error> {
        Ok(self.name()?.as_socket().map_or(0, |name| name.port()))
    }

    fn option<'a>(&self, level: i32, option: i32, buffer: &'a mut [MaybeUninit<u8>]) -> Result<&'a [u8], Error> {
        let read = self.socket.with_fd(|fd: BorrowedFd<'_>| option::get(fd, level, option, buffer))?;
        read.map_err(|error| Error::from_io("reading a socket option", &error))
    }

    fn set_option(&self, level: i32, option: i32, value: &[u8]) -> Result<(), Error> {
        let set = self.socket.with_fd(|fd: BorrowedFd<'_>| option::set(fd, level, option, value))?;
        set.map_err(|error| Error::from_io("setting a socket option", &error))
    }

    fn close(&self) {
        self.file.remove();
        if self.socket.close() {
            self.accepts.close();
        }
    }
}

impl Listener {
    pub(super) fn over(socket: Socket, filter: &Filter) -> Result<Arc<Self>, Error> {
        Ok(Self::of(vec![Arc::new(Member::over(socket, filter)?)]))
    }

    pub(super) fn of(sources: Vec<Arc<dyn Source>>) -> Arc<Self> {
        Self::on_top(sources, 1)
    }

    pub(super) fn on_top(sources: Vec<Arc<dyn Source>>, layers: usize) -> Arc<Self> {
        let this = Arc::new(Self { sources, first: AtomicUsize::new(0), layers, entry: Entry::default() });
        this.entry.enter(this.runtime(), &this);
        this
    }

    pub(super) fn layers(&self) -> usize {
        self.layers
    }

    /// Accepts from any of these. They stay usable by themselves; each accept has its place in the line of every
    /// source. One that was closed or, being a connection, has come to its end leaves the rest. (NET-20)
    ///
    /// # Errors
    /// `InvalidArgument` for none, and for listeners of different runtimes.
    pub fn aggregate(listeners: &[Arc<Self>]) -> Result<Arc<Self>, Error> {
        let first = listeners.first().ok_or_else(|| Error::invalid("no listener to accept from"))?;
        first.runtime().check()?;
        if listeners.iter().any(|listener| listener.runtime().id != first.runtime().id) {
            return Err(Error::invalid("listeners of different runtimes"));
        }
        let mut sources: Vec<Arc<dyn Source>> = Vec::new();
        for source in listeners.iter().flat_map(|listener| &listener.sources) {
            if !sources.iter().any(|known| Arc::ptr_eq(known, source)) {
                sources.push(source.clone());
            }
        }
        let layers = listeners.iter().map(|listener| listener.layers).max();
        Ok(Self::on_top(sources, layers.unwrap_or(1)))
    }

    fn first(&self) -> &dyn Source {
        &*self.sources[0]
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        self.first().runtime()
    }

    /// Waits for a connection. The promise carries a [`crate::stream::Connection`]. (NET-16)
    ///
    /// A peer that the network's rules forbid is dropped and the accept goes on. When the process is out of
    /// descriptors or memory, the accept stays pending and tries again a little later, at growing intervals.
    ///
    /// # Cancellation
    /// The connection that would have been accepted stays in the backlog for the next accept, and so, in effect, does one
    /// that the promise carries and of which nobody has learned when the promise is dropped.
    pub fn accept(self: &Arc<Self>) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::start(self.runtime().clone(), "accept", self.accepting()))
    }

    /// As `accept`, as a part of another operation.
    pub(super) fn accepting(&self) -> Accepting {
        if let [only] = &self.sources[..] {
            return only.clone().accept();
        }
        let mut racing: Vec<Accepting> = self.sources.iter().map(|source| source.clone().accept()).collect();
        let first = self.first.fetch_add(1, Ordering::Relaxed) % racing.len();
        racing.rotate_left(first);
        Box::pin(accept::first(racing))
    }

    /// The bound address, with the port that the system chose if port 0 was asked for; that of the first socket if
    /// there are several. (NET-18, NET-19)
    ///
    /// # Errors
    /// `Unimplemented` for a listener on a connection.
    pub fn local_address(&self) -> Result<Address, Error> {
        self.first().local_address()
    }

    /// The port of the first socket, 0 if that is a unix socket or a connection. (NET-18)
    pub fn port(&self) -> Result<u16, Error> {
        self.first().port()
    }

    /// Reads a socket option of the first socket into the buffer; what the system wrote there. (NET-19)
    ///
    /// # Errors
    /// `Unimplemented` for a listener on a connection.
    pub fn option<'a>(&self, level: i32, option: i32, buffer: &'a mut [MaybeUninit<u8>]) -> Result<&'a [u8], Error> {
        self.first().option(level, option, buffer)
    }

    /// Sets a socket option of every socket. (NET-19, NET-20)
    ///
    /// # Errors
    /// `Unimplemented` for a listener on a connection.
    pub fn set_option(&self, level: i32, option: i32, value: &[u8]) -> Result<(), Error> {
        self.sources.iter().try_for_each(|source| source.set_option(level, option, value))
    }

    /// Stops listening now, on every socket, and removes the files of unix sockets that are still ours; pending
    /// accepts reject with `Canceled`. (NET-23)
    pub fn close(&self) {
        self.sources.iter().for_each(|source| source.close());
    }
}

impl Object for Listener {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}

impl Belonging for Listener {
    fn end(&self) {
        self.close();
    }
}
