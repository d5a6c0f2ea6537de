//! Sources that wait for the other side of HTTP: a request behind another one, and a request of a server that a client asks in its
//! turn.

use crate::alone::descriptors;
use crate::remote::{answer, answer_on, requested};
use crate::rules::Source;
use crate::sources::{End, Operation, Start, ensure, step};
use crate::world::{World, soon};
use bytes::Bytes;
use kjasync::http::{
    ClientOptions, ForwardOptions, Headers, HttpClient, HttpRequest, HttpServer, LimitOptions, ServerOptions,
};
use kjasync::net::Network;
use kjasync::promise::{Fulfiller, Promise, Resolution};
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind};
use socket2::SockRef;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server that knows nothing of the library, and a client of it.
fn server_and_client(world: &World<'_>) -> (Arc<TcpListener>, String, HttpClient) {
    let network = Arc::new(Network::new(&world.runtime).expect("a live runtime"));
    let options = ClientOptions { connect_nanos: None, ..ClientOptions::default() };
    let client = HttpClient::new(&network, options).expect("a client");
    let server = Arc::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    let url = format!("http://{}/", server.local_addr().expect("bound"));
    (server, url, client)
}

pub(crate) fn prepare(source: Source, world: &World<'_>) -> Start {
    if source == Source::HttpForward {
        let front = Front::new(world);
        return Box::new(move |world| forward(world, front));
    }
    let (server, url, client) = server_and_client(world);
    let options = LimitOptions { max_running: 1, max_waiting: 2, until_head: false };
    let client = client.limited(options, None::<fn(usize, usize)>).expect("a client without a limit");
    let request =
        move || client.request("GET", &url, &Headers::new(), Bytes::new()).map(|asked| (asked, client.clone()));
    let running = request().expect("it starts").0;
    // It is not answered.
    let running = (running, requested(&server, world));
    Box::new(move |world| queued(world, server, running, request))
}

/// Answers a request for which the loop has yet to connect.
fn answered_once_asked(server: &TcpListener, world: &World<'_>) -> TcpStream {
    server.set_nonblocking(true).expect("a socket");
    let came = Mutex::new(None);
    let connected = soon(|| {
        world.quiet();
        *came.lock().unwrap() = server.accept().ok();
        came.lock().unwrap().is_some()
    });
    assert!(connected, "nobody connects");
    server.set_nonblocking(false).expect("a socket");
    let (stream, _) = came.lock().unwrap().take().expect("a connection");
    answer_on(stream, world)
}

fn queued(
    _world: &World<'_>,
    server: Arc<TcpListener>,
    running: (Promise, TcpStream),
    request: impl Fn() -> Result<(Promise, HttpClient), Error> + 'static,
) -> Operation {
    let (promise, client) = request().expect("it starts");
    let running = Arc::new(Mutex::new(Some(running)));
    let (settling, first, answered) = (server.clone(), running.clone(), Arc::new(Mutex::new(None::<TcpStream>)));
    let keeps = answered.clone();
    Operation {
        promise,
        over: Arc::new(move || client.counts().is_some_and(|(_, waiting)| waiting == 0)),
        settle: step(move |world| {
            drop(first.lock().unwrap().take());
            *keeps.lock().unwrap() = Some(answered_once_asked(&settling, world));
        }),
        peer: None,
        close: None,
        after: Box::new(move |world, _| {
            drop(running.lock().unwrap().take());
            drop(answered.lock().unwrap().take());
            // Its place is free.
            let (again, _) = request().map_err(|error| format!("requesting again: {error}"))?;
            let _stream = answered_once_asked(&server, world);
            world.outcome(&again).map(drop).map_err(|error| format!("requesting again: {error}"))
        }),
    }
}

/// A request that came to a server over a pipe, and whose service has not ended.
struct Front {
    request: Arc<HttpRequest>,
    _service: Fulfiller,
    _server: Arc<HttpServer>,
    _client: Arc<Connection>,
    _serving: Promise,
}

impl Front {
    fn new(world: &World<'_>) -> Self {
        let came = Arc::new(Mutex::new(None));
        let (coming, runtime) = (came.clone(), Arc::downgrade(&world.runtime));
        let server = HttpServer::new(&world.runtime, ServerOptions::default(), move |request| -> Resolution {
            let pending = runtime.upgrade().ok_or_else(|| Error::new(ErrorKind::Shutdown, "over"));
            match pending.and_then(|runtime| runtime.fulfiller()) {
                Ok((fulfiller, promise)) => {
                    *coming.lock().unwrap() = Some((request.clone(), fulfiller));
                    promise.into()
                }
                Err(error) => Err(error).into(),
            }
        })
        .expect("a server");
        let (ours, theirs) = Connection::two_way_pipe(&world.runtime).expect("a pipe");
        let serving = server.serve(&theirs).expect("it starts");
        let asked = ours.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("it starts");
        let arrived = soon(|| {
            world.quiet();
            came.lock().unwrap().is_some()
        });
        assert!(arrived && asked.outcome().is_some(), "the request does not arrive");
        let (request, service) = came.lock().unwrap().take().expect("it has come");
        Self { request, _service: service, _server: server, _client: ours, _serving: serving }
    }
}

fn forward(world: &World<'_>, front: Front) -> Operation {
    let (server, url, client) = server_and_client(world);
    let before = descriptors();
    let options = ForwardOptions { url: Some(url), headers: None };
    let promise = client.forward(&front.request, options).expect("it starts");
    let answered = Arc::new(Mutex::new(None));
    let (settling, settled, peer) = (server.clone(), answered.clone(), server.clone());
    Operation {
        promise,
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
        after: Box::new(move |_, end| {
            drop((answered, server));
            // All of it lives until here.
            let front = &front;
            let answer = front.request.respond(200, None, &Headers::new(), Bytes::new());
            match end {
                End::Value | End::Back => ensure(answer.is_err(), "it has been answered twice"),
                // Nobody has answered it yet.
                _ => answer.map_err(|error| format!("answering: {error}")),
            }
        }),
    }
}
