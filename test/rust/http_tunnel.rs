//! Tunnels that a server is asked for.

use crate::gate::*;
use crate::http::{hello, no_date, serve};
use crate::loopback::bytes;
use kjasync::http::{Headers, HttpRequest};
use kjasync::promise::Resolution;
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
