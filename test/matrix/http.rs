//! Sources that read messages of HTTP.

use crate::sources::{End, Operation, Start, close, ensure, step};
use crate::world::{Tcp, World, holders};
use kjasync::ErrorKind;
use kjasync::http::{HeadKind, HeadLimits, HttpInput, HttpMessage, MessageHead};
use std::sync::Arc;

/// An input over a connection; a part of a message has come.
struct Scene {
    tcp: Arc<Tcp>,
    input: HttpInput,
}

const FIRST: &[u8] = b"GET /first HT";
const REST: &[u8] = b"TP/1.1\r\n\r\n";

pub(crate) fn prepare(world: &World<'_>) -> Start {
    let tcp = world.tcp();
    let input = HttpInput::new(&tcp.connection, HeadLimits::default()).expect("an input");
    let scene = Arc::new(Scene { tcp, input });
    scene.tcp.peer_writes(FIRST);
    Box::new(move |_| message(&scene))
}

impl Scene {
    /// The next message is that for this target.
    fn still_reads(&self, world: &World<'_>, rest: &[u8], target: &str) -> Result<(), String> {
        let read = self.input.read(HeadKind::Request, "GET").map_err(|error| format!("reading again: {error}"))?;
        self.tcp.peer_writes(rest);
        let message = world.outcome(&read).map_err(|error| format!("reading again: {error}"))?;
        let message = message.into_object::<HttpMessage>().ok_or("no message")?;
        let same = matches!(message.head(), MessageHead::Request(head) if head.target == target);
        ensure(same, "another message was read")
    }

    fn read_fails(&self, world: &World<'_>, kind: ErrorKind) -> Result<(), String> {
        let read = self.input.read(HeadKind::Request, "GET").and_then(|read| world.outcome(&read));
        ensure(read.is_err_and(|error| error.kind() == kind), "a read does not say how it ended")
    }
}

fn message(scene: &Arc<Scene>) -> Operation {
    let (over, settle, peer, after) = (scene.clone(), scene.clone(), scene.clone(), scene.clone());
    Operation {
        promise: scene.input.read(HeadKind::Request, "GET").expect("it starts"),
        // The scene and the input hold the connection; a read does so once more.
        over: Arc::new(move || holders(&Arc::downgrade(&over.tcp.connection)) <= 2),
        settle: step(move |_| settle.tcp.peer_writes(REST)),
        peer: Some((step(move |_| peer.tcp.peer_ends()), Some(ErrorKind::Disconnected))),
        close: close(&scene.tcp),
        after: Box::new(move |world, end| match end {
            // What has come is not lost.
            End::Gone => after.still_reads(world, REST, "/first"),
            End::Value | End::Back => after.still_reads(world, b"GET /next HTTP/1.1\r\n\r\n", "/next"),
            End::Peer => after.read_fails(world, ErrorKind::Disconnected),
            End::Closed => after.read_fails(world, ErrorKind::Canceled),
        }),
    }
}
