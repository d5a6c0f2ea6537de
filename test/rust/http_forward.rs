//! Requests of a server that a client asks elsewhere: exact bytes at both ends.

use crate::gate::*;
use crate::http::{Scene, hello, no_date};
use crate::loopback::*;
use bytes::Bytes;
use kjasync::http::{
    ANSWER_DETAIL, ClientOptions, ConnectOptions, ForwardOptions, Headers, HttpClient, HttpRequest, HttpResponse,
    HttpServer, ServerHooks, ServerOptions,
};
use kjasync::net::Network;
use kjasync::promise::{Promise, Resolution, When};
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind, Value};
use std::sync::Arc;

fn forwarding(client: HttpClient, options: ForwardOptions) -> impl Fn(&Arc<HttpRequest>) -> Resolution {
    move |request| client.forward(request, options.clone()).expect("it starts").into()
}

/// A front that forwards over one connection, whose other end is `back`.
struct Chain {
    front: Scene,
    back: Arc<Connection>,
}

impl Chain {
    fn of(runtime: Runtime, client: ClientOptions, options: ForwardOptions) -> Self {
        let (ours, back) = Connection::two_way_pipe(&runtime).expect("a pipe");
        let client = HttpClient::over(&ours, client).expect("a client");
        let server = HttpServer::new(&runtime, no_date(), forwarding(client, options)).expect("a server");
        Self { front: Scene::of(&server, &runtime).keeping(runtime), back }
    }

    fn new() -> Self {
        Self::of(runtime(), ClientOptions::default(), ForwardOptions::default())
    }

    #[track_caller]
    fn back_expects(&self, text: &str) {
        let read = self.back.read(text.len(), text.len()).expect("it starts");
        assert_eq!(String::from_utf8_lossy(&bytes(outcome(&read))), text);
    }

    fn back_sends(&self, text: &str) {
        assert!(outcome(&self.back.write(text.as_bytes()).expect("it starts")).is_ok());
    }

    #[track_caller]
    fn back_expects_end(&self) {
        // By a reset if it was given up.
        let end = outcome(&self.back.read(1, 1).expect("it starts"));
        assert!(end.map_or_else(|error| error.kind() == ErrorKind::Disconnected, |end| bytes(Ok(end)).is_empty()));
    }
}

// parity: HCLI-21
#[test]
fn a_request_goes_on_and_its_response_comes_back_piece_by_piece() {
    let chain = Chain::new();
    chain.front.send(
        "POST /a?b HTTP/1.1\r\nHost: front.example\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nX-End: 2\r\n\
         TE: trailers\r\nKeep-Alive: 5\r\nProxy-Authorization: secret\r\nUpgrade: other\r\nExpect: 100-continue\r\n\
         Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    chain.front.expect("HTTP/1.1 100 Continue\r\n\r\n");
    chain.front.send("2\r\nab\r\n");
    chain.back_expects(
        "POST /a?b HTTP/1.1\r\nhost: front.example\r\nx-end: 2\r\ntrailer: X-Sum\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
    );
    // The response begins before the request has ended.
    chain.back_sends(
        "HTTP/1.1 201 Made Here\r\nConnection: X-Back\r\nX-Back: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
         Trailer: X-Time\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n",
    );
    chain.front.expect(
        "HTTP/1.1 201 Made Here\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ntrailer: X-Time\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
    );
    chain.front.send("1\r\nc\r\n0\r\nX-Sum: 9\r\nX-Other: 1\r\n\r\n");
    chain.back_expects("1\r\nc\r\n0\r\nx-sum: 9\r\n\r\n");
    chain.back_sends("3\r\ntwo\r\n0\r\nX-Time: 7\r\n\r\n");
    chain.front.expect("3\r\ntwo\r\n0\r\nx-time: 7\r\n\r\n");
    // Both connections are used again.
    chain.front.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    chain.back_expects("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    chain.back_sends("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n");
    chain.front.expect("HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n");
    chain.front.send("HEAD /long HTTP/1.1\r\nHost: x\r\n\r\n");
    chain.back_expects("HEAD /long HTTP/1.1\r\nhost: x\r\n\r\n");
    chain.back_sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    chain.front.expect("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
    chain
        .front
        .send("POST /known HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcPOST /none HTTP/1.1\r\nHost: x\r\n\r\n");
    chain.back_expects("POST /known HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc");
    chain.back_sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    chain.front.expect("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    chain.back_expects("POST /none HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
}

// parity: HCLI-21
#[test]
fn a_forwarded_request_may_be_changed() {
    let mut headers = Headers::new();
    headers.set(b"X-Mine", b"1").expect("a header");
    let options = ForwardOptions { url: Some("http://other.example/x?y".into()), headers: Some(headers) };
    let chain = Chain::of(runtime(), ClientOptions::default(), options);
    chain.front.send("GET /a HTTP/1.1\r\nHost: x\r\nX-Theirs: 1\r\n\r\n");
    chain.back_expects("GET /x?y HTTP/1.1\r\nhost: other.example\r\nx-mine: 1\r\n\r\n");
    // A whole URL, as the client of a proxy sends it, says where it goes.
    let chain = Chain::new();
    chain.front.send("GET http://far.example/b HTTP/1.1\r\nHost: x\r\n\r\n");
    chain.back_expects("GET /b HTTP/1.1\r\nhost: far.example\r\n\r\n");
    let runtime = runtime();
    let (ours, _theirs) = Connection::two_way_pipe(&runtime).expect("a pipe");
    let client = HttpClient::over(&ours, ClientOptions::default()).expect("a client");
    let (kept, keeps) = std::sync::mpsc::channel();
    let kept = std::sync::Mutex::new(kept);
    let server = HttpServer::new(&runtime, no_date(), move |request| {
        let bad = ForwardOptions { url: Some("no url".into()), headers: None };
        kept.lock().unwrap().send(kind(client.forward(request, bad))).expect("the test waits");
        hello(request)
    })
    .expect("a server");
    let front = Scene::of(&server, &runtime);
    front.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(keeps.recv().expect("it is told"), Some(ErrorKind::InvalidArgument));
}

// parity: HCLI-21
#[test]
fn what_cannot_be_forwarded_is_answered_for() {
    let runtime = runtime();
    let network = Arc::new(Network::new(&runtime).expect("a network"));
    let hosts = HttpClient::new(&network, ClientOptions::default()).expect("a client");
    let (heard, hears) = std::sync::mpsc::channel();
    let heard = std::sync::Mutex::new(heard);
    let hooks = ServerHooks {
        on_service_failed: Some(Box::new(move |_, error| {
            heard.lock().unwrap().send((error.kind(), error.detail(ANSWER_DETAIL).cloned())).expect("the test waits");
        })),
        ..ServerHooks::default()
    };
    let port = listener(&runtime).port().expect("bound");
    let service = forwarding(hosts, ForwardOptions::default());
    let server = HttpServer::with_hooks(&runtime, no_date(), Some(Arc::new(service)), hooks).expect("a server");
    for (request, status, text) in [
        (format!("GET http://127.0.0.1:{port}/ HTTP/1.1"), 502, "Bad Gateway"),
        (format!("CONNECT 127.0.0.1:{port} HTTP/1.1"), 502, "Bad Gateway"),
        ("GET /no-host HTTP/1.1".into(), 400, "Bad Request"),
        ("CONNECT nowhere HTTP/1.1".into(), 400, "Bad Request"),
    ] {
        let front = Scene::of(&server, &runtime);
        front.send(&format!("{request}\r\nHost: x\r\n\r\n"));
        front.expect(&format!("HTTP/1.1 {status} {text}\r\n"));
        let (_, answer) = hears.recv().expect("it is told");
        assert_eq!(answer.as_deref(), Some(&(status as u16).to_be_bytes()[..]), "{request}");
    }
    let front = Scene::of(&server, &runtime);
    front.send("GET https://example.com/ HTTP/1.1\r\nHost: x\r\n\r\n");
    front.expect("HTTP/1.1 501 Not Implemented\r\n");

    let slow = ClientOptions { head_nanos: Some(50_000_000), ..ClientOptions::default() };
    let chain = Chain::of(runtime, slow, ForwardOptions::default());
    chain.front.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    chain.back_expects("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    chain.front.expect("HTTP/1.1 504 Gateway Timeout\r\n");
    chain.back_expects_end();

    // No response, half a response, and what is none.
    for answer in
        ["", "HTTP/1.1 200", "hello\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"]
    {
        let chain = Chain::new();
        chain.front.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na");
        chain.back_expects("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\na");
        chain.back_sends(answer);
        chain.back.close();
        chain.front.expect("HTTP/1.1 502 Bad Gateway\r\n");
    }
}

// parity: HCLI-21
#[test]
fn a_service_behind_a_proxy_is_cancelled_with_its_client() {
    let runtime = runtime();
    let (began, gone) = (Count::default(), Count::default());
    let (begins, goes) = (began.clone(), gone.clone());
    let back = HttpServer::new(&runtime, no_date(), move |request: &Arc<HttpRequest>| {
        begins.add();
        let goes = goes.on_drop();
        let never = request.connection().when_write_disconnected().expect("it starts");
        never.then(When::Value, move |_| {
            drop(goes);
            Ok(Value::Unit)
        })
    })
    .expect("a server");
    let listener = listener(&runtime);
    let _listening = back.listen(&listener).expect("it starts");
    let text = format!("127.0.0.1:{}", listener.port().expect("bound"));
    let client = HttpClient::to_address(&address(&runtime, &text), ClientOptions::default()).expect("a client");
    let front = HttpServer::new(&runtime, no_date(), forwarding(client, ForwardOptions::default())).expect("a server");
    let scene = Scene::of(&front, &runtime);
    scene.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("the service runs", || began.get() == 1);
    scene.client.abort_write(Error::new(ErrorKind::Failed, "gone")).expect("it is open");
    scene.client.close();
    eventually("it is cancelled", || gone.get() == 1);
}

// parity: HCLI-21
#[test]
fn the_end_of_either_side_ends_the_other() {
    // The client goes.
    let chain = Chain::new();
    chain.front.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
    chain.back_expects("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na");
    chain.front.client.close();
    chain.back_expects_end();
    let chain = Chain::new();
    chain.front.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    chain.back_expects("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    chain.back_sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
    chain.front.expect("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart");
    chain.front.client.close();
    // It is gone for sure when something cannot be sent to it.
    chain.back_sends("more");
    chain.back_expects_end();
    // The server goes in the middle.
    let chain = Chain::new();
    chain.front.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    chain.back_expects("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    chain.back_sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
    chain.back.close();
    chain.front.expect("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n");
    chain.front.expect_end();
    // It answers a body that it does not wait for: that never seems whole.
    let chain = Chain::new();
    chain.front.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    chain.back_expects("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n");
    chain.back_sends("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    chain.front.expect("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
    chain.back_expects_end();
    // A body that is cut off is, too.
    let chain = Chain::new();
    chain.front.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    chain.back_expects("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n");
    chain.front.send("no chunk\r\n");
    chain.back_expects_end();
}

fn echo(request: &Arc<HttpRequest>) -> Resolution {
    let head = request.head();
    let mut headers = Headers::new();
    let tunnel = match (head.method.as_str(), head.headers.get(b"upgrade").as_deref()) {
        ("CONNECT", _) if head.target == "echo:1" => request.accept_tunnel(200, Some("Granted"), &headers),
        ("GET", Some(b"shout")) => {
            headers.set(b"Upgrade", b"shout").expect("a header");
            request.accept_tunnel(101, None, &headers)
        }
        _ => return request.respond(403, None, &headers, Bytes::from("not there")).map(|()| Value::Unit).into(),
    };
    let tunnel = tunnel.expect("a tunnel");
    tunnel.pump_to(&tunnel, u64::MAX).expect("it starts").into()
}

// parity: HCLI-21, CONN-12
#[test]
fn tunnels_and_upgrades_lead_through() {
    let runtime = runtime();
    let back = HttpServer::new(&runtime, no_date(), echo).expect("a server");
    let client = HttpClient::to_service(&back, ClientOptions::default()).expect("a client");
    let service = forwarding(client, ForwardOptions::default());
    let front = HttpServer::new(&runtime, no_date(), service).expect("a server");
    let expect_echo = |scene: &Scene| {
        scene.send("more");
        scene.expect("more");
        assert!(outcome(&scene.client.shutdown_write().expect("it starts")).is_ok());
    };
    let scene = Scene::of(&front, &runtime);
    scene.send("CONNECT echo:1 HTTP/1.1\r\nHost: echo:1\r\n\r\nhello");
    scene.expect("HTTP/1.1 200 Granted\r\n\r\nhello");
    expect_echo(&scene);
    scene.client.close();
    let scene = Scene::of(&front, &runtime);
    scene.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nhello");
    scene.expect("HTTP/1.1 101 Switching Protocols\r\nupgrade: shout\r\nconnection: upgrade\r\n\r\nhello");
    expect_echo(&scene);
    let scene = Scene::of(&front, &runtime);
    scene.send("CONNECT other:1 HTTP/1.1\r\nHost: other:1\r\n\r\n");
    scene.expect("HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 9\r\n\r\nnot there");
    scene.expect_end();
    let scene = Scene::of(&front, &runtime);
    scene.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: whisper\r\n\r\n");
    scene.expect("HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\n\r\nnot there");
    // The same from a client of the library, through a service in this process.
    let client = HttpClient::to_service(&front, ClientOptions::default()).expect("a client");
    let (asked, tunnel) = client.connect("echo:1", &Headers::new(), ConnectOptions::default()).expect("it starts");
    assert!(outcome(&tunnel.write(b"hello").expect("it starts")).is_ok());
    assert_eq!(bytes(outcome(&tunnel.read(5, 5).expect("it starts"))), b"hello");
    let response = outcome(&asked).expect("a response").into_object::<HttpResponse>().expect("a response");
    assert_eq!((response.head().status, response.head().reason.as_str()), (200, "Granted"));
}

// parity: HCLI-21, HCLI-20
#[test]
fn an_error_of_a_service_goes_through_a_chain_in_this_process() {
    let runtime = runtime();
    let failing =
        |_: &Arc<HttpRequest>| -> Result<Value, Error> { Err(Error::new(ErrorKind::Overloaded, "no room today")) };
    let back = HttpServer::new(&runtime, ServerOptions::default(), failing).expect("a server");
    let to_back = HttpClient::to_service(&back, ClientOptions::default()).expect("a client");
    let service = forwarding(to_back, ForwardOptions::default());
    let front = HttpServer::new(&runtime, no_date(), service).expect("a server");
    let to_front = HttpClient::to_service(&front, ClientOptions::default()).expect("a client");
    let asked: Promise = to_front.request("GET", "/", &Headers::new(), Bytes::new()).expect("it starts");
    let error = outcome(&asked).expect_err("it fails");
    assert_eq!((error.kind(), error.text()), (ErrorKind::Overloaded, "no room today"));
    let scene = Scene::of(&front, &runtime);
    scene.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect("HTTP/1.1 503 Service Unavailable\r\n");
}
