//! The cases of the Autobahn test suite against the message machine, as a server and as a client.

use crate::autobahn_cases::{Case, Chop, End, all, text};
use crate::websocket_peer::*;
use bytes::BytesMut;
use kjasync::websocket::{
    Agreed, CloseReason, Compression, Decoder, Deflating, Encoder, Event, Parameters, Role, Take, Violation, accept,
    check_answer,
};

/// An end that answers every message with the same, without a connection.
struct Echo {
    decoder: Decoder,
    encoder: Encoder,
    input: BytesMut,
    out: Vec<u8>,
    closed: bool,
}

impl Echo {
    fn new(role: Role, agreed: Option<Agreed>) -> Self {
        let window = agreed.map(|agreed| agreed.of(role.other()));
        let deflating = agreed.map(|agreed| Deflating { window: agreed.of(role), level: 6, from_size: 0 });
        let (decoder, encoder) = (Decoder::new(role.other(), window), Encoder::new(role, deflating));
        Self { decoder, encoder, input: BytesMut::new(), out: Vec::new(), closed: false }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while !self.closed {
            let wire = match self.decoder.decode(&mut self.input, Take::Whole(32 << 20)) {
                Ok(None | Some(Event::Frames(_))) => return,
                Ok(Some(Event::Data(message))) => self.encoder.message(message.kind, &message.data),
                Ok(Some(Event::Ping(payload))) => self.encoder.pong(&payload),
                Ok(Some(Event::Pong(_))) => continue,
                Ok(Some(Event::Close(reason))) => {
                    self.closed = true;
                    self.encoder.close(&reason)
                }
                Err(Violation { code, .. }) => {
                    self.closed = true;
                    self.encoder.close(&CloseReason::new(code, "").expect("a code that may be sent"))
                }
            };
            self.out.extend_from_slice(&wire.head);
            self.out.extend_from_slice(&wire.data);
        }
    }
}

fn check(case: &Case, role: Role) {
    let masked = role == Role::Server;
    let mut end = Echo::new(role, None);
    let mut sent = case.sent.clone();
    if case.end == End::Clean {
        sent.push(close(1000, ""));
    }
    let frames: Vec<Vec<u8>> = sent.iter().map(|frame| frame.bytes(masked)).collect();
    let pieces: Vec<Vec<u8>> = match case.chop {
        Chop::Not => vec![frames.concat()],
        Chop::Frames => frames,
        Chop::Bytes(size) => frames.concat().chunks(size).map(<[u8]>::to_vec).collect(),
    };
    // Byte by byte the header of a client's frame is longer.
    let by_byte = if case.chop == Chop::Bytes(1) { if masked { 6 } else { 2 } } else { 0 };
    for (n, piece) in pieces.iter().enumerate() {
        end.feed(piece);
        if let Some(after) = case.fails_after {
            assert_eq!(end.closed, n + 1 >= after + by_byte, "{} {role:?}: closed after piece {}", case.id, n + 1);
        }
    }
    let mut expected = case.expected.clone();
    expected.push(match case.end {
        End::Clean => close(1000, ""),
        End::Close(payload) => frame(CLOSE, payload),
        End::Fail(code) => close(code, ""),
    });
    let came = Frame::read_all(&end.out, !masked);
    assert!(came == expected, "{} {role:?}: {came:?} instead of {expected:?}", case.id);
}

// parity: WS-02, WS-11, WS-13, WS-14, WS-21
#[test]
fn every_case_without_compression_passes_on_both_ends() {
    let cases = all();
    assert!(cases.len() > 250, "{}", cases.len());
    for case in &cases {
        check(case, Role::Server);
        check(case, Role::Client);
    }
}

/// The parameters of section 13: what is asked of the other end's messages, and of its window.
const SETTINGS: [(bool, u8); 7] = [(false, 15), (true, 15), (false, 9), (false, 15), (true, 9), (true, 15), (true, 10)];

/// Kinds of content in section 12, from compressible to not.
fn content(kind: usize, size: usize) -> Vec<u8> {
    match kind {
        0 => text(size),
        1 => b"{\"id\": 1, \"name\": \"\xc3\xa9\", \"list\": [1, 2, 3]}".iter().copied().cycle().take(size).collect(),
        2 => vec![0; size],
        3 => (0..size).map(|at| (at * at % 251) as u8).collect(),
        _ => (0..size as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect(),
    }
}

fn compressed(role: Role, agreed: Agreed, content_kind: usize, size: usize, fragment: usize) {
    let masked = role == Role::Server;
    let (theirs, ours) = (agreed.of(role.other()), agreed.of(role));
    let mut end = Echo::new(role, Some(agreed));
    let (mut press, mut unpress) = (Squeeze::new(theirs.bits, theirs.fresh), Squeeze::new(ours.bits, ours.fresh));
    for round in 0..4 {
        let message = content(content_kind, size);
        let squeezed = press.press(&message);
        let mut frames = fragments(BINARY, &squeezed, if fragment == 0 { usize::MAX } else { fragment });
        frames[0].reserved = 4;
        // Control frames may stand between fragments, and are never compressed.
        frames.insert(frames.len() - 1, frame(PING, "between"));
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes(masked)).collect();
        for piece in bytes.chunks(1000 + round) {
            end.feed(piece);
        }
        let came = Frame::read_all(&std::mem::take(&mut end.out), !masked);
        assert_eq!(came[0], frame(PONG, "between"));
        let [answer] = &came[1..] else { panic!("{} frames", came.len()) };
        assert_eq!((answer.opcode, answer.reserved, answer.last), (BINARY, 4, true));
        assert!(unpress.unpress(&answer.payload, size + 1) == message, "{agreed:?} {content_kind} {size} {fragment}");
    }
}

// parity: WS-17, WS-18, WS-20
#[test]
fn every_case_with_compression_passes_on_both_ends() {
    let sizes = [16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131_072];
    let fragments = [
        (8192, 256),
        (16384, 256),
        (32768, 256),
        (65536, 256),
        (131_072, 256),
        (8192, 4096),
        (32768, 1024),
        (131_072, 32768),
    ];
    let shapes: Vec<(usize, usize)> = sizes.into_iter().map(|size| (size, 0)).chain(fragments).collect();
    for (n, (fresh, bits)) in SETTINGS.into_iter().enumerate() {
        let options = Compression {
            server_no_context_takeover: fresh,
            client_no_context_takeover: fresh,
            server_max_window_bits: bits,
            client_max_window_bits: bits,
            ..Compression::on()
        };
        let offer = Parameters::offer(&options);
        let (agreed, answer) = accept(&offer.to_string(), &Compression::on()).expect("an offer").expect("accepted");
        let checked = check_answer(&answer, Some(&offer)).expect("an answer").expect("agreed");
        assert_eq!(checked, agreed, "13.{}", n + 1);
        for (m, (size, fragment)) in shapes.iter().enumerate() {
            // All kinds of content of section 12 go through the first setting, one of them through each other.
            for kind in if n == 0 { 0..5 } else { m % 5..m % 5 + 1 } {
                for role in [Role::Server, Role::Client] {
                    compressed(role, agreed, kind, *size, *fragment);
                }
            }
        }
    }
}
