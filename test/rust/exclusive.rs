//! A connection as a stream of tokio's.

use crate::gate::*;
use crate::loopback::*;
use kjasync::runtime::Runtime;
use kjasync::stream::{Connection, Exclusive};
use kjasync::{Error, ErrorKind};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread, which no runtime knows of.
#[track_caller]
fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park_timeout(Duration::from_secs(20));
    }
}

fn is_pending<F: Future>(future: F) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

fn ours(error: &io::Error) -> ErrorKind {
    Error::from_io("", error).kind()
}

/// Every kind of connection that goes in both directions.
fn pairs(runtime: &Runtime) -> [(Arc<Connection>, Arc<Connection>); 4] {
    [
        pair(runtime),
        Connection::os_two_way_pipe(runtime).unwrap(),
        Connection::two_way_pipe(runtime).unwrap(),
        Connection::capability_pipe(runtime).unwrap(),
    ]
}

fn exclusive(connection: &Arc<Connection>) -> Exclusive {
    connection.exclusive().expect("nobody reads")
}

// parity: STRM-01, STRM-10, STRM-11, STRM-15
#[test]
fn bytes_and_ends_go_both_ways() {
    let runtime = runtime();
    for (one, other) in pairs(&runtime) {
        let block: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        let sent = block.clone();
        let echo = std::thread::spawn(move || {
            let mut stream = exclusive(&other);
            let mut all = Vec::new();
            wait(stream.read_to_end(&mut all)).unwrap();
            wait(stream.write_all(&all)).unwrap();
            wait(stream.shutdown()).unwrap();
        });
        let mut stream = exclusive(&one);
        wait(stream.write_all(&sent)).unwrap();
        wait(stream.flush()).unwrap();
        wait(stream.shutdown()).unwrap();
        // As is any other connection that was shut down.
        assert_eq!(ours(&wait(stream.write_all(b"x")).unwrap_err()), ErrorKind::Failed);
        wait(stream.shutdown()).unwrap();
        let mut back = Vec::new();
        wait(stream.read_to_end(&mut back)).unwrap();
        assert!(back == block);
        echo.join().unwrap();
    }
}

// parity: STRM-11
#[test]
fn pieces_are_written_as_one_and_empty_ones_are_skipped() {
    let runtime = runtime();
    for (one, other) in pairs(&runtime) {
        let mut stream = exclusive(&one);
        assert!(stream.is_write_vectored());
        let pieces: Vec<Vec<u8>> = (0..200u8).map(|n| vec![n; usize::from(n % 3)]).collect();
        let expected = pieces.concat();
        let reading = other.read(expected.len(), expected.len()).unwrap();
        let mut left: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut left = &mut left[..];
        while !left.is_empty() {
            let count = wait(std::future::poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, left))).unwrap();
            assert!(count > 0 || left.iter().all(|piece| piece.is_empty()));
            IoSlice::advance_slices(&mut left, count);
        }
        assert_eq!(bytes(outcome(&reading)), expected);
        let nothing = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, b""));
        assert_eq!(wait(nothing).unwrap(), 0);
    }
}

#[test]
fn memory_that_is_not_initialised_is_filled_in_place() {
    let runtime = runtime();
    for (one, other) in pairs(&runtime) {
        let mut memory = [std::mem::MaybeUninit::uninit(); 64];
        let mut buffer = ReadBuf::uninit(&mut memory);
        buffer.put_slice(b"before ");
        let write = other.write(b"after").unwrap();
        let mut stream = exclusive(&one);
        let read = |cx: &mut Context<'_>| tokio::io::AsyncRead::poll_read(Pin::new(&mut stream), cx, &mut buffer);
        wait(std::future::poll_fn(read)).unwrap();
        assert_eq!(buffer.filled(), b"before after");
        assert!(outcome(&write).is_ok());
    }
}

// parity: STRM-24
#[test]
fn it_has_the_right_to_read_and_a_place_in_the_line_of_writers() {
    let runtime = runtime();
    let (one, other) = pair(&runtime);
    let before = stuck_write(&one);
    let mut stream = exclusive(&one);
    let after = one.write(b"after").unwrap();
    assert_eq!(kind(one.read(1, 1)), Some(ErrorKind::Busy));
    assert!(one.exclusive().is_err_and(|error| error.kind() == ErrorKind::Busy));
    assert_eq!(one.write_now(b"not now").unwrap(), 0);
    // It waits for its turn.
    assert!(is_pending(stream.write_all(b"between")));
    let draining = other.read_all(1 << 30).unwrap();
    assert!(outcome(&before).is_ok());
    wait(stream.write_all(b"between")).unwrap();
    assert!(after.outcome().is_none(), "its turn is over when it is dropped");
    drop(stream);
    assert!(outcome(&after).is_ok());
    assert!(outcome(&one.shutdown_write().unwrap()).is_ok());
    assert!(bytes(outcome(&draining)).ends_with(b"betweenafter"));
    assert!(one.read(1, 1).is_ok());
}

// parity: STRM-14, STRM-16
#[test]
fn closing_and_aborting_end_what_is_pending() {
    let runtime = runtime();
    for (way, expected) in [(0, ErrorKind::Canceled), (1, ErrorKind::Unimplemented)] {
        for (one, other) in pairs(&runtime) {
            let mut stream = exclusive(&one);
            let (stop, of) = (one.clone(), other.clone());
            let stopping = std::thread::spawn(move || {
                // Until it has to wait.
                eventually("the writer waits", || of.read(1, 1 << 20).is_ok());
                match way {
                    0 => stop.close(),
                    _ => stop.abort_write(Error::new(ErrorKind::Unimplemented, "no more")).unwrap(),
                }
            });
            let block = vec![0; 1 << 20];
            let error = loop {
                if let Err(error) = wait(stream.write_all(&block)) {
                    break error;
                }
            };
            assert_eq!(ours(&error), expected);
            stopping.join().unwrap();
        }
    }
    for (one, _other) in pairs(&runtime) {
        let mut stream = exclusive(&one);
        let stop = one.clone();
        let reading = std::thread::spawn(move || wait(stream.read(&mut [0; 10])));
        stop.abort_read().unwrap();
        assert_eq!(ends("the read", move || reading.join().unwrap()).unwrap(), 0);
    }
}

/// Closed while it waits, or just before, or just after.
#[test]
fn a_close_at_any_moment_is_seen() {
    let runtime = runtime();
    for round in 0..200 {
        let (one, _other) = pairs(&runtime)[round % 4].clone();
        let (mut reader, closing) = (exclusive(&one), one.clone());
        let reading = std::thread::spawn(move || wait(reader.read(&mut [0; 10])));
        let waiting = std::thread::spawn(move || closing.close());
        let error = ends("the read", move || reading.join().unwrap()).unwrap_err();
        assert_eq!(ours(&error), ErrorKind::Canceled);
        waiting.join().unwrap();
        let again = one.exclusive().map(|mut stream| wait(stream.write_all(b"x")));
        assert_eq!(again.unwrap().map_err(|error| ours(&error)), Err(ErrorKind::Canceled));
    }
}

#[test]
fn what_the_peer_does_is_an_error_of_ours() {
    let runtime = runtime();
    for (one, other) in pairs(&runtime) {
        let mut stream = exclusive(&one);
        drop(other);
        let error = loop {
            if let Err(error) = wait(stream.write_all(&[0; 1000])) {
                break error;
            }
        };
        assert_eq!(ours(&error), ErrorKind::Disconnected);
        assert!(matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset));
        assert!(Error::from_io("", &error).os_error() != 0);
    }
}
