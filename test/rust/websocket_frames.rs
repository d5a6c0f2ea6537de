//! The message machine of WebSockets with every cut of what comes, with limits, and with what nobody should send.

use crate::websocket_peer::*;
use bytes::{Bytes, BytesMut};
use kjasync::websocket::{
    CloseCode, CloseReason, Compression, Decoder, Deflating, Encoder, Event, MessageKind, Parameters, Piece, Role,
    Take, Window, accept, check_answer,
};

const WHOLE: Take = Take::Whole(1 << 20);

fn text(data: &str) -> Event {
    Event::Data(Piece { kind: MessageKind::Text, data: Bytes::copy_from_slice(data.as_bytes()), last: true })
}

fn events(decoder: &mut Decoder, input: &mut BytesMut, how: Take) -> Vec<Event> {
    std::iter::from_fn(|| decoder.decode(input, how).expect("by the protocol")).collect()
}

#[test]
fn any_cut_of_a_stream_gives_the_same_events() {
    let sent = [
        frame(TEXT, "h\u{e9}llo"),
        frame(BINARY, vec![7; 200]).open(),
        frame(PING, "between"),
        frame(CONTINUATION, vec![8; 5]),
        frame(PONG, ""),
        frame(TEXT, "x".repeat(70_000)),
        close(1000, "bye"),
    ];
    let expected = [
        text("h\u{e9}llo"),
        Event::Ping(Bytes::from_static(b"between")),
        Event::Data(Piece { kind: MessageKind::Binary, data: [vec![7; 200], vec![8; 5]].concat().into(), last: true }),
        Event::Pong(Bytes::new()),
        text(&"x".repeat(70_000)),
        Event::Close(CloseReason::new(CloseCode::NORMAL, "bye").expect("a reason")),
    ];
    for from in [Role::Client, Role::Server] {
        let bytes: Vec<u8> = sent.iter().flat_map(|frame| frame.bytes(from == Role::Client)).collect();
        // Every cut in and around headers; inside the long payload cuts are all alike.
        let cuts = (0..400).chain(bytes.len() - 40..=bytes.len());
        for cut in cuts {
            let (mut decoder, mut input) = (Decoder::new(from, None), BytesMut::new());
            input.extend_from_slice(&bytes[..cut]);
            let mut came = events(&mut decoder, &mut input, WHOLE);
            input.extend_from_slice(&bytes[cut..]);
            came.extend(events(&mut decoder, &mut input, WHOLE));
            assert!(came == expected && input.is_empty(), "{from:?} cut at {cut}");
        }
        for size in [1, 2, 3, 5, 7, 11, 4096] {
            let (mut decoder, mut input, mut came) = (Decoder::new(from, None), BytesMut::new(), Vec::new());
            for piece in bytes.chunks(size) {
                input.extend_from_slice(piece);
                came.extend(events(&mut decoder, &mut input, WHOLE));
            }
            assert!(came == expected, "{from:?} in pieces of {size}");
        }
    }
}

fn window(bits: u8) -> Window {
    Window { bits, fresh: false }
}

/// A message of so many zeros, compressed, in one frame.
fn bomb(size: usize) -> Frame {
    frame(BINARY, Squeeze::new(15, false).press(&vec![0; size])).reserved(4)
}

// parity: WS-02, WS-20
#[test]
fn limits_hold_before_and_after_inflating() {
    let refused = |window: Option<Window>, frames: &[Frame], limit| {
        let (mut decoder, mut input) = (Decoder::new(Role::Client, window), BytesMut::new());
        for frame in frames {
            input.extend_from_slice(&frame.bytes(true));
        }
        let violation = loop {
            match decoder.decode(&mut input, Take::Whole(limit)) {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(violation) => break violation,
            }
        };
        let again = decoder.decode(&mut input, Take::Whole(limit)).expect_err("it stays refused");
        assert_eq!(again, violation);
        Some(violation.code)
    };
    assert_eq!(refused(None, &[frame(BINARY, [1; 100])], 100), None);
    assert_eq!(refused(None, &[frame(BINARY, [1; 101])], 100), Some(CloseCode::TOO_BIG));
    assert_eq!(refused(None, &fragments(BINARY, &[1; 100], 33), 100), None);
    assert_eq!(refused(None, &fragments(BINARY, &[1; 101], 33), 100), Some(CloseCode::TOO_BIG));
    assert_eq!(refused(Some(window(15)), &[bomb(10_000)], 10_000), None);
    assert_eq!(refused(Some(window(15)), &[bomb(10_001)], 10_000), Some(CloseCode::TOO_BIG));
    assert_eq!(refused(Some(window(15)), &[bomb(64 << 20)], 10_000), Some(CloseCode::TOO_BIG));
    let long = frame(BINARY, vec![1; 1 << 20]).reserved(4);
    assert_eq!(refused(Some(window(15)), &[long], 100), Some(CloseCode::TOO_BIG));
    // What is announced is refused before it comes.
    let (mut decoder, mut input) = (Decoder::new(Role::Server, None), BytesMut::new());
    input.extend_from_slice(&[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(decoder.decode(&mut input, WHOLE).expect_err("too big").code, CloseCode::TOO_BIG);
}

#[test]
fn pieces_come_as_they_come() {
    let piece = |data: &str, last| {
        Event::Data(Piece { kind: MessageKind::Text, data: Bytes::copy_from_slice(data.as_bytes()), last })
    };
    let bytes: Vec<u8> = fragments(TEXT, b"abcdefgh", 6).iter().flat_map(|frame| frame.bytes(true)).collect();
    let (mut decoder, mut input) = (Decoder::new(Role::Client, None), BytesMut::new());
    input.extend_from_slice(&bytes[..8]);
    assert_eq!(events(&mut decoder, &mut input, Take::Pieces), [piece("ab", false)]);
    assert!(!decoder.is_between_messages());
    input.extend_from_slice(&bytes[8..]);
    assert_eq!(decoder.decode(&mut input, Take::Pieces), Ok(Some(piece("cdef", false))));
    // The rest may be taken as a whole.
    assert_eq!(decoder.decode(&mut input, WHOLE), Ok(Some(piece("gh", true))));
    assert!(decoder.is_between_messages());
    // A message that is larger than any limit, compressed, comes in pieces of a bounded size.
    let (mut decoder, mut input) = (Decoder::new(Role::Client, Some(window(15))), BytesMut::new());
    input.extend_from_slice(&bomb(8 << 20).bytes(true));
    let (mut total, mut largest, mut ended) = (0, 0, false);
    while let Some(Event::Data(piece)) = decoder.decode(&mut input, Take::Pieces).expect("by the protocol") {
        assert!(!ended);
        total += piece.data.len();
        largest = largest.max(piece.data.len());
        ended = piece.last;
    }
    assert!(ended && total == 8 << 20 && largest <= 128 << 10, "{total} {largest}");
    // Text that is not, also across pieces.
    let (mut decoder, mut input) = (Decoder::new(Role::Client, None), BytesMut::new());
    input.extend_from_slice(&frame(TEXT, b"a\xe2\x82").open().bytes(true));
    assert!(decoder.decode(&mut input, Take::Pieces).is_ok());
    input.extend_from_slice(&frame(CONTINUATION, b"z").bytes(true));
    assert_eq!(decoder.decode(&mut input, Take::Pieces).expect_err("not text").code, CloseCode::INVALID);
}

#[test]
fn what_is_encoded_is_decoded_by_the_other_end() {
    for role in [Role::Client, Role::Server] {
        for compressed in [false, true] {
            let window = compressed.then(|| window(15));
            let deflating = window.map(|window| Deflating { window, level: 6, from_size: 10 });
            let mut encoder = Encoder::new(role, deflating);
            let (mut decoder, mut input) = (Decoder::new(role, window), BytesMut::new());
            let mut put = |wire: kjasync::websocket::Wire| {
                input.extend_from_slice(&wire.head);
                input.extend_from_slice(&wire.data);
            };
            let big = Bytes::from("\u{e9}t\u{e9} ".repeat(20_000));
            put(encoder.message(MessageKind::Text, &Bytes::from_static(b"short")));
            put(encoder.message(MessageKind::Text, &big));
            put(encoder.ping(&Bytes::from_static(b"?")));
            put(encoder.fragment(MessageKind::Text, &big.slice(..1), false).expect("text"));
            put(encoder.pong(&Bytes::from_static(b"!")));
            assert!(encoder.is_in_message());
            put(encoder.fragment(MessageKind::Text, &big.slice(1..), true).expect("text"));
            put(encoder.message(MessageKind::Binary, &Bytes::new()));
            assert!(encoder.fragment(MessageKind::Text, &Bytes::from_static(b"\xff"), true).is_err());
            let came = events(&mut decoder, &mut input, WHOLE);
            let big = text(std::str::from_utf8(&big).expect("text"));
            let nothing = Event::Data(Piece { kind: MessageKind::Binary, data: Bytes::new(), last: true });
            let (ping, pong) = (Event::Ping(Bytes::from_static(b"?")), Event::Pong(Bytes::from_static(b"!")));
            assert!(came == [text("short"), big.clone(), ping, pong, big, nothing], "{role:?} {compressed}");
        }
    }
}

/// A generator whose numbers are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// Frames that are mostly right and sometimes not, cut anywhere: no event comes twice, nothing panics, nothing is held that
/// was not sent, and after a violation there is nothing but that.
#[test]
fn random_streams_do_no_harm() {
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let compressed = random.below(3) == 0;
        let how = if random.below(3) == 0 { Take::Pieces } else { Take::Whole(5000) };
        let mut decoder = Decoder::new(Role::Client, compressed.then(|| window(9)));
        let mut bytes = Vec::new();
        for _ in 0..1 + random.below(6) {
            let size = [0, 1, 20, 125, 126, 300][random.below(6)];
            let payload: Vec<u8> = if random.below(2) == 0 {
                content(&mut random, size)
            } else {
                Squeeze::new(9, false).press(&content(&mut random, size))
            };
            let opcode =
                [CONTINUATION, TEXT, BINARY, BINARY, PING, PONG, CLOSE, random.below(16) as u8][random.below(8)];
            let mut frame = frame(opcode, payload);
            frame.last = random.below(3) > 0;
            frame.reserved = if random.below(4) == 0 { random.below(8) as u8 } else { 0 };
            if compressed && random.below(2) == 0 {
                frame.reserved = 4;
            }
            bytes.extend(frame.bytes(random.below(50) > 0));
        }
        if random.below(2) == 0 {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        let (mut input, mut given, mut failed) = (BytesMut::new(), 0, None);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(1 + random.below(rest.len()));
            rest = behind;
            input.extend_from_slice(piece);
            loop {
                match decoder.decode(&mut input, how) {
                    Ok(Some(Event::Data(piece))) => given += piece.data.len(),
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(violation) => {
                        assert!(failed.is_none_or(|failed| failed == violation), "seed {seed}");
                        failed = Some(violation);
                        break;
                    }
                }
            }
            assert!(input.len() <= bytes.len());
        }
        assert!(compressed || given <= bytes.len(), "seed {seed}");
    }
}

fn content(random: &mut Random, size: usize) -> Vec<u8> {
    (0..size).map(|_| b"abcdefgh\xc3\xa9\xff"[random.below(if size == 300 { 11 } else { 8 })]).collect()
}

// parity: WS-17, WS-18, WS-19
#[test]
fn offers_are_accepted_in_order_and_within_bounds() {
    let answer = |offers: &str, options: &Compression| accept(offers, options).map(|got| got.map(|(_, text)| text));
    let on = Compression::on();
    for (offers, expected) in [
        ("", None),
        ("x-webkit-deflate-frame", None),
        ("permessage-deflate", Some("permessage-deflate")),
        ("permessage-deflate; client_max_window_bits", Some("permessage-deflate")),
        ("PerMessage-Deflate;client_max_window_bits=10", Some("permessage-deflate; client_max_window_bits=10")),
        ("permessage-deflate; server_max_window_bits=\"9\"", Some("permessage-deflate; server_max_window_bits=9")),
        ("permessage-deflate; server_max_window_bits=15", Some("permessage-deflate; server_max_window_bits=15")),
        ("permessage-deflate; server_no_context_takeover", Some("permessage-deflate; server_no_context_takeover")),
        ("permessage-deflate; client_no_context_takeover", Some("permessage-deflate; client_no_context_takeover")),
        // What cannot be accepted is passed over.
        (
            "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=8",
            Some("permessage-deflate; server_max_window_bits=8"),
        ),
        ("permessage-deflate; server_max_window_bits=16, permessage-deflate", Some("permessage-deflate")),
        ("permessage-deflate; server_max_window_bits=7", None),
        ("permessage-deflate; server_max_window_bits=09", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; client_max_window_bits=", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", None),
        ("permessage-deflate; server_max_window_bits=9; server_max_window_bits=10", None),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits=10", None),
    ] {
        match answer(offers, &on) {
            Ok(got) => assert_eq!(got.as_deref(), expected, "{offers}"),
            Err(_) => assert_eq!(expected, None, "{offers}"),
        }
        assert!(!matches!(answer(offers, &Compression::default()), Ok(Some(_))), "off is off");
    }
    for bad in ["a b", "permessage-deflate; =1", "permessage-deflate;;", "permessage-deflate; a=\"", ";", "a; b=c d"] {
        assert!(answer(bad, &on).is_err(), "{bad}");
    }
    let bounded = Compression {
        client_max_window_bits: 10,
        server_max_window_bits: 11,
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        ..on
    };
    assert_eq!(answer("permessage-deflate", &bounded), Ok(None), "such a client cannot be told of its window");
    let text = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; \
                client_max_window_bits=10";
    assert_eq!(answer("permessage-deflate; client_max_window_bits=12", &bounded), Ok(Some(text.to_owned())));
}

// parity: WS-18
#[test]
fn an_answer_has_to_be_within_its_offer() {
    let plain = Parameters::offer(&Compression::on());
    let bounded = Parameters::offer(&Compression {
        client_max_window_bits: 10,
        server_max_window_bits: 11,
        server_no_context_takeover: true,
        ..Compression::on()
    });
    assert_eq!(plain.to_string(), "permessage-deflate; client_max_window_bits");
    for (answer, to_plain, to_bounded) in [
        ("permessage-deflate", true, false),
        ("permessage-deflate; server_max_window_bits=11; server_no_context_takeover", true, true),
        ("permessage-deflate; server_max_window_bits=12; server_no_context_takeover", true, false),
        ("permessage-deflate; server_max_window_bits=11", true, false),
        (
            "permessage-deflate; client_max_window_bits=11; server_max_window_bits=9; server_no_context_takeover",
            true,
            false,
        ),
        (
            "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9; server_no_context_takeover",
            true,
            true,
        ),
        ("permessage-deflate; client_max_window_bits", false, false),
        ("permessage-deflate; unknown", false, false),
        ("permessage-deflate, permessage-deflate", false, false),
        ("other", false, false),
    ] {
        assert_eq!(matches!(check_answer(answer, Some(&plain)), Ok(Some(_))), to_plain, "{answer}");
        assert_eq!(matches!(check_answer(answer, Some(&bounded)), Ok(Some(_))), to_bounded, "{answer}");
        assert!(check_answer(answer, None).is_err(), "nothing was offered");
    }
    assert_eq!(check_answer("", Some(&plain)), Ok(None));
    assert_eq!(check_answer("", None), Ok(None));
}
