//! WebSockets over connections whose handshake is done, against themselves and against a peer that sends exact bytes.

use crate::gate::*;
use crate::loopback::*;
use crate::websocket_peer::*;
use kjasync::promise::{Promise, When};
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::websocket::{
    Agreed, CLOSE_CODE_DETAIL, CloseCode, CloseReason, Compression, MessageKind, Role, WebSocket, WebSocketMessage,
    WebSocketOptions, Window,
};
use kjasync::{ErrorKind, Value};
use std::sync::Arc;

const TAKEOVER: Window = Window { bits: 15, fresh: false };

fn compression() -> WebSocketOptions {
    WebSocketOptions { compression: Compression::on(), ..WebSocketOptions::default() }
}

/// A client and a server that are done with their handshake.
fn sockets_with(
    runtime: &Runtime,
    agreed: Option<Agreed>,
    options: WebSocketOptions,
) -> (Arc<WebSocket>, Arc<WebSocket>) {
    let (client, server) = pair(runtime);
    let client = WebSocket::over(&client, Role::Client, agreed, options).expect("a socket");
    (client, WebSocket::over(&server, Role::Server, agreed, options).expect("a socket"))
}

fn sockets(runtime: &Runtime) -> (Arc<WebSocket>, Arc<WebSocket>) {
    sockets_with(runtime, None, WebSocketOptions::default())
}

#[track_caller]
fn message(promise: &Promise) -> Arc<WebSocketMessage> {
    outcome(promise).expect("a message").into_object::<WebSocketMessage>().expect("a message")
}

#[track_caller]
fn receive(socket: &Arc<WebSocket>) -> Arc<WebSocketMessage> {
    message(&socket.receive(None).expect("it starts"))
}

#[track_caller]
fn receive_text(socket: &Arc<WebSocket>) -> String {
    let message = receive(socket);
    assert_eq!(message.kind(), Some(MessageKind::Text));
    String::from_utf8(message.data().to_vec()).expect("text")
}

#[track_caller]
fn receive_close(socket: &Arc<WebSocket>) -> (u16, String) {
    let message = receive(socket);
    let reason = message.close().expect("a close");
    (reason.code.0, reason.text.clone())
}

#[track_caller]
fn done(promise: kjasync::Outcome) {
    promise.expect("it is done");
}

#[track_caller]
fn receive_failure(socket: &Arc<WebSocket>) -> kjasync::Error {
    outcome(&socket.receive(None).expect("it starts")).expect_err("it fails")
}

fn normal() -> CloseReason {
    CloseReason::new(CloseCode::NORMAL, "bye").expect("a reason")
}

// parity: WS-01, WS-02, WS-10, WS-14, WS-15
#[test]
fn messages_of_every_size_go_both_ways() {
    let runtime = runtime();
    for agreed in [None, Some(Agreed { server: TAKEOVER, client: TAKEOVER })] {
        let (client, server) = sockets_with(&runtime, agreed, compression());
        for (from, to) in [(&client, &server), (&server, &client)] {
            for size in [0, 1, 125, 126, 4096, 4097, 65535, 65536, 3 << 20] {
                let text = "the same again ".repeat(size / 15 + 1)[..size].to_owned();
                let sent = from.send_text(&text).expect("it starts");
                assert!(receive_text(to) == text, "{size}");
                done(outcome(&sent));
                let sent = from.send_binary(text.clone().into_bytes()).expect("it starts");
                let came = receive(to);
                assert!(came.kind() == Some(MessageKind::Binary) && came.data() == text.as_bytes(), "{size}");
                done(outcome(&sent));
            }
            assert_eq!(from.sent_bytes(), to.received_byte_count());
            let plain = 2 * (125 + 126 + 2 * 4096 + 2 * 65536 + (3 << 20));
            assert_eq!(from.sent_bytes() > plain, agreed.is_none(), "{} bytes", from.sent_bytes());
        }
    }
}

// parity: WS-01
#[test]
fn a_message_may_be_sent_and_received_in_pieces() {
    let runtime = runtime();
    for agreed in [None, Some(Agreed { server: TAKEOVER, client: TAKEOVER })] {
        let (client, server) = sockets_with(&runtime, agreed, compression());
        let (sent, out) = client.send_stream(MessageKind::Text).expect("it starts");
        // A message that is started meanwhile comes behind it, a ping gets in between.
        let behind = client.send_text("behind").expect("it starts");
        let mut whole = String::new();
        for piece in ["one ", "t\u{ec}wo ", "three"] {
            done(outcome(&out.write(piece.as_bytes()).expect("it starts")));
            let came = message(&server.receive_piece().expect("it starts"));
            assert!(came.kind() == Some(MessageKind::Text) && !came.is_last());
            whole.push_str(std::str::from_utf8(&came.data()).expect("whole pieces"));
            let ping = client.ping(piece.as_bytes().to_vec()).expect("it starts");
            assert!(ping.outcome().is_none() && behind.outcome().is_none());
        }
        assert_eq!(whole, "one t\u{ec}wo three");
        done(outcome(&out.shutdown_write().expect("it starts")));
        let end = message(&server.receive_piece().expect("it starts"));
        assert!(end.is_last() && end.data().is_empty());
        done(outcome(&sent));
        assert_eq!(receive_text(&server), "behind");
        let (sent, out) = server.send_stream(MessageKind::Binary).expect("it starts");
        let receiving = client.receive(None).expect("it starts");
        for _ in 0..50 {
            done(outcome(&out.write(&[7; 10_000]).expect("it starts")));
        }
        drop(out);
        assert_eq!(message(&receiving).data().len(), 500_000);
        done(outcome(&sent));
    }
}

// parity: WS-03, WS-21
#[test]
fn a_close_is_answered_and_ends_both() {
    let runtime = runtime();
    for client_first in [true, false] {
        let (client, server) = sockets(&runtime);
        let (one, other) = if client_first { (&client, &server) } else { (&server, &client) };
        done(outcome(&one.send_text("last").expect("it starts")));
        done(outcome(&one.close(&normal()).expect("it starts")));
        assert_eq!(failure(&one.send_text("late").expect("it starts")), ErrorKind::Failed);
        assert_eq!(receive_text(other), "last");
        assert_eq!(receive_close(other), (1000, "bye".into()));
        // The answer is sent without anybody asking for it; a close of one's own does no harm.
        assert_eq!(receive_close(one), (1000, "bye".into()));
        done(outcome(&other.close(&normal()).expect("it starts")));
        for socket in [one, other] {
            assert_eq!(failure(&socket.send_text("late").expect("it starts")), ErrorKind::Failed);
            assert_eq!(receive_failure(socket).kind(), ErrorKind::Failed);
            done(outcome(&socket.when_aborted().expect("it starts")).or(Ok(Value::Unit)));
        }
    }
    // Without a code.
    let (client, server) = sockets(&runtime);
    let none = CloseReason::new(CloseCode::NONE, "").expect("a reason");
    done(outcome(&client.close(&none).expect("it starts")));
    assert_eq!(receive_close(&server), (1005, String::new()));
    assert_eq!(client.sent_bytes(), 6);
}

#[test]
fn finish_waits_for_the_close_of_the_other_end() {
    let runtime = runtime();
    let (client, server) = sockets(&runtime);
    done(outcome(&server.send_text("unread").expect("it starts")));
    let finish = client.finish(&normal()).expect("it starts");
    assert_eq!(receive_close(&server), (1000, "bye".into()));
    done(outcome(&finish));
    // Beside somebody who receives.
    let (client, server) = sockets(&runtime);
    let receiving = client.receive(None).expect("it starts");
    let finish = client.finish(&normal()).expect("it starts");
    assert_eq!(receive_close(&server).0, 1000);
    assert!(message(&receiving).close().is_some());
    done(outcome(&finish));
    // The other end just goes.
    let (client, server) = sockets(&runtime);
    let finish = client.finish(&normal()).expect("it starts");
    server.abort();
    done(outcome(&finish));
}

#[test]
fn a_closing_handshake_has_a_time_limit() {
    let runtime = runtime_with(|options| options.virtual_time = true);
    let (socket, peer) = raw(&runtime, Role::Server, WebSocketOptions::default());
    let finish = socket.finish(&normal()).expect("it starts");
    assert_eq!(peer.take(), close(1000, "bye"));
    runtime.advance(9 * SECOND).expect("virtual time");
    assert!(finish.outcome().is_none());
    runtime.advance(2 * SECOND).expect("virtual time");
    assert_eq!(failure(&finish), ErrorKind::TimedOut);
    assert_eq!(receive_failure(&socket).kind(), ErrorKind::TimedOut);
    peer.ends();
}

/// A peer that sends and takes exact bytes.
pub(crate) struct Peer {
    pub(crate) connection: Arc<Connection>,
    role: Role,
}

pub(crate) fn raw(runtime: &Runtime, role: Role, options: WebSocketOptions) -> (Arc<WebSocket>, Peer) {
    let (mine, theirs) = pair(runtime);
    let socket = WebSocket::over(&mine, role, None, options).expect("a socket");
    (socket, Peer { connection: theirs, role: role.other() })
}

impl Peer {
    #[track_caller]
    fn send(&self, frame: &Frame) {
        done(outcome(&self.connection.write(&frame.bytes(self.role == Role::Client)).expect("it starts")));
    }

    fn read(&self, count: usize) -> Vec<u8> {
        bytes(outcome(&self.connection.read(count, count).expect("it starts")))
    }

    /// The next frame, of fewer than 126 bytes.
    #[track_caller]
    fn take(&self) -> Frame {
        let masked = self.role == Role::Server;
        let mut bytes = self.read(2);
        let rest = usize::from(bytes[1] & 0x7f) + if masked { 4 } else { 0 };
        if rest > 0 {
            bytes.extend(self.read(rest));
        }
        Frame::read(&bytes, masked).expect("a whole frame").0
    }

    /// The connection is over, one way or the other.
    #[track_caller]
    fn ends(&self) {
        match outcome(&self.connection.read(1, 100).expect("it starts")) {
            Ok(Value::Bytes(bytes)) => assert!(bytes.is_empty(), "{bytes:?}"),
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Disconnected),
        }
    }
}

// parity: WS-11
#[test]
fn pings_are_answered_and_pongs_awaited() {
    let runtime = runtime();
    let (socket, peer) = raw(&runtime, Role::Server, WebSocketOptions::default());
    let receiving = socket.receive(None).expect("it starts");
    for payload in ["", "a", &"x".repeat(125)] {
        peer.send(&frame(PING, payload));
        assert_eq!(peer.take(), frame(PONG, payload));
    }
    peer.send(&frame(PONG, "unasked"));
    let pings = ["1", "2", "3"].map(|payload| socket.ping(payload).expect("it starts"));
    for payload in ["1", "2", "3"] {
        assert_eq!(peer.take(), frame(PING, payload));
    }
    // A pong answers those before it as well.
    peer.send(&frame(PONG, "2"));
    done(outcome(&pings[0]));
    done(outcome(&pings[1]));
    assert!(pings[2].outcome().is_none());
    done(outcome(&socket.pong("alive").expect("it starts")));
    assert_eq!(peer.take(), frame(PONG, "alive"));
    assert_eq!(kind(socket.ping(vec![0; 126])), Some(ErrorKind::InvalidArgument));
    // No pong follows a close, and a ping that is not answered fails.
    done(outcome(&socket.close(&normal()).expect("it starts")));
    assert_eq!(peer.take(), close(1000, "bye"));
    peer.send(&frame(PING, "late"));
    peer.send(&close(1000, ""));
    assert!(message(&receiving).close().is_some());
    assert_eq!(failure(&pings[2]), ErrorKind::Disconnected);
    peer.ends();
}

// parity: HCLI-14, WS-13
#[test]
fn a_violation_is_told_and_ends_the_socket() {
    let runtime = runtime();
    for (wrong, code, expected) in [
        (frame(3, ""), 1002, ErrorKind::Failed),
        (frame(TEXT, b"\xff"), 1007, ErrorKind::Failed),
        (frame(BINARY, vec![0; 101]), 1009, ErrorKind::Overloaded),
    ] {
        for role in [Role::Server, Role::Client] {
            let options = WebSocketOptions { max_message: 100, ..WebSocketOptions::default() };
            let (socket, peer) = raw(&runtime, role, options);
            let ping = socket.ping("?").expect("it starts");
            assert_eq!(peer.take(), frame(PING, "?"));
            peer.send(&frame(TEXT, "right"));
            peer.send(&wrong);
            // What follows is not read as anything, and does not cost the other end the answer.
            peer.send(&frame(BINARY, [7; 90]));
            assert_eq!(receive_text(&socket), "right");
            let error = receive_failure(&socket);
            assert_eq!((error.kind(), receive_failure(&socket).text()), (expected, error.text()));
            let detail = error.detail(CLOSE_CODE_DETAIL).expect("the code");
            assert_eq!(detail.as_ref(), u16::to_be_bytes(code));
            assert_eq!(failure(&ping), expected);
            assert_eq!(peer.take(), close(code, ""));
            assert_eq!(failure(&socket.send_text("late").expect("it starts")), ErrorKind::Failed);
            // A server ends the connection first, a client when the server has.
            if role == Role::Client {
                done(outcome(&peer.connection.shutdown_write().expect("it starts")));
            }
            peer.ends();
        }
    }
}

// parity: WS-12
#[test]
fn an_end_without_a_close_is_a_disconnection() {
    let runtime = runtime();
    for sent in [vec![], frame(TEXT, "half").bytes(true)[..8].to_vec()] {
        let (socket, peer) = raw(&runtime, Role::Server, WebSocketOptions::default());
        done(outcome(&peer.connection.write(&sent).expect("it starts")));
        peer.connection.close();
        assert_eq!(receive_failure(&socket).kind(), ErrorKind::Disconnected);
        assert_eq!(receive_failure(&socket).kind(), ErrorKind::Disconnected);
    }
}

// parity: WS-04, WS-05, WS-06
#[test]
fn disconnect_ends_sending_and_abort_both() {
    let runtime = runtime();
    let (client, server) = sockets(&runtime);
    done(outcome(&client.send_text("first").expect("it starts")));
    client.disconnect();
    assert_eq!(receive_text(&server), "first");
    assert_eq!(receive_failure(&server).kind(), ErrorKind::Disconnected);
    assert_eq!(failure(&client.send_text("more").expect("it starts")), ErrorKind::Failed);
    done(outcome(&server.send_text("back").expect("it starts")));
    assert_eq!(receive_text(&client), "back");

    let (client, server) = sockets(&runtime);
    let (receiving, gone) = (client.receive(None).expect("it starts"), server.when_aborted().expect("it starts"));
    assert!(gone.outcome().is_none());
    client.abort();
    assert_eq!(failure(&receiving), ErrorKind::Canceled);
    assert_eq!(failure(&client.send_text("more").expect("it starts")), ErrorKind::Canceled);
    assert_eq!(receive_failure(&server).kind(), ErrorKind::Disconnected);
    for _ in 0..3 {
        // The first finds out that nobody is there.
        let _ = outcome(&server.send_text("anybody?").expect("it starts"));
    }
    done(outcome(&gone));
    // So does dropping it.
    let (client, server) = sockets(&runtime);
    drop(client);
    assert_eq!(receive_failure(&server).kind(), ErrorKind::Disconnected);
}

/// A message that the other end does not take, so that it is stuck halfway.
fn stuck(socket: &Arc<WebSocket>) -> Promise {
    let send = socket.send_binary(vec![1; 64 << 20]).expect("it starts");
    eventually("a part of it is on its way", || socket.sent_bytes() > 0);
    assert!(send.outcome().is_none());
    send
}

// parity: WS-01
#[test]
fn a_send_that_is_cancelled_on_its_way_leaves_a_socket_that_says_so() {
    let runtime = runtime();
    let (client, server) = sockets(&runtime);
    let first = stuck(&client);
    let (second, third) =
        (client.send_text("second").expect("it starts"), client.send_text("third").expect("it starts"));
    assert!(!client.send_now(MessageKind::Text, b"now").expect("it is asked"));
    // One that waits has sent nothing, and the others go on.
    drop(second);
    let options = Some(usize::MAX);
    let receiving = server.receive(options).expect("it starts");
    assert_eq!(message(&receiving).data().len(), 64 << 20);
    done(outcome(&first));
    assert_eq!(receive_text(&server), "third");
    done(outcome(&third));
    let first = stuck(&client);
    let waiting = client.send_text("waiting").expect("it starts");
    drop(first);
    assert_eq!(failure(&waiting), ErrorKind::Failed);
    let error = outcome(&client.send_text("later").expect("it starts")).expect_err("it cannot be sent");
    assert!(error.text().contains("cancelled"), "{error}");
    assert_eq!(failure(&client.close(&normal()).expect("it starts")), ErrorKind::Failed);
    // Receiving goes on, and the other end learns of it by a disconnect.
    done(outcome(&server.send_text("still here").expect("it starts")));
    assert_eq!(receive_text(&client), "still here");
    client.disconnect();
    assert_eq!(failure(&server.receive(options).expect("it starts")), ErrorKind::Disconnected);
}

#[test]
fn a_compressed_send_that_is_cancelled_before_it_is_written_says_so_too() {
    let runtime = runtime();
    let agreed = Some(Agreed { server: TAKEOVER, client: TAKEOVER });
    let (client, _server) = sockets_with(&runtime, agreed, compression());
    let mut random = Random::new(1);
    let noise: Vec<u8> = (0..32 << 20).map(|_| random.next() as u8).collect();
    let send = client.send_binary(noise).expect("it starts");
    assert!(send.outcome().is_none());
    drop(send);
    assert_eq!(failure(&client.send_text("later").expect("it starts")), ErrorKind::Failed);
}

// parity: WS-01
#[test]
fn many_senders_at_once_are_in_order_and_whole() {
    const SENDERS: usize = 8;
    const EACH: usize = 200;
    let runtime = runtime();
    let (client, server) = sockets(&runtime);
    let threads: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let client = client.clone();
            std::thread::spawn(move || {
                for n in 0..EACH {
                    let text = format!("{sender} {n} {}", "x".repeat(n * 37 % 9000));
                    if !(n % 3 == 0 && client.send_now(MessageKind::Text, text.as_bytes()).expect("it is sent")) {
                        done(outcome(&client.send_text(&text).expect("it starts")));
                    }
                }
            })
        })
        .collect();
    let mut next = [0; SENDERS];
    for _ in 0..SENDERS * EACH {
        let text = receive_text(&server);
        let mut words = text.split(' ');
        let (sender, n): (usize, usize) = (
            words.next().and_then(|word| word.parse().ok()).expect("who"),
            words.next().and_then(|word| word.parse().ok()).expect("which"),
        );
        assert_eq!(n, next[sender], "of sender {sender}");
        assert_eq!(words.next().map(str::len), Some(n * 37 % 9000));
        next[sender] += 1;
    }
    for thread in threads {
        thread.join().expect("it ends");
    }
}

#[test]
fn a_cancelled_receive_loses_nothing() {
    let runtime = runtime();
    let (socket, peer) = raw(&runtime, Role::Server, WebSocketOptions::default());
    let receiving = socket.receive(None).expect("it starts");
    assert_eq!(kind(socket.receive(None)), Some(ErrorKind::Busy));
    peer.send(&frame(TEXT, "one ").open());
    let whole = frame(CONTINUATION, "two").bytes(true);
    done(outcome(&peer.connection.write(&whole[..7]).expect("it starts")));
    eventually("it has come", || socket.received_byte_count() == 10 + 7);
    drop(receiving);
    done(outcome(&peer.connection.write(&whole[7..]).expect("it starts")));
    assert_eq!(receive_text(&socket), "one two");
}

#[test]
fn a_sequence_receives_until_the_close() {
    let runtime = runtime();
    let (client, server) = sockets(&runtime);
    let echo = server.clone();
    let serving = server
        .receive_each(None, move |message| match message.kind() {
            Some(kind) => {
                assert!(echo.send_now(kind, &message.data())?);
                Ok(Value::Unit)
            }
            None => Ok(Value::Unit),
        })
        .expect("it starts");
    for n in 0..100 {
        done(outcome(&client.send_text(&format!("message {n}")).expect("it starts")));
        assert_eq!(receive_text(&client), format!("message {n}"));
    }
    done(outcome(&client.finish(&normal()).expect("it starts")));
    assert!(matches!(outcome(&serving), Ok(Value::Unit)));
    // A value ends it before that, and the next message is there for the next receive.
    let (client, server) = sockets(&runtime);
    for text in ["first", "second"] {
        done(outcome(&client.send_text(text).expect("it starts")));
    }
    let one = server.receive_each(None, |message| Ok(Value::U64(message.data().len() as u64))).expect("it starts");
    assert_eq!(number(&one), 5);
    assert_eq!(receive_text(&server), "second");
}

#[test]
fn signs_of_life_are_asked_for_and_missed() {
    let runtime = runtime_with(|options| options.virtual_time = true);
    let options = WebSocketOptions { ping_nanos: Some(SECOND), idle_nanos: Some(5 * SECOND / 2), ..Default::default() };
    let (socket, peer) = raw(&runtime, Role::Client, options);
    let receiving = socket.receive(None).expect("it starts");
    for _ in 0..3 {
        runtime.advance(SECOND).expect("virtual time");
        assert_eq!(peer.take(), frame(PING, ""));
        let before = socket.received_byte_count();
        peer.send(&frame(PONG, ""));
        eventually("the answer has come", || socket.received_byte_count() > before);
        // The loop has seen it once it has turned.
        let turned = runtime.settled(Ok(Value::Unit)).expect("a promise").then(When::Both, |outcome| outcome);
        done(outcome(&turned));
    }
    for _ in 0..2 {
        runtime.advance(SECOND).expect("virtual time");
        assert_eq!(peer.take(), frame(PING, ""));
    }
    assert!(receiving.outcome().is_none());
    runtime.advance(SECOND).expect("virtual time");
    assert_eq!(failure(&receiving), ErrorKind::TimedOut);
    peer.ends();
}

// parity: WS-16
#[test]
fn a_pipe_has_no_buffer() {
    let runtime = runtime();
    let (one, other) = WebSocket::pipe(&runtime, WebSocketOptions::default()).expect("a pipe");
    for size in [0, 1, 125, 126, 70_000] {
        let sends = ["a", "b"].map(|text| one.send_text(&text.repeat(size)).expect("it starts"));
        let receiving = other.receive(None).expect("it starts");
        assert!(message(&receiving).data() == "a".repeat(size).as_bytes());
        done(outcome(&sends[0]));
        assert!(sends[1].outcome().is_none(), "nothing is read ahead");
        assert!(receive_text(&other) == "b".repeat(size));
        done(outcome(&sends[1]));
    }
    // A ping comes with the next receive, and a close ends both.
    let (ping, receiving) = (one.ping("?").expect("it starts"), one.receive(None).expect("it starts"));
    let back = other.receive(None).expect("it starts");
    done(outcome(&ping));
    let close = other.close(&normal()).expect("it starts");
    assert!(message(&receiving).close().is_some());
    done(outcome(&close));
    assert!(message(&back).close().is_some());
    let (one, other) = WebSocket::pipe(&runtime, WebSocketOptions::default()).expect("a pipe");
    let gone = other.when_aborted().expect("it starts");
    drop(one);
    assert_eq!(receive_failure(&other).kind(), ErrorKind::Disconnected);
    done(outcome(&gone));
}

#[test]
fn a_socket_has_its_connection_to_itself() {
    let runtime = runtime();
    let (mine, theirs) = pair(&runtime);
    let reading = mine.read(1, 1).expect("it starts");
    let taken = WebSocket::over(&mine, Role::Client, None, WebSocketOptions::default());
    assert_eq!(kind(taken), Some(ErrorKind::Busy));
    drop(reading);
    let socket = WebSocket::over(&mine, Role::Client, None, WebSocketOptions::default()).expect("a socket");
    assert_eq!(kind(mine.read(1, 1)), Some(ErrorKind::Busy));
    drop(theirs);
    drop(socket);
    assert_eq!(failure(&mine.write(b"x").expect("it starts")), ErrorKind::Canceled);
}
