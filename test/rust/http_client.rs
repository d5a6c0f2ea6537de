//! HTTP clients, against servers of this library and against a peer that sends exact bytes.

use crate::gate::*;
use crate::http_response::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::http::{ClientOptions, Headers, HttpClient, HttpRequest, HttpServer, STATUS_DETAIL, ServerOptions};
use kjasync::net::{Listener, Network};
use kjasync::promise::{Promise, Resolution, When};
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::{ErrorKind, Value};
use std::sync::Arc;

fn client_with(runtime: &Runtime, options: ClientOptions) -> HttpClient {
    let network = Arc::new(Network::new(runtime).expect("a network"));
    HttpClient::new(&network, options).expect("a client")
}

fn client(runtime: &Runtime) -> HttpClient {
    client_with(runtime, ClientOptions::default())
}

fn url_of(listener: &Listener, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", listener.port().expect("bound"))
}

/// Answers with what the request was.
fn mirror(request: &Arc<HttpRequest>) -> Resolution {
    let line = format!("{} {} ", request.head().method, request.head().target);
    let read = request.body().read_all(1 << 20).expect("it starts");
    let request = request.clone();
    read.then(When::Value, move |body| {
        let body = body.ok().and_then(Value::into_bytes).unwrap_or_default();
        let whole = [line.as_bytes(), &body].concat();
        let mut headers = Headers::new();
        headers.set(b"X-Asked", request.head().headers.get(b"x-ask").as_deref().unwrap_or(b"-"))?;
        request.respond(200, None, &headers, Bytes::from(whole)).map(|()| Value::Unit)
    })
    .into()
}

// parity: HCLI-01, HCLI-02, HCLI-03, HCLI-07, HCLI-08
#[test]
fn requests_go_by_url_over_one_connection() {
    let runtime = runtime();
    let listener = listener(&runtime);
    let server = HttpServer::new(&runtime, ServerOptions::default(), mirror).expect("a server");
    let _listening = server.listen(&listener).expect("it starts");
    let client = client(&runtime);
    let mut headers = Headers::new();
    headers.set(b"X-Ask", b"what").expect("a header");
    for (method, body, expected) in
        [("GET", "", "GET /a?b "), ("POST", "hello", "POST /a?b hello"), ("DELETE", "", "DELETE /a?b ")]
    {
        let url = url_of(&listener, "/a?b#c");
        let asked = client.request(method, &url, &headers, Bytes::from_static(body.as_bytes())).expect("it starts");
        let answer = response(&asked);
        assert_eq!((answer.head().status, answer.head().reason.as_str()), (200, "OK"));
        assert_eq!(answer.head().headers.get(b"x-asked").as_deref(), Some(b"what".as_slice()));
        assert_eq!(answer.body_length(), Some(expected.len() as u64));
        assert_eq!(text(&answer), expected);
        eventually("the connection is kept", || client.idle_connections() == 1);
    }
    assert_eq!(server.connections(), 1);
    let head = response(&client.request("HEAD", &url_of(&listener, "/"), &headers, Bytes::new()).expect("it starts"));
    assert_eq!(
        (text(&head).as_str(), head.head().headers.get(b"content-length").as_deref()),
        ("", Some(b"7".as_slice()))
    );
    for length in [Some(6), None] {
        let url = url_of(&listener, "/s");
        let (asked, out) = client.request_stream("PUT", &url, &Headers::new(), length).expect("it starts");
        for piece in ["abc", "def"] {
            assert!(outcome(&out.write(piece.as_bytes()).expect("it starts")).is_ok());
        }
        assert!(outcome(&out.shutdown_write().expect("it starts")).is_ok());
        assert_eq!(text(&response(&asked)), "PUT /s abcdef");
    }
    assert_eq!(server.connections(), 1);
}

/// A server that sends exact bytes: what a client connects to, and a request as it came.
struct Peer {
    runtime: Runtime,
    listener: Arc<Listener>,
}

impl Peer {
    fn new() -> Self {
        let runtime = runtime();
        let listener = listener(&runtime);
        Self { runtime, listener }
    }

    fn accept(&self) -> Arc<Connection> {
        connection(&self.listener.accept().expect("it starts"))
    }

    fn get(&self, client: &HttpClient) -> Promise {
        client.request("GET", &url_of(&self.listener, "/"), &Headers::new(), Bytes::new()).expect("it starts")
    }

    /// Takes a request without a body.
    #[track_caller]
    fn take(&self, connection: &Arc<Connection>) -> String {
        let host = format!("127.0.0.1:{}", self.listener.port().expect("bound"));
        let expected = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let read = connection.read(expected.len(), expected.len()).expect("it starts");
        let request = String::from_utf8(bytes(outcome(&read))).expect("text");
        assert_eq!(request, expected);
        request
    }
}

fn say(connection: &Arc<Connection>, text: &str) {
    assert!(outcome(&connection.write(text.as_bytes()).expect("it starts")).is_ok());
}

// parity: HTTP-19, HTTP-21, HCLI-11
#[test]
fn responses_end_where_they_say() {
    let peer = Peer::new();
    let client = client(&peer.runtime);
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", "ab"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n",
            "a",
        ),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"),
        ("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", ""),
    ] {
        let asked = peer.get(&client);
        let connection = peer.accept();
        peer.take(&connection);
        say(&connection, answer);
        connection.close();
        assert_eq!(text(&response(&asked)), expected);
        assert_eq!(client.idle_connections(), 0);
    }
    let asked = peer.get(&client);
    let connection = peer.accept();
    peer.take(&connection);
    say(&connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    connection.close();
    let cut = response(&asked);
    assert_eq!(failure(&cut.read_all(10).expect("it starts")), ErrorKind::Disconnected);
}

// parity: HCLI-12
#[test]
fn what_is_no_response_is_an_error() {
    let peer = Peer::new();
    let client = client(&peer.runtime);
    for answer in [
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let asked = peer.get(&client);
        let connection = peer.accept();
        peer.take(&connection);
        say(&connection, answer);
        let error = outcome(&asked).expect_err("no response");
        assert_eq!(error.kind(), ErrorKind::Failed, "{answer:?}");
        // From which a response can be made, or another error.
        assert!(error.detail(STATUS_DETAIL).is_some());
        assert!(error.text().starts_with("the answer of the server is not HTTP: "));
    }
    for url in ["ftp://h/", "http:", "/a", "http://h/%zz"] {
        assert_eq!(kind(client.request("GET", url, &Headers::new(), Bytes::new())), Some(ErrorKind::InvalidArgument));
    }
    assert_eq!(
        kind(client.request("G T", "http://h/", &Headers::new(), Bytes::new())),
        Some(ErrorKind::InvalidArgument)
    );
}

// parity: HCLI-22
#[test]
fn nothing_is_followed_decoded_or_kept_unasked() {
    let peer = Peer::new();
    let client = client(&peer.runtime);
    let asked = peer.get(&client);
    let connection = peer.accept();
    peer.take(&connection);
    let head =
        "HTTP/1.1 302 Found\r\nLocation: /b\r\nSet-Cookie: a=b\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n";
    say(&connection, &format!("{head}x"));
    let found = response(&asked);
    assert_eq!((found.head().status, text(&found).as_str()), (302, "x"));
    for name in ["location", "set-cookie", "content-encoding"] {
        assert!(found.head().headers.get(name.as_bytes()).is_some(), "{name}");
    }
    // The next request has no cookie, and asks for no coding.
    let asked = peer.get(&client);
    peer.take(&connection);
    say(&connection, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(response(&asked).head().status, 204);
}

// parity: HCLI-10
#[test]
fn a_connection_that_died_while_it_waited_is_replaced() {
    let peer = Peer::new();
    let client = client(&peer.runtime);
    let asked = peer.get(&client);
    let first = peer.accept();
    peer.take(&first);
    say(&first, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(text(&response(&asked)), "");
    eventually("the connection is kept", || client.idle_connections() == 1);
    // The next request goes out over it, and finds it closed.
    let asked = peer.get(&client);
    peer.take(&first);
    first.close();
    let second = peer.accept();
    peer.take(&second);
    say(&second, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(text(&response(&asked)), "");
    eventually("the connection is kept", || client.idle_connections() == 1);
    second.close();
    eventually("it is seen to be closed", || client.idle_connections() == 0);
}

// parity: HCLI-04, HCLI-05
#[test]
fn giving_up_closes_the_connection() {
    let peer = Peer::new();
    let client = client(&peer.runtime);
    let asked = peer.get(&client);
    let connection = peer.accept();
    peer.take(&connection);
    drop(asked);
    assert_eq!(bytes(outcome(&connection.read(1, 1).expect("it starts"))), b"");
    let asked = peer.get(&client);
    let connection = peer.accept();
    peer.take(&connection);
    say(&connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
    drop(response(&asked));
    drop(asked);
    assert_eq!(bytes(outcome(&connection.read(1, 1).expect("it starts"))), b"");
}

#[test]
fn a_response_has_a_time_limit() {
    let peer = Peer::new();
    let client = client_with(&peer.runtime, ClientOptions { head_nanos: Some(20_000_000), ..ClientOptions::default() });
    let asked = peer.get(&client);
    let connection = peer.accept();
    assert_eq!(failure(&asked), ErrorKind::TimedOut);
    drop(connection);
}
