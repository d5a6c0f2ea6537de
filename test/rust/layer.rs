//! Layers: streams of tokio's as connections.

use crate::acknowledged::Acknowledged;
use crate::alone::{alone, descriptors};
use crate::gate::*;
use crate::loopback::*;
use crate::rough::{Refusal, roughen};
use bytes::Bytes;
use kjasync::ErrorKind;
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use std::mem::MaybeUninit;
use std::sync::Arc;

pub(crate) type Pair = (Arc<Connection>, Arc<Connection>);

/// What stands below: a socket, and a pipe that keeps nothing.
pub(crate) fn pairs(runtime: &Runtime) -> [Pair; 2] {
    [pair(runtime), Connection::two_way_pipe(runtime).unwrap()]
}

fn rough((one, other): &Pair) -> Pair {
    (roughen(one, &Refusal::default()), roughen(other, &Refusal::default()))
}

fn acknowledged((one, other): &Pair) -> Pair {
    let over =
        |connection: &Arc<Connection>| connection.layer(Acknowledged::new(connection.exclusive().unwrap())).unwrap();
    (over(one), over(other))
}

pub(crate) fn block(size: usize) -> Vec<u8> {
    let mut block = (0..251).collect::<Vec<u8>>().repeat(size / 251 + 1);
    block.truncate(size);
    block
}

/// Sends a block each way at the same time, in writes and reads of many sizes, each waited for by a thread.
fn both_ways(one: &Arc<Connection>, other: &Arc<Connection>, size: usize) {
    let sending = |connection: &Arc<Connection>| {
        let connection = connection.clone();
        std::thread::spawn(move || {
            let (data, mut sent, mut random) = (Bytes::from(block(size)), 0, Random::new(size as u64));
            while sent < data.len() {
                let step = (1 + random.below(3000)).min(data.len() - sent);
                let piece = data.slice(sent..sent + step);
                let write = if step % 2 == 0 { connection.write(&piece) } else { connection.write_bytes(&piece) };
                outcome(&write.unwrap()).unwrap();
                sent += step;
            }
        })
    };
    let receiving = |connection: &Arc<Connection>| {
        let connection = connection.clone();
        std::thread::spawn(move || {
            let (mut all, mut random) = (Vec::new(), Random::new(7));
            while all.len() < size {
                let most = 1 + random.below(5000);
                all.extend(bytes(outcome(&connection.read(1, most).unwrap())));
            }
            assert!(all == block(size));
        })
    };
    let threads = [sending(one), sending(other), receiving(one), receiving(other)];
    for thread in threads {
        ends("a direction", move || thread.join().unwrap());
    }
}

// parity: STRM-01, STRM-10
#[test]
fn every_byte_goes_through_a_layer_that_delays_splits_and_keeps() {
    let runtime = runtime();
    for below in pairs(&runtime) {
        let (one, other) = rough(&below);
        both_ways(&one, &other, 200_000);
    }
}

#[test]
fn a_read_that_has_to_write_and_a_write_that_has_to_read_are_woken_by_either() {
    let runtime = runtime();
    for below in pairs(&runtime) {
        let (one, other) = acknowledged(&below);
        both_ways(&one, &other, 60_000);
        // And through another layer.
        let below = rough(&pair(&runtime));
        let (one, other) = acknowledged(&below);
        both_ways(&one, &other, 20_000);
    }
}

// parity: STRM-05
#[test]
fn pumps_go_through_layers_as_fast_as_the_slower_end() {
    let runtime = runtime();
    let (source, layered) = (Connection::two_way_pipe(&runtime).unwrap(), rough(&pair(&runtime)));
    let size = 300_000;
    let pump = source.1.pump_to(&layered.0, u64::MAX).unwrap();
    let write = source.0.write(&block(size)).unwrap();
    assert_eq!(bytes(outcome(&layered.1.read(size, size).unwrap())), block(size));
    assert!(outcome(&write).is_ok());
    // Nobody reads: what is under way is bounded.
    let big = source.0.write(&vec![0; 64 << 20]).unwrap();
    assert!(kjasync_quiet(&runtime) && big.outcome().is_none());
    drop((big, pump));
    assert!(outcome(&source.0.write_all([]).unwrap()).is_ok());
}

/// The loop has nothing to do any more.
fn kjasync_quiet(runtime: &Runtime) -> bool {
    outcome(&runtime.yield_until_would_sleep().unwrap()).is_ok()
}

#[test]
fn in_a_wait_scope_its_owner_drives_a_layer() {
    let runtime = wait_scope();
    for below in pairs(&runtime) {
        let (one, other) = acknowledged(&rough(&below));
        let data = block(5000);
        let (write, read) = (one.write(&data).unwrap(), other.read(5000, 5000).unwrap());
        assert_eq!(bytes(outcome(&read)), data);
        assert!(outcome(&write).is_ok());
    }
}

// parity: STRM-04, STRM-13, STRM-17, STRM-18, STRM-19, NET-17
#[test]
fn questions_pass_through_to_the_lowest() {
    let runtime = runtime();
    let (one, other) = pair(&runtime);
    let layer = roughen(&roughen(&one, &Refusal::default()), &Refusal::default());
    assert_eq!(layer.peer().to_string(), one.peer().to_string());
    assert_eq!(layer.local_address().unwrap().to_string(), one.local_address().unwrap().to_string());
    assert_eq!(layer.peer_address().unwrap().to_string(), one.peer_address().unwrap().to_string());
    assert_eq!(layer.fd().unwrap(), one.fd().unwrap());
    layer.set_nodelay(false).unwrap();
    let mut room = [MaybeUninit::uninit(); 4];
    assert_eq!(layer.option(libc::IPPROTO_TCP, libc::TCP_NODELAY, &mut room).unwrap(), 0_i32.to_ne_bytes());
    assert!(layer.length().is_none());
    // Its descriptor is not all that it is.
    let (unix, _far) = Connection::os_two_way_pipe(&runtime).unwrap();
    assert_eq!(kind(unix.send_connection(layer.clone())), Some(ErrorKind::Unimplemented));
    let gone = layer.when_write_disconnected().unwrap();
    assert!(outcome(&layer.write(b"x").unwrap()).is_ok());
    drop(other);
    assert!(outcome(&gone).is_ok());

    let (reader, _writer) = Connection::one_way_pipe(&runtime, Some(77)).unwrap();
    assert_eq!(roughen(&reader, &Refusal::default()).length(), Some(77));
}

#[test]
fn a_stream_over_nothing_of_ours_is_a_connection_too() {
    let runtime = runtime();
    let (near, far) = tokio::io::duplex(100);
    let connection = Connection::from_stream(&runtime, near).unwrap();
    let other = Connection::from_stream(&runtime, far).unwrap();
    both_ways(&connection, &other, 30_000);
    assert_eq!(kind(connection.fd()), Some(ErrorKind::Unimplemented));
    assert_eq!(connection.peer().to_string(), "(unknown peer)");
    let gone = connection.when_write_disconnected().unwrap();
    assert!(outcome(&connection.shutdown_write().unwrap()).is_ok());
    assert!(bytes(outcome(&other.read(1, 10).unwrap())).is_empty());
    connection.close();
    assert_eq!(failure(&gone), ErrorKind::Canceled);
}

#[test]
fn more_than_64_on_top_of_each_other_are_refused() {
    let runtime = runtime();
    let (mut top, _other) = pair(&runtime);
    let mut layers = 1;
    let error = loop {
        match top.layer(top.exclusive().unwrap()) {
            Ok(layer) => top = layer,
            Err(error) => break error,
        }
        layers += 1;
    };
    assert_eq!((layers, error.kind()), (64, ErrorKind::Overloaded));
    assert!(error.text().contains("64"), "{error}");
    assert!(outcome(&top.write(b"through all of them").unwrap()).is_ok());
    assert_eq!(bytes(outcome(&_other.read(19, 19).unwrap())), b"through all of them");
}

#[test]
fn nothing_is_left_of_layers() {
    alone("layer::nothing_is_left_of_layers", || {
        let before = descriptors();
        let runtime = runtime();
        let idle = descriptors();
        for below in pairs(&runtime) {
            let (one, other) = acknowledged(&rough(&below));
            drop(below);
            let pending = (one.read(1, 1).unwrap(), other.write(&block(100_000)).unwrap());
            kjasync_quiet(&runtime);
            drop((one, other));
            drop(pending);
        }
        eventually("all is given back", || runtime.stats().promises == 0 && descriptors() == idle);
        drop(runtime);
        assert_eq!(descriptors(), before);
    });
}
