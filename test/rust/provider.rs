//! Streams, listeners, addresses and networks of the program's own, under threads.

use crate::gate::*;
use crate::loopback::*;
use crate::relay::{Relay, started};
use bytes::Bytes;
use kjasync::ErrorKind;
use kjasync::Value;
use kjasync::coordination::Queue;
use kjasync::net::{Acceptor, Address, Connector, Listener, Network, Resolver};
use kjasync::promise::Resolution;
use kjasync::runtime::Runtime;
use kjasync::stream::{ByteStream, Connection};
use std::sync::Arc;

fn relay(runtime: &Runtime, inner: &Arc<Connection>) -> Arc<Connection> {
    Connection::from_byte_stream(runtime, Relay(inner.clone()), None).unwrap()
}

/// Whatever a read had taken when it was cancelled is for the next one.
// parity: LLIO-13, CANC-04
#[test]
fn reads_that_are_cancelled_at_any_time_lose_no_byte() {
    let runtime = runtime();
    let (client, server) = pair(&runtime);
    let own = relay(&runtime, &client);
    let size = 100_000;
    let sent: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
    let data = sent.clone();
    let sender = std::thread::spawn(move || {
        let mut random = Random::new(3);
        let mut rest = &data[..];
        while !rest.is_empty() {
            let step = (1 + random.below(100)).min(rest.len());
            outcome(&server.write(&rest[..step]).unwrap()).unwrap();
            rest = &rest[step..];
            std::thread::yield_now();
        }
        server
    });
    let (mut all, mut random, mut cancelled) = (Vec::new(), Random::new(5), 0);
    while all.len() < size {
        let read = own.read(1, 1 + random.below(200)).unwrap();
        for _ in 0..random.below(20) {
            std::hint::spin_loop();
        }
        if random.below(2) == 0 {
            read.cancel();
        }
        // One that had settled keeps its value.
        match outcome(&read) {
            Ok(Value::Bytes(bytes)) => all.extend(bytes),
            other => {
                assert_eq!(other.map_err(|error| error.kind()).err(), Some(ErrorKind::Canceled));
                cancelled += 1;
            }
        }
    }
    assert!(all == sent);
    assert!(cancelled > 0);
    drop(sender.join().unwrap());
}

struct Broken;

impl ByteStream for Broken {
    fn read(&self, _min: usize, _max: usize) -> Resolution {
        panic!("no read")
    }

    fn write(&self, _bytes: Bytes) -> Resolution {
        panic!("no write")
    }
}

impl Acceptor for Broken {
    fn accept(&self) -> Resolution {
        panic!("no accept")
    }
}

impl Connector for Broken {
    fn connect(&self) -> Resolution {
        panic!("no connect")
    }
}

impl Resolver for Broken {
    fn parse(&self, _text: &[u8], _default_port: u16) -> Resolution {
        panic!("no parse")
    }
}

// parity: LLIO-13
#[test]
fn a_panic_fails_the_operation_and_nothing_else() {
    let runtime = runtime();
    let kind = |promise| outcome(&promise).map_err(|error| error.kind()).err();
    let stream = Connection::from_byte_stream(&runtime, Broken, None).unwrap();
    for _ in 0..2 {
        assert_eq!(kind(stream.read(1, 1).unwrap()), Some(ErrorKind::Panic));
        assert_eq!(kind(stream.write(b"x").unwrap()), Some(ErrorKind::Panic));
    }
    outcome(&stream.shutdown_write().unwrap()).unwrap();
    let listener = Listener::from_acceptor(&runtime, Broken).unwrap();
    let address = Address::from_connector(&runtime, Broken).unwrap();
    let network = Network::from_resolver(&runtime, Broken).unwrap();
    for _ in 0..2 {
        assert_eq!(kind(listener.accept().unwrap()), Some(ErrorKind::Panic));
        assert_eq!(kind(address.connect().unwrap()), Some(ErrorKind::Panic));
        assert_eq!(kind(network.parse_address(b"x", 0).unwrap()), Some(ErrorKind::Panic));
    }
    assert_eq!(address.to_string(), "<provided>");
}

struct FromQueue(Queue);

impl Acceptor for FromQueue {
    fn accept(&self) -> Resolution {
        started(self.0.pop())
    }
}

// parity: LLIO-13, NET-17
#[test]
fn accepts_that_are_cancelled_at_any_time_lose_no_connection() {
    const COUNT: usize = 300;
    let runtime = runtime();
    let queue = Queue::new(&runtime, COUNT).unwrap();
    let listener = Listener::from_acceptor(&runtime, FromQueue(queue.clone())).unwrap();
    let connections: Vec<_> = (0..COUNT).map(|_| Connection::null(&runtime).unwrap()).collect();
    let giver = std::thread::spawn(move || {
        for connection in connections {
            outcome(&queue.push(Connection::into_value(connection)).unwrap()).unwrap();
            std::thread::yield_now();
        }
    });
    let (mut accepted, mut random) = (0, Random::new(9));
    while accepted < COUNT {
        let accept = listener.accept().unwrap();
        for _ in 0..random.below(20) {
            std::hint::spin_loop();
        }
        if random.below(2) == 0 {
            // Nobody learns of what it has.
            drop(accept);
            continue;
        }
        connection(&accept);
        accepted += 1;
    }
    giver.join().unwrap();
}
