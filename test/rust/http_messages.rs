//! What clients and servers make of the heads and bodies of their messages, seen from the other end as exact bytes.

use crate::gate::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::http::{ClientOptions, Headers, HttpClient, HttpRequest, HttpServer, ServerOptions};
use kjasync::net::Network;
use kjasync::promise::{Promise, Resolution, When};
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind, Outcome, Value};
use std::sync::{Arc, Mutex};

/// The client's end of a connection that is served, and what is to be kept for that.
struct Scene {
    client: Arc<Connection>,
    _server: Arc<HttpServer>,
    _serving: Promise,
    _runtime: Runtime,
}

fn serve<R: Into<Resolution>>(service: impl Fn(&Arc<HttpRequest>) -> R + Send + Sync + 'static) -> Scene {
    let runtime = runtime();
    let options = ServerOptions { date: false, ..ServerOptions::default() };
    let server = HttpServer::new(&runtime, options, service).expect("a server");
    let (client, connection) = pair(&runtime);
    let serving = server.serve(&connection).expect("it starts");
    Scene { client, _server: server, _serving: serving, _runtime: runtime }
}

fn send(connection: &Arc<Connection>, text: &[u8]) {
    assert!(outcome(&connection.write(text).expect("it starts")).is_ok());
}

#[track_caller]
fn expect(connection: &Arc<Connection>, text: &str) {
    let read = connection.read(text.len(), text.len()).expect("it starts");
    assert_eq!(String::from_utf8_lossy(&bytes(outcome(&read))), text);
}

#[track_caller]
fn rest(connection: &Arc<Connection>) -> String {
    let read = connection.read_all(1 << 20).expect("it starts");
    String::from_utf8_lossy(&bytes(outcome(&read))).into_owned()
}

/// Headers of which most say how a message is sent, which is not for whoever sets them to say.
fn meddling() -> Headers {
    let mut headers = Headers::new();
    for (name, value) in [
        ("A", "1"),
        ("Content-Length", "99"),
        ("Transfer-Encoding", "gzip"),
        ("Connection", "keep-alive, b"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Proxy-Connection", "x"),
        ("Content-Type", "text/plain"),
        ("Location", "/there"),
    ] {
        headers.append(name.as_bytes(), value.as_bytes()).expect(name);
    }
    headers
}

// parity: HTTP-06
#[test]
fn how_a_response_is_sent_is_not_for_its_headers_to_say() {
    let scene = serve(|request| request.respond(200, None, &meddling(), Bytes::from("hi")).map(|()| Value::Unit));
    send(&scene.client, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let free = "a: 1\r\ncontent-type: text/plain\r\nlocation: /there\r\n";
    expect(&scene.client, &format!("HTTP/1.1 200 OK\r\n{free}content-length: 2\r\n\r\nhi"));
}

// parity: HTTP-06
#[test]
fn the_answer_to_a_head_request_may_say_how_long_the_body_would_be() {
    let scene = serve(|request| {
        let mut headers = Headers::new();
        headers.set(b"Content-Length", b"1234")?;
        request.respond(200, None, &headers, Bytes::new()).map(|()| Value::Unit)
    });
    send(&scene.client, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(&scene.client, "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n");
}

// parity: HTTP-06
#[test]
fn how_a_request_is_sent_is_not_for_its_headers_to_say() {
    let runtime = runtime();
    let listener = listener(&runtime);
    let network = Arc::new(Network::new(&runtime).expect("a network"));
    let client = HttpClient::new(&network, ClientOptions::default()).expect("a client");
    let host = format!("127.0.0.1:{}", listener.port().expect("bound"));
    let asked = client.request("POST", &format!("http://{host}/"), &meddling(), Bytes::from("hi")).expect("it starts");
    let connection = connection(&listener.accept().expect("it starts"));
    let free = "a: 1\r\ncontent-type: text/plain\r\nlocation: /there\r\n";
    expect(&connection, &format!("POST / HTTP/1.1\r\nhost: {host}\r\n{free}content-length: 2\r\n\r\nhi"));
    asked.cancel();
}

fn hello(request: &Arc<HttpRequest>) -> Result<Value, Error> {
    request.respond(200, None, &Headers::new(), Bytes::from("hello")).map(|()| Value::Unit)
}

// parity: HTTP-16
#[test]
fn a_head_may_be_128_kib_and_no_more() {
    let head = |size: usize| {
        let (front, back) = ("GET / HTTP/1.1\r\nHost: x\r\nA: ", "\r\n\r\n");
        format!("{front}{}{back}", "a".repeat(size - front.len() - back.len()))
    };
    let scene = serve(hello);
    send(&scene.client, head(128 * 1024).as_bytes());
    expect(&scene.client, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    // Refused as soon as it is clear that it is too long.
    send(&scene.client, &head(129 * 1024).as_bytes()[..128 * 1024]);
    let answer = rest(&scene.client);
    assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

/// What a client sees of a body that was announced as one of five bytes, and how writing it ended.
fn announced(write: &'static [u8]) -> (String, Outcome) {
    let written = Arc::new(Mutex::new(None));
    let kept = written.clone();
    let scene = serve(move |request| {
        let body = request.respond_stream(200, None, &Headers::new(), Some(5)).expect("a body");
        let writing = body.write(write).expect("it starts");
        *kept.lock().unwrap() = Some(writing.clone());
        // The body ends when its writer goes.
        writing.then(When::Value, move |sent| {
            drop(body);
            sent
        })
    });
    send(&scene.client, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(outcome(&scene.client.shutdown_write().expect("it starts")).is_ok());
    let answer = rest(&scene.client);
    let write = written.lock().unwrap().take().expect("the service has run");
    (answer, outcome(&write))
}

// parity: HTTP-20
#[test]
fn a_body_of_another_length_than_was_announced_is_noticed() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
    let (answer, write) = announced(b"hello");
    assert_eq!((answer, write.is_ok()), (format!("{HEAD}hello"), true));
    // A writer that goes on learns of it, and nothing beyond the length is sent.
    let (answer, write) = announced(b"hello, and more");
    assert_eq!(write.map_err(|error| error.kind()).err(), Some(ErrorKind::Disconnected));
    assert!(!answer.contains("and more"), "{answer:?}");
    // One that stops short breaks the connection, so that its client does not take a part for the whole.
    let (answer, _) = announced(b"hell");
    assert!(answer.len() < HEAD.len() + 5, "{answer:?}");
}
