//! Requests that a server leaves to another one.

use crate::gate::*;
use crate::http::{gather, hello, no_date};
use crate::loopback::*;
use kjasync::http::{HttpRequest, HttpServer, ServerOptions};
use kjasync::promise::Resolution;
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::{ErrorKind, Value};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

/// A server that suspends what begins with `/away`, and where the connections come out.
fn suspending(runtime: &Runtime) -> (Arc<HttpServer>, Receiver<Arc<Connection>>) {
    let (give, given) = channel();
    let give = Mutex::new(give);
    let service = move |request: &Arc<HttpRequest>| -> Resolution {
        if !request.head().target.starts_with("/away") {
            return hello(request).into();
        }
        let connection = request.suspend().expect("nothing has been done yet");
        assert!(request.suspend().is_err(), "only once");
        assert!(request.respond_error(500, None).is_err(), "it is not this server's to answer any more");
        give.lock().unwrap().send(connection).expect("the test waits");
        Ok(Value::Unit).into()
    };
    (HttpServer::new(runtime, no_date(), service).expect("a server"), given)
}

#[track_caller]
fn expect(client: &Arc<Connection>, text: &str) {
    let read = client.read(text.len(), text.len()).expect("it starts");
    assert_eq!(String::from_utf8_lossy(&bytes(outcome(&read))), text);
}

fn send(client: &Arc<Connection>, text: &str) {
    assert!(outcome(&client.write(text.as_bytes()).expect("it starts")).is_ok());
}

// parity: HSRV-23, HSRV-24
#[test]
fn a_suspended_request_goes_on_in_another_server_with_nothing_lost() {
    for (head, body, rest) in [
        ("GET /away HTTP/1.1\r\nHost: x\r\nX-Kept: a\r\n\r\n", "", ""),
        ("POST /away HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", "", "hello"),
        ("POST /away HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", "he", "llo"),
        ("POST /away HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhe", "llo\r\n0\r\n\r\n"),
        ("POST /away HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", ""),
    ] {
        let runtime = runtime();
        let (first, given) = suspending(&runtime);
        let second = HttpServer::new(&runtime, no_date(), gather).expect("a server");
        let (client, connection) = pair(&runtime);
        let serving = first.serve_until_drained(&connection).expect("it starts");
        // Something is answered before, in the same piece, and something waits behind.
        send(&client, &format!("GET /here HTTP/1.1\r\nHost: x\r\n\r\n{head}{body}"));
        expect(&client, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nGET /here\n");
        let suspended = given.recv().expect("it is suspended");
        assert!(matches!(outcome(&serving), Ok(Value::Unit)), "nothing is handed on");
        let serving = second.serve(&suspended).expect("it starts");
        send(&client, &format!("{rest}POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"));
        let text = if head.starts_with("GET") { "" } else { "hello" };
        expect(&client, &format!("HTTP/1.1 200 Fine\r\ncontent-length: {}\r\n\r\n{text}", text.len()));
        expect(&client, "HTTP/1.1 200 Fine\r\ncontent-length: 2\r\n\r\nok");
        client.close();
        assert!(outcome(&serving).is_ok());
    }
}

// parity: HSRV-24
#[test]
fn a_suspended_request_goes_on_in_the_same_server_or_closes() {
    let runtime = runtime();
    let (server, given) = suspending(&runtime);
    let (client, connection) = pair(&runtime);
    let serving = server.serve(&connection).expect("it starts");
    drop(connection);
    send(&client, "GET /away HTTP/1.1\r\nHost: x\r\n\r\n");
    for _ in 0..2 {
        let suspended = given.recv().expect("it is suspended");
        server.serve(&suspended).expect("it starts").detach(None);
    }
    // The one that is dropped closes the connection.
    drop(given.recv().expect("it is suspended"));
    assert_eq!(bytes(outcome(&client.read(1, 1).expect("it starts"))), b"");
    assert!(outcome(&serving).is_ok());
}

// parity: HSRV-23
#[test]
fn what_has_been_answered_or_read_is_not_suspended() {
    let runtime = runtime();
    let service = |request: &Arc<HttpRequest>| -> Resolution {
        if request.head().target == "/read" {
            let _body = request.body();
            assert_eq!(request.suspend().map(drop).unwrap_err().kind(), ErrorKind::Failed);
            return gather(request);
        }
        let answered = hello(request);
        assert_eq!(request.suspend().map(drop).unwrap_err().kind(), ErrorKind::Failed);
        answered.into()
    };
    let server =
        HttpServer::new(&runtime, ServerOptions { max_requests: Some(2), ..no_date() }, service).expect("a server");
    let (client, connection) = pair(&runtime);
    let serving = server.serve(&connection).expect("it starts");
    send(&client, "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok");
    expect(&client, "HTTP/1.1 200 Fine\r\ncontent-length: 2\r\n\r\nok");
    send(&client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(&client, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\nGET /\n");
    assert!(outcome(&serving).is_ok());
}
