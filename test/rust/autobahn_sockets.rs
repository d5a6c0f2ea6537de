//! The cases of the Autobahn test suite over sockets.

use crate::autobahn_cases::{Chop, End, all};
use crate::gate::*;
use crate::loopback::*;
use crate::websocket::raw;
use crate::websocket_peer::*;
use kjasync::Value;
use kjasync::promise::{Promise, Resolution};
use kjasync::websocket::{MessageKind, Role, WebSocket, WebSocketMessage, WebSocketOptions};
use std::sync::Arc;

/// Everything that the suite checks, over sockets: an end that answers each message with the same.
fn echo(socket: &Arc<WebSocket>) -> Promise {
    let answering = socket.clone();
    let answer = move |message: Arc<WebSocketMessage>| -> Resolution {
        match message.kind() {
            Some(MessageKind::Text) => {
                let data = message.data();
                let text = std::str::from_utf8(&data).expect("text that has been checked");
                answering.send_text(text).map_or_else(|error| Err(error).into(), Into::into)
            }
            Some(MessageKind::Binary) => {
                answering.send_binary(message.data()).map_or_else(|error| Err(error).into(), Into::into)
            }
            None => Ok(Value::Unit).into(),
        }
    };
    socket.receive_each(None, answer).expect("it starts")
}

// parity: WS-13, WS-15
#[test]
fn every_case_of_the_suite_passes_over_sockets() {
    let runtime = runtime();
    for case in all() {
        let size: usize = case.sent.iter().map(|frame| frame.payload.len()).sum();
        if size > 1 << 20 || matches!(case.chop, Chop::Bytes(_)) && size > 4096 {
            continue;
        }
        for role in [Role::Server, Role::Client] {
            let (socket, peer) = raw(&runtime, role, WebSocketOptions::default());
            let serving = echo(&socket);
            let masked = role == Role::Server;
            let mut sent = case.sent.clone();
            if case.end == End::Clean {
                sent.push(close(1000, ""));
            }
            let all: Vec<u8> = sent.iter().flat_map(|frame| frame.bytes(masked)).collect();
            let step = if case.chop == Chop::Not { all.len() } else { 1 };
            for piece in all.chunks(step) {
                // A socket that has found something wrong may have gone by now.
                let _ = peer.connection.write(piece).expect("it starts");
            }
            let reading = peer.connection.read_all(64 << 20).expect("it starts");
            assert_eq!(outcome(&serving).is_err(), matches!(case.end, End::Fail(_)), "{} {role:?}", case.id);
            if role == Role::Client {
                outcome(&peer.connection.shutdown_write().expect("it starts")).expect("it is shut");
            }
            let mut expected = case.expected.clone();
            expected.push(match case.end {
                End::Clean => close(1000, ""),
                End::Close(payload) => frame(CLOSE, payload),
                End::Fail(code) => close(code, ""),
            });
            let came = Frame::read_all(&bytes(outcome(&reading)), !masked);
            assert!(came == expected, "{} {role:?}: {came:?} instead of {expected:?}", case.id);
        }
    }
}
