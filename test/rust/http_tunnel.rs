//! Tunnels that a server is asked for.

use crate::gate::*;
use crate::http::{hello, no_date, serve};
use crate::loopback::{bytes, connect, connection, listener};
use kjasync::http::{Headers, HttpRequest, HttpServer, ServerOptions};
use kjasync::promise::Resolution;
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind, Value};
use std::sync::Arc;

fn deciding(request: &Arc<HttpRequest>) -> Resolution {
    match request.head().target.as_str() {
        "refused:1" => {
            let out = request.respond_stream(403, None, &Headers::new(), Some(4)).expect("the first answer");
            out.write(b"none").expect("it starts").into()
        }
        "undecided:1" => Ok(Value::Unit).into(),
        "failing:1" => Err(Error::new(ErrorKind::Overloaded, "secret")).into(),
        "accepted:1" => {
            assert!(request.accept_tunnel(302, None, &Headers::new()).is_err());
            match request.accept_tunnel(204, None, &Headers::new()) {
                Ok(tunnel) => tunnel.pump_to(&tunnel, u64::MAX).expect("it starts").into(),
                Err(error) => Err(error).into(),
            }
        }
        _ => hello(request).into(),
    }
}

#[test]
fn a_tunnel_has_the_place_of_its_connection_until_it_is_closed() {
    let runtime = runtime();
    let (gives, given) = std::sync::mpsc::channel();
    let gives = std::sync::Mutex::new(gives);
    let options = ServerOptions { max_connections: 1, ..no_date() };
    let server = HttpServer::new(&runtime, options, move |request: &Arc<HttpRequest>| -> Result<Value, Error> {
        if request.head().method != "CONNECT" {
            return hello(request);
        }
        gives.lock().unwrap().send(request.accept_tunnel(200, None, &Headers::new())?).expect("the test waits");
        Ok(Value::Unit)
    })
    .expect("a server");
    let listener = listener(&runtime);
    let _listening = server.listen(&listener).expect("it starts");
    let say = |client: &Arc<Connection>, text: &str| {
        assert!(outcome(&client.write(text.as_bytes()).expect("it starts")).is_ok());
    };
    let first = connection(&connect(&listener));
    say(&first, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    let tunnel = given.recv().expect("it is asked for");
    say(&tunnel, "hello");
    let expected = "HTTP/1.1 200 OK\r\n\r\nhello";
    assert_eq!(bytes(outcome(&first.read(expected.len(), 100).expect("it starts"))), expected.as_bytes());
    // The service has ended, and the tunnel goes on.
    let second = connection(&connect(&listener));
    say(&second, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let asked = second.read(1, 100).expect("it starts");
    say(&tunnel, "more");
    assert_eq!(bytes(outcome(&first.read(4, 4).expect("it starts"))), b"more");
    assert!(asked.outcome().is_none(), "there is no room");
    tunnel.close();
    assert!(bytes(outcome(&asked)).starts_with(b"HTTP/1.1 200 OK"));
}

// parity: CONN-04, CONN-05, CONN-06, CONN-07, CONN-08
#[test]
fn a_connection_is_not_used_again_once_a_tunnel_was_asked_for() {
    let page = "content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length";
    for (host, answer) in [
        ("refused:1", "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 4\r\n\r\nnone".to_owned()),
        ("undecided:1", String::new()),
        ("failing:1", format!("HTTP/1.1 503 Service Unavailable\r\n{page}: 20\r\n\r\nService Unavailable\n")),
        // A service that knows nothing of tunnels.
        ("plain:1", format!("HTTP/1.1 501 Not Implemented\r\n{page}: 16\r\n\r\nNot Implemented\n")),
    ] {
        let scene = serve(no_date(), deciding);
        // What follows is for the other end of the tunnel, and is no request.
        scene.send(&format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        // That is all there is.
        let all = scene.client.read_all(4096).expect("it starts");
        assert_eq!(String::from_utf8(bytes(outcome(&all))).unwrap(), answer);
    }
    let scene = serve(no_date(), deciding);
    scene.send("CONNECT accepted:1 HTTP/1.1\r\nHost: accepted:1\r\n\r\nearly");
    scene.expect("HTTP/1.1 204 No Content\r\n\r\nearly");
    assert!(outcome(&scene.client.shutdown_write().expect("it starts")).is_ok());
    scene.expect_end();
    for body in ["Content-Length: 0", "Transfer-Encoding: chunked"] {
        let scene = serve(no_date(), deciding);
        scene.send(&format!("CONNECT accepted:1 HTTP/1.1\r\nHost: accepted:1\r\n{body}\r\n\r\n"));
        scene.expect("HTTP/1.1 400 Bad Request\r\n");
    }
}
