//! TCP: addresses, listeners and connections.

use crate::alone::{alone, descriptors};
use crate::gate::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::promise::Promise;
use kjasync::{ErrorKind, Value};

// parity: NET-11, NET-16
#[test]
fn many_clients_are_served_at_once() {
    let runtime = runtime();
    let listener = listener(&runtime);
    let accepting: Vec<_> = (0..50).map(|_| listener.accept().unwrap()).collect();
    let connecting: Vec<_> = (0..50).map(|_| connect(&listener)).collect();
    let servers: Vec<_> = accepting.iter().map(connection).collect();
    let pumps: Vec<_> = servers.iter().map(|server| server.pump_to(server, u64::MAX).unwrap()).collect();
    for (n, connecting) in connecting.iter().enumerate() {
        let client = connection(connecting);
        let text = format!("client {n}");
        assert!(outcome(&client.write(text.as_bytes()).unwrap()).is_ok());
        assert_eq!(bytes(outcome(&client.read(text.len(), 100).unwrap())), text.as_bytes());
        assert!(outcome(&client.shutdown_write().unwrap()).is_ok());
    }
    for pump in &pumps {
        assert!(number(pump) > 0);
    }
}

// parity: STRM-24
#[test]
fn a_second_read_is_refused_and_a_write_is_not_held_up() {
    let runtime = runtime();
    let (client, server) = pair(&runtime);
    let reading = client.read(1, 10).unwrap();
    assert_eq!(kind(client.read(1, 10)), Some(ErrorKind::Busy));
    assert_eq!(kind(client.read_all(10)), Some(ErrorKind::Busy));
    assert!(outcome(&client.write(b"out").unwrap()).is_ok());
    assert_eq!(bytes(outcome(&server.read(3, 3).unwrap())), b"out");
    assert!(outcome(&server.write(b"in").unwrap()).is_ok());
    assert_eq!(bytes(outcome(&reading)), b"in");
    assert!(client.read(1, 10).unwrap().outcome().is_none());
}

// parity: STRM-10, STRM-24
#[test]
fn writes_of_many_threads_do_not_mix() {
    let runtime = runtime();
    let (client, server) = pair(&runtime);
    const SIZE: usize = 300_000;
    let writers: Vec<_> = (0..4u8)
        .map(|n| {
            let client = client.clone();
            std::thread::spawn(move || {
                let data = vec![n; SIZE];
                let writes = [client.write(&data).unwrap(), client.write_bytes(&Bytes::from(data)).unwrap()];
                writes.iter().all(|write| outcome(write).is_ok())
            })
        })
        .collect();
    let got = bytes(outcome(&server.read(8 * SIZE, 8 * SIZE).unwrap()));
    for block in got.chunks(SIZE) {
        assert!(block.iter().all(|byte| *byte == block[0]));
    }
    for writer in writers {
        assert!(ends("a writer", move || writer.join().unwrap()));
    }
}

// parity: STRM-01
#[test]
fn a_cancelled_read_loses_nothing() {
    let runtime = runtime();
    let (client, server) = pair(&runtime);
    for n in 0..200u64 {
        let reading = server.read(1, 64).unwrap();
        let writing = client.write(&n.to_le_bytes()).unwrap();
        drop(reading.timeout(n % 3 * 10_000));
        let got = match reading.cancel() {
            kjasync::promise::Canceled::TooLate => bytes(outcome(&reading)),
            _ => bytes(outcome(&server.read(8, 64).unwrap())),
        };
        assert!(outcome(&writing).is_ok());
        let rest = 8 - got.len();
        let tail = if rest > 0 { bytes(outcome(&server.read(rest, rest).unwrap())) } else { Vec::new() };
        assert_eq!([got, tail].concat(), n.to_le_bytes());
    }
}

// parity: STRM-21, NET-23
#[test]
fn close_ends_everything_that_is_pending() {
    let runtime = runtime();
    for _ in 0..50 {
        let (client, _server) = pair(&runtime);
        let reading = client.read(1, 10).unwrap();
        let first = stuck_write(&client);
        let second = client.write(b"queued").unwrap();
        let shut = client.shutdown_write().unwrap();
        let closer = std::thread::spawn(move || client.close());
        for promise in [&reading, &first, &second, &shut] {
            assert_eq!(failure(promise), ErrorKind::Canceled);
        }
        closer.join().unwrap();
        let listener = listener(&runtime);
        let accepts: Vec<_> = (0..5).map(|_| listener.accept().unwrap()).collect();
        listener.close();
        for accept in &accepts {
            assert_eq!(failure(accept), ErrorKind::Canceled);
        }
        assert!(listener.accept().is_err() || failure(&listener.accept().unwrap()) == ErrorKind::Canceled);
    }
}

// parity: NET-16
#[test]
fn accepts_are_served_in_order_and_one_may_leave_the_line() {
    let runtime = runtime();
    let listener = listener(&runtime);
    for leaving in 0..3 {
        let mut accepts: Vec<_> = (0..3).map(|_| listener.accept().unwrap()).collect();
        drop(accepts.remove(leaving));
        let first = connect(&listener);
        assert!(outcome(&accepts[0]).is_ok());
        assert!(accepts[1].outcome().is_none());
        let second = connect(&listener);
        assert!(outcome(&accepts[1]).is_ok());
        assert!(outcome(&first).is_ok() && outcome(&second).is_ok());
    }
}

// parity: STRM-10, NET-11
#[test]
fn a_peer_that_goes_ends_reads_and_fails_writes() {
    let runtime = runtime();
    let (client, server) = pair(&runtime);
    let reading = client.read(1, 10).unwrap();
    server.close();
    assert_eq!(bytes(outcome(&reading)), b"");
    let mut last = Ok(Value::Unit);
    for _ in 0..100 {
        last = outcome(&client.write(&[0; 4096]).unwrap());
        if last.is_err() {
            break;
        }
    }
    assert_eq!(last.unwrap_err().kind(), ErrorKind::Disconnected);
    let listener = listener(&runtime);
    let nowhere = listener.local_address().unwrap();
    listener.close();
    drop(listener);
    let refused = outcome(&nowhere.connect().unwrap()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Disconnected);
    assert_ne!(refused.os_error(), 0);
}

#[test]
fn a_stuck_write_holds_up_nobody_else() {
    let runtime = runtime();
    let (client, _server) = pair(&runtime);
    let stuck = stuck_write(&client);
    let waiter = std::thread::spawn({
        let stuck = stuck.clone();
        move || stuck.wait(None).unwrap().is_err()
    });
    let (other, peer) = pair(&runtime);
    assert!(outcome(&other.write(b"x").unwrap()).is_ok());
    assert_eq!(bytes(outcome(&peer.read(1, 1).unwrap())), b"x");
    stuck.cancel();
    assert!(ends("the await", move || waiter.join().unwrap()));
}

// parity: STRM-21
#[test]
fn a_socket_closes_with_the_last_that_needs_it() {
    alone("tcp::a_socket_closes_with_the_last_that_needs_it", || {
        let runtime = runtime();
        drop(pair(&runtime));
        let before = descriptors();
        for _ in 0..50 {
            let (client, server) = pair(&runtime);
            let reading = client.read(1, 10).unwrap();
            drop(client);
            assert!(outcome(&server.write(b"late").unwrap()).is_ok());
            assert_eq!(bytes(outcome(&reading)), b"late");
            drop((reading, server));
            let listener = listener(&runtime);
            let accepting = listener.accept().unwrap();
            let connecting = connect(&listener);
            drop(connecting);
            drop(listener);
            drop(accepting);
            assert_eq!(descriptors(), before);
        }
    });
}

#[test]
fn data_that_arrives_while_nobody_awaits_is_read_by_the_loop() {
    let runtime = runtime();
    let (client, server) = pair(&runtime);
    for n in 0..100 {
        let reading = server.read(2, 2).unwrap();
        let seen = Gate::default();
        let open = seen.clone();
        let then = reading.then(kjasync::promise::When::Both, move |outcome| {
            open.open();
            outcome
        });
        let _ = reading.wait(Some(kjasync::runtime::clock::after(n % 5 * 1000)));
        assert!(outcome(&client.write(b"a").unwrap()).is_ok());
        let _ = reading.wait(Some(0));
        assert!(outcome(&client.write(b"b").unwrap()).is_ok());
        seen.pass();
        assert_eq!(bytes(outcome(&then)), b"ab");
    }
}

// parity: STRM-05
#[test]
fn a_pump_is_bounded_by_the_slower_end() {
    let runtime = runtime();
    let ((source, from), (to, sink)) = (pair(&runtime), pair(&runtime));
    let pump = from.pump_to(&to, u64::MAX).unwrap();
    let writing = stuck_write(&source);
    assert!(pump.outcome().is_none());
    let drained = sink.pump_to(&source, 0).unwrap();
    assert_eq!(number(&drained), 0);
    let reader = std::thread::spawn(move || while !bytes(outcome(&sink.read(1, 1 << 20).unwrap())).is_empty() {});
    assert!(outcome(&writing).is_ok());
    assert!(outcome(&source.shutdown_write().unwrap()).is_ok());
    assert!(number(&pump) > 0);
    assert!(outcome(&to.shutdown_write().unwrap()).is_ok());
    ends("the reader", move || reader.join().unwrap());
    let _: Promise = writing;
}
