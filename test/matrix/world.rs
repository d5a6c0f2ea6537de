//! Where a cell takes place: a runtime, and the sockets of the outside.

use crate::alone::descriptors;
use crate::gate::{Gate, runtime_with};
use crate::rules::{Cell, Loop, Loops, Side};
use kjasync::Outcome;
use kjasync::Value;
use kjasync::net::{Address, ListenOptions};
use kjasync::promise::Promise;
use kjasync::runtime::{Mode, Runtime, clock};
use kjasync::stream::Connection;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many runtimes end. Each holds what it will close.
static ENDING: AtomicUsize = AtomicUsize::new(0);

/// How many hold it, besides a runtime that ends.
pub(crate) fn holders<T>(object: &Weak<T>) -> usize {
    object.strong_count().saturating_sub(ENDING.load(Ordering::SeqCst))
}

/// What does not happen by then does not happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
pub(crate) const HOUR: u64 = 3_600_000_000_000;

/// Sockets that no runtime knows of.
pub(crate) struct Net {
    pub(crate) server: TcpListener,
    /// A listener whose backlog is full: who connects to it waits.
    full: (Socket, Vec<TcpStream>),
    /// Bound, and nobody listens.
    deaf: Socket,
}

fn bound() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).expect("a free port");
    socket
}

fn port(socket: &Socket) -> u16 {
    socket.local_addr().ok().and_then(|name| name.as_socket()).expect("bound").port()
}

impl Net {
    pub(crate) fn new() -> Self {
        let full = bound();
        full.listen(1).expect("it listens");
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port(&full)));
        let mut filling = Vec::new();
        let mut refused = 0;
        while refused < 2 {
            assert!(filling.len() < 64, "the backlog is bounded");
            match TcpStream::connect_timeout(&at, Duration::from_millis(20)) {
                Ok(stream) => filling.push(stream),
                Err(_) => refused += 1,
            }
        }
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        Self { server, full: (full, filling), deaf: bound() }
    }

    pub(crate) fn server_port(&self) -> u16 {
        self.server.local_addr().expect("bound").port()
    }

    pub(crate) fn full_port(&self) -> u16 {
        port(&self.full.0)
    }

    pub(crate) fn deaf_port(&self) -> u16 {
        port(&self.deaf)
    }
}

/// What a runtime tells of itself when nothing is left of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    promises: u64,
    detached: u64,
    timers: u64,
    descriptors: usize,
}

pub(crate) struct World<'a> {
    /// That of the operation.
    pub(crate) runtime: Arc<Runtime>,
    /// That of what stands above it, if it is another one.
    above: Option<Arc<Runtime>>,
    pub(crate) net: &'a Net,
    loops: Loops,
}

/// Its time is virtual.
fn turned_by(turned: Loop) -> Arc<Runtime> {
    Arc::new(runtime_with(|options| {
        options.mode = if turned == Loop::Thread { Mode::Thread } else { Mode::WaitScope };
        options.virtual_time = true;
    }))
}

impl<'a> World<'a> {
    pub(crate) fn new(loops: Loops, net: &'a Net) -> Self {
        let above = loops.is_two().then(|| turned_by(loops.above()));
        Self { runtime: turned_by(loops.below()), above, net, loops }
    }

    /// The runtime of what stands above the operation.
    pub(crate) fn above(&self) -> &Arc<Runtime> {
        self.above.as_ref().unwrap_or(&self.runtime)
    }

    fn runtimes(&self) -> impl Iterator<Item = &Arc<Runtime>> {
        [&self.runtime].into_iter().chain(&self.above)
    }

    /// What is left of promises, detached ones and timers.
    pub(crate) fn left(&self) -> [u64; 3] {
        let stats = self.runtimes().map(|runtime| runtime.stats());
        stats.fold([0; 3], |[promises, detached, timers], stats| {
            [promises + stats.promises, detached + stats.detached, timers + stats.timers]
        })
    }

    pub(crate) fn figures(&self) -> Figures {
        let [promises, detached, timers] = self.left();
        Figures { promises, detached, timers, descriptors: descriptors() }
    }

    /// The outcome of what has to settle; how the wait failed is as good.
    pub(crate) fn outcome(&self, promise: &Promise) -> Outcome {
        // A wait on the one loop does not turn the other.
        if self.above.is_some() && [self.loops.above(), self.loops.below()].contains(&Loop::Scope) {
            soon(|| {
                self.runtimes().for_each(|runtime| drop(runtime.poll(u64::MAX)));
                promise.outcome().is_some()
            });
        }
        promise.wait(Some(clock::after(PATIENCE.as_nanos() as u64))).unwrap_or_else(Err)
    }

    /// Everything that is ready has had its turn, and what that makes ready on the other loop.
    pub(crate) fn quiet(&self) {
        let rounds = if self.above.is_some() { 2 } else { 1 };
        for _ in 0..rounds {
            for runtime in self.runtimes().filter(|runtime| runtime.is_alive()) {
                let quiet = runtime.yield_until_would_sleep().expect("a live runtime");
                self.outcome(&quiet).expect("the loop turns");
            }
        }
    }

    /// Ends one of its runtimes.
    pub(crate) fn shut_down(&self, runtime: &Runtime) {
        ENDING.fetch_add(1, Ordering::SeqCst);
        runtime.shutdown().expect("it ends");
        ENDING.fetch_sub(1, Ordering::SeqCst);
    }

    /// Puts something above the operation: inside the loop that it is to belong to, if that is another one.
    pub(crate) fn build<T: Send + 'static>(&self, build: impl FnOnce(&Arc<Runtime>) -> T + Send + 'static) -> T {
        let Some(above) = &self.above else { return build(&self.runtime) };
        let own = above.clone();
        self.on(above, move || build(&own))
    }

    /// Runs `f` on the loop that acts in a cell.
    pub(crate) fn on_acting_loop<T: Send + 'static>(&self, cell: Cell, f: impl FnOnce() -> T + Send + 'static) -> T {
        self.on(if cell.side == Side::Below { &self.runtime } else { self.above() }, f)
    }

    /// Runs `f` on the loop of the operation.
    pub(crate) fn on_loop<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> T {
        self.on(&self.runtime, f)
    }

    fn on<T: Send + 'static>(&self, runtime: &Runtime, f: impl FnOnce() -> T + Send + 'static) -> T {
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        let call = runtime.executor().expect("a live runtime").start(move || {
            let value = f();
            *slot.lock().unwrap() = Some(value);
            Ok(Value::Unit)
        });
        // It needs no turn of the other loop.
        let ended = call.expect("a live runtime").wait(Some(clock::after(PATIENCE.as_nanos() as u64)));
        ended.unwrap_or_else(Err).expect("the call ends");
        let value = result.lock().unwrap().take();
        value.expect("the call has run")
    }

    /// Keeps the loop from turning.
    pub(crate) fn hold(&self) -> Hold {
        let (begun, end) = (Gate::default(), Gate::default());
        if self.loops.below() == Loop::Scope {
            // Nobody turns it but this thread.
            return Hold { end, call: None };
        }
        let (open, pass) = (begun.clone(), end.clone());
        let call = self.runtime.executor().expect("a live runtime").start(move || {
            open.open();
            pass.pass();
            Ok(Value::Unit)
        });
        begun.pass();
        Hold { end, call: call.ok() }
    }

    fn address(&self, port: u16) -> Arc<Address> {
        let parsed = Address::parse(&self.runtime, format!("127.0.0.1:{port}").as_bytes(), 0).expect("an address");
        self.outcome(&parsed).expect("an address").into_object::<Address>().expect("an address")
    }

    pub(crate) fn connect(&self, port: u16) -> Promise {
        self.address(port).connect().expect("it starts")
    }

    pub(crate) fn listener(&self) -> Arc<kjasync::net::Listener> {
        self.address(0).listen(&ListenOptions::default()).expect("a free port")
    }

    pub(crate) fn tcp(&self) -> Arc<Tcp> {
        let connecting = self.connect(self.net.server_port());
        let peer = self.net.server.accept().expect("a connection").0;
        let connection =
            self.outcome(&connecting).expect("a connection").into_object::<Connection>().expect("a connection");
        Tcp::new(connection, peer)
    }
}

/// The loop stands still until this is dropped.
pub(crate) struct Hold {
    end: Gate,
    call: Option<Promise>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.end.open();
        if let Some(call) = &self.call {
            let _ = call.wait(Some(clock::after(PATIENCE.as_nanos() as u64)));
        }
    }
}

/// A connection of the runtime and its other end, which belongs to no runtime.
pub(crate) struct Tcp {
    pub(crate) connection: Arc<Connection>,
    peer: Mutex<Option<Arc<TcpStream>>>,
    reading: Mutex<Option<JoinHandle<Vec<u8>>>>,
}

impl Tcp {
    pub(crate) fn new(connection: Arc<Connection>, peer: TcpStream) -> Arc<Self> {
        peer.set_read_timeout(Some(PATIENCE)).expect("a socket");
        peer.set_write_timeout(Some(PATIENCE)).expect("a socket");
        let peer = Mutex::new(Some(Arc::new(peer)));
        Arc::new(Self { connection, peer, reading: Mutex::new(None) })
    }

    /// No operation is on it.
    pub(crate) fn is_idle(&self) -> bool {
        holders(&Arc::downgrade(&self.connection)) <= 1
    }

    /// The other end, for another connection.
    pub(crate) fn into_peer(self: Arc<Self>) -> TcpStream {
        self.peer().try_clone().expect("a descriptor")
    }

    fn peer(&self) -> Arc<TcpStream> {
        self.peer.lock().unwrap().clone().expect("the peer has not gone")
    }

    pub(crate) fn peer_writes(&self, data: &[u8]) {
        (&*self.peer()).write_all(data).expect("the peer writes");
    }

    pub(crate) fn peer_ends(&self) {
        self.peer().shutdown(std::net::Shutdown::Write).expect("the peer ends its direction");
    }

    pub(crate) fn peer_resets(&self) {
        let peer = self.peer.lock().unwrap().take().expect("the peer has not gone");
        SockRef::from(&*peer).set_linger(Some(Duration::ZERO)).expect("a socket");
    }

    /// The peer reads everything, on a thread of its own.
    pub(crate) fn peer_reads(&self) {
        let peer = self.peer();
        self.reading.lock().unwrap().get_or_insert_with(|| {
            std::thread::spawn(move || {
                let mut all = Vec::new();
                let _ = (&*peer).read_to_end(&mut all);
                all
            })
        });
    }

    /// What the peer has read when this end was shut.
    pub(crate) fn received(&self, world: &World<'_>) -> Result<Vec<u8>, String> {
        self.peer_reads();
        let shut = self.connection.shutdown_write().map_err(|error| format!("shutting down: {error}"))?;
        world.outcome(&shut).map_err(|error| format!("shutting down: {error}"))?;
        self.has_read()
    }

    /// What the peer has read up to the end.
    pub(crate) fn has_read(&self) -> Result<Vec<u8>, String> {
        let reading = self.reading.lock().unwrap().take().ok_or("nobody reads")?;
        reading.join().map_err(|_| "the peer panicked".to_owned())
    }

    /// The connection goes on: from the peer to here, and back unless that is not `open`.
    pub(crate) fn goes_on(&self, world: &World<'_>) -> Result<(), String> {
        let read = self.connection.read(2, 2).map_err(|error| format!("reading again: {error}"))?;
        self.peer_writes(b"on");
        match world.outcome(&read) {
            Ok(Value::Bytes(bytes)) if bytes == b"on"[..] => {}
            other => return Err(format!("reading again gave {other:?}")),
        }
        let write = self.connection.write(b"back").map_err(|error| format!("writing again: {error}"))?;
        world.outcome(&write).map_err(|error| format!("writing again: {error}"))?;
        let received = self.received(world)?;
        if received == b"back" { Ok(()) } else { Err(format!("the peer received {received:?}")) }
    }
}

/// Waits for something that nobody announces.
pub(crate) fn soon(holds: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while !holds() {
        if begin.elapsed() > PATIENCE {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// Runs `f` on another thread and waits for its end.
pub(crate) fn elsewhere<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(f).join().expect("it does not panic")
}
