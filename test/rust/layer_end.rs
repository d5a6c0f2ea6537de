//! How layers end, and what becomes of what they keep.

use crate::gate::*;
use crate::layer::{block, pairs};
use crate::loopback::*;
use crate::rough::{Refusal, Rough, roughen};
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::{Error, ErrorKind};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A rough layer over one end, and the other end.
fn rough(runtime: &Runtime) -> [(Arc<Connection>, Arc<Connection>, Refusal); 2] {
    pairs(runtime).map(|(below, other)| {
        let refusal = Refusal::default();
        (roughen(&below, &refusal), other, refusal)
    })
}

fn quiet(runtime: &Runtime) {
    assert!(outcome(&runtime.yield_until_would_sleep().unwrap()).is_ok());
}

// parity: STRM-10, CANC-02
#[test]
fn what_a_layer_took_of_a_cancelled_write_is_sent_and_the_next_follows() {
    let runtime = runtime();
    for (layer, other, _) in rough(&runtime) {
        let data = block(32 << 20);
        let write = layer.write(&data).unwrap();
        quiet(&runtime);
        assert!(write.outcome().is_none());
        drop(write);
        let next = layer.write(b"next").unwrap();
        let all = other.read_all(64 << 20).unwrap();
        assert!(outcome(&next).is_ok());
        assert!(outcome(&layer.shutdown_write().unwrap()).is_ok());
        let all = bytes(outcome(&all));
        let sent = all.strip_suffix(b"next").unwrap();
        assert!(!sent.is_empty() && sent.len() < data.len() && *sent == data[..sent.len()]);
    }
}

// parity: STRM-10
#[test]
fn what_a_layer_keeps_goes_out_though_nobody_waits_for_it() {
    let runtime = runtime();
    for (layer, other, _) in rough(&runtime) {
        // It takes nothing every other time.
        let taken = (0..100).find_map(|_| layer.write_now(b"now").ok().filter(|taken| *taken > 0)).unwrap();
        assert_eq!(bytes(outcome(&other.read(taken, 10).unwrap())), b"now"[..taken]);
        let write = layer.write(b"abandoned").unwrap();
        quiet(&runtime);
        drop(write);
        assert_eq!(bytes(outcome(&other.read(9, 9).unwrap())), b"abandoned");
    }
}

#[test]
fn a_flush_that_nobody_waits_for_does_not_keep_the_connection() {
    let runtime = runtime();
    for (layer, other, _) in rough(&runtime) {
        let write = layer.write(&block(32 << 20)).unwrap();
        quiet(&runtime);
        drop(write);
        // What it took cannot go out yet.
        quiet(&runtime);
        // The loop drops what it has just polled a moment after that has settled.
        eventually("the flush is all there is", || runtime.stats().promises == 1);
        drop(layer);
        eventually("it has ended", || runtime.stats().promises == 0);
        // Which it does not do as long as anybody holds the other end open.
        assert!(bytes(outcome(&other.read_all(64 << 20).unwrap())).len() < 32 << 20);
    }
}

// parity: STRM-15
#[test]
fn a_shutdown_of_writing_ends_what_is_below_after_all_that_was_written() {
    let runtime = runtime();
    for (layer, other, _) in rough(&runtime) {
        let (write, shut) = (layer.write(&block(100_000)).unwrap(), layer.shutdown_write().unwrap());
        assert_eq!(bytes(outcome(&other.read_all(1 << 20).unwrap())), block(100_000));
        assert!(outcome(&write).is_ok() && outcome(&shut).is_ok());
        assert_eq!(failure(&layer.write(b"x").unwrap()), ErrorKind::Failed);
        assert_eq!(kind(layer.write_now(b"x")), Some(ErrorKind::Failed));
        assert!(outcome(&layer.shutdown_write().unwrap()).is_ok());
        // Reading goes on.
        let back = other.write(b"back").unwrap();
        assert_eq!(bytes(outcome(&layer.read(4, 4).unwrap())), b"back");
        assert!(outcome(&back).is_ok());
    }
}

// parity: STRM-15
#[test]
fn a_cancelled_shutdown_that_had_begun_is_gone_on_with_by_the_next() {
    let runtime = runtime();
    let (below, other) = Connection::two_way_pipe(&runtime).unwrap();
    let stream = Rough::new(below.exclusive().unwrap(), Refusal::default());
    let layer = below.layer(stream.with_farewell(b"bye")).unwrap();
    let shut = layer.shutdown_write().unwrap();
    quiet(&runtime);
    // It has something to say first, and nobody reads that.
    assert!(shut.outcome().is_none());
    drop(shut);
    assert_eq!(failure(&layer.write(b"x").unwrap()), ErrorKind::Failed);
    let again = layer.shutdown_write().unwrap();
    assert_eq!(bytes(outcome(&other.read_all(100).unwrap())), b"bye");
    assert!(outcome(&again).is_ok());
}

// parity: STRM-14, STRM-16
#[test]
fn aborts_and_close_end_what_is_pending_and_reach_below() {
    let runtime = runtime();
    for (layer, other, _) in rough(&runtime) {
        let (read, write) = (layer.read(1, 1).unwrap(), layer.write(&block(32 << 20)).unwrap());
        quiet(&runtime);
        layer.abort_read().unwrap();
        assert!(bytes(outcome(&read)).is_empty());
        assert!(bytes(outcome(&layer.read(1, 1).unwrap())).is_empty());
        assert!(write.outcome().is_none());
        layer.abort_write(Error::new(ErrorKind::Overloaded, "enough")).unwrap();
        assert_eq!(failure(&write), ErrorKind::Overloaded);
        assert_eq!(failure(&layer.write(b"x").unwrap()), ErrorKind::Overloaded);
        layer.close();
        drop(other);
    }
    for (layer, other, _) in rough(&runtime) {
        let (read, write) = (layer.read(1, 1).unwrap(), layer.write(&block(32 << 20)).unwrap());
        let (gone, shut) = (layer.when_write_disconnected().unwrap(), layer.shutdown_write().unwrap());
        quiet(&runtime);
        layer.close();
        for ended in [read, write, gone, shut] {
            assert_eq!(failure(&ended), ErrorKind::Canceled);
        }
        layer.close();
        assert_eq!(failure(&layer.read(1, 1).unwrap()), ErrorKind::Canceled);
        assert_eq!(kind(layer.write_now(b"x")), Some(ErrorKind::Canceled));
        assert_eq!(kind(layer.abort_read()), Some(ErrorKind::Canceled));
        // The other side sees an end, sooner or later.
        let end = outcome(&other.read_all(64 << 20).unwrap());
        assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::Disconnected));
    }
}

#[test]
fn another_thread_may_close_it_at_any_moment() {
    let runtime = runtime();
    for round in 0..100 {
        let [tcp, pipe] = rough(&runtime);
        let (layer, other, _) = if round % 2 == 0 { tcp } else { pipe };
        let pump = other.pump_to(&other, u64::MAX).unwrap();
        // More than there will be.
        let (read, write) = (layer.read(2 << 20, 2 << 20).unwrap(), layer.write(&block(1 << 20)).unwrap());
        let closing = layer.clone();
        let thread = std::thread::spawn(move || closing.close());
        let reading = std::thread::spawn(move || outcome(&read));
        let read = ends("the read", move || reading.join().unwrap());
        assert_eq!(kind(read), Some(ErrorKind::Canceled));
        assert!(matches!(kind(outcome(&write)), None | Some(ErrorKind::Canceled)));
        thread.join().unwrap();
        drop(pump);
    }
}

#[test]
fn a_layer_that_refuses_says_why_in_its_own_words() {
    let runtime = runtime();
    for (layer, other, refusal) in rough(&runtime) {
        let read = layer.read(1, 10).unwrap();
        quiet(&runtime);
        refusal.refuse();
        let wakes = other.write(b"wake up").unwrap();
        let error = outcome(&read).unwrap_err();
        drop(wakes);
        assert_eq!((error.kind(), error.text()), (ErrorKind::Unimplemented, "refused"));
        for refused in [layer.write(b"x").unwrap(), layer.shutdown_write().unwrap()] {
            assert_eq!(failure(&refused), ErrorKind::Unimplemented);
        }
        assert_eq!(kind(layer.write_now(b"x")), Some(ErrorKind::Unimplemented));
    }
}

/// Panics when it is read.
struct Panics;

impl AsyncRead for Panics {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        panic!("no reads");
    }
}

impl AsyncWrite for Panics {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[test]
fn a_stream_that_panics_is_closed() {
    let runtime = runtime();
    let layer = Connection::from_stream(&runtime, Panics).unwrap();
    let write = layer.write(b"x").unwrap();
    quiet(&runtime);
    assert!(write.outcome().is_none());
    assert_eq!(failure(&layer.read(1, 1).unwrap()), ErrorKind::Panic);
    assert_eq!(failure(&write), ErrorKind::Canceled);
    assert_eq!(failure(&layer.read(1, 1).unwrap()), ErrorKind::Canceled);
}
