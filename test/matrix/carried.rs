//! Sources that are connections over which others go, and connections that are wrapped.

use crate::rules::Source;
use crate::sources::{End, Operation, Start, Step, close, ensure, reset, step, to};
use crate::world::{Tcp, World, holders};
use kjasync::net::{Address, Listener, NetworkWrapper, Wrap, WrapperOptions};
use kjasync::promise::{Resolution, When};
use kjasync::stream::Connection;
use kjasync::{ErrorKind, Value};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

type Pair = (Arc<Connection>, Arc<Connection>);

/// What is wrapped waits for one byte first.
struct OneByte;

fn one_byte(connection: Arc<Connection>) -> Resolution {
    match connection.read(1, 1) {
        Ok(read) => read.then(When::Value, move |_| Ok(Connection::into_value(connection))).into(),
        Err(error) => Err(error).into(),
    }
}

impl Wrap for OneByte {
    fn client(&self, connection: Arc<Connection>, _host: &str) -> Resolution {
        one_byte(connection)
    }

    fn server(&self, connection: Arc<Connection>) -> Resolution {
        one_byte(connection)
    }
}

fn wrapper(world: &World<'_>) -> Arc<NetworkWrapper> {
    // Hours pass in some cells.
    let options = WrapperOptions { accept_timeout: None, ..WrapperOptions::default() };
    NetworkWrapper::new(&world.runtime, OneByte, options).expect("a live runtime")
}

fn socket_pair(world: &World<'_>) -> Pair {
    Connection::os_two_way_pipe(&world.runtime).expect("a pair")
}

pub(crate) fn prepare(source: Source, world: &World<'_>) -> Start {
    match source {
        Source::CarriedAccept => {
            let (pair, moved) = (socket_pair(world), socket_pair(world));
            Box::new(move |_| carried_accept(pair, moved))
        }
        Source::CarriedConnect => {
            let pair = Connection::capability_pipe(&world.runtime).expect("a pipe");
            Box::new(move |_| carried_connect(pair))
        }
        Source::Handshake => {
            let (tcp, wrapper) = (world.tcp(), wrapper(world));
            Box::new(move |_| handshake(&tcp, &wrapper))
        }
        _ => {
            let listener = wrapper(world).wrap_listener(&world.listener()).expect("of one runtime");
            let peer = to(&listener).expect("somebody listens");
            Box::new(move |_| wrapped_accept(listener, peer))
        }
    }
}

fn kind(outcome: kjasync::Outcome) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

/// The next accept ends like this.
fn accept_fails(listener: &Arc<Listener>, world: &World<'_>, wanted: ErrorKind) -> Result<(), String> {
    let accepted = listener.accept().and_then(|accepting| world.outcome(&accepting));
    ensure(kind(accepted) == Some(wanted), "the next accept does not fail as it should")
}

fn accepted(listener: &Arc<Listener>, world: &World<'_>) -> Result<Arc<Connection>, String> {
    let accepted = listener.accept().and_then(|accepting| world.outcome(&accepting));
    let accepted = accepted.map_err(|error| format!("accepting again: {error}"))?;
    accepted.into_object::<Connection>().ok_or_else(|| "accepting again gave no connection".to_owned())
}

fn joined(one: &Arc<Connection>, other: &Arc<Connection>, world: &World<'_>) -> Result<(), String> {
    let read = other.read(2, 2).map_err(|error| format!("reading: {error}"))?;
    let write = one.write(b"on").map_err(|error| format!("writing: {error}"))?;
    match world.outcome(&read) {
        Ok(Value::Bytes(bytes)) if bytes == b"on"[..] => {}
        read => return Err(format!("reading gave {read:?}")),
    }
    world.outcome(&write).map(drop).map_err(|error| format!("writing: {error}"))
}

fn is_at_its_end(connection: &Arc<Connection>, world: &World<'_>) -> Result<(), String> {
    let read = connection.read(1, 1).and_then(|read| world.outcome(&read));
    ensure(matches!(read, Ok(Value::Bytes(bytes)) if bytes.is_empty()), "a connection that nobody took is open")
}

fn carried_accept((over, there): Pair, (near, far): Pair) -> Operation {
    let listener = Listener::from_connection(&there).expect("it carries connections");
    let (closing, peer, sender) = (listener.clone(), over.clone(), over.clone());
    let sent = Arc::new(Mutex::new(false));
    let sending = sent.clone();
    Operation {
        promise: listener.accept().expect("it starts"),
        over: Arc::new(|| true),
        settle: step(move |world| {
            let send = sender.send_connection(far).and_then(|send| world.outcome(&send));
            send.expect("it is sent");
            *sending.lock().unwrap() = true;
        }),
        peer: Some((step(move |_| peer.close()), Some(ErrorKind::Disconnected))),
        close: Some((step(move |_| closing.close()), Some(ErrorKind::Canceled))),
        after: Box::new(move |world, end| match end {
            End::Peer => accept_fails(&listener, world, ErrorKind::Disconnected),
            End::Closed => accept_fails(&listener, world, ErrorKind::Canceled),
            End::Back => joined(&near, &accepted(&listener, world)?, world),
            End::Gone | End::Value => {
                if *sent.lock().unwrap() {
                    is_at_its_end(&near, world)?;
                }
                let (near, far) = socket_pair(world);
                let send = over.send_connection(far).and_then(|send| world.outcome(&send));
                send.map_err(|error| format!("sending again: {error}"))?;
                joined(&near, &accepted(&listener, world)?, world)
            }
        }),
    }
}

fn carried_connect((over, there): Pair) -> Operation {
    let address = Address::from_connection(&over).expect("it carries connections");
    let listener = Listener::from_connection(&there).expect("it carries connections");
    let (closing, accepting) = (over.clone(), listener.clone());
    let server = Arc::new(Mutex::new(None));
    let other = server.clone();
    let held = Arc::strong_count(&over);
    let promise = address.connect().expect("it starts");
    Operation {
        promise,
        over: Arc::new({
            let over = Arc::downgrade(&over);
            move || holders(&over) <= held
        }),
        settle: step(move |world| *other.lock().unwrap() = accepted(&accepting, world).ok()),
        peer: Some((step(move |_| there.close()), Some(ErrorKind::Disconnected))),
        close: Some((step(move |_| closing.close()), Some(ErrorKind::Canceled))),
        after: Box::new(move |world, end| {
            let again = address.connect().map_err(|error| format!("connecting again: {error}"))?;
            match end {
                End::Peer => ensure(kind(world.outcome(&again)) == Some(ErrorKind::Disconnected), "nobody is there"),
                End::Closed => ensure(kind(world.outcome(&again)) == Some(ErrorKind::Canceled), "it is not closed"),
                End::Gone | End::Value | End::Back => {
                    if let Some(server) = server.lock().unwrap().take() {
                        is_at_its_end(&server, world)?;
                    }
                    let server = accepted(&listener, world)?;
                    let client = world.outcome(&again).map_err(|error| format!("connecting again: {error}"))?;
                    joined(&client.into_object::<Connection>().ok_or("no connection")?, &server, world)
                }
            }
        }),
    }
}

fn handshake(tcp: &Arc<Tcp>, wrapper: &Arc<NetworkWrapper>) -> Operation {
    let (over, settle, after) = (tcp.clone(), tcp.clone(), tcp.clone());
    Operation {
        promise: wrapper.wrap_client(tcp.connection.clone(), "name").expect("it starts"),
        over: Arc::new(move || over.is_idle()),
        settle: step(move |_| settle.peer_writes(b"x")),
        peer: reset(tcp),
        close: close(tcp),
        after: Box::new(move |world, end| match end {
            End::Gone | End::Value | End::Back => after.goes_on(world),
            End::Peer | End::Closed => Ok(()),
        }),
    }
}

fn say(mut peer: &TcpStream, text: &[u8]) {
    std::io::Write::write_all(&mut peer, text).expect("the peer writes");
}

/// With a handshake under way, which is not the accept's.
fn wrapped_accept(listener: Arc<Listener>, peer: TcpStream) -> Operation {
    let peer = Arc::new(peer);
    let (closing, settling) = (listener.clone(), peer.clone());
    let settle: Step = step(move |_| say(&settling, b"x"));
    Operation {
        promise: listener.accept().expect("it starts"),
        over: Arc::new(|| true),
        settle,
        peer: None,
        close: Some((step(move |_| closing.close()), Some(ErrorKind::Canceled))),
        after: Box::new(move |world, end| match end {
            End::Closed => accept_fails(&listener, world, ErrorKind::Canceled),
            End::Peer => Ok(()),
            End::Value => {
                crate::sources::is_at_its_end(&peer)?;
                let second = to(&listener)?;
                say(&second, b"x");
                Tcp::new(accepted(&listener, world)?, second).goes_on(world)
            }
            End::Gone | End::Back => {
                if end == End::Gone {
                    say(&peer, b"x");
                }
                let peer = peer.try_clone().map_err(|error| error.to_string())?;
                Tcp::new(accepted(&listener, world)?, peer).goes_on(world)
            }
        }),
    }
}
