//! Heads, chunks, URLs and ranges under text at random, the same in each run: nothing panics, what was printed is read back
//! as itself, and a head that is accepted here means the same to another reader.

use kjasync::http::{
    ByteRange, ChunkScan, HeadLimits, Headers, Ranges, RequestHead, ResponseHead, Scanned, Url, UrlContext, UrlOptions,
    Version,
};

/// Numbers that look random (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn text(&mut self, alphabet: &[u8], most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }

    /// A few bytes are replaced, inserted or taken out.
    fn spoil(&mut self, text: &mut Vec<u8>, with: &[u8]) {
        for _ in 0..=self.below(3) {
            let (at, byte) = (self.below(text.len() + 1), with[self.below(with.len())]);
            match self.below(3) {
                0 => text.insert(at, byte),
                1 if at < text.len() => text[at] = byte,
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
        }
    }
}

const TOKEN: &[u8] = b"abzAZ09!#$%&'*+-.^_`|~";
const VALUE: &[u8] = b"ab Z09,;=\t\":/\x80\xff\x01";
const PLAIN_VALUE: &[u8] = b"ab Z09,;=\t\":/";
const ODD: &[u8] = b"\r\n\r\n \t:;,/=-0123456789abcdefxyzHTP.\0\x7f\xff";
const ROUNDS: usize = 20_000;

fn headers(dice: &mut Dice) -> Headers {
    let mut headers = Headers::new();
    for _ in 0..dice.below(5) {
        let mut name = dice.text(TOKEN, 8);
        name.push(b'n');
        let alphabet = if dice.below(3) == 0 { VALUE } else { PLAIN_VALUE };
        // Blanks around a value are not a part of it.
        headers.append(&name, dice.text(alphabet, 12).trim_ascii()).expect("a header");
    }
    headers
}

fn version(dice: &mut Dice) -> Version {
    if dice.below(2) == 0 { Version::Http10 } else { Version::Http11 }
}

/// Where the two readers have no reason to differ: httparse takes no control characters, and no bytes beyond ASCII in a target.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b'\t' | b' '..=b'~'))
}

fn same_headers(ours: &Headers, theirs: &[httparse::Header<'_>]) -> bool {
    ours.iter().eq(theirs.iter().map(|header| (header.name.as_bytes(), header.value)))
}

// parity: HTTP-13, HTTP-14
#[test]
fn heads_of_requests_survive_anything_and_mean_the_same_to_another_reader() {
    let (mut dice, limits, mut accepted) = (Dice(0x1234_5678_9abc_def1), HeadLimits::default(), 0);
    for _ in 0..ROUNDS {
        let method = dice.pick(&["GET", "CONNECT", "M-SEARCH", "x", "!"]).to_owned();
        let target = dice.pick(&["/", "*", "h:1", "http://h/%20?a=b#c", "/é"]).to_owned();
        let head = RequestHead { method, target, version: version(&mut dice), headers: headers(&mut dice) };
        let mut text = head.to_bytes().expect("it can be printed");
        assert_eq!(RequestHead::parse(&text, &limits), Ok(head));
        dice.spoil(&mut text, ODD);
        let Ok(head) = RequestHead::parse(&text, &limits) else { continue };
        let printed = head.to_bytes().expect("what was read can be printed");
        assert_eq!(RequestHead::parse(&printed, &limits).as_ref(), Ok(&head), "{}", text.escape_ascii());
        if !is_plain(&text) {
            continue;
        }
        accepted += 1;
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut other = httparse::Request::new(&mut fields);
        let length = other.parse(&text);
        assert_eq!(length, Ok(httparse::Status::Complete(text.len())), "{}", text.escape_ascii());
        let minor = u8::from(head.version == Version::Http11);
        let line = (Some(head.method.as_str()), Some(head.target.as_str()), Some(minor));
        assert_eq!((other.method, other.path, other.version), line);
        assert!(same_headers(&head.headers, other.headers), "{}", text.escape_ascii());
    }
    assert!(accepted > ROUNDS / 20, "only {accepted} heads were compared");
}

// parity: HTTP-13, HTTP-14
#[test]
fn heads_of_responses_survive_anything_and_mean_the_same_to_another_reader() {
    let (mut dice, limits, mut accepted) = (Dice(0xfeed_f00d_dead_beef), HeadLimits::default(), 0);
    for _ in 0..ROUNDS {
        let reason = dice.pick(&["", "OK", "Not  There ", "é"]).to_owned();
        let status = 100 + dice.below(900) as u16;
        let head = ResponseHead { status, reason, version: version(&mut dice), headers: headers(&mut dice) };
        let mut text = head.to_bytes().expect("it can be printed");
        assert_eq!(ResponseHead::parse(&text, &limits), Ok(head));
        dice.spoil(&mut text, ODD);
        let Ok(head) = ResponseHead::parse(&text, &limits) else { continue };
        let printed = head.to_bytes().expect("what was read can be printed");
        assert_eq!(ResponseHead::parse(&printed, &limits).as_ref(), Ok(&head), "{}", text.escape_ascii());
        if !is_plain(&text) {
            continue;
        }
        accepted += 1;
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut other = httparse::Response::new(&mut fields);
        assert_eq!(other.parse(&text), Ok(httparse::Status::Complete(text.len())), "{}", text.escape_ascii());
        assert_eq!((other.code, other.reason), (Some(head.status), Some(head.reason.as_str())));
        assert!(same_headers(&head.headers, other.headers), "{}", text.escape_ascii());
    }
    assert!(accepted > ROUNDS / 20, "only {accepted} heads were compared");
}

/// A chunked body and what it carries.
fn chunked(dice: &mut Dice) -> (Vec<u8>, Vec<u8>) {
    let (mut text, mut data) = (Vec::new(), Vec::new());
    for _ in 0..dice.below(4) {
        let mut chunk = dice.text(ODD, 40);
        chunk.push(b'.');
        let extension = dice.pick(&["", ";a", " ; a=\"b;c\"", "\t"]);
        text.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        text.extend_from_slice(&chunk);
        text.extend_from_slice(b"\r\n");
        data.extend_from_slice(&chunk);
    }
    text.extend_from_slice(dice.pick(&["0\r\n\r\n", "000;x\r\n\r\n", "0\r\nA: b\r\nC: d\r\n\r\n"]).as_bytes());
    (text, data)
}

/// What a body that comes in pieces of this size carries, and how long it was.
fn carried(text: &[u8], piece: usize) -> Option<(Vec<u8>, usize)> {
    let (mut scan, mut data, mut at) = (ChunkScan::new(), Vec::new(), 0);
    while at < text.len() && !scan.has_ended() {
        let piece = &text[at..text.len().min(at + piece)];
        let (framing, carried) = scan.frame(piece).ok()?;
        data.extend_from_slice(&piece[framing..framing + carried]);
        at += framing + carried;
    }
    scan.has_ended().then_some((data, at))
}

// parity: HTTP-21
#[test]
fn chunks_survive_anything_in_whatever_pieces_they_come() {
    let mut dice = Dice(0x0bad_cafe_0bad_cafe);
    for _ in 0..ROUNDS {
        let (mut text, data) = chunked(&mut dice);
        let length = text.len();
        let piece = 1 + dice.below(12);
        text.extend_from_slice(b"0\r\nnext");
        assert_eq!(carried(&text, piece), Some((data, length)), "{}", text.escape_ascii());
        dice.spoil(&mut text, ODD);
        let whole = carried(&text, text.len());
        assert_eq!(carried(&text, piece), whole, "{}", text.escape_ascii());
        let scanned = match ChunkScan::new().scan(&text) {
            Ok(Scanned::Ends(length)) => Some(length),
            Ok(Scanned::All) | Err(_) => None,
        };
        assert_eq!(scanned, whole.map(|(_, length)| length), "{}", text.escape_ascii());
    }
}

const URL: &[u8] = b"aZ09/.:?#&=+%-_~@[] ;2f\xc3\xa9";

fn reads_back(url: &Url, context: UrlContext, text: &str) {
    // A part of a path such as an escaped `..` can be read and not be written.
    let Ok(printed) = url.to_text(context) else { return };
    let again = Url::parse(&printed, context, url.options);
    assert_eq!(again.as_ref().ok(), Some(url), "{text:?} was printed as {printed:?}");
}

// parity: URL-02, URL-03, URL-04, URL-05, URL-06, URL-08, URL-09, URL-10
#[test]
fn urls_survive_anything_and_are_read_back_as_themselves() {
    let (mut dice, mut read) = (Dice(0x5eed_0000_0000_0001), 0);
    for _ in 0..ROUNDS {
        let options = UrlOptions { percent_decode: dice.below(4) > 0, allow_empty: dice.below(2) == 0 };
        let (context, start) = match dice.below(3) {
            0 => (UrlContext::RemoteHref, dice.pick(&["http://h", "x+1://U:p@h:1", "http://", ""])),
            1 => (UrlContext::HttpProxyRequest, dice.pick(&["http://h", "http://", ""])),
            _ => (UrlContext::HttpRequest, dice.pick(&["/", "/a", ""])),
        };
        let text = [start.as_bytes(), &dice.text(URL, 24)].concat();
        let text = String::from_utf8_lossy(&text);
        let Ok(url) = Url::parse(&text, context, options) else { continue };
        read += 1;
        reads_back(&url, context, &text);
        if context == UrlContext::RemoteHref {
            let reference = dice.text(URL, 16);
            let reference = String::from_utf8_lossy(&reference);
            if let Ok(url) = url.parse_relative(&reference) {
                reads_back(&url, context, &format!("{reference} at {text}"));
            }
        }
    }
    assert!(read > ROUNDS / 20, "only {read} URLs were read");
}

// parity: HTTP-17, HTTP-26
#[test]
fn ranges_survive_anything_and_stay_within_the_length() {
    let (mut dice, mut read) = (Dice(0x00c0_ffee_00c0_ffee), 0);
    for _ in 0..ROUNDS {
        let length = [0, 1, 10, 1000, u64::MAX][dice.below(5)];
        let mut text = b"bytes=".to_vec();
        for n in 0..=dice.below(3) {
            text.extend_from_slice(if n == 0 { b"" } else { b"," });
            let (first, last) = (dice.text(b"0123456789", 3), dice.text(b"0123456789", 3));
            text.extend_from_slice(&[first.as_slice(), b"-", &last].concat());
        }
        if dice.below(3) == 0 {
            dice.spoil(&mut text, b"0123456789-, =x");
        }
        let Ranges::Some(ranges) = Ranges::parse(&text, length) else { continue };
        read += 1;
        for range in &ranges {
            assert!(range.start <= range.end && range.end < length, "{range} of {length}");
            assert!((range.start, range.end) != (0, length - 1), "{range} is everything");
        }
        let printed = ranges.iter().map(ByteRange::to_string).collect::<Vec<_>>().join(", ");
        assert_eq!(Ranges::parse(format!("bytes={printed}").as_bytes(), length), Ranges::Some(ranges));
    }
    assert!(read > ROUNDS / 20, "only {read} headers were read");
}
