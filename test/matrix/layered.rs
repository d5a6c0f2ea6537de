//! Sources over a layer that delays, splits, keeps and refuses.

use crate::rough::{Refusal, Rough};
use crate::rules::Source;
use crate::sources::{End, Operation, Start, block, close, ensure, is_closed, read, step, write};
use crate::world::{Tcp, World};
use kjasync::ErrorKind;
#[cfg(target_os = "linux")]
use std::mem::MaybeUninit;
use std::sync::Arc;

/// What the layer says before the end.
const FAREWELL: &[u8] = b"bye";

/// A connection with a layer over it, its other end, and what has the layer refuse.
fn layered(tcp: Arc<Tcp>, farewell: &'static [u8]) -> (Arc<Tcp>, Refusal) {
    let refusal = Refusal::default();
    let (below, stream) = (tcp.connection.clone(), tcp.connection.exclusive().expect("nobody reads"));
    let layer = below.layer(Rough::new(stream, refusal.clone()).with_farewell(farewell)).expect("few layers");
    (Tcp::new(layer, tcp.into_peer()), refusal)
}

pub(crate) fn prepare(source: Source, world: &World<'_>) -> Start {
    let tcp = world.tcp();
    let mut farewell: &[u8] = b"";
    if source == Source::LayeredShutdown {
        // For which there is no room.
        farewell = FAREWELL;
        fill(&tcp, world);
    }
    let (tcp, refusal) = layered(tcp, farewell);
    match source {
        Source::LayeredRead => Box::new(move |_| read(tcp)),
        Source::LayeredWrite => Box::new(move |_| refused(&tcp, refusal, write(&tcp))),
        _ => Box::new(move |_| refused(&tcp, refusal, shutdown(&tcp))),
    }
}

/// Leaves no room, nor any that the system makes by moving on what it has.
fn fill(tcp: &Tcp, world: &World<'_>) {
    let (mut filled, mut refused) = (0, 0);
    while refused < 10 {
        let more = tcp.connection.write_now(&block()[filled..]).expect("it is open");
        refused = if more == 0 && !is_in_flight(tcp) { refused + 1 } else { 0 };
        filled += more;
        world.quiet();
    }
}

/// Whether the other end has still to say that it has what was sent: what it then says makes room here.
#[cfg(target_os = "linux")]
fn is_in_flight(tcp: &Tcp) -> bool {
    const TCP_LEVEL: i32 = 6;
    const TCP_INFO: i32 = 11;
    // Where the system has the number of segments that are unacknowledged.
    const UNACKED: std::ops::Range<usize> = 24..28;
    let mut info = [MaybeUninit::uninit(); 256];
    let info = tcp.connection.option(TCP_LEVEL, TCP_INFO, &mut info).expect("it is a TCP socket");
    info[UNACKED] != [0; 4]
}

#[cfg(not(target_os = "linux"))]
fn is_in_flight(_: &Tcp) -> bool {
    false
}

/// The same, ended by the layer instead of the peer.
fn refused(tcp: &Arc<Tcp>, refusal: Refusal, operation: Operation) -> Operation {
    let (peer, tcp, after) = (tcp.clone(), tcp.clone(), operation.after);
    let refuses = step(move |_| {
        refusal.refuse();
        // There is room, and the layer is asked.
        peer.peer_reads();
    });
    Operation {
        peer: Some((refuses, Some(ErrorKind::Unimplemented))),
        after: Box::new(move |world, end| {
            if end != End::Peer {
                return after(world, end);
            }
            let read = tcp.connection.read(1, 1).and_then(|read| world.outcome(&read));
            ensure(read.is_err_and(|error| error.kind() == ErrorKind::Unimplemented), "the layer does not refuse")
        }),
        ..operation
    }
}

fn shutdown(tcp: &Arc<Tcp>) -> Operation {
    let (over, settle, after) = (tcp.clone(), tcp.clone(), tcp.clone());
    Operation {
        promise: tcp.connection.shutdown_write().expect("it starts"),
        over: Arc::new(move || over.is_idle()),
        settle: step(move |_| settle.peer_reads()),
        peer: None,
        close: close(tcp),
        after: Box::new(move |world, end| {
            if end == End::Closed {
                return is_closed(&after, world);
            }
            let write = after.connection.write(b"x").and_then(|write| world.outcome(&write));
            ensure(write.is_err_and(|error| error.kind() == ErrorKind::Failed), "a write after the end")?;
            // Another shutdown goes on where this one was ended.
            let received = after.received(world)?;
            let before = received.strip_suffix(FAREWELL).ok_or("the layer did not say what it had to")?;
            ensure(block().starts_with(before), "something else was received")
        }),
    }
}
