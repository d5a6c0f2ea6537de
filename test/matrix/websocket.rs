//! Sources that receive from a WebSocket and send over it.

use crate::rules::Source;
use crate::sources::{End, Ending, Operation, Start, block, ensure, lend, reset, step};
use crate::world::{Tcp, World, holders};
use bytes::Bytes;
use kjasync::websocket::{MessageKind, Role, WebSocket, WebSocketMessage, WebSocketOptions};
use kjasync::{ErrorKind, Value};
use std::sync::Arc;

/// A server's end, whose client is the peer of a connection.
struct Scene {
    tcp: Arc<Tcp>,
    socket: Arc<WebSocket>,
}

/// A text of a client, whose mask changes nothing.
const HELLO: &[u8] = b"\x81\x82\0\0\0\0hi";

pub(crate) fn prepare(source: Source, world: &World<'_>) -> Start {
    let tcp = world.tcp();
    let socket = WebSocket::over(&tcp.connection, Role::Server, None, WebSocketOptions::default()).expect("a socket");
    let scene = Arc::new(Scene { tcp, socket });
    match source {
        Source::SocketReceive => Box::new(move |_| receive(&scene)),
        Source::SocketSend => Box::new(move |_| send(&scene)),
        _ => Box::new(move |_| queued_send(&scene)),
    }
}

fn close(scene: &Arc<Scene>) -> Option<Ending> {
    let scene = scene.clone();
    Some((step(move |_| scene.socket.abort()), Some(ErrorKind::Canceled)))
}

impl Scene {
    /// Receiving goes on.
    fn still_receives(&self, world: &World<'_>) -> Result<(), String> {
        let receive = self.socket.receive(None).map_err(|error| format!("receiving again: {error}"))?;
        self.tcp.peer_writes(HELLO);
        let message = world.outcome(&receive).map_err(|error| format!("receiving again: {error}"))?;
        let message = message.into_object::<WebSocketMessage>().ok_or("no message")?;
        ensure(message.kind() == Some(MessageKind::Text) && message.data() == "hi", "another message was received")
    }

    fn receive_fails(&self, world: &World<'_>, kind: ErrorKind) -> Result<(), String> {
        let receive = self.socket.receive(None).and_then(|receive| world.outcome(&receive));
        ensure(receive.is_err_and(|error| error.kind() == kind), "a receive does not say how it ended")
    }

    fn send(&self, world: &World<'_>, text: &str) -> Result<(), kjasync::Error> {
        let send = self.socket.send_text(text)?;
        world.outcome(&send).map(drop)
    }

    fn cannot_send(&self, world: &World<'_>, kind: ErrorKind) -> Result<(), String> {
        ensure(
            self.send(world, "x").is_err_and(|error| error.kind() == kind),
            "a send does not say that none is possible",
        )
    }

    /// A message can be sent behind these bytes.
    fn still_sends(&self, world: &World<'_>, before: &[u8]) -> Result<(), String> {
        self.tcp.peer_reads();
        self.send(world, "next").map_err(|error| format!("sending again: {error}"))?;
        self.socket.disconnect();
        let received = self.tcp.has_read()?;
        let sent = received.strip_suffix(b"\x81\x04next").ok_or("the next message was not received")?;
        ensure(sent == before, "something else was received")
    }
}

fn receive(scene: &Arc<Scene>) -> Operation {
    let (over, settle, peer, after) = (scene.clone(), scene.clone(), scene.clone(), scene.clone());
    Operation {
        promise: scene.socket.receive(None).expect("it starts"),
        over: Arc::new(move || holders(&Arc::downgrade(&over.socket)) <= 1),
        settle: step(move |_| settle.tcp.peer_writes(HELLO)),
        peer: Some((step(move |_| peer.tcp.peer_ends()), Some(ErrorKind::Disconnected))),
        close: close(scene),
        after: Box::new(move |world, end| match end {
            End::Gone | End::Value | End::Back => {
                after.still_receives(world)?;
                after.still_sends(world, b"")
            }
            End::Peer => {
                after.receive_fails(world, ErrorKind::Disconnected)?;
                after.still_sends(world, b"")
            }
            End::Closed => after.receive_fails(world, ErrorKind::Canceled),
        }),
    }
}

/// A message of the block as it is sent.
fn whole() -> Vec<u8> {
    [&[0x82, 127], (block().len() as u64).to_be_bytes().as_slice(), block()].concat()
}

fn send(scene: &Arc<Scene>) -> Operation {
    let (data, back) = lend(block());
    let (settle, peer, after) = (scene.clone(), reset(&scene.tcp), scene.clone());
    Operation {
        promise: scene.socket.send_binary(data).expect("it starts"),
        over: Arc::new(move || back.get() == 1),
        settle: step(move |_| settle.tcp.peer_reads()),
        peer,
        close: close(scene),
        after: Box::new(move |world, end| match end {
            // A part of the message is on its way: nothing can follow it.
            End::Gone => {
                after.cannot_send(world, ErrorKind::Failed)?;
                after.still_receives(world)
            }
            End::Value | End::Back => after.still_sends(world, &whole()),
            End::Peer => after.cannot_send(world, ErrorKind::Disconnected),
            End::Closed => after.cannot_send(world, ErrorKind::Canceled),
        }),
    }
}

fn queued_send(scene: &Arc<Scene>) -> Operation {
    let (data, back) = lend(b"queued");
    let first = scene.socket.send_binary(Bytes::from_static(block())).expect("it starts");
    let (settle, peer, after) = (scene.clone(), reset(&scene.tcp), scene.clone());
    Operation {
        promise: scene.socket.send_binary(data).expect("it starts"),
        over: Arc::new(move || back.get() == 1),
        settle: step(move |_| settle.tcp.peer_reads()),
        peer,
        close: close(scene),
        after: Box::new(move |world, end| match end {
            // It has sent nothing, and the message before it is whole.
            End::Gone => {
                after.still_sends(world, &whole())?;
                ensure(matches!(world.outcome(&first), Ok(Value::Unit)), "the send before it failed")
            }
            End::Value | End::Back => {
                drop(first);
                after.still_sends(world, &[&whole()[..], b"\x82\x06queued"].concat())
            }
            End::Peer => after.cannot_send(world, ErrorKind::Disconnected),
            End::Closed => after.cannot_send(world, ErrorKind::Canceled),
        }),
    }
}
