//! Sources that wait for an answer: of an HTTP server, and of a library that knows nothing of loops.

use crate::alone::descriptors;
use crate::gate::on_drop;
use crate::probes::Probes;
use crate::sources::{End, Operation, ensure, is_at_its_end, step};
use crate::world::{PATIENCE, World, elsewhere, soon};
use bytes::Bytes;
use kjasync::http::{ClientOptions, Headers, HttpClient, HttpResponse};
use kjasync::net::Network;
use kjasync::promise::Fulfiller;
use kjasync::{Error, ErrorKind, Outcome};
use socket2::SockRef;
use std::collections::HashMap;
use std::io::{ErrorKind as IoKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";

/// The server's end of a request that has arrived.
pub(crate) fn requested(server: &TcpListener, world: &World<'_>) -> TcpStream {
    arrived_on(server.accept().expect("a connection").0, world)
}

fn arrived_on(stream: TcpStream, world: &World<'_>) -> TcpStream {
    stream.set_nonblocking(true).expect("a socket");
    let head = Mutex::new(Vec::new());
    let arrived = soon(|| {
        world.quiet();
        let (mut head, mut part) = (head.lock().unwrap(), [0; 1024]);
        match (&stream).read(&mut part) {
            Ok(length) => head.extend_from_slice(&part[..length]),
            Err(error) => assert_eq!(error.kind(), IoKind::WouldBlock, "the request arrives"),
        }
        head.ends_with(b"\r\n\r\n")
    });
    assert!(arrived, "the request does not arrive");
    stream.set_nonblocking(false).expect("a socket");
    stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

pub(crate) fn answer(server: &TcpListener, world: &World<'_>) -> TcpStream {
    answered(requested(server, world))
}

/// The same for one that has been accepted.
pub(crate) fn answer_on(stream: TcpStream, world: &World<'_>) -> TcpStream {
    answered(arrived_on(stream, world))
}

fn answered(mut stream: TcpStream) -> TcpStream {
    stream.write_all(ANSWER).expect("the server answers");
    stream
}

/// A request whose response is waited for.
pub(crate) fn http(world: &World<'_>) -> Operation {
    let network = Arc::new(Network::new(&world.runtime).expect("a live runtime"));
    let options = ClientOptions { connect_nanos: None, ..ClientOptions::default() };
    let client = HttpClient::new(&network, options).expect("a client");
    let server = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    let url = format!("http://{}/", server.local_addr().expect("bound"));
    let request = move || client.request("GET", &url, &Headers::new(), Bytes::new());
    let before = descriptors();
    let answered = Arc::new(Mutex::new(None));
    let (settling, settled, peer) = (server.clone(), answered.clone(), server.clone());
    Operation {
        promise: request().expect("it starts"),
        over: Arc::new(move || descriptors() <= before),
        settle: step(move |world| *settled.lock().unwrap() = Some(answer(&settling, world))),
        peer: Some((
            step(move |world| {
                let stream = requested(&peer, world);
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
            }),
            Some(ErrorKind::Disconnected),
        )),
        close: None,
        after: Box::new(move |world, end| {
            if let Some(stream) = answered.lock().unwrap().take() {
                is_at_its_end(&stream)?;
            } else if end == End::Gone {
                let (mut stream, _) = server.accept().map_err(|error| error.to_string())?;
                stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
                // Whatever of the request was sent, its end follows.
                let ended = stream.read_to_end(&mut Vec::new()).map_err(|error| error.kind());
                ensure(matches!(ended, Ok(_) | Err(IoKind::ConnectionReset)), "the connection is open")?;
            }
            let again = request().map_err(|error| format!("requesting again: {error}"))?;
            let _stream = answer(&server, world);
            let response = world.outcome(&again).map_err(|error| format!("requesting again: {error}"))?;
            let response = response.into_object::<HttpResponse>().ok_or("no response")?;
            ensure(response.head().status == 204, "another response")
        }),
    }
}

/// Calls under way in a library that answers on threads of its own, and that has to be told to give one up.
#[derive(Clone, Default)]
struct Library(Arc<Mutex<HashMap<u32, Fulfiller>>>);

impl Library {
    fn ends(&self, call: u32) -> Option<Fulfiller> {
        self.0.lock().unwrap().remove(&call)
    }

    fn is_idle(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    /// Whether the call was under way.
    fn answers(&self, call: u32, outcome: Outcome) -> bool {
        let this = self.clone();
        elsewhere(move || this.ends(call).is_some_and(|call| call.settle(outcome)))
    }
}

/// An operation of a library, given up by what is attached to its promise.
pub(crate) fn foreign(world: &World<'_>, probes: &Probes) -> Operation {
    const CALL: u32 = 7;
    let library = Library::default();
    let (fulfiller, pending) = world.runtime.fulfiller().expect("a live runtime");
    library.0.lock().unwrap().insert(CALL, fulfiller);
    let (over, settle, lost, giving_up) = (library.clone(), library.clone(), library.clone(), library.clone());
    let (value, late) = (probes.clone(), probes.clone());
    Operation {
        promise: pending.attach(crate::gate::opaque(on_drop(move || drop(giving_up.ends(CALL))))),
        over: Arc::new(move || over.is_idle()),
        settle: step(move |_| assert!(settle.answers(CALL, Ok(value.value())), "in time")),
        peer: Some((
            step(move |_| {
                let error = Error::new(ErrorKind::Disconnected, "the library has lost its server");
                assert!(lost.answers(CALL, Err(error)), "in time");
            }),
            Some(ErrorKind::Disconnected),
        )),
        close: None,
        after: Box::new(move |_, _| ensure(!library.answers(CALL, Ok(late.value())), "the call was not given up")),
    }
}
