//! Sources over a stream that the program provides, which passes everything on to a socket.

use crate::relay::Relay;
use crate::rules::Source;
use crate::sources::{Start, read, write};
use crate::world::{Tcp, World};
use kjasync::stream::Connection;

pub(crate) fn prepare(source: Source, world: &World<'_>) -> Start {
    let tcp = world.tcp();
    let relay = Relay(tcp.connection.clone());
    let own = Connection::from_byte_stream(&world.runtime, relay, None).expect("a live runtime");
    let tcp = Tcp::new(own, tcp.into_peer());
    match source {
        Source::ProvidedRead => Box::new(move |_| read(tcp)),
        _ => Box::new(move |_| write(&tcp)),
    }
}
