//! WebSockets by way of HTTP: a client and a server of this library, and peers that send exact bytes.

use crate::gate::*;
use crate::loopback::*;
use crate::websocket_peer::*;
use kjasync::http::{ClientOptions, Headers, HttpClient, HttpRequest, HttpResponse, HttpServer, ServerOptions};
use kjasync::net::{Listener, Network};
use kjasync::promise::{Promise, Resolution, When};
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::websocket::{
    CloseCode, CloseReason, Compression, MessageKind, WebSocket, WebSocketMessage, WebSocketOptions,
};
use kjasync::{ErrorKind, Value};
use std::sync::Arc;

fn compressed() -> WebSocketOptions {
    WebSocketOptions { compression: Compression { from_size: 1, ..Compression::on() }, ..Default::default() }
}

/// Answers each message with the same, over whatever the client has asked for.
fn echo(request: &Arc<HttpRequest>) -> Resolution {
    if request.head().target != "/echo" {
        return request.respond_error(404, None).map(|()| Value::Unit).into();
    }
    let mut headers = Headers::new();
    if request.head().headers.items(b"sec-websocket-protocol").any(|offered| offered == b"b") {
        headers.set(b"Sec-WebSocket-Protocol", b"b").expect("a header");
    }
    let socket = match request.accept_websocket(&headers, compressed()) {
        Ok(socket) => socket,
        Err(error) => return Err(error).into(),
    };
    let answering = socket.clone();
    let answer = move |message: Arc<WebSocketMessage>| -> Resolution {
        match message.kind() {
            Some(MessageKind::Binary) => answering.send_binary(message.data()).expect("it starts").into(),
            Some(MessageKind::Text) => {
                answering.send_text(std::str::from_utf8(&message.data()).expect("text")).expect("it starts").into()
            }
            None => Ok(Value::Unit).into(),
        }
    };
    socket.receive_each(None, answer).expect("it starts").into()
}

struct Scene {
    client: HttpClient,
    server: Arc<HttpServer>,
    listener: Arc<Listener>,
    _listening: Promise,
    runtime: Runtime,
}

fn scene(service: impl Fn(&Arc<HttpRequest>) -> Resolution + Send + Sync + 'static) -> Scene {
    let runtime = runtime();
    let listener = listener(&runtime);
    let server = HttpServer::new(&runtime, ServerOptions::default(), service).expect("a server");
    let listening = server.listen(&listener).expect("it starts");
    let network = Arc::new(Network::new(&runtime).expect("a network"));
    let client = HttpClient::new(&network, ClientOptions::default()).expect("a client");
    Scene { client, server, listener, _listening: listening, runtime }
}

impl Scene {
    fn ask(&self, path: &str, headers: &[(&str, &str)], options: WebSocketOptions) -> Promise {
        let mut sent = Headers::new();
        for (name, value) in headers {
            sent.append(name.as_bytes(), value.as_bytes()).expect(name);
        }
        let url = format!("ws://127.0.0.1:{}{path}", self.listener.port().expect("bound"));
        self.client.websocket(&url, &sent, options).expect("it starts")
    }

    fn connect(&self) -> Arc<Connection> {
        connection(&connect(&self.listener))
    }
}

#[track_caller]
fn socket(promise: &Promise) -> Arc<WebSocket> {
    outcome(promise).expect("a socket").into_object::<WebSocket>().expect("a socket")
}

#[track_caller]
fn receive(socket: &Arc<WebSocket>) -> Arc<WebSocketMessage> {
    let message = outcome(&socket.receive(None).expect("it starts")).expect("a message");
    message.into_object::<WebSocketMessage>().expect("a message")
}

fn normal() -> CloseReason {
    CloseReason::new(CloseCode::NORMAL, "").expect("a reason")
}

// parity: HCLI-06, HCLI-13, HSRV-04, HSRV-22, WS-19, WS-22
#[test]
fn a_client_and_a_server_agree_and_talk() {
    let scene = scene(echo);
    for options in [WebSocketOptions::default(), compressed()] {
        let socket = socket(&scene.ask("/echo", &[("Sec-WebSocket-Protocol", "a, b")], options));
        assert_eq!(socket.protocol(), Some("b"));
        assert_eq!(socket.agreed().is_some(), options.compression == compressed().compression);
        for size in [0, 1, 1000, 100_000] {
            let text = "hello ".repeat(size)[..size].to_owned();
            outcome(&socket.send_text(&text).expect("it starts")).expect("it is sent");
            let answer = receive(&socket);
            assert!(answer.kind() == Some(MessageKind::Text) && answer.data() == text.as_bytes());
        }
        assert_eq!(scene.server.connections(), 1);
        outcome(&socket.finish(&normal()).expect("it starts")).expect("both have closed");
        eventually("its connection is over", || scene.server.connections() == 0);
    }
    let plain = socket(&scene.ask("/echo", &[], WebSocketOptions::default()));
    assert_eq!((plain.protocol(), plain.agreed()), (None, None));
    // A client that goes ends the service, which gets an error.
    drop(plain);
    eventually("its connection is over", || scene.server.connections() == 0);
    // An answer that grants no socket is given as it is, and its connection is kept.
    let refused = outcome(&scene.ask("/other", &[], WebSocketOptions::default())).expect("an answer");
    let refused = refused.into_object::<HttpResponse>().expect("a response");
    assert_eq!(refused.head().status, 404);
    outcome(&refused.read_all(1000).expect("it starts")).expect("its body");
    eventually("the connection is kept", || scene.client.idle_connections() == 1);
    for (url, headers) in
        [("ws://h/", ("Upgrade", "x")), ("ws://h/", ("Sec-WebSocket-Key", "x")), ("ftp://h/", ("A", "x"))]
    {
        let mut sent = Headers::new();
        sent.set(headers.0.as_bytes(), headers.1.as_bytes()).expect("a header");
        let asked = scene.client.websocket(url, &sent, WebSocketOptions::default());
        assert_eq!(kind(asked), Some(ErrorKind::InvalidArgument), "{url} {headers:?}");
    }
    // The end of the server is the end of its sockets.
    let last = socket(&scene.ask("/echo", &[], WebSocketOptions::default()));
    let receiving = last.receive(None).expect("it starts");
    let Scene { server, runtime, .. } = scene;
    drop(server);
    assert_eq!(failure(&receiving), ErrorKind::Disconnected);
    drop(runtime);
}

const ASKED: &str = "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn read_text(connection: &Arc<Connection>, length: usize) -> String {
    String::from_utf8(bytes(outcome(&connection.read(length, length).expect("it starts")))).expect("text")
}

// parity: HSRV-04, WS-22
#[test]
fn what_is_no_handshake_is_refused() {
    let scene = scene(echo);
    for (change, status) in [
        (("Version: 13", "Version: 12"), "426"),
        (("Connection: Upgrade", "Connection: close"), "400"),
        (("b25jZQ==", "b25jZQ="), "400"),
        (("GET", "PUT"), "400"),
    ] {
        let peer = scene.connect();
        let request = format!("{ASKED}\r\n").replace(change.0, change.1);
        outcome(&peer.write(request.as_bytes()).expect("it starts")).expect("it is sent");
        let answer = outcome(&peer.read_all(1000).expect("it starts"));
        let answer = String::from_utf8(bytes(answer)).expect("text").to_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert_eq!(answer.contains("sec-websocket-version: 13\r\n"), status == "426", "{answer}");
    }
}

#[test]
fn frames_that_come_with_the_handshake_are_not_lost() {
    let scene = scene(echo);
    let peer = scene.connect();
    let early = [format!("{ASKED}\r\n").as_bytes(), &frame(TEXT, "early").bytes(true)].concat();
    outcome(&peer.write(&early).expect("it starts")).expect("it is sent");
    let expected = "HTTP/1.1 101 Switching Protocols\r\n";
    assert_eq!(read_text(&peer, expected.len()), expected);
    let mut rest = String::new();
    while !rest.ends_with("\r\n\r\n") {
        rest.push_str(&read_text(&peer, 1));
    }
    assert!(rest.to_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{rest}");
    let came = bytes(outcome(&peer.read(7, 7).expect("it starts")));
    assert_eq!(Frame::read(&came, false).expect("a frame").0, frame(TEXT, "early"));
}

/// Answers a client with exact bytes; its key is put where they say `KEY`.
fn answered(answer: &str, behind: &[u8]) -> (Runtime, Arc<Connection>, Promise) {
    let runtime = runtime();
    let listener = listener(&runtime);
    let network = Arc::new(Network::new(&runtime).expect("a network"));
    let client = HttpClient::new(&network, ClientOptions::default()).expect("a client");
    let url = format!("ws://127.0.0.1:{}/", listener.port().expect("bound"));
    let asked = client.websocket(&url, &Headers::new(), compressed()).expect("it starts");
    let peer = connection(&listener.accept().expect("it starts"));
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        request.push_str(&read_text(&peer, 1));
    }
    let request = request.to_lowercase();
    for line in [
        "connection: upgrade\r\n",
        "upgrade: websocket\r\n",
        "sec-websocket-version: 13\r\n",
        "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n",
    ] {
        assert!(request.contains(line), "{request}");
    }
    outcome(&peer.write(&[answer.as_bytes(), behind].concat()).expect("it starts")).expect("it is sent");
    (runtime, peer, asked)
}

// parity: HCLI-06
#[test]
fn an_answer_that_does_not_fit_is_an_error() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let (_runtime, peer, asked) = answered(answer, b"");
    assert_eq!(failure(&asked), ErrorKind::Failed);
    assert!(bytes(outcome(&peer.read(1, 1).expect("it starts"))).is_empty());
    let (_runtime, peer, asked) = answered("HTTP/1.1 101 Swit", b"");
    peer.close();
    assert_eq!(failure(&asked), ErrorKind::Disconnected);
}

#[test]
fn frames_that_come_with_the_answer_are_not_lost() {
    let service = |request: &Arc<HttpRequest>| -> Resolution {
        let socket = request.accept_websocket(&Headers::new(), WebSocketOptions::default()).expect("a handshake");
        let greeting = socket.send_text("greeting").expect("it starts");
        let finished = socket.finish(&normal()).expect("it starts");
        greeting.then(When::Value, move |_| finished).into()
    };
    let scene = scene(service);
    for _ in 0..20 {
        let socket = socket(&scene.ask("/", &[], WebSocketOptions::default()));
        assert_eq!(receive(&socket).data(), "greeting".as_bytes());
        assert!(receive(&socket).close().is_some());
    }
}
