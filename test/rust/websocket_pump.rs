//! Messages that a pump passes on as they are, seen by peers that send and read exact bytes.

use crate::gate::*;
use crate::loopback::*;
use crate::websocket_peer::*;
use kjasync::promise::Promise;
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::websocket::{Agreed, Compression, Role, WebSocket, WebSocketOptions, Window};
use kjasync::{ErrorKind, Value};
use std::sync::Arc;

const FRESH: Window = Window { bits: 15, fresh: true };
const TAKEOVER: Window = Window { bits: 15, fresh: false };

/// What a client's frames are masked with in these tests; a socket of the library would hardly come to the same.
const MASKED: bool = true;

/// A client that is a peer, a proxy between two sockets, and a server that is a peer.
struct Proxy {
    client: Arc<Connection>,
    from: Arc<WebSocket>,
    to: Arc<WebSocket>,
    server: Arc<Connection>,
    pump: Promise,
}

impl Proxy {
    fn new(runtime: &Runtime, from: Option<Agreed>, to: Option<Agreed>, options: WebSocketOptions) -> Self {
        let ((client, one), (other, server)) = (pair(runtime), pair(runtime));
        let from = WebSocket::over(&one, Role::Server, from, options).expect("a socket");
        let to = WebSocket::over(&other, Role::Client, to, options).expect("a socket");
        let pump = from.pump_to(&to).expect("it starts");
        Self { client, from, to, server, pump }
    }

    #[track_caller]
    fn send(&self, bytes: &[u8]) {
        outcome(&self.client.write(bytes).expect("it starts")).expect("it is sent");
    }

    #[track_caller]
    fn comes(&self, count: usize) -> Vec<u8> {
        bytes(outcome(&self.server.read(count, count).expect("it starts")))
    }

    /// Sends bytes of which each has to come as it is.
    #[track_caller]
    fn passes(&self, bytes: &[u8]) {
        self.send(bytes);
        assert!(self.comes(bytes.len()) == bytes, "it has changed on its way");
    }

    /// Sends a frame whose payload has to come in a frame that has been made anew.
    #[track_caller]
    fn changes(&self, sent: &[Frame], payload: &[u8]) {
        for frame in sent {
            self.send(&frame.bytes(MASKED));
        }
        let plain = frame(BINARY, payload).bytes(MASKED);
        let came = self.comes(plain.len());
        assert!(came != plain, "it has been passed on as it was");
        assert_eq!(Frame::read(&came, MASKED).expect("a whole frame").0, frame(BINARY, payload));
    }
}

fn plain(runtime: &Runtime) -> Proxy {
    Proxy::new(runtime, None, None, WebSocketOptions::default())
}

/// "Hello", as the standard compresses it.
fn compressed() -> Frame {
    frame(TEXT, [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]).reserved(4)
}

// parity: WS-08
#[test]
fn messages_pass_as_they_are() {
    let runtime = runtime();
    let proxy = plain(&runtime);
    let mut several = Vec::new();
    for size in [0, 1, 125, 126, 70_000] {
        let message = frame(BINARY, vec![7; size]).bytes(MASKED);
        proxy.passes(&message);
        several.extend(message);
    }
    proxy.passes(&several);
    // Whether that is text is for the other end to say.
    proxy.passes(&frame(TEXT, [0xff]).bytes(MASKED));
    assert_eq!(proxy.from.received_byte_count(), proxy.to.sent_bytes());
}

#[test]
fn a_message_passes_however_it_is_cut() {
    let runtime = runtime();
    let proxy = plain(&runtime);
    let two = [frame(BINARY, [1; 130]).bytes(MASKED), frame(TEXT, "two").bytes(MASKED)].concat();
    for cut in 1..two.len() {
        let before = proxy.from.received_byte_count();
        proxy.send(&two[..cut]);
        eventually("the first part is there", || proxy.from.received_byte_count() == before + cut as u64);
        proxy.send(&two[cut..]);
        assert!(proxy.comes(two.len()) == two, "cut at {cut}");
    }
}

#[test]
fn fragments_and_control_frames_are_looked_into() {
    let runtime = runtime();
    let proxy = plain(&runtime);
    proxy.changes(&[frame(BINARY, "ab").open(), frame(PING, "?"), frame(CONTINUATION, "cd")], b"abcd");
    // The ping was answered here.
    let pong = frame(PONG, "?").bytes(!MASKED);
    assert_eq!(bytes(outcome(&proxy.client.read(pong.len(), pong.len()).expect("it starts"))), pong);
    proxy.passes(&frame(BINARY, "ef").bytes(MASKED));
    proxy.send(&close(4000, "enough").bytes(MASKED));
    let closed = close(4000, "enough").bytes(MASKED);
    let came = proxy.comes(closed.len());
    assert_eq!(Frame::read(&came, MASKED).expect("a whole frame").0, close(4000, "enough"));
    assert!(matches!(outcome(&proxy.pump), Ok(Value::Unit)));
}

#[test]
fn what_breaks_the_rules_does_not_pass() {
    for (sent, kind) in [
        (frame(BINARY, [0; 1001]).bytes(MASKED), ErrorKind::Overloaded),
        (frame(BINARY, "unmasked").bytes(!MASKED), ErrorKind::Failed),
        (frame(CONTINUATION, "of nothing").bytes(MASKED), ErrorKind::Failed),
        (compressed().bytes(MASKED), ErrorKind::Failed),
    ] {
        let runtime = runtime();
        let options = WebSocketOptions { max_message: 1000, ..WebSocketOptions::default() };
        let proxy = Proxy::new(&runtime, None, None, options);
        proxy.passes(&frame(BINARY, "before").bytes(MASKED));
        proxy.send(&sent);
        assert_eq!(failure(&proxy.pump), kind);
        let came = proxy.comes(8);
        assert_eq!(Frame::read(&came, MASKED).expect("a whole frame").0.opcode, CLOSE);
    }
}

// parity: WS-08
#[test]
fn compressed_messages_pass_where_each_stands_for_itself() {
    let runtime = runtime();
    let fresh = Some(Agreed { client: FRESH, server: TAKEOVER });
    let options = WebSocketOptions { compression: Compression::on(), ..WebSocketOptions::default() };
    let proxy = Proxy::new(&runtime, fresh, fresh, options);
    proxy.passes(&compressed().bytes(MASKED));
    proxy.passes(&frame(TEXT, "plain").bytes(MASKED));
    proxy.passes(&compressed().bytes(MASKED));
    // With a window that goes on, plain messages alone do.
    let takeover = Some(Agreed { client: TAKEOVER, server: TAKEOVER });
    let proxy = Proxy::new(&runtime, takeover, takeover, options);
    proxy.passes(&frame(BINARY, "plain").bytes(MASKED));
    proxy.send(&compressed().bytes(MASKED));
    let came = proxy.comes(frame(TEXT, "Hello").bytes(MASKED).len());
    assert_eq!(Frame::read(&came, MASKED).expect("a whole frame").0, frame(TEXT, "Hello"));
    // What is compressed on one side alone is made anew.
    let proxy = Proxy::new(&runtime, None, fresh, options);
    proxy.changes(&[frame(BINARY, "anew")], b"anew");
}

// parity: WS-09
#[test]
fn the_options_of_one_socket_make_another_agree() {
    let runtime = runtime();
    for agreed in [None, Some(Agreed { client: FRESH, server: Window { bits: 10, fresh: false } })] {
        let (mine, _theirs) = pair(&runtime);
        let socket = WebSocket::over(&mine, Role::Client, agreed, WebSocketOptions::default()).expect("a socket");
        let offer = "permessage-deflate; client_max_window_bits";
        let answer = kjasync::websocket::accept(offer, &socket.matching_compression()).expect("an offer");
        assert_eq!(answer.map(|(agreed, _)| agreed), agreed);
    }
}

#[test]
fn a_pump_that_is_dropped_leaves_what_follows() {
    let runtime = runtime();
    let proxy = plain(&runtime);
    proxy.passes(&frame(BINARY, "first").bytes(MASKED));
    let message = frame(BINARY, "second").bytes(MASKED);
    let before = proxy.from.received_byte_count();
    proxy.send(&message[..8]);
    eventually("a part of it is there", || proxy.from.received_byte_count() == before + 8);
    drop(proxy.pump);
    outcome(&proxy.client.write(&message[8..]).expect("it starts")).expect("it is sent");
    let received = outcome(&proxy.from.receive(None).expect("it starts")).expect("a message");
    let received = received.into_object::<kjasync::websocket::WebSocketMessage>().expect("a message");
    assert_eq!(received.data(), "second");
    // The other socket can still send.
    outcome(&proxy.to.send_text("third").expect("it starts")).expect("it is sent");
}
