//! HTTP servers, as a client sees them that sends and expects exact bytes.

use crate::gate::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::http::{Headers, HttpRequest, HttpServer, ServerOptions};
use kjasync::promise::{Promise, Resolution, When};
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind, Value};
use std::sync::Arc;

/// A server of one connection, the client's end of that, and what serving it comes to.
pub(crate) struct Scene {
    pub(crate) server: Arc<HttpServer>,
    pub(crate) client: Arc<Connection>,
    pub(crate) serving: Promise,
    _runtime: Option<Runtime>,
}

pub(crate) fn no_date() -> ServerOptions {
    ServerOptions { date: false, ..ServerOptions::default() }
}

pub(crate) fn serve<R: Into<Resolution>>(
    options: ServerOptions,
    service: impl Fn(&Arc<HttpRequest>) -> R + Send + Sync + 'static,
) -> Scene {
    let runtime = runtime();
    let server = HttpServer::new(&runtime, options, service).expect("a server");
    Scene::of(&server, &runtime).keeping(runtime)
}

impl Scene {
    pub(crate) fn of(server: &Arc<HttpServer>, runtime: &Runtime) -> Self {
        let (client, connection) = pair(runtime);
        let serving = server.serve(&connection).expect("it starts");
        Self { server: server.clone(), client, serving, _runtime: None }
    }

    /// The runtime goes with the scene.
    pub(crate) fn keeping(self, runtime: Runtime) -> Self {
        Self { _runtime: Some(runtime), ..self }
    }

    pub(crate) fn send(&self, text: &str) {
        assert!(outcome(&self.client.write(text.as_bytes()).expect("it starts")).is_ok());
    }

    #[track_caller]
    pub(crate) fn expect(&self, text: &str) {
        let read = self.client.read(text.len(), text.len()).expect("it starts");
        assert_eq!(String::from_utf8_lossy(&bytes(outcome(&read))), text);
    }

    #[track_caller]
    pub(crate) fn expect_end(&self) {
        let read = self.client.read_all(1 << 20).expect("it starts");
        assert_eq!(String::from_utf8_lossy(&bytes(outcome(&read))), "");
    }
}

pub(crate) fn hello(request: &Arc<HttpRequest>) -> Result<Value, Error> {
    let text = format!("{} {}\n", request.head().method, request.head().target);
    request.respond(200, None, &Headers::new(), Bytes::from(text)).map(|()| Value::Unit)
}

// parity: HSRV-01, HSRV-02, HSRV-06, HSRV-09, HSRV-16, HSRV-26
#[test]
fn requests_are_answered_in_order_over_one_connection() {
    let scene = serve(no_date(), hello);
    scene.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nGET /a\n");
    scene.send(
        "GET /b HTTP/1.1\r\nHost: x\r\n\r\nDELETE /c HTTP/1.1\r\nHost: x\r\n\r\nHEAD /d HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nGET /b\n");
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nDELETE /c\n");
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n");
    scene.send("GET /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    scene.expect("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 7\r\n\r\nGET /e\n");
    scene.expect_end();
    assert!(outcome(&scene.serving).is_ok());
}

// parity: HSRV-17, HTTP-13, HTTP-18
#[test]
fn what_is_no_request_is_refused_and_the_connection_closed() {
    for (text, status) in [
        ("GET / HTTP/1.1\nHost: x\n\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400 Bad Request"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400 Bad Request",
        ),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400 Bad Request"),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501 Not Implemented"),
        ("GET / HTTP/3.0\r\nHost: x\r\n\r\n", "505 HTTP Version Not Supported"),
    ] {
        let scene = serve(no_date(), hello);
        scene.send(text);
        scene.expect(&format!("HTTP/1.1 {status}\r\n"));
        let rest = String::from_utf8(bytes(outcome(&scene.client.read_all(4096).unwrap()))).unwrap();
        assert!(rest.contains("connection: close\r\n"), "{text:?} {rest:?}");
    }
}

// parity: HSRV-02, HTTP-20, HTTP-21, HSRV-25
#[test]
fn bodies_are_read_and_echoed() {
    let scene = serve(no_date(), |request| {
        let (body, length) = (request.body().clone(), request.body_length());
        let out = match request.respond_stream(200, None, &Headers::new(), length) {
            Ok(out) => out,
            Err(error) => return Resolution::Outcome(Err(error)),
        };
        let pumped = body.pump_to(&out, u64::MAX).expect("it starts");
        pumped.then(When::Value, move |_| out.shutdown_write().expect("it starts")).into()
    });
    scene.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    scene.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n");
    scene.expect("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
}

/// Reads the whole body and answers with it.
pub(crate) fn gather(request: &Arc<HttpRequest>) -> Resolution {
    let read = request.body().read_all(1 << 20).expect("it starts");
    let request = request.clone();
    read.then(When::Value, move |body| {
        let body = body.ok().and_then(Value::into_bytes).unwrap_or_default();
        request.respond(200, Some("Fine"), &Headers::new(), body).map(|()| Value::Unit)
    })
    .into()
}

// parity: HSRV-25
#[test]
fn a_client_that_waits_for_a_word_before_its_body_gets_it_when_that_is_read() {
    let scene = serve(no_date(), gather);
    scene.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    scene.expect("HTTP/1.1 100 Continue\r\n\r\n");
    scene.send("ok");
    scene.expect("HTTP/1.1 200 Fine\r\ncontent-length: 2\r\n\r\nok");
}

// parity: HSRV-01, HSRV-15
#[test]
fn a_client_that_goes_cancels_its_service_and_one_that_only_stops_sending_does_not() {
    let (came, gone) = (Count::default(), Count::default());
    let (counted, ended) = (came.clone(), gone.clone());
    let scene = serve(no_date(), move |request| {
        counted.add();
        let canceled = ended.on_drop();
        let runtime = request.connection().when_write_disconnected().expect("it starts");
        runtime.then(When::Value, move |_| {
            drop(canceled);
            Ok(Value::Unit)
        })
    });
    scene.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("the service runs", || came.get() == 1);
    assert!(outcome(&scene.client.shutdown_write().expect("it starts")).is_ok());
    assert!(scene.serving.outcome().is_none() && gone.get() == 0);
    // To a server, a close without a reset is no more than the end of what the client sends.
    let linger = [1i32.to_ne_bytes(), 0i32.to_ne_bytes()].concat();
    scene.client.set_option(libc::SOL_SOCKET, libc::SO_LINGER, &linger).expect("a socket");
    scene.client.close();
    assert_eq!(failure(&scene.serving), ErrorKind::Disconnected);
    assert_eq!(gone.get(), 1);
}

// parity: HSRV-05, HSRV-18, HSRV-19
#[test]
fn a_service_that_fails_is_answered_by_the_kind_of_its_error() {
    let fails = |request: &Arc<HttpRequest>| -> Resolution {
        match request.head().target.as_str() {
            "/nothing" => Ok(Value::Unit).into(),
            "/full" => Err(Error::new(ErrorKind::Overloaded, "secret")).into(),
            "/missing" => Err(Error::new(ErrorKind::Unimplemented, "secret")).into(),
            "/gone" => Err(Error::new(ErrorKind::Disconnected, "secret")).into(),
            "/short" => {
                let out = request.respond_stream(200, None, &Headers::new(), Some(10)).expect("the first answer");
                out.write(b"hello").expect("it starts").into()
            }
            _ => Err(Error::new(ErrorKind::Failed, "secret")).into(),
        }
    };
    let scene = serve(no_date(), fails);
    let page = "content-type: text/plain; charset=utf-8\r\ncontent-length";
    for (target, answer) in [
        ("/nothing", format!("500 Internal Server Error\r\n{page}: 32\r\n\r\nthe service has given no answer\n")),
        ("/full", format!("503 Service Unavailable\r\n{page}: 20\r\n\r\nService Unavailable\n")),
        ("/missing", format!("501 Not Implemented\r\n{page}: 16\r\n\r\nNot Implemented\n")),
        ("/bad", format!("500 Internal Server Error\r\n{page}: 22\r\n\r\nInternal Server Error\n")),
    ] {
        scene.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        scene.expect(&format!("HTTP/1.1 {answer}"));
    }
    scene.send("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
    scene.expect_end();
    let scene = serve(ServerOptions { error_text: true, ..no_date() }, fails);
    scene.send("GET /bad HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect(&format!("HTTP/1.1 500 Internal Server Error\r\n{page}: 7\r\n\r\nsecret\n"));
    scene.send("GET /gone HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect_end();
}

// parity: HSRV-14
#[test]
fn an_unread_body_is_read_to_keep_the_connection_if_it_is_short() {
    let scene = serve(ServerOptions { unread_bytes: 1000, ..no_date() }, hello);
    scene.send(&format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{}", "x".repeat(900)));
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nPOST /\n");
    scene.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nGET /a\n");
    scene.send(&format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n{}", "x".repeat(2000)));
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nPOST /\n");
    scene.expect_end();
}

// parity: HSRV-11
#[test]
fn a_drain_lets_requests_finish_and_closes_idle_connections() {
    let busy = serve(no_date(), gather);
    busy.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
    let drained = busy.server.drain().expect("it starts");
    busy.send("cd");
    busy.expect("HTTP/1.1 200 Fine\r\nconnection: close\r\ncontent-length: 4\r\n\r\nabcd");
    busy.expect_end();
    assert!(outcome(&busy.serving).is_ok() && outcome(&drained).is_ok());
    let idle = serve(no_date(), hello);
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    idle.expect("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nGET /\n");
    drop(idle.server.drain().expect("it starts"));
    idle.expect_end();
    assert!(outcome(&idle.serving).is_ok());
}

// parity: CONN-04, CONN-05
#[test]
fn a_tunnel_begins_with_what_came_behind_its_request() {
    let scene = serve(no_date(), |request| -> Resolution {
        let tunnel = match request.accept_tunnel(200, None, &Headers::new()) {
            Ok(tunnel) => tunnel,
            Err(error) => return Err(error).into(),
        };
        Resolution::Promise(tunnel.pump_to(&tunnel, u64::MAX).expect("it starts"))
    });
    scene.send("CONNECT a.example:1 HTTP/1.1\r\nHost: a.example:1\r\n\r\nearly");
    scene.expect("HTTP/1.1 200 OK\r\n\r\nearly");
    scene.send("late");
    scene.expect("late");
}

// parity: HSRV-12, HSRV-13
#[test]
fn heads_and_pauses_have_a_time_limit() {
    let options = ServerOptions { head_nanos: Some(50_000_000), idle_nanos: Some(50_000_000), ..no_date() };
    let silent = serve(options.clone(), hello);
    silent.expect_end();
    let slow = serve(options.clone(), hello);
    slow.send("GET / HTT");
    slow.expect("HTTP/1.1 408 Request Timeout\r\n");
    assert!(outcome(&slow.serving).is_ok());
    let idle = serve(options, hello);
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    idle.expect("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nGET /\n");
    idle.expect_end();
}

#[test]
fn a_request_has_a_time_limit() {
    let never = |request: &Arc<HttpRequest>| request.connection().when_write_disconnected().expect("it starts");
    let scene = serve(ServerOptions { request_nanos: Some(50_000_000), ..no_date() }, never);
    scene.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect("HTTP/1.1 503 Service Unavailable\r\n");
    assert!(outcome(&scene.serving).is_ok());
}

// parity: HSRV-25
#[test]
fn a_client_that_waits_is_told_to_go_on_before_a_response_that_needs_its_body() {
    let scene = serve(no_date(), |request: &Arc<HttpRequest>| {
        let out = request.respond_stream(200, None, &Headers::new(), Some(5)).expect("the first answer");
        request.body().pump_to(&out, u64::MAX).expect("it starts")
    });
    scene.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    scene.expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    scene.send("hello");
    scene.expect("hello");
}

#[test]
fn a_body_that_comes_too_slowly_is_answered_with_408() {
    let options = ServerOptions { body_nanos: Some(50_000_000), ..no_date() };
    let slow = serve(options.clone(), gather);
    slow.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nslow");
    slow.expect("HTTP/1.1 408 Request Timeout\r\n");
    assert!(outcome(&slow.serving).is_ok());
}

// parity: HTTP-21
#[test]
fn trailers_come_behind_a_body_in_chunks() {
    let names = |names: &[(&str, &str)]| {
        let mut headers = Headers::new();
        for (name, value) in names {
            headers.append(name.as_bytes(), value.as_bytes()).expect("a header");
        }
        headers
    };
    let scene = serve(no_date(), move |request: &Arc<HttpRequest>| -> Resolution {
        let sum = names(&[("X-Sum", "9")]);
        assert_eq!(kind(request.set_trailers(&sum)), Some(ErrorKind::Failed));
        let length = (request.head().target == "/known").then_some(2);
        let announced = names(&[("Trailer", "x-sum, Content-Type")]);
        let body = request.respond_stream(200, None, &announced, length).expect("the first answer");
        if length.is_some() {
            assert_eq!(kind(request.set_trailers(&sum)), Some(ErrorKind::Failed));
        } else {
            for refused in [names(&[("X-Other", "1")]), names(&[("Content-Type", "a/b")]), names(&[("X-Sum", "\u{1}")])]
            {
                assert_eq!(kind(request.set_trailers(&refused)), Some(ErrorKind::InvalidArgument));
            }
            request.set_trailers(&sum).expect("it is announced");
        }
        body.write(b"ab").expect("it starts").into()
    });
    let head = "HTTP/1.1 200 OK\r\ntrailer: x-sum, Content-Type\r\n";
    scene.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /known HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    scene.expect(&format!("{head}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-sum: 9\r\n\r\n"));
    scene.expect(&format!("{head}content-length: 2\r\n\r\nab"));
    let old = scene.client.read_all(1000).expect("it starts");
    assert!(bytes(outcome(&old)).ends_with(b"\r\n\r\nab"));
}

// parity: HSRV-10
#[test]
fn a_part_of_the_next_head_is_handed_on_with_its_connection() {
    let runtime = runtime();
    let first = HttpServer::new(&runtime, no_date(), hello).expect("a server");
    let second = HttpServer::new(&runtime, no_date(), gather).expect("a server");
    let (client, connection) = pair(&runtime);
    let serving = first.serve_until_drained(&connection).expect("it starts");
    let say = |text: &str| assert!(outcome(&client.write(text.as_bytes()).expect("it starts")).is_ok());
    let hear = |text: &str| {
        let read = client.read(text.len(), text.len()).expect("it starts");
        assert_eq!(String::from_utf8_lossy(&bytes(outcome(&read))), text);
    };
    say("GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTT");
    hear("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nGET /\n");
    drop(first.drain().expect("it starts"));
    let connection = outcome(&serving).ok().and_then(Value::into_object::<Connection>).expect("the connection");
    let _serving = second.serve(&connection).expect("it starts");
    say("P/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok");
    hear("HTTP/1.1 200 Fine\r\ncontent-length: 2\r\n\r\nok");
}

// parity: HSRV-10
#[test]
fn a_connection_is_handed_on_between_two_requests() {
    let runtime = runtime();
    let first = HttpServer::new(&runtime, no_date(), hello).expect("a server");
    let second = HttpServer::new(&runtime, no_date(), gather).expect("a server");
    let (client, connection) = pair(&runtime);
    let serving = first.serve_until_drained(&connection).expect("it starts");
    let ask = |text: &str, answer: &str| {
        assert!(outcome(&client.write(text.as_bytes()).expect("it starts")).is_ok());
        let read = client.read(answer.len(), answer.len()).expect("it starts");
        assert_eq!(String::from_utf8_lossy(&bytes(outcome(&read))), answer);
    };
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nGET /\n");
    drop(first.drain().expect("it starts"));
    let connection = outcome(&serving).ok().and_then(Value::into_object::<Connection>).expect("the connection");
    let serving = second.serve(&connection).expect("it starts");
    let request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok";
    ask(request, "HTTP/1.1 200 Fine\r\ncontent-length: 2\r\n\r\nok");
    client.close();
    assert!(outcome(&serving).is_ok());
}

// parity: HSRV-08
#[test]
fn a_server_listens_and_lets_go_of_everything_with_its_last_holder() {
    let runtime = runtime();
    let server = HttpServer::new(&runtime, no_date(), hello).expect("a server");
    let listener = listener(&runtime);
    let listening = server.listen(&listener).expect("it starts");
    let client = connection(&connect(&listener));
    assert!(outcome(&client.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("it starts")).is_ok());
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nGET /\n";
    assert_eq!(bytes(outcome(&client.read(answer.len(), 4096).expect("it starts"))), answer.as_bytes());
    assert_eq!(server.connections(), 1);
    drop(server);
    assert_eq!(failure(&listening), ErrorKind::Canceled);
    assert_eq!(bytes(outcome(&client.read(1, 1).expect("it starts"))), b"");
}
