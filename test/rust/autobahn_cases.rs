//! The cases of the Autobahn test suite, rebuilt by their structure: what is sent and what has to come back from an end that
//! answers every message with the same. Sections 12 and 13, which compress, are in `autobahn`.

use crate::websocket_peer::*;

/// How what is sent is cut into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chop {
    /// All in one.
    Not,
    /// A piece for each frame.
    Frames,
    /// Pieces of this many bytes.
    Bytes(usize),
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With the close of the suite, which is answered.
    Clean,
    /// This close comes back.
    Close(&'static [u8]),
    /// The end closes with this code for what it was sent.
    Fail(u16),
}

pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) sent: Vec<Frame>,
    pub(crate) chop: Chop,
    /// What comes back before the end.
    pub(crate) expected: Vec<Frame>,
    pub(crate) end: End,
    /// Only so many frames are sent before the failure has to be seen.
    pub(crate) fails_after: Option<usize>,
}

fn case(id: impl Into<String>, sent: Vec<Frame>, expected: Vec<Frame>, end: End) -> Case {
    Case { id: id.into(), sent, chop: Chop::Not, expected, end, fails_after: None }
}

impl Case {
    fn chopped(self, chop: Chop) -> Self {
        Self { chop, ..self }
    }
}

/// All in one, frame by frame, byte by byte: as three cases of the suite.
fn three(ids: [&str; 3], sent: &[Frame], expected: &[Frame], end: End) -> Vec<Case> {
    let chops = [Chop::Not, Chop::Frames, Chop::Bytes(1)];
    let made = ids.into_iter().zip(chops);
    made.map(|(id, chop)| case(id, sent.to_vec(), expected.to_vec(), end).chopped(chop)).collect()
}

fn echo(id: impl Into<String>, opcode: u8, payload: &[u8]) -> Case {
    let message = vec![frame(opcode, payload)];
    case(id, message.clone(), message, End::Clean)
}

const FAIL: End = End::Fail(1002);
const NOT_TEXT: End = End::Fail(1007);

/// A text of so many bytes.
pub(crate) fn text(size: usize) -> Vec<u8> {
    b"The quick brown fox jumps over the lazy dog. ".iter().copied().cycle().take(size).collect()
}

fn framing() -> Vec<Case> {
    let mut cases = Vec::new();
    for (section, opcode) in [(1, TEXT), (2, BINARY)] {
        for (n, size) in [0, 125, 126, 127, 128, 65535, 65536, 65536].into_iter().enumerate() {
            let payload = if opcode == TEXT { text(size) } else { vec![0xfe; size] };
            let chop = if n == 7 { Chop::Bytes(997) } else { Chop::Not };
            cases.push(echo(format!("1.{section}.{}", n + 1), opcode, &payload).chopped(chop));
        }
    }
    cases
}

fn pings() -> Vec<Case> {
    let (pinged, binary) = (b"Hello, world!", [0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);
    let answer =
        |id: &str, payload: &[u8]| case(id, vec![frame(PING, payload)], vec![frame(PONG, payload)], End::Clean);
    let ten = |opcode| (0..10).map(|n| frame(opcode, format!("payload-{n}"))).collect::<Vec<_>>();
    vec![
        answer("2.1", b""),
        answer("2.2", pinged),
        answer("2.3", &binary),
        answer("2.4", &[0xfe; 125]),
        case("2.5", vec![frame(PING, [0xfe; 126])], vec![], FAIL),
        answer("2.6", &[0xfe; 125]).chopped(Chop::Bytes(1)),
        case("2.7", vec![frame(PONG, "")], vec![], End::Clean),
        case("2.8", vec![frame(PONG, "unsolicited")], vec![], End::Clean),
        case("2.9", vec![frame(PONG, "unsolicited"), frame(PING, "ping")], vec![frame(PONG, "ping")], End::Clean),
        case("2.10", ten(PING), ten(PONG), End::Clean),
        case("2.11", ten(PING), ten(PONG), End::Clean).chopped(Chop::Bytes(1)),
    ]
}

fn reserved() -> Vec<Case> {
    let hello = || frame(TEXT, "Hello, world!");
    let wrong = |bits| vec![hello(), hello().reserved(bits), frame(PING, "")];
    vec![
        case("3.1", vec![hello().reserved(1)], vec![], FAIL),
        case("3.2", wrong(2), vec![hello()], FAIL),
        case("3.3", wrong(3), vec![hello()], FAIL).chopped(Chop::Frames),
        case("3.4", wrong(4), vec![hello()], FAIL).chopped(Chop::Bytes(1)),
        case("3.5", vec![frame(BINARY, [0, 0xff]).reserved(5)], vec![], FAIL),
        case("3.6", vec![frame(PING, "Hello, world!").reserved(6)], vec![], FAIL),
        case("3.7", vec![close(1000, "").reserved(7)], vec![], FAIL),
    ]
}

fn opcodes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (section, first) in [(1, 3), (2, 11)] {
        for n in 0..5_u8 {
            let payload = if n == 0 { "" } else { "reserved opcode payload" };
            let wrong = frame(first + n, payload);
            let hello = frame(TEXT, "Hello, world!");
            let id = format!("4.{section}.{}", n + 1);
            cases.push(if n < 2 {
                case(id, vec![wrong, frame(PING, "")], vec![], FAIL)
            } else {
                let chop = [Chop::Not, Chop::Frames, Chop::Bytes(1)][usize::from(n) - 2];
                case(id, vec![hello.clone(), wrong, frame(PING, "")], vec![hello], FAIL).chopped(chop)
            });
        }
    }
    cases
}

fn fragmentation() -> Vec<Case> {
    let (one, two) = ("fragment1", "fragment2");
    let whole = || frame(TEXT, "fragment1fragment2");
    let start = || frame(TEXT, one).open();
    let more = || frame(CONTINUATION, two);
    let hello = || frame(TEXT, "Hello, world!");
    let mut cases = vec![
        case("5.1", vec![frame(PING, one).open(), more()], vec![], FAIL),
        case("5.2", vec![frame(PONG, one).open(), more()], vec![], FAIL),
    ];
    cases.extend(three(["5.3", "5.4", "5.5"], &[start(), more()], &[whole()], End::Clean));
    let with_ping = [start(), frame(PING, "ping payload"), more()];
    cases.extend(three(["5.6", "5.7", "5.8"], &with_ping, &[frame(PONG, "ping payload"), whole()], End::Clean));
    let stray = || frame(CONTINUATION, "non-continuation payload");
    cases.extend(three(["5.9", "5.10", "5.11"], &[stray(), hello()], &[], FAIL));
    cases.extend(three(["5.12", "5.13", "5.14"], &[stray().open(), hello()], &[], FAIL));
    cases.push(case(
        "5.15",
        vec![start(), more(), frame(CONTINUATION, "fragment3").open(), hello()],
        vec![whole()],
        FAIL,
    ));
    let twice = |last: bool| {
        let first = if last { frame(CONTINUATION, one) } else { frame(CONTINUATION, one).open() };
        let once = vec![first, frame(TEXT, two).open(), frame(CONTINUATION, "fragment3")];
        [once.clone(), once].concat()
    };
    cases.push(case("5.16", twice(false), vec![], FAIL));
    cases.push(case("5.17", twice(true), vec![], FAIL));
    cases.push(case("5.18", vec![start(), frame(TEXT, two)], vec![], FAIL));
    let parts = |n: usize| frame(CONTINUATION, format!("fragment{n}")).open();
    let sent = vec![
        start(),
        parts(2),
        frame(PING, "pongme 1!"),
        parts(3),
        parts(4),
        frame(PING, "pongme 2!"),
        frame(CONTINUATION, "fragment5"),
    ];
    let expected = vec![
        frame(PONG, "pongme 1!"),
        frame(PONG, "pongme 2!"),
        frame(TEXT, "fragment1fragment2fragment3fragment4fragment5"),
    ];
    cases.push(case("5.19", sent.clone(), expected.clone(), End::Clean));
    cases.push(case("5.20", sent, expected, End::Clean).chopped(Chop::Frames));
    cases
}

/// Bytes that are text or not.
fn utf8_sequences() -> Vec<(&'static str, Vec<Vec<u8>>, bool)> {
    let list = |sequences: &[&[u8]]| sequences.iter().map(|bytes| bytes.to_vec()).collect::<Vec<_>>();
    let range = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    let spaced = |from: u8, to: u8| (from..=to).flat_map(|byte| [byte, b' ']).collect::<Vec<u8>>();
    let incomplete: [&[u8]; 10] = [
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xf8\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80",
        b"\xdf",
        b"\xef\xbf",
        b"\xf7\xbf\xbf",
        b"\xfb\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf",
    ];
    let surrogates: [&[u8]; 7] = [
        b"\xed\xa0\x80",
        b"\xed\xad\xbf",
        b"\xed\xae\x80",
        b"\xed\xaf\xbf",
        b"\xed\xb0\x80",
        b"\xed\xbe\x80",
        b"\xed\xbf\xbf",
    ];
    let pairs: [[&[u8]; 2]; 8] = [
        [b"\xed\xa0\x80", b"\xed\xb0\x80"],
        [b"\xed\xa0\x80", b"\xed\xbf\xbf"],
        [b"\xed\xad\xbf", b"\xed\xb0\x80"],
        [b"\xed\xad\xbf", b"\xed\xbf\xbf"],
        [b"\xed\xae\x80", b"\xed\xb0\x80"],
        [b"\xed\xae\x80", b"\xed\xbf\xbf"],
        [b"\xed\xaf\xbf", b"\xed\xb0\x80"],
        [b"\xed\xaf\xbf", b"\xed\xbf\xbf"],
    ];
    // The last two of each plane.
    let planes = (0..=16_u32).flat_map(|plane| [plane << 16 | 0xfffe, plane << 16 | 0xffff]);
    let nobody = planes.map(|point| char::from_u32(point).expect("not a surrogate").to_string().into_bytes()).collect();
    let specials =
        (0xfff9..=0xffff_u32).map(|point| char::from_u32(point).expect("one").to_string().into_bytes()).collect();
    vec![
        (
            "6.5",
            list(&[
                "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}".as_bytes(),
                b"hello\x24world",
                "hello\u{a2}world".as_bytes(),
                "hello\u{20ac}world".as_bytes(),
                "hello\u{24b62}world".as_bytes(),
            ]),
            true,
        ),
        ("6.7", list(&[b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"]), true),
        ("6.8", list(&[b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]), false),
        ("6.9", list(&[b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"]), true),
        ("6.10", list(&[b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"]), false),
        ("6.11", list(&[b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"]), true),
        ("6.11+", list(&[b"\xf4\x90\x80\x80"]), false),
        (
            "6.12",
            [&[0x80][..], &[0xbf]]
                .iter()
                .map(|bytes| bytes.to_vec())
                .chain((2..=6).map(|count| [0x80, 0xbf].iter().copied().cycle().take(count).collect()))
                .chain([range(0x80, 0xbf)])
                .collect(),
            false,
        ),
        (
            "6.13",
            vec![spaced(0xc0, 0xdf), spaced(0xe0, 0xef), spaced(0xf0, 0xf7), spaced(0xf8, 0xfb), spaced(0xfc, 0xfd)],
            false,
        ),
        ("6.14", list(&incomplete), false),
        ("6.15", vec![incomplete.concat()], false),
        ("6.16", list(&[b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]), false),
        (
            "6.17",
            list(&[
                b"\xc0\xaf",
                b"\xe0\x80\xaf",
                b"\xf0\x80\x80\xaf",
                b"\xf8\x80\x80\x80\xaf",
                b"\xfc\x80\x80\x80\x80\xaf",
            ]),
            false,
        ),
        (
            "6.18",
            list(&[
                b"\xc1\xbf",
                b"\xe0\x9f\xbf",
                b"\xf0\x8f\xbf\xbf",
                b"\xf8\x87\xbf\xbf\xbf",
                b"\xfc\x83\xbf\xbf\xbf\xbf",
            ]),
            false,
        ),
        (
            "6.19",
            list(&[
                b"\xc0\x80",
                b"\xe0\x80\x80",
                b"\xf0\x80\x80\x80",
                b"\xf8\x80\x80\x80\x80",
                b"\xfc\x80\x80\x80\x80\x80",
            ]),
            false,
        ),
        ("6.20", list(&surrogates), false),
        ("6.21", pairs.iter().map(|pair| pair.concat()).collect(), false),
        ("6.22", nobody, true),
        ("6.23", specials, true),
    ]
}

fn texts() -> Vec<Case> {
    let valid = "Hello-\u{b5}@\u{df}\u{f6}\u{e4}\u{fc}\u{e0}\u{e1}-UTF-8!!".as_bytes();
    let greek = "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}".as_bytes();
    let broken = [greek, b"\xed\xa0\x80edited"].concat();
    let empty = || frame(CONTINUATION, "");
    let gathered = |id: &str, sent: Vec<Frame>, payload: &[u8]| case(id, sent, vec![frame(TEXT, payload)], End::Clean);
    let mut cases = vec![
        echo("6.1.1", TEXT, b""),
        gathered("6.1.2", vec![frame(TEXT, "").open(), empty().open(), empty()], b""),
        gathered(
            "6.1.3",
            vec![frame(TEXT, "").open(), frame(CONTINUATION, "middle frame payload").open(), empty()],
            b"middle frame payload",
        ),
        echo("6.2.1", TEXT, valid),
        gathered("6.2.2", fragments(TEXT, valid, 8), valid),
        gathered("6.2.3", fragments(TEXT, valid, 1), valid),
        gathered("6.2.4", fragments(TEXT, greek, 1), greek),
        case("6.3.1", vec![frame(TEXT, &broken)], vec![], NOT_TEXT),
        case("6.3.2", fragments(TEXT, &broken, 1), vec![], NOT_TEXT),
    ];
    // What can no longer become text is refused before the rest of the message comes.
    let late =
        |bytes: &[u8]| vec![frame(TEXT, greek).open(), frame(CONTINUATION, bytes).open(), frame(CONTINUATION, "x")];
    for (id, bytes, after) in [("6.4.1", &b"\xf4\x90\x80\x80"[..], 2), ("6.4.2", b"\xf4\x90", 2)] {
        let failing = case(id, late(bytes), vec![], NOT_TEXT).chopped(Chop::Frames);
        cases.push(Case { fails_after: Some(after), ..failing });
    }
    for (id, bytes, at) in [("6.4.3", &b"\xf4\x90\x80\x80rest"[..], 13), ("6.4.4", b"\xf4\x90rest", 13)] {
        let whole = [greek, bytes].concat();
        let failing = case(id, vec![frame(TEXT, &whole)], vec![], NOT_TEXT).chopped(Chop::Bytes(1));
        // Behind a header of two bytes, four of them more from a client.
        cases.push(Case { fails_after: Some(at), ..failing });
    }
    for n in 1..=greek.len() {
        let id = format!("6.6.{n}");
        cases.push(if std::str::from_utf8(&greek[..n]).is_ok() {
            echo(id, TEXT, &greek[..n])
        } else {
            case(id, vec![frame(TEXT, &greek[..n])], vec![], NOT_TEXT)
        });
    }
    for (section, sequences, is_text) in utf8_sequences() {
        for (n, bytes) in sequences.iter().enumerate() {
            let id = format!("{section}.{}", n + 1);
            cases.push(if is_text {
                echo(id, TEXT, bytes)
            } else {
                case(id, vec![frame(TEXT, bytes)], vec![], NOT_TEXT)
            });
        }
    }
    cases
}

fn closes() -> Vec<Case> {
    let hello = || frame(TEXT, "Hello World!");
    let normal = || close(1000, "");
    let bye = End::Close(&[3, 232]);
    let mut cases = vec![
        case("7.1.1", vec![hello(), normal()], vec![hello()], bye),
        case("7.1.2", vec![normal(), normal()], vec![], bye),
        case("7.1.3", vec![normal(), frame(PING, "")], vec![], bye),
        case("7.1.4", vec![normal(), hello()], vec![], bye),
        case("7.1.5", vec![frame(TEXT, "fragment1").open(), normal(), frame(CONTINUATION, "fragment2")], vec![], bye),
        case(
            "7.1.6",
            vec![frame(TEXT, text(1 << 18)), hello(), normal(), frame(PING, "")],
            vec![frame(TEXT, text(1 << 18)), hello()],
            bye,
        ),
        case("7.3.1", vec![frame(CLOSE, "")], vec![], End::Close(b"")),
        case("7.3.2", vec![frame(CLOSE, "a")], vec![], FAIL),
        case("7.3.3", vec![normal()], vec![], bye),
        case("7.3.4", vec![close(1000, "Hello World!")], vec![], End::Close(b"\x03\xe8Hello World!")),
        case("7.3.6", vec![close(1000, &"*".repeat(124))], vec![], FAIL),
        case(
            "7.5.1",
            vec![frame(CLOSE, b"\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited")],
            vec![],
            NOT_TEXT,
        ),
    ];
    let longest: &'static [u8] = [&b"\x03\xe8"[..], &[b'*'; 123]].concat().leak();
    cases.push(case("7.3.5", vec![close(1000, &"*".repeat(123))], vec![], End::Close(longest)));
    for (n, code) in
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999_u16].into_iter().enumerate()
    {
        let back: &'static [u8] = code.to_be_bytes().to_vec().leak();
        cases.push(case(format!("7.7.{}", n + 1), vec![close(code, "")], vec![], End::Close(back)));
    }
    for (n, code) in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535_u16].into_iter().enumerate() {
        let id = if n < 9 { format!("7.9.{}", n + 1) } else { format!("7.13.{}", n - 8) };
        cases.push(case(id, vec![close(code, "")], vec![], FAIL));
    }
    cases
}

fn large() -> Vec<Case> {
    let mut cases = Vec::new();
    for (pair, opcode) in [(0, TEXT), (1, BINARY)] {
        for (n, kilobytes) in [64, 256, 1024, 4096, 8192, 16384].into_iter().enumerate() {
            cases.push(echo(format!("9.{}.{}", 1 + pair, n + 1), opcode, &text(kilobytes << 10)));
        }
        let four = text(4 << 20);
        for n in 0..9 {
            let sent = fragments(opcode, &four, 64 << (2 * n));
            cases.push(case(format!("9.{}.{}", 3 + pair, n + 1), sent, vec![frame(opcode, &four)], End::Clean));
        }
        for n in 0..6 {
            let chopped =
                echo(format!("9.{}.{}", 5 + pair, n + 1), opcode, &text(1 << 20)).chopped(Chop::Bytes(64 << n));
            cases.push(chopped);
        }
        for (n, size) in [0, 16, 64, 256, 1024, 4096].into_iter().enumerate() {
            let messages = vec![frame(opcode, text(size)); 1000];
            cases.push(case(format!("9.{}.{}", 7 + pair, n + 1), messages.clone(), messages, End::Clean));
        }
    }
    let message = text(65536);
    cases.push(case("10.1.1", fragments(TEXT, &message, 1300), vec![frame(TEXT, &message)], End::Clean));
    cases
}

pub(crate) fn all() -> Vec<Case> {
    [framing(), pings(), reserved(), opcodes(), fragmentation(), texts(), closes(), large()]
        .into_iter()
        .flatten()
        .collect()
}
