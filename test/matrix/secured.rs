//! Sources over TLS, against a peer that is rustls on a plain socket.

use crate::rules::Source;
use crate::sources::{End, Operation, Start, close, ensure, reset, step};
use crate::world::{Tcp, World, holders};
use kjasync::net::NetworkWrapper;
use kjasync::stream::Connection;
use kjasync::tls::{TlsContext, TlsOptions};
use kjasync::{ErrorKind, Value};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, OnceLock};

const NAME: &str = "localhost";

struct Certificates {
    trusted: Vec<u8>,
    server: Arc<ServerConfig>,
}

/// Made once for all cells.
fn certificates() -> &'static Certificates {
    static MADE: OnceLock<Certificates> = OnceLock::new();
    MADE.get_or_init(|| {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a key pair");
        Certificates { trusted: cert.der().to_vec(), server: Arc::new(config) }
    })
}

fn wrapper(world: &World<'_>) -> Arc<NetworkWrapper> {
    let trusted = certificates().trusted.clone().into();
    let options = TlsOptions { system_trust: false, trusted, ..TlsOptions::default() };
    TlsContext::new(&world.runtime, options).expect("a context").wrapper().clone()
}

type Peer = StreamOwned<ServerConnection, TcpStream>;

/// The peer's side of a handshake.
fn answer(stream: TcpStream) -> std::io::Result<Peer> {
    let connection = ServerConnection::new(certificates().server.clone()).expect("a good configuration");
    let mut peer = StreamOwned::new(connection, stream);
    while peer.conn.is_handshaking() {
        peer.conn.complete_io(&mut peer.sock)?;
    }
    peer.flush()?;
    Ok(peer)
}

pub(crate) fn prepare(source: Source, world: &World<'_>) -> Start {
    let (tcp, wrapper) = (world.tcp(), wrapper(world));
    if source == Source::TlsHandshake {
        return Box::new(move |_| handshake(&tcp, &wrapper));
    }
    let stream = tcp.clone().into_peer();
    let answering = std::thread::spawn(move || answer(stream));
    let secure = wrapper.wrap_client(tcp.connection.clone(), NAME).expect("it starts");
    let secure = world.outcome(&secure).expect("a handshake").into_object::<Connection>().expect("a connection");
    let peer = Arc::new(Mutex::new(answering.join().expect("the peer ends").expect("a handshake")));
    Box::new(move |_| read(secure, peer))
}

fn handshake(tcp: &Arc<Tcp>, wrapper: &Arc<NetworkWrapper>) -> Operation {
    let (over, settle, after) = (tcp.clone(), tcp.clone(), tcp.clone());
    Operation {
        promise: wrapper.wrap_client(tcp.connection.clone(), NAME).expect("it starts"),
        over: Arc::new(move || over.is_idle()),
        settle: step(move |_| {
            let stream = settle.into_peer();
            // The loop may be this thread's to turn.
            std::thread::spawn(move || answer(stream).map(drop));
        }),
        peer: reset(tcp),
        close: close(tcp),
        after: Box::new(move |_, end| match end {
            End::Gone | End::Value | End::Back => {
                ensure(after.connection.exclusive().is_ok(), "the handshake still has the connection")
            }
            End::Peer | End::Closed => Ok(()),
        }),
    }
}

fn read(secure: Arc<Connection>, peer: Arc<Mutex<Peer>>) -> Operation {
    let (over, closing) = (secure.clone(), secure.clone());
    let (settling, ending) = (peer.clone(), peer.clone());
    Operation {
        promise: secure.read(1, 10).expect("it starts"),
        // This, that which closes, and that which looks afterwards.
        over: Arc::new(move || holders(&Arc::downgrade(&over)) <= 3),
        settle: step(move |_| settling.lock().unwrap().write_all(b"x").expect("the peer writes")),
        peer: Some((
            step(move |_| {
                let mut peer = ending.lock().unwrap();
                peer.conn.send_close_notify();
                peer.flush().expect("the peer says goodbye");
            }),
            None,
        )),
        close: Some((step(move |_| closing.close()), Some(ErrorKind::Canceled))),
        after: Box::new(move |world, end| {
            if end != End::Peer && end != End::Closed {
                peer.lock().unwrap().write_all(b"y").map_err(|error| format!("the peer writes: {error}"))?;
            }
            let read = secure.read(1, 10).and_then(|read| world.outcome(&read));
            match end {
                End::Closed => ensure(read.is_err_and(|error| error.kind() == ErrorKind::Canceled), "it is not closed"),
                End::Peer => ensure(matches!(read, Ok(Value::Bytes(end)) if end.is_empty()), "not at its end"),
                _ => ensure(matches!(read, Ok(Value::Bytes(next)) if next == b"y"[..]), "the next read does not go on"),
            }
        }),
    }
}
