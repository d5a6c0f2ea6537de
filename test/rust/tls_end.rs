//! How TLS connections end, and what breaks them.

use crate::authority::*;
use crate::gate::*;
use crate::loopback::*;
use kjasync::ErrorKind;
use kjasync::promise::Promise;
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::tls::{TlsFailure, TlsVersion};
use std::sync::Arc;

// parity: TLS-17, TLS-18, STRM-15
#[test]
fn a_shutdown_of_writing_is_the_end_and_reading_goes_on() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let client = authority.client(&runtime, |options| options.max_version = Some(version));
        let (near, far) = secured(&client, &authority.server(&runtime, |_| ()), &runtime);
        assert!(outcome(&near.write(b"all").unwrap()).is_ok());
        assert!(outcome(&near.shutdown_write().unwrap()).is_ok());
        assert_eq!(failure(&near.write(b"more").unwrap()), ErrorKind::Failed);
        assert!(outcome(&near.shutdown_write().unwrap()).is_ok());
        assert_eq!(bytes(outcome(&far.read_all(10).unwrap())), b"all");
        for _ in 0..2 {
            assert_eq!(bytes(outcome(&far.read(1, 1).unwrap())), b"");
        }
        assert!(outcome(&far.write(b"answer").unwrap()).is_ok());
        assert_eq!(bytes(outcome(&near.read_required(6, 6).unwrap())), b"answer");
        assert!(outcome(&far.shutdown_write().unwrap()).is_ok());
        assert_eq!(bytes(outcome(&near.read(1, 1).unwrap())), b"");
    }
}

// parity: TLS-17
#[test]
fn an_end_without_goodbye_is_a_disconnection() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let client = authority.client(&runtime, |_| ());
    let server = authority.server(&runtime, |_| ());
    let (near, far) = secured(&client, &server, &runtime);
    assert!(outcome(&far.write(b"a part").unwrap()).is_ok());
    drop(far);
    assert_eq!(bytes(outcome(&near.read_required(6, 6).unwrap())), b"a part");
    let error = outcome(&near.read(1, 1).unwrap()).unwrap_err();
    assert!(error.kind() == ErrorKind::Disconnected && error.text().contains("goodbye"), "{error}");
    let (near, far) = secured(&client, &server, &runtime);
    assert!(outcome(&far.write(b"a part").unwrap()).is_ok());
    drop(far);
    assert_eq!(failure(&near.read_all(100).unwrap()), ErrorKind::Disconnected);
}

/// Everything that a client sends until it waits for an answer.
fn hello(runtime: &Runtime, authority: &Authority) -> Vec<u8> {
    let (near, far) = pair(runtime);
    let _client = authority.client(runtime, |_| ()).wrapper().wrap_client(near, "localhost").unwrap();
    let head = bytes(outcome(&far.read_required(5, 5).unwrap()));
    let size = usize::from(head[3]) << 8 | usize::from(head[4]);
    [head, bytes(outcome(&far.read_required(size, size).unwrap()))].concat()
}

fn accept(runtime: &Runtime, authority: &Authority) -> (Promise, Arc<Connection>) {
    let (near, far) = pair(runtime);
    (authority.server(runtime, |_| ()).wrapper().wrap_server(far).unwrap(), near)
}

// parity: TLS-12
#[test]
fn a_client_that_stalls_or_goes_anywhere_in_a_handshake_is_dropped() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let hello = hello(&runtime, &authority);
    let server = authority.server(&runtime, |_| ());
    for sent in 0..hello.len() {
        let (near, far) = pair(&runtime);
        let handshake = server.wrapper().wrap_server(far).unwrap();
        assert!(outcome(&near.write(&hello[..sent]).unwrap()).is_ok());
        if sent % 16 == 0 {
            outcome(&runtime.yield_until_would_sleep().unwrap()).unwrap();
            assert!(handshake.outcome().is_none(), "{sent} bytes");
            // Given up while it stalls.
            drop(handshake);
            assert!(matches!(outcome(&near.read_all(1 << 16).unwrap()), Ok(_) | Err(_)));
            continue;
        }
        assert!(outcome(&near.shutdown_write().unwrap()).is_ok());
        assert_eq!(failure(&handshake), ErrorKind::Disconnected, "{sent} bytes");
    }
}

// parity: TLS-12
#[test]
fn what_is_not_tls_is_refused() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let hello = hello(&runtime, &authority);
    let mut random = Random::new(1);
    for round in 0..300 {
        let (handshake, near) = accept(&runtime, &authority);
        let sent = match round {
            0 => b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            1..100 => (0..100).map(|_| random.next() as u8).collect(),
            // A hello with some bytes changed.
            _ => {
                let mut sent = hello.clone();
                for _ in 0..1 + random.below(4) {
                    let at = random.below(sent.len());
                    sent[at] ^= 1 << random.below(8);
                }
                sent
            }
        };
        assert!(outcome(&near.write(&sent).unwrap()).is_ok());
        let _ = near.shutdown_write().map(|end| outcome(&end));
        let error = outcome(&handshake).expect_err("no handshake");
        let expected = [Some(TlsFailure::Protocol), Some(TlsFailure::Incompatible), Some(TlsFailure::Alert)];
        let told = TlsFailure::of(&error);
        assert!(expected.contains(&told) || error.kind() == ErrorKind::Disconnected, "{round}: {told:?} {error}");
        assert!(round != 0 || told == Some(TlsFailure::Protocol), "{error}");
    }
}

/// Both ends of a handshake, each with the wire between them in the test's hands.
struct Wires {
    near: Promise,
    far: Promise,
    client: Arc<Connection>,
    server: Arc<Connection>,
}

fn wires(runtime: &Runtime, authority: &Authority) -> Wires {
    let client = authority.client(runtime, |options| options.resumption = false);
    let server = authority.server(runtime, |options| options.resumption = false);
    let ((client_end, client_wire), (server_end, server_wire)) = (pair(runtime), pair(runtime));
    let far = server.wrapper().wrap_server(server_end).unwrap();
    let near = client.wrapper().wrap_client(client_end, "localhost").unwrap();
    Wires { near, far, client: client_wire, server: server_wire }
}

// parity: TLS-12
#[test]
fn a_server_that_goes_anywhere_in_a_handshake_is_a_disconnection() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    for sent in (0..).step_by(17) {
        let wires = wires(&runtime, &authority);
        let _forth = wires.client.pump_to(&wires.server, u64::MAX).unwrap();
        let back = wires.server.pump_to(&wires.client, sent).unwrap();
        eventually("one of them ends", || wires.near.outcome().is_some() || back.outcome().is_some());
        drop(back);
        assert!(outcome(&wires.client.shutdown_write().unwrap()).is_ok());
        if outcome(&wires.near).is_ok() {
            // That was all of it.
            assert!(sent > 500, "{sent} bytes");
            return;
        }
        assert_eq!(failure(&wires.near), ErrorKind::Disconnected, "{sent} bytes");
    }
}

// parity: TLS-17
#[test]
fn what_was_tampered_with_is_refused() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let mut random = Random::new(2);
    for round in 0..60 {
        let wires = wires(&runtime, &authority);
        let forth = wires.client.pump_to(&wires.server, u64::MAX).unwrap();
        let _back = wires.server.pump_to(&wires.client, u64::MAX).unwrap();
        let (near, far) = (connection(&wires.near), connection(&wires.far));
        drop(forth);
        assert!(outcome(&near.write(b"a secret").unwrap()).is_ok());
        let mut record = bytes(outcome(&wires.client.read(1, 1000).unwrap()));
        assert!(!record.windows(8).any(|part| part == b"a secret"));
        // Behind the header of the record, which is no secret.
        let at = if round == 0 { 5 } else { 5 + random.below(record.len() - 5) };
        record[at] ^= 1 << random.below(8);
        assert!(outcome(&wires.server.write(&record).unwrap()).is_ok());
        let error = outcome(&far.read(1, 100).unwrap()).unwrap_err();
        assert_eq!((error.kind(), TlsFailure::of(&error)), (ErrorKind::Failed, Some(TlsFailure::Protocol)), "{error}");
    }
}

// parity: TLS-12, CONN-10, CONN-11
#[test]
fn any_connection_can_become_secure_later() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let (near, far) = Connection::two_way_pipe(&runtime).unwrap();
    assert!(outcome(&near.write(b"").unwrap()).is_ok());
    let start = near.write(b"STARTTLS\n").unwrap();
    assert_eq!(bytes(outcome(&far.read(9, 9).unwrap())), b"STARTTLS\n");
    assert!(outcome(&start).is_ok());
    // A read that goes on would take what the handshake needs.
    let reading = near.read(1, 1).unwrap();
    let client = authority.client(&runtime, |_| ());
    assert_eq!(failure(&client.wrapper().wrap_client(near.clone(), "localhost").unwrap()), ErrorKind::Busy);
    drop(reading);
    let server = authority.server(&runtime, |_| ()).wrapper().wrap_server(far).unwrap();
    let client = client.wrapper().wrap_client(near, "localhost").unwrap();
    let (near, far) = (connection(&client), connection(&server));
    let write = near.write(b"secret").unwrap();
    assert_eq!(bytes(outcome(&far.read(6, 6).unwrap())), b"secret");
    assert!(outcome(&write).is_ok());
}
