//! W6, W7, W8: HTTP, WebSocket and TLS.
use super::*;
use crate::sockets::drain;

// ------------------------------------------------------------------ W6
async fn http_conn(s: TcpStream) {
    static BODY: [u8; 1024] = [b'x'; 1024];
    let svc = service_fn(|req: Request<hyper::body::Incoming>| async move {
        let b = if req.method() == Method::POST {
            req.into_body().collect().await?.to_bytes()
        } else {
            Bytes::from_static(&BODY)
        };
        Ok::<_, hyper::Error>(Response::builder().header("content-type", "text/plain").body(Full::new(b)).unwrap())
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(s), svc).await;
}
fn w6_case(name: &str, post: usize, conns: usize) {
    if !want(name) {
        return;
    }
    let srv = Loop::new();
    let a = serve(&srv, http_conn);
    let mut l = lat(1 << 20);
    let rt = runtime();
    let mut m = Meas::begin();
    rt.block_on(async {
        let mut v = vec![];
        for _ in 0..conns {
            let (tx, conn) = hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(dial(a).await)).await.unwrap();
            tokio::spawn(conn);
            v.push(tx);
        }
        m = Meas::begin();
        let end = m.t0 + dur_ns(1.5);
        let hs: Vec<_> = v
            .into_iter()
            .map(|mut tx| {
                tokio::spawn(async move {
                    let body = Bytes::from(vec![b'y'; post]);
                    let mut l = lat(1 << 14);
                    let mut t = now_ns();
                    while t < end {
                        let r = Request::builder()
                            .method(if post > 0 { Method::POST } else { Method::GET })
                            .uri(if post > 0 { "/echo" } else { "/k" })
                            .header("host", "localhost")
                            .body(Full::new(body.clone()))
                            .unwrap();
                        tx.ready().await.unwrap();
                        let r = tx.send_request(r).await.unwrap();
                        let b = r.into_body().collect().await.unwrap().to_bytes();
                        assert_eq!(b.len(), if post > 0 { post } else { 1024 });
                        let n = now_ns();
                        push(&mut l, n - t);
                        t = n;
                    }
                    l
                })
            })
            .collect();
        for h in hs {
            l.extend(h.await.unwrap());
        }
        m.end();
    });
    let n = l.len() as f64;
    m.emit(name, n, n * if post > 0 { 2.0 * post as f64 } else { 1024.0 }, &mut l, "");
}
pub fn w6() {
    w6_case("w6_get1k_1c", 0, 1);
    w6_case("w6_get1k_64c", 0, 64);
    w6_case("w6_post64k_1c", K64, 1);
}
pub fn serve_http(port: u16, secs: u64) {
    runtime().block_on(async {
        let l = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        println!("READY {}", l.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((s, _)) = l.accept().await {
                s.set_nodelay(true).ok();
                tokio::spawn(http_conn(s));
            }
        });
        tokio::time::sleep(Duration::from_secs(secs)).await;
    });
}

// ------------------------------------------------------------------ W7
use tokio_tungstenite::tungstenite::Message;
async fn ws_conn(s: TcpStream) {
    let Ok(mut ws) = tokio_tungstenite::accept_async(s).await else { return };
    while let Some(Ok(m)) = ws.next().await {
        if m.is_close() || ws.send(m).await.is_err() {
            return;
        }
    }
}
fn w7_case(name: &str, size: usize, text: bool) {
    if !want(name) {
        return;
    }
    let srv = Loop::new();
    let a = serve(&srv, ws_conn);
    let mut l = lat(1 << 20);
    let rt = runtime();
    let mut m = Meas::begin();
    rt.block_on(async {
        let s = dial(a).await;
        let (mut ws, _) = tokio_tungstenite::client_async("ws://localhost/ws", s).await.unwrap();
        let msg = if text { Message::text("a".repeat(size)) } else { Message::binary(vec![1u8; size]) };
        m = Meas::begin();
        let (end, mut t) = (m.t0 + dur_ns(1.0), m.t0);
        while t < end {
            ws.send(msg.clone()).await.unwrap();
            let r = ws.next().await.unwrap().unwrap();
            assert_eq!(r.len(), size);
            let n = now_ns();
            push(&mut l, n - t);
            t = n;
        }
        m.end();
    });
    let n = l.len() as f64;
    m.emit(name, n, 2.0 * n * size as f64, &mut l, "");
}
pub fn w7() {
    w7_case("w7_ws_text_64B", 64, true);
    w7_case("w7_ws_bin_64B", 64, false);
    w7_case("w7_ws_text_64K", K64, true);
    w7_case("w7_ws_bin_64K", K64, false);
}

// ------------------------------------------------------------------ W8
use rustls::pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer, ServerName};
fn tls(ring: bool) -> (tokio_rustls::TlsAcceptor, tokio_rustls::TlsConnector) {
    let mut p = if ring { rustls::crypto::ring::default_provider() } else { rustls::crypto::aws_lc_rs::default_provider() };
    // The same key exchange for both providers and for the OpenSSL peers.
    p.kx_groups = if ring { vec![rustls::crypto::ring::kx_group::X25519] } else { vec![rustls::crypto::aws_lc_rs::kx_group::X25519] };
    let p = Arc::new(p);
    let cert = std::env::var("PEERS_CERT").expect("PEERS_CERT");
    let key = std::env::var("PEERS_KEY").expect("PEERS_KEY");
    let certs: Vec<CertificateDer> = CertificateDer::pem_file_iter(&cert).unwrap().map(|c| c.unwrap()).collect();
    let mut roots = rustls::RootCertStore::empty();
    for c in &certs {
        roots.add(c.clone()).unwrap();
    }
    let s = rustls::ServerConfig::builder_with_provider(p.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certs, PrivateKeyDer::from_pem_file(&key).unwrap())
        .unwrap();
    let mut c = rustls::ClientConfig::builder_with_provider(p)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    c.resumption = rustls::client::Resumption::disabled();
    (Arc::new(s).into(), Arc::new(c).into())
}
pub fn w8() {
    for ring in [false, true] {
        let name = if ring { "w8_tls_handshake_ring" } else { "w8_tls_handshake" };
        let host = ServerName::try_from("localhost").unwrap();
        if want(name) {
            let (acc, con) = tls(ring);
            let srv = Loop::new();
            let a = serve(&srv, move |s| {
                let acc = acc.clone();
                async move {
                    if let Ok(mut t) = acc.accept(s).await {
                        let mut b = [0u8; 1];
                        let _ = t.write_all(b"k").await;
                        let _ = t.flush().await;
                        let _ = t.read(&mut b).await;
                    }
                }
            });
            let mut l = lat(1 << 16);
            let rt = runtime();
            let mut m = Meas::begin();
            rt.block_on(async {
                m = Meas::begin();
                let (end, mut t) = (m.t0 + dur_ns(2.0), m.t0);
                while t < end {
                    let mut s = con.connect(host.clone(), dial(a).await).await.unwrap();
                    let mut b = [0u8; 1];
                    s.read_exact(&mut b).await.unwrap();
                    push(&mut l, now_ns() - t);
                    s.write_all(b"k").await.unwrap();
                    s.flush().await.unwrap();
                    drop(s);
                    t = now_ns();
                }
                m.end();
            });
            m.emit(name, l.len() as f64, 0.0, &mut l, "");
        }
        let name = if ring { "w8_tls_bulk_ring" } else { "w8_tls_bulk" };
        if want(name) {
            let total = (2.0 * args().scale * (1u64 << 30) as f64) as usize / K64 * K64;
            let (acc, con) = tls(ring);
            let srv = Loop::new();
            let (tx, rx) = std::sync::mpsc::channel();
            let a = serve(&srv, move |s| {
                let (acc, tx) = (acc.clone(), tx.clone());
                async move {
                    let t = acc.accept(s).await.unwrap();
                    tx.send(drain(t).await).unwrap();
                }
            });
            let rt = runtime();
            let mut m = Meas::begin();
            rt.block_on(async {
                let mut s = con.connect(host.clone(), dial(a).await).await.unwrap();
                let b = vec![0u8; K64];
                m = Meas::begin();
                for _ in 0..total / K64 {
                    s.write_all(&b).await.unwrap();
                }
                s.shutdown().await.unwrap();
                drain(s).await; // session tickets left unread would reset the connection
            });
            assert_eq!(rx.recv().unwrap(), total);
            m.end();
            m.emit(name, (total / K64) as f64, total as f64, &mut vec![], "");
        }
    }
}
