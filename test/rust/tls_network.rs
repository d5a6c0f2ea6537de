//! TLS for listeners, addresses and networks, and for HTTP.

use crate::authority::*;
use crate::gate::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::http::{ClientOptions, Headers, HttpClient, HttpRequest, HttpResponse, HttpServer, ServerOptions};
use kjasync::net::{ListenOptions, Network, Peer};
use kjasync::promise::{Promise, Resolution};
use kjasync::runtime::Runtime;
use kjasync::tls::{TlsContext, TlsFailure};
use kjasync::websocket::{WebSocket, WebSocketMessage, WebSocketOptions};
use kjasync::{Error, ErrorKind, Value};
use std::sync::{Arc, Mutex};

// parity: TLS-10, TLS-11, TLS-14
#[test]
fn a_client_that_stalls_or_fails_holds_up_nobody() {
    let runtime = runtime_with(|options| options.virtual_time = true);
    let authority = Authority::new("test authority");
    let failures = Arc::new(Mutex::new(Vec::<Error>::new()));
    let heard = failures.clone();
    let server = authority.server(&runtime, |options| {
        options.accept_timeout = Some(SECOND);
        options.on_accept_error = Some(Box::new(move |error| heard.lock().unwrap().push(error)));
    });
    let inner = listener(&runtime);
    let listener = server.wrapper().wrap_listener(&inner).unwrap();
    let accepting = listener.accept().unwrap();
    let stalled = connection(&connect(&inner));
    assert!(outcome(&stalled.write(&[22, 3, 1]).unwrap()).is_ok());
    let wrong = connection(&connect(&inner));
    assert!(outcome(&wrong.write(b"GET / HTTP/1.1\r\n\r\n").unwrap()).is_ok());
    let near = connection(&connect(&inner));
    let near = authority.client(&runtime, |_| ()).wrapper().wrap_client(near, "localhost").unwrap();
    let (near, far) = (connection(&near), connection(&accepting));
    assert!(outcome(&near.write(b"x").unwrap()).is_ok());
    assert_eq!(bytes(outcome(&far.read(1, 1).unwrap())), b"x");
    eventually("the wrong one is told", || failures.lock().unwrap().len() == 1);
    assert_eq!(TlsFailure::of(&failures.lock().unwrap()[0]), Some(TlsFailure::Protocol));
    let next = listener.accept().unwrap();
    runtime.advance(2 * SECOND).unwrap();
    eventually("the stalled one is told", || failures.lock().unwrap().len() == 2);
    assert_eq!(failures.lock().unwrap()[1].kind(), ErrorKind::TimedOut);
    assert!(next.outcome().is_none());
}

// parity: TLS-15, TLS-16, NET-22
#[test]
fn addresses_and_networks_connect_and_listen_over_tls() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let both = authority.server(&runtime, |options| {
        options.key_pair = Some(authority.issue_with(&["localhost", "127.0.0.1"], |_| ()));
    });
    let plain = address(&runtime, "127.0.0.1:0");
    let secure = both.wrapper().wrap_address(&plain, "localhost").unwrap();
    assert!(secure.to_string().starts_with("tls:127.0.0.1:"));
    let listener = secure.listen(&ListenOptions::default()).unwrap();
    let accepting = listener.accept().unwrap();
    let port = listener.port().unwrap();
    let network = both.wrapper().wrap_network(&Network::new(&runtime).unwrap()).unwrap();
    let parsed = network.parse_address(format!("127.0.0.1:{port}").as_bytes(), 0).unwrap();
    let parsed = outcome(&parsed).unwrap().into_object::<kjasync::net::Address>().unwrap();
    let connecting = parsed.connect().unwrap();
    drop(parsed);
    let (near, _far) = (connection(&connecting), connection(&accepting));
    assert_eq!(identity(&near).common_name().unwrap(), "localhost");
    assert_eq!(kind(network.parse_address(b"unix:/tmp/x", 0)), Some(ErrorKind::InvalidArgument));
}

fn hello(request: &Arc<HttpRequest>) -> Result<Value, Error> {
    let who = request.connection().peer().to_string();
    request.respond(200, None, &Headers::new(), Bytes::from(format!("hello {who}"))).map(|()| Value::Unit)
}

fn client(runtime: &Runtime, tls: Option<Arc<TlsContext>>) -> HttpClient {
    let network = Arc::new(Network::new(runtime).unwrap());
    HttpClient::new(&network, ClientOptions { tls, ..ClientOptions::default() }).unwrap()
}

#[track_caller]
fn text(asked: &Promise) -> String {
    let response = outcome(asked).expect("a response").into_object::<HttpResponse>().unwrap();
    let Peer::Tls(identity, _) = response.connection().peer() else { panic!("no TLS") };
    assert_eq!(identity.common_name().unwrap(), "localhost");
    String::from_utf8(bytes(outcome(&response.read_all(1000).unwrap()))).unwrap()
}

// parity: HCLI-15, HSRV-08
#[test]
fn https_is_one_option_of_a_client_and_of_a_server() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let listener = listener(&runtime);
    let tls = Some(authority.server(&runtime, |options| options.alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()]));
    let server = HttpServer::new(&runtime, ServerOptions { tls, ..ServerOptions::default() }, hello).unwrap();
    let _listening = server.listen(&listener).unwrap();
    let url = |scheme: &str| format!("{scheme}://localhost:{}/x", listener.port().unwrap());
    let get = |client: &HttpClient, url: &str| client.request("GET", url, &Headers::new(), Bytes::new());
    let secure = client(&runtime, Some(authority.client(&runtime, |_| ())));
    for _ in 0..3 {
        assert_eq!(text(&get(&secure, &url("https")).unwrap()), "hello (anonymous client)");
        eventually("the connection is kept", || secure.idle_connections() == 1);
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(kind(get(&client(&runtime, None), &url("https"))), Some(ErrorKind::Unimplemented));
    assert!(outcome(&get(&secure, &url("http")).unwrap()).is_err());
    let stranger = client(&runtime, Some(Authority::new("another").client(&runtime, |_| ())));
    let refused = outcome(&get(&stranger, &url("https")).unwrap()).unwrap_err();
    assert_eq!(TlsFailure::of(&refused), Some(TlsFailure::UnknownIssuer));
    let other = client(&runtime, Some(authority.client(&runtime, |options| options.alpn = vec![b"h2".to_vec()])));
    let refused = outcome(&get(&other, &url("https")).unwrap()).unwrap_err();
    assert!(refused.text().contains("h2"), "{refused}");
}

// parity: HCLI-13, HCLI-15
#[test]
fn a_websocket_goes_over_tls() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let listener = listener(&runtime);
    let tls = Some(authority.server(&runtime, |_| ()));
    let echo = |request: &Arc<HttpRequest>| -> Resolution {
        let socket = request.accept_websocket(&Headers::new(), WebSocketOptions::default()).expect("a handshake");
        let answering = socket.clone();
        let answer = move |message: Arc<WebSocketMessage>| -> Resolution {
            match message.kind() {
                Some(_) => answering.send_binary(message.data()).expect("it starts").into(),
                None => Ok(Value::Unit).into(),
            }
        };
        socket.receive_each(None, answer).expect("it starts").into()
    };
    let server = HttpServer::new(&runtime, ServerOptions { tls, ..ServerOptions::default() }, echo).unwrap();
    let _listening = server.listen(&listener).unwrap();
    let url = format!("wss://localhost:{}/x", listener.port().unwrap());
    let ask = |tls| client(&runtime, tls).websocket(&url, &Headers::new(), WebSocketOptions::default());
    let secure = authority.client(&runtime, |_| ());
    let socket = outcome(&ask(Some(secure)).unwrap()).unwrap().into_object::<WebSocket>().unwrap();
    assert!(outcome(&socket.send_text("secret").unwrap()).is_ok());
    let message = outcome(&socket.receive(None).unwrap()).unwrap().into_object::<WebSocketMessage>().unwrap();
    assert_eq!(message.data(), "secret");
    let Peer::Tls(identity, _) = socket.connection().peer() else { panic!("no TLS") };
    assert_eq!(identity.common_name().unwrap(), "localhost");
    assert_eq!(kind(ask(None)), Some(ErrorKind::Unimplemented));
    let stranger = Authority::new("another").client(&runtime, |_| ());
    let refused = outcome(&ask(Some(stranger)).unwrap()).unwrap_err();
    assert_eq!(TlsFailure::of(&refused), Some(TlsFailure::UnknownIssuer));
}

// parity: HSRV-08, TLS-17
#[test]
fn an_https_server_says_goodbye() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let listener = listener(&runtime);
    let tls = Some(authority.server(&runtime, |_| ()));
    let server = HttpServer::new(&runtime, ServerOptions { tls, ..ServerOptions::default() }, hello).unwrap();
    let _listening = server.listen(&listener).unwrap();
    let near = connection(&connect(&listener));
    let near = authority.client(&runtime, |_| ()).wrapper().wrap_client(near, "localhost").unwrap();
    let near = connection(&near);
    assert!(outcome(&near.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap()).is_ok());
    assert!(bytes(outcome(&near.read_all(1000).unwrap())).ends_with(b"hello (anonymous client)"));
}
