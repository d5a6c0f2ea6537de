//! HTTP clients of one address, on one connection, on a service in this process; and tunnels.

use crate::gate::*;
use crate::http_response::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::http::{
    ClientOptions, ConnectOptions, Headers, HttpClient, HttpRequest, HttpServer, LimitOptions, ServerOptions,
};
use kjasync::net::{Address, Listener, Network};
use kjasync::promise::{Promise, Resolution, When};
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind, Value};
use std::sync::{Arc, Mutex};

fn address_of(runtime: &Runtime, listener: &Listener) -> Arc<Address> {
    let text = format!("127.0.0.1:{}", listener.port().expect("bound"));
    let parsed = Address::parse(runtime, text.as_bytes(), 0).expect("it starts");
    outcome(&parsed).expect("an address").into_object::<Address>().expect("an address")
}

fn get(client: &HttpClient, url: &str) -> Promise {
    client.request("GET", url, &Headers::new(), Bytes::new()).expect("it starts")
}

fn say(connection: &Arc<Connection>, text: &str) {
    assert!(outcome(&connection.write(text.as_bytes()).expect("it starts")).is_ok());
}

/// Takes a request without a body, up to the end of its head.
#[track_caller]
fn take(connection: &Arc<Connection>, expected: &str) {
    let read = connection.read(expected.len(), expected.len()).expect("it starts");
    assert_eq!(String::from_utf8(bytes(outcome(&read))).expect("text"), expected);
}

fn empty() -> &'static str {
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
}

// parity: HCLI-08
#[test]
fn requests_to_one_address_share_a_number_of_connections() {
    let runtime = runtime();
    let listener = listener(&runtime);
    let options = ClientOptions { max_per_host: Some(2), max_waiting_per_host: 1, ..ClientOptions::default() };
    let client = HttpClient::to_address(&address_of(&runtime, &listener), options).expect("a client");
    let one = get(&client, "/1");
    let first = connection(&listener.accept().expect("it starts"));
    take(&first, "GET /1 HTTP/1.1\r\nhost: \r\n\r\n");
    let two = get(&client, "https://example.com/2?a");
    let second = connection(&listener.accept().expect("it starts"));
    take(&second, "GET /2?a HTTP/1.1\r\nhost: example.com\r\n\r\n");
    // One more waits, and the next is too many.
    let three = get(&client, "/3");
    assert_eq!(failure(&get(&client, "/4")), ErrorKind::Overloaded);
    say(&second, empty());
    assert_eq!(text(&response(&two)), "");
    take(&second, "GET /3 HTTP/1.1\r\nhost: \r\n\r\n");
    // A waiting one that is given up leaves the line.
    drop(get(&client, "/5"));
    let six = get(&client, "/6");
    say(&first, empty());
    assert_eq!(text(&response(&one)), "");
    take(&first, "GET /6 HTTP/1.1\r\nhost: \r\n\r\n");
    say(&first, empty());
    assert_eq!(text(&response(&six)), "");
    say(&second, empty());
    assert_eq!(text(&response(&three)), "");
    eventually("both wait", || client.idle_connections() == 2);
    // The one that was used last comes first.
    let seven = get(&client, "/7");
    take(&second, "GET /7 HTTP/1.1\r\nhost: \r\n\r\n");
    drop(seven);
    assert_eq!(bytes(outcome(&second.read(1, 1).expect("it starts"))), b"");
}

// parity: HCLI-05, HCLI-09
#[test]
fn requests_over_one_connection_go_in_order_until_one_fails() {
    let runtime = runtime();
    let (ours, theirs) = Connection::two_way_pipe(&runtime).expect("a pipe");
    let client = HttpClient::over(&ours, ClientOptions::default()).expect("a client");
    let asked: Vec<_> = ["/1", "/2", "/3", "/4"].into_iter().map(|path| get(&client, path)).collect();
    take(&theirs, "GET /1 HTTP/1.1\r\nhost: \r\n\r\n");
    say(&theirs, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    assert_eq!(text(&response(&asked[0])), "ab");
    take(&theirs, "GET /2 HTTP/1.1\r\nhost: \r\n\r\n");
    say(&theirs, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    let second = response(&asked[1]);
    assert!(asked[2].outcome().is_none(), "it waits until the body before it has been read");
    let mut asked = asked.into_iter();
    let (_, two, three, four) = (asked.next(), asked.next(), asked.next(), asked.next());
    drop((second, two));
    for late in [three, four, Some(get(&client, "/5"))] {
        assert_eq!(failure(&late.expect("a promise")), ErrorKind::Disconnected);
    }
    assert_eq!(bytes(outcome(&theirs.read(1, 1).expect("it starts"))), b"");
}

fn server(
    runtime: &Runtime,
    service: impl Fn(&Arc<HttpRequest>) -> Resolution + Send + Sync + 'static,
) -> Arc<HttpServer> {
    HttpServer::new(runtime, ServerOptions::default(), service).expect("a server")
}

fn service_client(server: &Arc<HttpServer>) -> HttpClient {
    HttpClient::to_service(server, ClientOptions::default()).expect("a client")
}

// parity: HCLI-20
#[test]
fn a_service_is_asked_in_this_process() {
    let runtime = runtime();
    let server = server(&runtime, |request| {
        let request = request.clone();
        match request.head().target.as_str() {
            "/fails" => return Err(Error::new(ErrorKind::Overloaded, "no room today")).into(),
            "/begins" => {
                let body = request.respond_stream(200, None, &Headers::new(), None).expect("a body");
                let begun = body.write(b"ab").expect("it starts");
                return begun.then(When::Value, |_| Err(Error::new(ErrorKind::Failed, "in the middle"))).into();
            }
            _ => {}
        }
        let whole = request.body().read_all(1 << 20).expect("it starts");
        whole
            .then(When::Value, move |body| {
                request.respond(200, None, &Headers::new(), body?.into_bytes().unwrap_or_default())?;
                Ok(Value::Unit)
            })
            .into()
    });
    let client = service_client(&server);
    for body in ["hello", ""] {
        let asked = client.request("POST", "/echo", &Headers::new(), Bytes::from(body)).expect("it starts");
        assert_eq!(text(&response(&asked)), body);
    }
    let error = outcome(&get(&client, "/fails")).expect_err("it fails");
    assert_eq!((error.kind(), error.text()), (ErrorKind::Overloaded, "no room today"));
    let begun = response(&get(&client, "/begins"));
    let error = outcome(&begun.read_all(100).expect("it starts")).expect_err("it fails");
    assert_eq!((error.kind(), error.text()), (ErrorKind::Failed, "in the middle"));
}

// parity: HCLI-20
#[test]
fn giving_up_a_request_cancels_its_service_in_this_process() {
    let runtime = runtime();
    let (began, gone) = (Count::default(), Count::default());
    let (begins, goes) = (began.clone(), gone.clone());
    let server = server(&runtime, move |request| {
        begins.add();
        let goes = goes.on_drop();
        // It never comes.
        let waits = request.body().read(1, 1).expect("it starts");
        waits
            .then(When::Both, move |read| {
                drop(goes);
                read
            })
            .into()
    });
    let client = service_client(&server);
    let (asked, body) = client.request_stream("POST", "/", &Headers::new(), None).expect("it starts");
    eventually("the service runs", || began.get() == 1);
    drop(asked);
    eventually("it is cancelled", || gone.get() == 1);
    drop(body);
}

/// Grants a tunnel to `echo:1`, through which everything comes back, and refuses any other.
fn gate_keeper(request: &Arc<HttpRequest>) -> Resolution {
    if request.head().target != "echo:1" {
        let refused = request.respond(403, None, &Headers::new(), Bytes::from("not there"));
        return refused.map(|()| Value::Unit).into();
    }
    let mut headers = Headers::new();
    headers.set(b"X-Via", request.head().headers.get(b"x-ask").as_deref().unwrap_or(b"-")).expect("a header");
    let tunnel = request.accept_tunnel(200, None, &headers).expect("a tunnel");
    tunnel.pump_to(&tunnel, u64::MAX).expect("it starts").into()
}

fn expect_tunnels(client: &HttpClient) {
    let mut headers = Headers::new();
    headers.set(b"X-Ask", b"please").expect("a header");
    let (asked, tunnel) = client.connect("echo:1", &headers, ConnectOptions::default()).expect("it starts");
    // Before anyone has answered.
    let write = tunnel.write(b"hello").expect("it starts");
    let read = tunnel.read(5, 5).expect("it starts");
    let granted = response(&asked);
    assert_eq!(
        (granted.head().status, granted.head().headers.get(b"x-via").as_deref()),
        (200, Some(b"please".as_slice()))
    );
    assert!(outcome(&write).is_ok());
    assert_eq!(bytes(outcome(&read)), b"hello");
    drop((asked, granted));
    say(&tunnel, "more");
    assert_eq!(bytes(outcome(&tunnel.read(4, 4).expect("it starts"))), b"more");
    tunnel.close();
    let (asked, tunnel) = client.connect("other:1", &Headers::new(), ConnectOptions::default()).expect("it starts");
    let read = tunnel.read(1, 1).expect("it starts");
    let refused = response(&asked);
    assert_eq!((refused.head().status, text(&refused)), (403, "not there".to_owned()));
    assert_eq!(failure(&read), ErrorKind::Failed);
}

// parity: CONN-01, CONN-02
#[test]
fn a_tunnel_is_asked_for_and_there_at_once() {
    let runtime = runtime();
    let listener = listener(&runtime);
    let server = server(&runtime, gate_keeper);
    let _listening = server.listen(&listener).expect("it starts");
    let client = HttpClient::to_address(&address_of(&runtime, &listener), ClientOptions::default()).expect("a client");
    expect_tunnels(&client);
    for bad in ["", "echo", "echo:", ":1", "echo:0", "echo:99999", "e cho:1", "echo:+1", "a/b:1", "[::1:1", "u@echo:1"]
    {
        let asked = client.connect(bad, &Headers::new(), ConnectOptions::default());
        assert_eq!(asked.err().map(|error| error.kind()), Some(ErrorKind::InvalidArgument), "{bad}");
    }
}

// parity: CONN-12
#[test]
fn a_tunnel_leads_to_a_service_in_this_process() {
    let runtime = runtime();
    let server = server(&runtime, gate_keeper);
    expect_tunnels(&service_client(&server));
}

// parity: CONN-03
#[test]
fn a_client_by_url_connects_to_the_host_itself() {
    let runtime = runtime();
    let listener = listener(&runtime);
    let network = Arc::new(Network::new(&runtime).expect("a network"));
    let client = HttpClient::new(&network, ClientOptions::default()).expect("a client");
    let host = format!("127.0.0.1:{}", listener.port().expect("bound"));
    let (asked, tunnel) = client.connect(&host, &Headers::new(), ConnectOptions::default()).expect("it starts");
    let peer = connection(&listener.accept().expect("it starts"));
    assert_eq!(response(&asked).head().status, 200);
    say(&tunnel, "hi");
    assert_eq!(bytes(outcome(&peer.read(2, 2).expect("it starts"))), b"hi");
    listener.close();
    let (asked, tunnel) = client.connect(&host, &Headers::new(), ConnectOptions::default()).expect("it starts");
    let read = tunnel.read(1, 1).expect("it starts");
    assert_eq!((failure(&asked), failure(&read)), (ErrorKind::Disconnected, ErrorKind::Disconnected));
}

// parity: CONN-01
#[test]
fn giving_up_a_tunnel_closes_its_connection() {
    let runtime = runtime();
    let (ours, theirs) = Connection::two_way_pipe(&runtime).expect("a pipe");
    let client = HttpClient::over(&ours, ClientOptions::default()).expect("a client");
    let (asked, tunnel) = client.connect("h:1", &Headers::new(), ConnectOptions::default()).expect("it starts");
    take(&theirs, "CONNECT h:1 HTTP/1.1\r\nhost: h:1\r\n\r\n");
    let read = tunnel.read(1, 1).expect("it starts");
    drop(asked);
    assert_eq!(failure(&read), ErrorKind::Failed);
    assert_eq!(bytes(outcome(&theirs.read(1, 1).expect("it starts"))), b"");
}

// parity: CONN-09
#[test]
fn a_tunnel_is_secured_at_once() {
    let runtime = runtime();
    let authority = crate::authority::Authority::new("test authority");
    let (ours, theirs) = (authority.client(&runtime, |_| ()), authority.server(&runtime, |_| ()));
    let server = server(&runtime, move |request| {
        let theirs = theirs.clone();
        let tunnel = request.accept_tunnel(200, None, &Headers::new()).expect("a tunnel");
        let secured = theirs.wrapper().wrap_server(tunnel).expect("it starts");
        secured
            .then(When::Value, |secured| {
                let secured = secured.expect("a handshake").into_object::<Connection>().expect("a connection");
                secured.write(b"safe").expect("it starts")
            })
            .into()
    });
    let client = service_client(&server);
    let secure = || ConnectOptions { tls: Some(ours.clone()) };
    let (asked, tunnel) = client.connect("localhost:1", &Headers::new(), secure()).expect("it starts");
    assert_eq!(response(&asked).head().status, 200);
    assert_eq!(bytes(outcome(&tunnel.read(4, 4).expect("it starts"))), b"safe");
    // The name has to be proved.
    let (asked, tunnel) = client.connect("elsewhere:1", &Headers::new(), secure()).expect("it starts");
    let read = tunnel.read(1, 1).expect("it starts");
    assert_eq!((failure(&asked), failure(&read)), (ErrorKind::Failed, ErrorKind::Failed));
}

fn limit(until_head: bool) -> LimitOptions {
    LimitOptions { max_running: 1, max_waiting: 1, until_head }
}

// parity: HCLI-16, HCLI-17, HCLI-18, HCLI-19
#[test]
fn a_limited_client_runs_a_number_of_requests_at_once() {
    for until_head in [false, true] {
        let runtime = runtime();
        let listener = listener(&runtime);
        let told = Arc::new(Mutex::new(Vec::new()));
        let tells = told.clone();
        let address = address_of(&runtime, &listener);
        let whole = HttpClient::to_address(&address, ClientOptions::default()).expect("a client");
        let client = whole.limited(
            limit(until_head),
            Some(move |running, waiting| {
                tells.lock().expect("unpoisoned").push((running, waiting));
            }),
        );
        let client = client.expect("a client");
        assert!(client.limited(limit(false), None::<fn(usize, usize)>).is_err());
        let one = get(&client, "/1");
        let first = connection(&listener.accept().expect("it starts"));
        take(&first, "GET /1 HTTP/1.1\r\nhost: \r\n\r\n");
        let two = get(&client, "/2");
        assert_eq!((client.counts(), whole.counts()), (Some((1, 1)), None));
        assert_eq!(failure(&get(&client, "/3")), ErrorKind::Overloaded);
        eventually("the counts are told", || told.lock().expect("unpoisoned").last() == Some(&(1, 1)));
        // One that is given up leaves the line.
        drop(two);
        assert_eq!(client.counts(), Some((1, 0)));
        let two = get(&client, "/2");
        say(&first, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
        let begun = response(&one);
        let second = if until_head {
            connection(&listener.accept().expect("it starts"))
        } else {
            assert_eq!(client.counts(), Some((1, 1)));
            say(&first, "a");
            assert_eq!(text(&begun), "a");
            first
        };
        take(&second, "GET /2 HTTP/1.1\r\nhost: \r\n\r\n");
        assert_eq!(client.counts(), Some((1, 0)));
        // Requests go on without the client.
        drop(client);
        assert!(two.outcome().is_none());
        drop(two);
    }
}

// parity: HCLI-16
#[test]
fn a_tunnel_counts_until_it_is_closed() {
    let runtime = runtime();
    let server = server(&runtime, gate_keeper);
    let client = service_client(&server).limited(limit(true), None::<fn(usize, usize)>).expect("a client");
    let (asked, tunnel) = client.connect("echo:1", &Headers::new(), ConnectOptions::default()).expect("it starts");
    assert_eq!(response(&asked).head().status, 200);
    drop(asked);
    let next = get(&client, "/");
    assert_eq!(client.counts(), Some((1, 1)));
    tunnel.close();
    drop(tunnel);
    assert_eq!(response(&next).head().status, 403);
}
