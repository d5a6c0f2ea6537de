//! Wrapped listeners under threads.

use crate::gate::*;
use crate::loopback::*;
use kjasync::net::{NetworkWrapper, Wrap, WrapperOptions};
use kjasync::promise::{Promise, Resolution, When};
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A handshake is one byte from the other end: 'y' or it fails.
#[derive(Default)]
struct OneByte {
    failures: Arc<AtomicUsize>,
}

fn one_byte(connection: Arc<Connection>) -> Resolution {
    let read = match connection.read_required(1, 1) {
        Ok(read) => read,
        Err(error) => return Err(error).into(),
    };
    let check = move |read| match read {
        Ok(Value::Bytes(bytes)) if bytes == b"y"[..] => Ok(Connection::into_value(connection)),
        _ => Err(Error::new(ErrorKind::Failed, "no")),
    };
    read.then(When::Value, check).into()
}

impl Wrap for OneByte {
    fn client(&self, connection: Arc<Connection>, _host: &str) -> Resolution {
        one_byte(connection)
    }

    fn server(&self, connection: Arc<Connection>) -> Resolution {
        one_byte(connection)
    }

    fn accept_failed(&self, _error: Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

fn wrapper(runtime: &kjasync::runtime::Runtime, wrap: OneByte, max_handshakes: usize) -> Arc<NetworkWrapper> {
    let options = WrapperOptions { accept_timeout: None, max_handshakes, ..WrapperOptions::default() };
    NetworkWrapper::new(runtime, wrap, options).expect("a live runtime")
}

/// Whoever was accepted before, at or after the close: nobody is left in a handshake.
// parity: NET-22, NET-23
#[test]
fn a_close_ends_every_handshake_whenever_it_comes() {
    let runtime = runtime();
    let wrapper = wrapper(&runtime, OneByte::default(), 128);
    for _ in 0..300 {
        let listener = wrapper.wrap_listener(&listener(&runtime)).unwrap();
        let accepting: Vec<_> = (0..2).map(|_| listener.accept().unwrap()).collect();
        let connecting: Vec<_> = (0..4).map(|_| connect(&listener)).collect();
        let closing = listener.clone();
        let closed = std::thread::spawn(move || closing.close());
        let clients: Vec<_> = connecting.iter().filter_map(|promise| outcome(promise).ok()).collect();
        closed.join().unwrap();
        for accept in &accepting {
            assert_eq!(outcome(accept).map_err(|error| error.kind()).err(), Some(ErrorKind::Canceled));
        }
        for client in clients {
            let read = outcome(&client.into_object::<Connection>().unwrap().read(1, 1).unwrap());
            let ended = matches!(&read, Ok(Value::Bytes(bytes)) if bytes.is_empty());
            assert!(ended || kind(read) == Some(ErrorKind::Disconnected));
        }
    }
}

/// Good, bad and absent peers from several threads: every good one is accepted, every other one is told.
// parity: NET-22, TLS-11, TLS-14
#[test]
fn many_peers_of_every_kind_are_sorted() {
    const EACH: usize = 60;
    let runtime = Arc::new(runtime());
    let wrap = OneByte::default();
    let failures = wrap.failures.clone();
    let listener = wrapper(&runtime, wrap, 8).wrap_listener(&listener(&runtime)).unwrap();
    let address = Arc::new(listener.local_address().unwrap());
    let peers: Vec<_> = [&b"y"[..], b"n", b""]
        .into_iter()
        .map(|text| {
            let address = address.clone();
            std::thread::spawn(move || {
                let mut kept = Vec::new();
                for _ in 0..EACH {
                    let peer = connection(&address.connect().unwrap());
                    if text.is_empty() {
                        peer.close();
                    } else {
                        outcome(&peer.write(text).unwrap()).unwrap();
                    }
                    kept.push(peer);
                }
                kept
            })
        })
        .collect();
    // Some are cancelled on the way, and lose nothing.
    let mut accepted = 0;
    while accepted < EACH {
        let accepting: Vec<Promise> = (0..3).map(|_| listener.accept().unwrap()).collect();
        let first = outcome(&accepting[0]);
        assert!(first.is_ok());
        accepted += 1;
        for promise in accepting.into_iter().skip(1) {
            promise.cancel();
            accepted += usize::from(promise.outcome().is_some_and(|outcome| outcome.is_ok()));
        }
    }
    let kept: Vec<_> = peers.into_iter().map(|peers| peers.join().unwrap()).collect();
    let last = listener.accept().unwrap();
    eventually("every failure is told", || failures.load(Ordering::Relaxed) == 2 * EACH);
    assert_eq!(accepted, EACH);
    assert!(last.outcome().is_none());
    drop(kept);
}
