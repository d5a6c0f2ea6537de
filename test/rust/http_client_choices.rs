//! What a client of HTTP does only if it is asked to: redirects, decompression, proxies, a limit for all of it.

use crate::gate::*;
use crate::http::{Scene, no_date};
use crate::http_response::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::compression::{Coding, Compression, CompressionFormat, Decompression, code};
use kjasync::http::{ClientOptions, Headers, HttpClient, HttpRequest, HttpResponse, HttpServer, Proxies};
use kjasync::net::{Listener, Network};
use kjasync::promise::{Promise, Resolution, When};
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::{ErrorKind, Value};
use std::sync::Arc;

fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name.as_bytes(), value.as_bytes()).expect("a header");
    }
    headers
}

fn client(runtime: &Runtime, options: ClientOptions) -> HttpClient {
    let network = Arc::new(Network::new(runtime).expect("a network"));
    HttpClient::new(&network, options).expect("a client")
}

/// A server at a port of its own, until this goes.
struct Site {
    port: u16,
    _server: Arc<HttpServer>,
    _listening: Promise,
}

fn site(runtime: &Runtime, service: impl Fn(&Arc<HttpRequest>) -> Resolution + Send + Sync + 'static) -> Site {
    let listener: Arc<Listener> = listener(runtime);
    let server = HttpServer::new(runtime, no_date(), service).expect("a server");
    let listening = server.listen(&listener).expect("it starts");
    Site { port: listener.port().expect("bound"), _server: server, _listening: listening }
}

/// Answers once the body has come: until then whoever sends one may find that nobody wants it any more.
fn tell(request: &Arc<HttpRequest>, elsewhere: u16) -> Resolution {
    let asked = request.clone();
    let body = request.body().read_all(1000).expect("it starts");
    body.then(When::Value, move |_| told(&asked, elsewhere)).into()
}

/// Says what it got; sends on by the status in a path such as `/301/elsewhere`.
fn told(request: &Arc<HttpRequest>, elsewhere: u16) -> Resolution {
    let head = request.head();
    let parts: Vec<_> = head.target.split('/').collect();
    let sent = match parts[..] {
        ["", status, "elsewhere"] => Some((status, format!("http://127.0.0.1:{elsewhere}/end"))),
        ["", status, "there"] => Some((status, "../end?q".to_owned())),
        ["", status, "round"] => Some((status, head.target.clone())),
        ["", status, "file"] => Some((status, "file:///etc/passwd".to_owned())),
        _ => None,
    };
    if let Some((status, location)) = sent {
        let headers = headers(&[("Location", &location)]);
        return request
            .respond(status.parse().expect("a status"), None, &headers, Bytes::from("moved"))
            .map(|()| Value::Unit)
            .into();
    }
    let names = ["authorization", "cookie", "content-type", "x-kept"];
    let seen =
        names.iter().filter(|name| head.headers.contains(name.as_bytes())).copied().collect::<Vec<_>>().join(" ");
    let line = format!("{} {} {:?} {seen}", head.method, head.target, request.body_length());
    request.respond(200, None, &Headers::new(), Bytes::from(line)).map(|()| Value::Unit).into()
}

// parity: HCLI-22
#[test]
fn a_client_goes_where_a_response_sends_it_if_asked_to() {
    let runtime = runtime();
    let other = site(&runtime, |request| tell(request, 0));
    let elsewhere = other.port;
    let one = site(&runtime, move |request| tell(request, elsewhere));
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", one.port);
    let sent = headers(&[("Authorization", "secret"), ("Cookie", "a=1"), ("Content-Type", "a/b"), ("X-Kept", "1")]);
    let plain = client(&runtime, ClientOptions::default());
    let following = client(&runtime, ClientOptions { max_redirects: 2, ..ClientOptions::default() });
    let ask = |client: &HttpClient, method: &str, path: &str| {
        response(&client.request(method, &url(path), &sent, Bytes::from("body")).expect("it starts"))
    };
    assert_eq!(ask(&plain, "GET", "/301/there").head().status, 301);
    let all = "authorization cookie content-type x-kept";
    for (method, path, expected) in [
        ("PUT", "/301/there", format!("PUT /end?q Some(4) {all}")),
        ("POST", "/301/there", "GET /end?q Some(0) authorization cookie x-kept".to_owned()),
        ("POST", "/302/there", "GET /end?q Some(0) authorization cookie x-kept".to_owned()),
        ("PUT", "/303/there", "GET /end?q Some(0) authorization cookie x-kept".to_owned()),
        ("POST", "/307/there", format!("POST /end?q Some(4) {all}")),
        ("POST", "/308/there", format!("POST /end?q Some(4) {all}")),
        // Credentials are for one origin.
        ("POST", "/308/elsewhere", "POST /end Some(4) content-type x-kept".to_owned()),
        ("GET", "/302/elsewhere", "GET /end Some(4) content-type x-kept".to_owned()),
    ] {
        assert_eq!(text(&ask(&following, method, path)), expected, "{method} {path}");
    }
    assert_eq!(ask(&following, "GET", "/302/file").head().status, 302);
    assert_eq!(ask(&following, "GET", "/300/there").head().status, 300);
    let round = following.request("GET", &url("/302/round"), &sent, Bytes::new()).expect("it starts");
    let error = outcome(&round).expect_err("it goes round and round");
    assert_eq!((error.kind(), error.text()), (ErrorKind::Failed, "the request was redirected more than 2 times"));
    // What has been sent as a stream is not there any more.
    let (asked, body) = following.request_stream("POST", &url("/307/there"), &sent, Some(2)).expect("it starts");
    assert!(outcome(&body.write(b"ab").expect("it starts")).is_ok());
    assert_eq!(response(&asked).head().status, 307);
    let (asked, body) = following.request_stream("POST", &url("/303/there"), &sent, Some(2)).expect("it starts");
    assert!(outcome(&body.write(b"ab").expect("it starts")).is_ok());
    assert_eq!(text(&response(&asked)), "GET /end?q Some(0) authorization cookie x-kept");
}

fn pack(format: CompressionFormat, data: &[u8]) -> Vec<u8> {
    code(&Coding::Compress(Compression::new(format)), data, usize::MAX).expect("it is compressed")
}

// parity: HCLI-22
#[test]
fn a_client_decompresses_if_asked_to() {
    let runtime = runtime();
    let plain = b"a line that is said again, ".repeat(2000);
    let said = plain.clone();
    let one = site(&runtime, move |request| {
        let head = request.head();
        let asked = head.headers.get(b"accept-encoding").map(|value| value.to_vec());
        if head.target == "/asked" {
            return request
                .respond(200, None, &Headers::new(), Bytes::from(asked.unwrap_or_default()))
                .map(|()| Value::Unit)
                .into();
        }
        let body = match &head.target[1..] {
            "gzip" => pack(CompressionFormat::Gzip, &said),
            "deflate" => pack(CompressionFormat::Zlib, &said),
            "br" => pack(CompressionFormat::Brotli, &said),
            "gzip,br" => pack(CompressionFormat::Brotli, &pack(CompressionFormat::Gzip, &said)),
            "zstd" => b"what it is".to_vec(),
            // Cut off.
            _ => pack(CompressionFormat::Gzip, &said)[..100].to_vec(),
        };
        let coding = if head.target == "/short" { "gzip" } else { &head.target[1..] };
        let headers = headers(&[("Content-Encoding", coding)]);
        request.respond(200, None, &headers, Bytes::from(body)).map(|()| Value::Unit).into()
    });
    let url = |path: &str| format!("http://127.0.0.1:{}/{path}", one.port);
    let options = ClientOptions { decompress: true, ..ClientOptions::default() };
    let unpacking = client(&runtime, options.clone());
    let get = |client: &HttpClient, path: &str, headers: &Headers| {
        response(&client.request("GET", &url(path), headers, Bytes::new()).expect("it starts"))
    };
    let none = Headers::new();
    for path in ["gzip", "deflate", "br", "gzip,br"] {
        let got = get(&unpacking, path, &none);
        let coded = got.head().headers.contains(b"content-encoding") || got.head().headers.contains(b"content-length");
        assert!(!coded && got.body_length().is_none(), "{path}");
        assert_eq!(text(&got).as_bytes(), plain, "{path}");
    }
    assert_eq!(unpacking.idle_connections(), 1, "bodies are read to their ends");
    assert_eq!(text(&get(&unpacking, "asked", &none)), "gzip, deflate, br");
    assert_eq!(text(&get(&unpacking, "zstd", &none)), "what it is");
    assert_eq!(
        failure(&get(&unpacking, "short", &none).read_all(1 << 20).expect("it starts")),
        ErrorKind::Disconnected
    );
    // A part of what is compressed could not be undone.
    assert_eq!(text(&get(&unpacking, "asked", &headers(&[("Range", "bytes=0-")]))), "");
    // Who says what it accepts gets that.
    let own = headers(&[("Accept-Encoding", "gzip")]);
    assert!(get(&unpacking, "gzip", &own).head().headers.contains(b"content-encoding"));
    assert!(
        get(&client(&runtime, ClientOptions::default()), "gzip", &none).head().headers.contains(b"content-encoding")
    );
    // A bomb.
    let careful = client(&runtime, ClientOptions { max_body: Some(10_000), ..options });
    assert_eq!(failure(&get(&careful, "gzip", &none).read_all(1 << 20).expect("it starts")), ErrorKind::Overloaded);
    assert_eq!(failure(&get(&careful, "gzip,br", &none).read_all(1 << 20).expect("it starts")), ErrorKind::Overloaded);
}

#[test]
fn a_response_is_compressed_if_asked_for_and_accepted() {
    let runtime = runtime();
    let server = HttpServer::new(&runtime, no_date(), |request: &Arc<HttpRequest>| -> Resolution {
        request.compress().expect("not answered");
        let fields: &[_] = match request.head().target.as_str() {
            "/tagged" => &[("ETag", "\"a\"")],
            "/coded" => &[("Content-Encoding", "zstd")],
            "/kept" => &[("Cache-Control", "no-transform")],
            _ => &[],
        };
        let headers = headers(fields);
        let long = "a line that is said again, ".repeat(100);
        if request.head().target == "/stream" {
            let out = request.respond_stream(200, None, &headers, Some(2700)).expect("the first answer");
            assert_eq!(kind(request.compress()), Some(ErrorKind::Failed));
            return out.write(long.as_bytes()).expect("it starts").into();
        }
        let body = if request.head().target == "/short" { "short".to_owned() } else { long };
        request.respond(200, None, &headers, Bytes::from(body)).map(|()| Value::Unit).into()
    })
    .expect("a server");
    let scene = Scene::of(&server, &runtime);
    let client = HttpClient::to_service(&server, ClientOptions::default()).expect("a client");
    let get = |path: &str, accepts: &str| {
        let headers = headers(&[("Accept-Encoding", accepts)]);
        response(&client.request("GET", path, &headers, Bytes::new()).expect("it starts"))
    };
    let field = |response: &HttpResponse, name: &str| {
        response.head().headers.get(name.as_bytes()).map(|value| String::from_utf8_lossy(&value).into_owned())
    };
    for (path, accepts, coding, vary) in [
        ("/", "gzip", Some("gzip"), true),
        ("/", "gzip, br", Some("br"), true),
        ("/tagged", "gzip", Some("gzip"), true),
        ("/stream", "gzip", Some("gzip"), true),
        ("/stream", "identity", None, true),
        ("/", "zstd", None, true),
        ("/short", "gzip", None, true),
        ("/coded", "gzip", Some("zstd"), false),
        ("/kept", "gzip", None, false),
    ] {
        let got = get(path, accepts);
        assert_eq!(field(&got, "content-encoding").as_deref(), coding, "{path} {accepts}");
        assert_eq!(field(&got, "vary").is_some(), vary, "{path} {accepts}");
        let tag = (path == "/tagged").then(|| "W/\"a\"".to_owned());
        assert_eq!(field(&got, "etag"), tag);
        let body = bytes(outcome(&got.read_all(1 << 20).expect("it starts")));
        let format = match coding {
            Some("gzip") => CompressionFormat::Gzip,
            Some("br") => CompressionFormat::Brotli,
            _ => continue,
        };
        assert!(body.len() < 200, "{path} {accepts}");
        let back = code(&Coding::Decompress(Decompression::new(format)), &body, 10_000).expect("it is whole");
        assert_eq!(back, "a line that is said again, ".repeat(100).into_bytes());
    }
    scene.send("GET /stream HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    scene.expect(
        "HTTP/1.1 200 OK\r\nvary: Accept-Encoding\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n",
    );
}

#[track_caller]
fn take(connection: &Arc<Connection>, expected: &str) {
    let read = connection.read(expected.len(), expected.len()).expect("it starts");
    assert_eq!(String::from_utf8_lossy(&bytes(outcome(&read))), expected);
}

fn say(connection: &Arc<Connection>, text: &str) {
    assert!(outcome(&connection.write(text.as_bytes()).expect("it starts")).is_ok());
}

#[test]
fn a_client_goes_through_a_proxy_if_asked_to() {
    let runtime = runtime();
    let proxy = listener(&runtime);
    let port = proxy.port().expect("bound");
    let proxies = Proxies::new(&format!("http://me:pw@127.0.0.1:{port}")).expect("a proxy").except("127.0.0.1");
    let through = client(&runtime, ClientOptions { proxies: Some(proxies), ..ClientOptions::default() });
    let get = |url: &str| through.request("GET", url, &Headers::new(), Bytes::new()).expect("it starts");
    let asked = get("http://example.com/a?b");
    let connected = connection(&proxy.accept().expect("it starts"));
    take(
        &connected,
        "GET http://example.com/a?b HTTP/1.1\r\nhost: example.com\r\nproxy-authorization: Basic bWU6cHc=\r\n\r\n",
    );
    say(&connected, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(text(&response(&asked)), "ok");
    // The connection serves any host.
    let asked = get("http://example.org/");
    take(
        &connected,
        "GET http://example.org/ HTTP/1.1\r\nhost: example.org\r\nproxy-authorization: Basic bWU6cHc=\r\n\r\n",
    );
    say(&connected, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(text(&response(&asked)), "ok");
    let direct = site(&runtime, |request| tell(request, 0));
    assert_eq!(text(&response(&get(&format!("http://127.0.0.1:{}/", direct.port)))), "GET / Some(0) ");
    // A tunnel leads through it, or is refused.
    let open = || through.connect("example.com:70", &Headers::new(), Default::default()).expect("it starts");
    let (asked, tunnel) = open();
    let connected = connection(&proxy.accept().expect("it starts"));
    let connect =
        "CONNECT example.com:70 HTTP/1.1\r\nhost: example.com:70\r\nproxy-authorization: Basic bWU6cHc=\r\n\r\n";
    take(&connected, connect);
    say(&connected, "HTTP/1.1 200 OK\r\n\r\nhello");
    assert_eq!(response(&asked).head().status, 200);
    assert_eq!(bytes(outcome(&tunnel.read(5, 5).expect("it starts"))), b"hello");
    let (asked, tunnel) = open();
    let connected = connection(&proxy.accept().expect("it starts"));
    take(&connected, connect);
    say(&connected, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(failure(&asked), ErrorKind::Failed);
    assert_eq!(failure(&tunnel.read(1, 1).expect("it starts")), ErrorKind::Failed);
    assert_eq!(kind(Proxies::new("socks5://a")), Some(ErrorKind::InvalidArgument));
}

#[test]
fn a_whole_request_has_a_time_limit() {
    let runtime = runtime();
    let (ours, theirs) = Connection::two_way_pipe(&runtime).expect("a pipe");
    let options = ClientOptions { total_nanos: Some(300_000_000), ..ClientOptions::default() };
    let client = HttpClient::over(&ours, options.clone()).expect("a client");
    let asked = client.request("GET", "/", &Headers::new(), Bytes::new()).expect("it starts");
    assert_eq!(failure(&asked), ErrorKind::TimedOut);
    drop(theirs);
    let (ours, theirs) = Connection::two_way_pipe(&runtime).expect("a pipe");
    let client = HttpClient::over(&ours, options).expect("a client");
    let asked = client.request("GET", "/", &Headers::new(), Bytes::new()).expect("it starts");
    take(&theirs, "GET / HTTP/1.1\r\nhost: \r\n\r\n");
    say(&theirs, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
    assert_eq!(failure(&response(&asked).read_all(100).expect("it starts")), ErrorKind::TimedOut);
    assert_eq!(bytes(outcome(&theirs.read(1, 1).expect("it starts"))), b"");
}
