//! What a program decides of an HTTP server beside its requests.

use crate::gate::*;
use crate::http::{Scene, gather, no_date, serve};
use crate::loopback::*;
use bytes::Bytes;
use kjasync::http::{Headers, HttpRequest, HttpServer, RequestSummary, ServerHooks, ServerOptions, Service};
use kjasync::promise::Resolution;
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind, Value};
use std::sync::{Arc, Mutex};

fn answer(request: &Arc<HttpRequest>, status: u16, text: &str) {
    request.respond(status, None, &Headers::new(), Bytes::copy_from_slice(text.as_bytes())).expect("the first answer");
}

// parity: HSRV-07
#[test]
fn each_connection_has_a_service_of_its_own() {
    let runtime = runtime();
    let neither = HttpServer::with_hooks(&runtime, no_date(), None, ServerHooks::default());
    assert_eq!(neither.map(drop).unwrap_err().kind(), ErrorKind::InvalidArgument);
    let made = Count::default();
    let make = move |connection: &Arc<Connection>| -> Result<Arc<Service>, Error> {
        assert!(connection.peer_address().is_ok(), "it knows who has come");
        let number = made.add();
        if number == 3 {
            return Err(Error::new(ErrorKind::Overloaded, "no third"));
        }
        Ok(Arc::new(move |request| {
            answer(request, 200, &number.to_string());
            Ok(Value::Unit).into()
        }))
    };
    let hooks = ServerHooks { on_connection: Some(Box::new(make)), ..ServerHooks::default() };
    let server = HttpServer::with_hooks(&runtime, no_date(), None, hooks).expect("a server");
    for number in 1..=2 {
        let scene = Scene::of(&server, &runtime);
        for _ in 0..2 {
            scene.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            scene.expect(&format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}"));
        }
    }
    let scene = Scene::of(&server, &runtime);
    scene.expect_end();
    assert_eq!(failure(&scene.serving), ErrorKind::Overloaded);
}

fn failing(request: &Arc<HttpRequest>) -> Resolution {
    match request.head().target.as_str() {
        "/silent" => Ok(Value::Unit).into(),
        "/late" => {
            answer(request, 200, "late");
            Err(Error::new(ErrorKind::Failed, "late")).into()
        }
        other => Err(Error::new(ErrorKind::Failed, other.to_owned())).into(),
    }
}

// parity: HSRV-17, HSRV-18, HSRV-19
#[test]
fn hooks_hear_of_failures_and_may_answer() {
    let runtime = runtime();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (of_failures, of_refusals) = (heard.clone(), heard.clone());
    let hooks = ServerHooks {
        on_service_failed: Some(Box::new(move |request, error| {
            of_failures.lock().unwrap().push(error.text().to_owned());
            // An answer that has been given stands.
            let _ = request.respond(502, None, &Headers::new(), Bytes::from_static(b"mine"));
        })),
        on_no_answer: Some(Box::new(|request| answer(request, 404, "none"))),
        on_protocol_error: Some(Box::new(move |request, error| {
            assert_eq!(request.head().method, "");
            of_refusals.lock().unwrap().push(error.status.to_string());
            answer(request, error.status, "odd");
        })),
        ..ServerHooks::default()
    };
    let server = HttpServer::with_hooks(&runtime, no_date(), Some(Arc::new(failing)), hooks).expect("a server");
    let scene = Scene::of(&server, &runtime);
    for (target, answer) in [
        ("/a", "502 Bad Gateway\r\ncontent-length: 4\r\n\r\nmine"),
        ("/silent", "404 Not Found\r\ncontent-length: 4\r\n\r\nnone"),
        ("/late", "200 OK\r\ncontent-length: 4\r\n\r\nlate"),
    ] {
        scene.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        scene.expect(&format!("HTTP/1.1 {answer}"));
    }
    scene.send("GET / HTTP/3.0\r\n\r\n");
    scene.expect("HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-length: 3\r\n\r\nodd");
    scene.expect_end();
    assert_eq!(*heard.lock().unwrap(), ["/a", "late", "505"]);
}

// parity: HSRV-20
#[test]
fn a_hook_hears_of_connections_that_fail_and_accepting_goes_on() {
    let runtime = runtime();
    let (hear, heard) = std::sync::mpsc::channel();
    let hear = Mutex::new(hear);
    let hooks = ServerHooks {
        on_connection_failed: Some(Box::new(move |error| hear.lock().unwrap().send(error).expect("the test waits"))),
        ..ServerHooks::default()
    };
    let server = HttpServer::with_hooks(&runtime, no_date(), Some(Arc::new(gather)), hooks).expect("a server");
    let listener = listener(&runtime);
    let listening = server.listen(&listener).expect("it starts");
    for _ in 0..2 {
        let client = connection(&connect(&listener));
        assert!(
            outcome(&client.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nshort").expect("it starts"))
                .is_ok()
        );
        client.close();
        assert_eq!(heard.recv().expect("it is told").kind(), ErrorKind::Disconnected);
    }
    assert!(listening.outcome().is_none());
}

// parity: HSRV-21
#[test]
fn a_hook_closes_a_connection_behind_a_response() {
    let runtime = runtime();
    let hooks = ServerHooks {
        should_close: Some(Box::new(|request| request.head().target == "/last")),
        ..ServerHooks::default()
    };
    let server = HttpServer::with_hooks(&runtime, no_date(), Some(Arc::new(gather)), hooks).expect("a server");
    let scene = Scene::of(&server, &runtime);
    scene.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect("HTTP/1.1 200 Fine\r\ncontent-length: 0\r\n\r\n");
    scene.expect("HTTP/1.1 200 Fine\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    scene.expect_end();
}

#[test]
fn a_hook_hears_of_each_request_that_is_over() {
    let runtime = runtime();
    let (log, logged) = std::sync::mpsc::channel();
    let log = Mutex::new(log);
    let hooks = ServerHooks {
        on_request_end: Some(Box::new(move |request| {
            let line = (request.head().target.clone(), request.summary());
            log.lock().unwrap().send(line).expect("the test waits");
        })),
        ..ServerHooks::default()
    };
    let service = |request: &Arc<HttpRequest>| -> Resolution {
        if request.head().target == "/short" {
            let out = request.respond_stream(200, None, &Headers::new(), Some(9)).expect("the first answer");
            return out.write(b"short").expect("it starts").into();
        }
        gather(request)
    };
    let server = HttpServer::with_hooks(&runtime, no_date(), Some(Arc::new(service)), hooks).expect("a server");
    let scene = Scene::of(&server, &runtime);
    scene.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    scene.expect("HTTP/1.1 200 Fine\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 Fine\r\ncontent-length: 3\r\n\r\nabc");
    scene.send("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort");
    scene.expect_end();
    for (target, received, sent, whole) in [("/a", 0, 0, true), ("/b", 3, 3, true), ("/short", 0, 5, false)] {
        let (asked, summary) = logged.recv().expect("it is told");
        let expected = RequestSummary { status: Some(200), received, sent, whole, nanos: summary.nanos };
        assert_eq!((asked.as_str(), summary), (target, expected));
    }
}

// parity: HTTP-16
#[test]
fn limits_are_answered() {
    let limited = |options: ServerOptions| serve(options, gather);
    let mut small = no_date();
    small.head.size = 200;
    small.head.target = 20;
    small.max_body = Some(4);
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(300)), "431 Request Header Fields Too Large"),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(30)), "414 URI Too Long"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".to_owned(), "413 "),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned(), "413 "),
    ] {
        let scene = limited(small.clone());
        scene.send(&request);
        scene.expect(&format!("HTTP/1.1 {status}"));
        let rest = String::from_utf8(bytes(outcome(&scene.client.read_all(4096).unwrap()))).unwrap();
        assert!(rest.contains("connection: close\r\n"), "{request:?} {rest:?}");
    }
    let scene = limited(ServerOptions { max_requests: Some(2), ..no_date() });
    scene.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    scene.expect("HTTP/1.1 200 Fine\r\ncontent-length: 0\r\n\r\n");
    scene.expect("HTTP/1.1 200 Fine\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    scene.expect_end();
}

#[test]
fn more_connections_than_the_limit_wait() {
    let runtime = runtime();
    let options = ServerOptions { max_connections: 1, ..no_date() };
    let server = HttpServer::new(&runtime, options, gather).expect("a server");
    let listener = listener(&runtime);
    let _listening = server.listen(&listener).expect("it starts");
    let ask = |client: &Arc<Connection>| {
        assert!(outcome(&client.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("it starts")).is_ok());
        client.read(1, 1000).expect("it starts")
    };
    let first = connection(&connect(&listener));
    assert!(outcome(&ask(&first)).is_ok());
    let second = connection(&connect(&listener));
    let asked = ask(&second);
    // The first is answered again, which gives the loop all the time that it takes.
    assert!(outcome(&ask(&first)).is_ok());
    assert!(asked.outcome().is_none() && server.connections() == 1);
    first.close();
    assert!(outcome(&asked).is_ok());
}
