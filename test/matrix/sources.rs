//! What is pending in a cell, how the outside ends it, and what may be done with what it worked on afterwards.

use crate::alone::descriptors;
use crate::gate::{Count, OnDrop};
use crate::probes::{Over, Probes};
use crate::rules::{Source, Way};
use crate::world::{HOUR, Tcp, World, elsewhere};
use bytes::Bytes;
use kjasync::coordination::{Queue, Semaphore};
use kjasync::net::Listener;
use kjasync::promise::{Fulfiller, Promise, Resolution, When};
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind, Value};
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// What has become of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was cancelled.
    Gone,
    /// It had a value, which has been dropped.
    Value,
    /// It had a value, of which nobody has learned.
    Back,
    Peer,
    Closed,
}

pub(crate) type Step = Box<dyn FnOnce(&World<'_>)>;
type After = Box<dyn FnOnce(&World<'_>, End) -> Result<(), String>>;

/// A step, and how the operation ends by it: as a value if there is no kind of error.
pub(crate) type Ending = (Step, Option<ErrorKind>);

pub(crate) struct Operation {
    pub(crate) promise: Promise,
    /// Whether it has dropped everything.
    pub(crate) over: Over,
    /// Has it succeed.
    pub(crate) settle: Step,
    pub(crate) peer: Option<Ending>,
    pub(crate) close: Option<Ending>,
    /// Looks at what it worked on.
    pub(crate) after: After,
}

/// Starts the operation, on a loop that may stand still.
pub(crate) type Start = Box<dyn FnOnce(&World<'_>) -> Operation>;

pub(crate) fn step(f: impl FnOnce(&World<'_>) + 'static) -> Step {
    Box::new(f)
}

fn nothing() -> Step {
    Box::new(|_| ())
}

pub(crate) fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// Readies everything that needs a loop that turns.
pub(crate) fn prepare(source: Source, way: Way, world: &World<'_>, probes: &Probes) -> Start {
    let probes = probes.clone();
    if !matches!(way, Way::Running | Way::Own) {
        // Nobody holds up a callback that should not run, or that only has to.
        probes.go_on.open();
    }
    match source {
        Source::Timer => Box::new(timer),
        Source::Read => {
            let tcp = world.tcp();
            Box::new(move |_| read(tcp))
        }
        Source::ReadEach => {
            let tcp = world.tcp();
            Box::new(move |_| read_each(tcp, &probes, way))
        }
        Source::Write => {
            let tcp = world.tcp();
            Box::new(move |_| write(&tcp))
        }
        Source::QueuedWrite => {
            let tcp = world.tcp();
            Box::new(move |_| queued_write(&tcp))
        }
        Source::Accept => Box::new(|world| accept(world.listener())),
        Source::Connect => Box::new(move |world| connect(world, way)),
        Source::Fulfiller => Box::new(move |world| fulfiller(world, &probes)),
        Source::Call => Box::new(move |world| call(world, &probes, way)),
        Source::Then => Box::new(move |world| then(world, &probes, way)),
        Source::Pop => Box::new(move |world| pop(world, &probes)),
        Source::Push => Box::new(push),
        Source::Acquire => Box::new(acquire),
        Source::CarriedAccept | Source::CarriedConnect | Source::WrappedAccept | Source::Handshake => {
            crate::carried::prepare(source, world)
        }
        Source::LayeredRead | Source::LayeredWrite | Source::LayeredShutdown => crate::layered::prepare(source, world),
        Source::ProvidedRead | Source::ProvidedWrite => crate::provided::prepare(source, world),
        Source::CompressedRead | Source::CompressedWrite => crate::compressed::prepare(source, world),
        Source::TlsHandshake | Source::TlsRead => crate::secured::prepare(source, world),
        Source::HttpMessage => crate::http::prepare(world),
        Source::SocketReceive | Source::SocketSend | Source::SocketQueuedSend => {
            crate::websocket::prepare(source, world)
        }
        Source::Signal => Box::new(crate::system::signal),
        Source::Exit => Box::new(crate::system::exit),
        Source::Readiness => Box::new(crate::system::readiness),
        Source::FileWait => Box::new(crate::files::waiting),
        Source::Remote => {
            let tcp = world.tcp();
            Box::new(move |world| remote(world, &tcp, &probes, way))
        }
        Source::HttpResponse => Box::new(crate::remote::http),
        Source::HttpQueued | Source::HttpForward => crate::asked::prepare(source, world),
        Source::Foreign => Box::new(move |world| crate::remote::foreign(world, &probes)),
    }
}

fn timer(world: &World<'_>) -> Operation {
    let deadline = world.runtime.now() + HOUR;
    let runtime = Arc::downgrade(&world.runtime);
    Operation {
        promise: world.runtime.sleep_until(deadline).expect("it starts"),
        over: Arc::new(move || runtime.upgrade().is_none_or(|runtime| runtime.next_timer() != Some(deadline))),
        settle: step(|world| world.runtime.advance(HOUR).expect("virtual time")),
        peer: None,
        close: None,
        after: Box::new(|_, _| Ok(())),
    }
}

pub(crate) fn close(tcp: &Arc<Tcp>) -> Option<Ending> {
    let tcp = tcp.clone();
    Some((step(move |_| tcp.connection.close()), Some(ErrorKind::Canceled)))
}

pub(crate) fn reset(tcp: &Arc<Tcp>) -> Option<Ending> {
    let tcp = tcp.clone();
    Some((step(move |_| tcp.peer_resets()), Some(ErrorKind::Disconnected)))
}

/// A connection that was closed says so.
pub(crate) fn is_closed(tcp: &Tcp, world: &World<'_>) -> Result<(), String> {
    let read = tcp.connection.read(1, 1).and_then(|read| world.outcome(&read));
    ensure(read.is_err_and(|error| error.kind() == ErrorKind::Canceled), "the connection is not closed")
}

pub(crate) fn read(tcp: Arc<Tcp>) -> Operation {
    let promise = tcp.connection.read(1, 10).expect("it starts");
    reading(tcp, promise)
}

/// A pending read of whatever kind.
fn reading(tcp: Arc<Tcp>, promise: Promise) -> Operation {
    let (over, settle, peer) = (tcp.clone(), tcp.clone(), tcp.clone());
    Operation {
        promise,
        over: Arc::new(move || over.is_idle()),
        settle: step(move |_| settle.peer_writes(b"x")),
        peer: Some((step(move |_| peer.peer_ends()), None)),
        close: close(&tcp),
        after: Box::new(move |world, end| match end {
            End::Gone | End::Value | End::Back => tcp.goes_on(world),
            End::Closed => is_closed(&tcp, world),
            End::Peer => {
                let write = tcp.connection.write(b"back").and_then(|write| world.outcome(&write));
                write.map_err(|error| format!("writing after the peer's end: {error}"))?;
                ensure(tcp.received(world)? == b"back", "the peer did not receive what was written after its end")
            }
        }),
    }
}

fn read_each(tcp: Arc<Tcp>, probes: &Probes, way: Way) -> Operation {
    if matches!(way, Way::Running | Way::Own) {
        tcp.peer_writes(b"x");
    }
    let dropped = Count::default();
    let mut body = Some(probes.body(dropped.on_drop()));
    let over = tcp.clone();
    let promise = tcp.connection.read_each(1, 10, move |_| body.take().expect("one read")()).expect("it starts");
    Operation { over: Arc::new(move || dropped.get() == 1 && over.is_idle()), ..reading(tcp, promise) }
}

/// More than the system takes for a connection.
pub(crate) fn block() -> &'static [u8] {
    static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
    BLOCK.get_or_init(|| (0..16u32 << 20).map(|n| (n % 251) as u8).collect())
}

struct Lent<F: FnMut()>(&'static [u8], OnDrop<F>);

impl<F: FnMut()> AsRef<[u8]> for Lent<F> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

/// Memory that is borrowed by a write, and how often it was given back.
pub(crate) fn lend(data: &'static [u8]) -> (Bytes, Count) {
    let back = Count::default();
    (Bytes::from_owner(Lent(data, back.on_drop())), back)
}

/// What was sent is a part of the block from its beginning, then what was written afterwards.
fn follows(tcp: &Tcp, world: &World<'_>, whole: bool, between: &[u8]) -> Result<(), String> {
    let next = tcp.connection.write(b"next").map_err(|error| format!("writing again: {error}"))?;
    tcp.peer_reads();
    world.outcome(&next).map_err(|error| format!("writing again: {error}"))?;
    let received = tcp.received(world)?;
    let sent = received.strip_suffix(b"next").ok_or("the next write was not received")?;
    let sent = sent.strip_suffix(between).ok_or("the queued write was not received")?;
    ensure(sent.len() <= block().len() && *sent == block()[..sent.len()], "something else was received")?;
    ensure(!whole || sent.len() == block().len(), "not everything was received")
}

fn is_disconnected(tcp: &Tcp, world: &World<'_>) -> Result<(), String> {
    let write = tcp.connection.write(b"x").and_then(|write| world.outcome(&write));
    ensure(write.is_err_and(|error| error.kind() == ErrorKind::Disconnected), "a write to nobody succeeds")
}

pub(crate) fn write(tcp: &Arc<Tcp>) -> Operation {
    let (data, back) = lend(block());
    let (settle, peer, after) = (tcp.clone(), reset(tcp), tcp.clone());
    Operation {
        promise: tcp.connection.write_bytes(&data).expect("it starts"),
        over: Arc::new(move || back.get() == 1),
        settle: step(move |_| settle.peer_reads()),
        peer,
        close: close(tcp),
        after: Box::new(move |world, end| match end {
            End::Gone => follows(&after, world, false, b""),
            End::Value | End::Back => follows(&after, world, true, b""),
            End::Peer => is_disconnected(&after, world),
            End::Closed => is_closed(&after, world),
        }),
    }
}

fn queued_write(tcp: &Arc<Tcp>) -> Operation {
    let (data, back) = lend(b"queued");
    let first = tcp.connection.write_bytes(&Bytes::from_static(block())).expect("it starts");
    let (settle, peer, after) = (tcp.clone(), reset(tcp), tcp.clone());
    Operation {
        promise: tcp.connection.write_bytes(&data).expect("it starts"),
        over: Arc::new(move || back.get() == 1),
        settle: step(move |_| settle.peer_reads()),
        peer,
        close: close(tcp),
        after: Box::new(move |world, end| match end {
            End::Gone => {
                ensure(first.outcome().is_none(), "the write ahead has ended")?;
                drop(first);
                follows(&after, world, false, b"")
            }
            End::Value | End::Back => {
                ensure(matches!(first.outcome(), Some(Ok(_))), "the write ahead has not succeeded")?;
                follows(&after, world, true, b"queued")
            }
            End::Peer => is_disconnected(&after, world),
            End::Closed => {
                let kind = world.outcome(&first).err().map(|error| error.kind());
                ensure(kind == Some(ErrorKind::Canceled), "the write ahead was not cancelled")?;
                is_closed(&after, world)
            }
        }),
    }
}

pub(crate) fn to(listener: &Listener) -> Result<TcpStream, String> {
    let port = listener.local_address().map_err(|error| error.to_string())?.port();
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.to_string())
}

/// The other end has closed the connection.
pub(crate) fn is_at_its_end(mut stream: &TcpStream) -> Result<(), String> {
    stream.set_read_timeout(Some(crate::world::PATIENCE)).map_err(|error| error.to_string())?;
    match stream.read(&mut [0; 1]) {
        Ok(0) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
        other => Err(format!("a connection that nobody took is open: {other:?}")),
    }
}

fn accept(listener: Arc<Listener>) -> Operation {
    let port = listener.local_address().expect("bound").port();
    let promise = listener.accept().expect("it starts");
    let shared = Arc::new((listener, Mutex::new(None)));
    let (settle, closing) = (shared.clone(), shared.clone());
    Operation {
        promise,
        over: Arc::new(|| true),
        settle: step(move |_| *settle.1.lock().unwrap() = Some(to(&settle.0).expect("somebody listens"))),
        peer: None,
        close: Some((step(move |_| closing.0.close()), Some(ErrorKind::Canceled))),
        after: Box::new(move |world, end| match end {
            End::Closed => {
                let again = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_secs(5));
                ensure(again.is_err(), "somebody listens at a closed port")
            }
            _ => {
                let first = shared.1.lock().unwrap().take();
                let second = match first {
                    Some(first) if end == End::Back => first,
                    first => {
                        first.as_ref().map_or(Ok(()), is_at_its_end)?;
                        to(&shared.0)?
                    }
                };
                let accepting = shared.0.accept().map_err(|error| error.to_string())?;
                let accepted = world.outcome(&accepting).map_err(|error| format!("accepting again: {error}"))?;
                drop(accepting);
                let connection = accepted.into_object::<Connection>().ok_or("accepting again gave no connection")?;
                Tcp::new(connection, second).goes_on(world)
            }
        }),
    }
}

fn connect(world: &World<'_>, way: Way) -> Operation {
    let before = descriptors();
    let (port, taken) = match way {
        Way::Settled | Way::Unseen | Way::UnseenOnLoop => (world.net.server_port(), true),
        Way::Peer => (world.net.deaf_port(), false),
        _ => (world.net.full_port(), false),
    };
    Operation {
        promise: world.connect(port),
        over: Arc::new(move || taken || descriptors() <= before),
        settle: nothing(),
        peer: Some((nothing(), Some(ErrorKind::Disconnected))),
        close: None,
        after: Box::new(move |world, _| {
            if !taken {
                return ensure(descriptors() <= before, "a socket is left");
            }
            let (stream, _) = world.net.server.accept().map_err(|error| error.to_string())?;
            is_at_its_end(&stream)
        }),
    }
}

/// A fulfiller that several hold and one may drop.
#[derive(Clone)]
struct Held(Arc<Mutex<Option<Fulfiller>>>);

impl Held {
    fn new(world: &World<'_>) -> (Self, Promise) {
        let (fulfiller, promise) = world.runtime.fulfiller().expect("a live runtime");
        (Self(Arc::new(Mutex::new(Some(fulfiller)))), promise)
    }

    fn is_waiting(&self) -> bool {
        self.0.lock().unwrap().as_ref().is_some_and(Fulfiller::is_waiting)
    }

    /// Settles it on another thread; whether it was in time.
    fn settle(&self, value: Value) -> bool {
        let this = self.clone();
        elsewhere(move || this.0.lock().unwrap().as_ref().is_some_and(|fulfiller| fulfiller.settle(Ok(value))))
    }

    fn leave(&self) {
        let this = self.clone();
        elsewhere(move || drop(this.0.lock().unwrap().take()));
    }
}

fn fulfiller(world: &World<'_>, probes: &Probes) -> Operation {
    let (held, promise) = Held::new(world);
    let (over, settle, leave) = (held.clone(), held.clone(), held.clone());
    let (value, late) = (probes.clone(), probes.clone());
    Operation {
        promise,
        over: Arc::new(move || !over.is_waiting()),
        settle: step(move |_| assert!(settle.settle(value.value()), "in time")),
        peer: Some((step(move |_| leave.leave()), Some(ErrorKind::Failed))),
        close: None,
        after: Box::new(move |_, _| ensure(!held.settle(late.value()), "it was settled twice")),
    }
}

/// Whether the callback of the source runs in this way, and ends by itself.
fn runs(way: Way) -> bool {
    matches!(way, Way::Early | Way::Running | Way::Own)
}

fn call(world: &World<'_>, probes: &Probes, way: Way) -> Operation {
    let executor = world.runtime.executor().expect("a live runtime");
    let dropped = Count::default();
    let guard = dropped.on_drop();
    let (held, inner) = Held::new(world);
    let (over, settle, probes) = (held.clone(), held, probes.clone());
    let promise = if runs(way) {
        executor.start(probes.body(guard)).expect("it starts")
    } else {
        let call = executor.start(move || {
            let _guard = &guard;
            inner
        });
        world.quiet();
        call.expect("it starts")
    };
    Operation {
        promise,
        over: Arc::new(move || dropped.get() == 1 && !over.is_waiting()),
        settle: step(move |_| assert!(settle.settle(probes.value()), "in time")),
        peer: None,
        close: None,
        after: Box::new(|world, _| ensure(world.on_loop(|| 7) == 7, "no call afterwards")),
    }
}

fn then(world: &World<'_>, probes: &Probes, way: Way) -> Operation {
    let dropped = Count::default();
    let (held, pending) = Held::new(world);
    let input = if runs(way) { world.runtime.settled(Ok(Value::Unit)).expect("a live runtime") } else { pending };
    let body = probes.body(dropped.on_drop());
    let (over, settle) = (held.clone(), held);
    Operation {
        promise: input.then(When::Value, move |_| body()),
        over: Arc::new(move || dropped.get() == 1 && !over.is_waiting()),
        settle: step(move |_| assert!(settle.settle(Value::Unit), "in time")),
        peer: None,
        close: None,
        after: Box::new(|_, _| Ok(())),
    }
}

fn pop(world: &World<'_>, probes: &Probes) -> Operation {
    let queue = Queue::new(&world.runtime, 1).expect("a live runtime");
    let (settle, reject, closing, probes) = (queue.clone(), queue.clone(), queue.clone(), probes.clone());
    let again = probes.clone();
    let reject = move |_: &World<'_>| reject.reject_all(&Error::new(ErrorKind::Overloaded, "no more"));
    Operation {
        promise: queue.pop().expect("it starts"),
        over: Arc::new(|| true),
        settle: step(move |_| elsewhere(move || settle.try_push(probes.value()).expect("room"))),
        peer: Some((step(reject), Some(ErrorKind::Overloaded))),
        close: Some((step(move |_| closing.close()), Some(ErrorKind::Disconnected))),
        after: Box::new(move |world, end| {
            let next = || queue.pop().and_then(|popped| world.outcome(&popped));
            if end == End::Back {
                ensure(queue.len() == 1, "what nobody saw is not in the queue")?;
                ensure(matches!(next(), Ok(Value::Opaque(_))), "what nobody saw is not in the queue")?;
            }
            let pushed = queue.try_push(again.value());
            if end == End::Closed {
                let kind = pushed.err().map(|error| error.kind());
                return ensure(kind == Some(ErrorKind::Disconnected), "a closed queue took a value");
            }
            pushed.map_err(|error| format!("pushing afterwards: {error}"))?;
            world.quiet();
            ensure(queue.len() == 1, "a pop that is gone took a value")?;
            ensure(matches!(next(), Ok(Value::Opaque(_))), "no value afterwards")
        }),
    }
}

fn push(world: &World<'_>) -> Operation {
    let queue = Queue::new(&world.runtime, 1).expect("a live runtime");
    queue.try_push(Value::U64(1)).expect("room");
    let freed = Count::default();
    let value = Value::Opaque(Arc::new(crate::gate::opaque(freed.on_drop())));
    let (settle, closing) = (queue.clone(), queue.clone());
    let over = freed;
    let promise = queue.push(value).expect("it starts");
    let take = move |world: &World<'_>| {
        let taken = settle.pop().and_then(|taken| world.outcome(&taken));
        assert!(matches!(taken, Ok(Value::U64(1))), "the oldest value comes first");
    };
    let once = over.clone();
    Operation {
        promise,
        over: Arc::new(move || over.get() == 1),
        settle: step(take),
        peer: None,
        close: Some((step(move |_| closing.close()), Some(ErrorKind::Disconnected))),
        after: Box::new(move |world, end| {
            let next = || queue.pop().and_then(|popped| world.outcome(&popped));
            if end == End::Value {
                ensure(queue.len() == 1 && once.get() == 0, "the value was not added")?;
                ensure(matches!(next(), Ok(Value::Opaque(_))), "the value was not added")?;
            } else {
                ensure(queue.len() == 1, "something was taken or added")?;
                ensure(matches!(next(), Ok(Value::U64(1))), "the value before is gone")?;
                world.quiet();
            }
            ensure(queue.is_empty() && once.get() == 1, "the value is left")?;
            ensure(end == End::Closed || queue.try_push(Value::Unit).is_ok(), "no room afterwards")
        }),
    }
}

fn acquire(world: &World<'_>) -> Operation {
    let semaphore = Semaphore::new(&world.runtime, 1).expect("a live runtime");
    let permit = Arc::new(Mutex::new(Some(semaphore.try_acquire(1).expect("a permit"))));
    let settle = permit.clone();
    Operation {
        promise: semaphore.acquire(1).expect("it starts"),
        over: Arc::new(|| true),
        settle: step(move |_| elsewhere(move || drop(settle.lock().unwrap().take()))),
        peer: None,
        close: None,
        after: Box::new(move |world, _| {
            drop(permit.lock().unwrap().take());
            world.quiet();
            ensure(semaphore.free() == 1, "a permit is lost")?;
            let again = semaphore.acquire(1).and_then(|again| world.outcome(&again));
            ensure(again.is_ok() && semaphore.free() == 0, "no permit afterwards")?;
            drop(again);
            ensure(semaphore.free() == 1, "the permit did not come back")
        }),
    }
}

fn remote(world: &World<'_>, tcp: &Arc<Tcp>, probes: &Probes, way: Way) -> Operation {
    let (asked, sent) = Held::new(world);
    let (answered, answer) = Held::new(world);
    let connection = tcp.connection.clone();
    let reply = sent.then(When::Value, move |_| match connection.read(1, 10) {
        Ok(read) => Resolution::Promise(read),
        Err(error) => Resolution::Outcome(Err(error)),
    });
    drop(sent);
    let promise = reply.then(When::Value, move |_| answer);
    drop(reply);
    if way != Way::Early {
        assert!(asked.settle(probes.value()), "in time");
        world.quiet();
    }
    let (first, second, idle) = (asked.clone(), answered.clone(), tcp.clone());
    let (replying, answering, value) = (tcp.clone(), answered.clone(), probes.clone());
    let (tcp, late) = (tcp.clone(), probes.clone());
    Operation {
        promise,
        over: Arc::new(move || !first.is_waiting() && !second.is_waiting() && idle.is_idle()),
        settle: step(move |world| {
            replying.peer_writes(b"reply");
            // Between the two the chain waits for another thread again.
            world.quiet();
            assert!(answering.settle(value.value()), "in time");
        }),
        peer: reset(&tcp),
        close: close(&tcp),
        after: Box::new(move |world, end| {
            ensure(!asked.settle(late.value()), "the question was still waited for")?;
            ensure(end == End::Value || !answered.is_waiting(), "the answer is still waited for")?;
            match end {
                End::Gone | End::Value | End::Back => tcp.goes_on(world),
                End::Peer => Ok(()),
                End::Closed => is_closed(&tcp, world),
            }
        }),
    }
}
