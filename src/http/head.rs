//! Heads of messages: the first line and the headers, read strictly and written. (HTTP-13, HTTP-14)
//!
//! Stricter than KJ on purpose, for what two readers take differently is how requests are smuggled: lines end with CRLF,
//! none is folded, a version is `HTTP/1.0` or `HTTP/1.1`, and no space stands before a colon.

use super::ProtocolError;
use super::headers::{Headers, is_token, is_value};
use crate::error::Error;

/// Which HTTP/1 a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

impl Version {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Http10 => b"HTTP/1.0",
            Self::Http11 => b"HTTP/1.1",
        }
    }

    fn parse(text: &[u8]) -> Result<Self, ProtocolError> {
        match text {
            b"HTTP/1.1" => Ok(Self::Http11),
            b"HTTP/1.0" => Ok(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
                Err(ProtocolError::bad_version())
            }
            _ => Err(ProtocolError::bad_request("the first line does not have a version where one belongs")),
        }
    }
}

/// The head of a request. (HTTP-01, HTTP-02, HTTP-03)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// Any token; methods are told apart by case.
    pub method: String,
    /// What is asked for: a path with a query, a whole URL for a proxy, `host:port` for `CONNECT`, or `*`.
    pub target: String,
    /// The version of the message.
    pub version: Version,
    /// The header fields.
    pub headers: Headers,
}

/// The head of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// From 100 to 999.
    pub status: u16,
    /// The text beside it; may be empty.
    pub reason: String,
    /// The version of the message.
    pub version: Version,
    /// The header fields.
    pub headers: Headers,
}

/// How much a head may have. (HTTP-16)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The most bytes, the closing blank line included.
    pub size: usize,
    /// The most header lines.
    pub headers: usize,
    /// The most bytes of a request's target.
    pub target: usize,
}

impl Default for HeadLimits {
    /// 128 KiB, 256 lines and a target of 32 KiB.
    fn default() -> Self {
        Self { size: 128 * 1024, headers: 256, target: 32 * 1024 }
    }
}

/// The length of the head at the front of `buffer`, its blank line included, once that has come. `searched` bytes are
/// known not to have its end.
///
/// # Errors
/// If it is longer than the limit, whether its end has come or not.
pub fn head_length(buffer: &[u8], searched: usize, limits: &HeadLimits) -> Result<Option<usize>, ProtocolError> {
    // A bare LF ends a line too: the head is found to be malformed when it is read.
    let mut at = searched.saturating_sub(2);
    while let Some(found) = buffer[at..].iter().position(|byte| *byte == b'\n') {
        at += found + 1;
        let end = match buffer[at..] {
            [b'\n', ..] => at + 1,
            [b'\r', b'\n', ..] => at + 2,
            _ => continue,
        };
        return if end > limits.size { Err(ProtocolError::head_too_large()) } else { Ok(Some(end)) };
    }
    if buffer.len() >= limits.size { Err(ProtocolError::head_too_large()) } else { Ok(None) }
}

/// Where a line begins and where it ends, without its CRLF.
type Line = (usize, usize);

/// Where the lines of a head are, without their CRLF. The closing blank line, which has to be there, is none of them.
fn lines(head: &[u8]) -> Result<Vec<Line>, ProtocolError> {
    let mut lines = Vec::with_capacity(16);
    let mut start = 0;
    while start < head.len() {
        let end = head[start..].iter().position(|byte| *byte == b'\n').map(|found| start + found);
        let Some(end) = end.filter(|end| *end > start && head[end - 1] == b'\r') else {
            return Err(ProtocolError::bad_request("a line does not end with CRLF"));
        };
        if end == start + 1 {
            let whole = end + 1 == head.len();
            return if whole { Ok(lines) } else { Err(ProtocolError::bad_request("bytes follow the blank line")) };
        }
        lines.push((start, end - 1));
        start = end + 1;
    }
    Err(ProtocolError::bad_request("no blank line ends the head"))
}

fn headers(head: &[u8], lines: &[Line], limits: &HeadLimits) -> Result<Headers, ProtocolError> {
    if head.len() > limits.size {
        return Err(ProtocolError::head_too_large());
    }
    if lines.len() > limits.headers {
        return Err(ProtocolError::too_many_headers());
    }
    Headers::parse(head, lines.iter().copied())
}

fn first_line(head: &[u8]) -> Result<(&[u8], Vec<Line>), ProtocolError> {
    let lines = lines(head)?;
    match lines.first() {
        Some((start, end)) => Ok((&head[*start..*end], lines)),
        None => Err(ProtocolError::bad_request("the head begins with a blank line")),
    }
}

impl RequestHead {
    /// Reads a whole head, from its first line to its blank line. (HTTP-13)
    ///
    /// # Errors
    /// What is wrong, with the status to answer.
    pub fn parse(head: &[u8], limits: &HeadLimits) -> Result<Self, ProtocolError> {
        Self::read(head, limits).map_err(|error| error.with_raw(head))
    }

    fn read(head: &[u8], limits: &HeadLimits) -> Result<Self, ProtocolError> {
        let (line, lines) = first_line(head)?;
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        let (Some(method), Some(target), Some(version)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ProtocolError::bad_request("the first line is not a method, a target and a version"));
        };
        let version = Version::parse(version)?;
        if !is_token(method) {
            return Err(ProtocolError::bad_request("the method is not a token"));
        }
        if target.len() > limits.target {
            return Err(ProtocolError::target_too_long());
        }
        let text = |part: &[u8]| String::from_utf8(part.to_vec());
        match (text(method), text(target)) {
            (Ok(method), Ok(target)) if is_target(target.as_bytes()) => {
                Ok(Self { method, target, version, headers: headers(head, &lines[1..], limits)? })
            }
            _ => Err(ProtocolError::bad_request("the target has bytes that no URL has")),
        }
    }

    /// Whether it would be read back as itself.
    ///
    /// # Errors
    /// `InvalidArgument` for a method or a target that would not.
    pub fn check(&self) -> Result<(), Error> {
        if !is_token(self.method.as_bytes()) {
            return Err(Error::invalid("the method of a request is a token such as GET"));
        }
        if !is_target(self.target.as_bytes()) {
            return Err(Error::invalid("the target of a request is a URL without spaces and control characters"));
        }
        Ok(())
    }

    /// The text of the head. (HTTP-14)
    ///
    /// # Errors
    /// As `check`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let line = [self.method.as_bytes(), self.target.as_bytes(), self.version.text()].join(&b' ');
        Ok(write(line, &self.headers))
    }
}

/// Whether a text can stand between the method and the version. Bytes beyond ASCII pass, as many programs send them.
fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && target.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

impl ResponseHead {
    /// With the usual text beside the status if none is given.
    pub fn new(status: u16, reason: Option<&str>, version: Version, headers: Headers) -> Self {
        let usual = || http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let reason = reason.or_else(usual).unwrap_or_default().to_owned();
        Self { status, reason, version, headers }
    }

    /// Reads a whole head, from its first line to its blank line. (HTTP-13)
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(head: &[u8], limits: &HeadLimits) -> Result<Self, ProtocolError> {
        Self::read(head, limits).map_err(|error| error.with_raw(head))
    }

    fn read(head: &[u8], limits: &HeadLimits) -> Result<Self, ProtocolError> {
        let (line, lines) = first_line(head)?;
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        let version = Version::parse(parts.next().unwrap_or_default())?;
        let status = match parts.next() {
            Some([a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) => {
                [a, b, c].into_iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'))
            }
            _ => return Err(ProtocolError::bad_request("the status is not a number of three digits")),
        };
        let reason = parts.next().unwrap_or_default();
        if !is_value(reason) {
            return Err(ProtocolError::bad_request("the text beside the status has a NUL or a CR in it"));
        }
        let reason = String::from_utf8_lossy(reason).into_owned();
        Ok(Self { status, reason, version, headers: headers(head, &lines[1..], limits)? })
    }

    /// Whether it would be read back as itself.
    ///
    /// # Errors
    /// `InvalidArgument` for a status or a text that would not.
    pub fn check(&self) -> Result<(), Error> {
        if !(100..=999).contains(&self.status) {
            return Err(Error::invalid(format!("{} is not a status of three digits", self.status)));
        }
        if !is_value(self.reason.as_bytes()) {
            return Err(Error::invalid("the text beside a status has neither NUL, CR nor LF"));
        }
        Ok(())
    }

    /// The text of the head. (HTTP-14)
    ///
    /// # Errors
    /// As `check`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let status = self.status.to_string();
        let line = [self.version.text(), status.as_bytes(), self.reason.as_bytes()].join(&b' ');
        Ok(write(line, &self.headers))
    }
}

/// Reads header lines without a first line, as protocols that are like HTTP have them. (HTTP-22)
///
/// # Errors
/// What is wrong.
pub fn parse_headers(head: &[u8], limits: &HeadLimits) -> Result<Headers, ProtocolError> {
    let read = lines(head).and_then(|lines| headers(head, &lines, limits));
    read.map_err(|error| error.with_raw(head))
}

fn write(mut out: Vec<u8>, headers: &Headers) -> Vec<u8> {
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&headers.to_lines());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Result<RequestHead, ProtocolError> {
        RequestHead::parse(text.as_bytes(), &HeadLimits::default())
    }

    fn response(text: &str) -> Result<ResponseHead, ProtocolError> {
        ResponseHead::parse(text.as_bytes(), &HeadLimits::default())
    }

    // parity: HTTP-01, HTTP-02, HTTP-03, HTTP-13, HTTP-14
    #[test]
    fn a_request_is_read_and_written_back() {
        let text = "PROPFIND /a?b=%20 HTTP/1.1\r\nHost: x\r\nX-Odd:\tspaced \t\r\nEmpty:\r\nhost: y\r\n\r\n";
        let head = request(text).expect("a request");
        assert_eq!(
            (head.method.as_str(), head.target.as_str(), head.version),
            ("PROPFIND", "/a?b=%20", Version::Http11)
        );
        assert_eq!(head.headers.get(b"x-odd").as_deref(), Some(b"spaced".as_slice()));
        assert_eq!(head.headers.get(b"empty").as_deref(), Some(b"".as_slice()));
        assert_eq!(head.headers.get(b"HOST").as_deref(), Some(b"x, y".as_slice()));
        let plain = "PROPFIND /a?b=%20 HTTP/1.1\r\nHost: x\r\nX-Odd: spaced\r\nEmpty: \r\nhost: y\r\n\r\n";
        assert_eq!(head.to_bytes().ok().as_deref(), Some(plain.as_bytes()));
        assert_eq!(request(plain).as_ref(), Ok(&head));
        assert_eq!(request("CONNECT h:1 HTTP/1.0\r\n\r\n").expect("a tunnel").version, Version::Http10);
        assert_eq!(request("get / HTTP/1.1\r\n\r\n").expect("methods have a case").method, "get");
    }

    // parity: HTTP-13, HTTP-14
    #[test]
    fn a_response_is_read_and_written_back() {
        let text = "HTTP/1.1 404 Not There\r\nContent-Length: 0\r\n\r\n";
        let head = response(text).expect("a response");
        assert_eq!((head.status, head.reason.as_str(), head.headers.len()), (404, "Not There", 1));
        assert_eq!(head.to_bytes().ok().as_deref(), Some(text.as_bytes()));
        assert_eq!(response("HTTP/1.0 200\r\n\r\n").expect("no text").reason, "");
        assert_eq!(response("HTTP/1.0 200 \r\n\r\n").expect("an empty text").reason, "");
        for bad in
            ["HTTP/1.1 99 x", "HTTP/1.1 1000 x", "HTTP/1.1 2x0 x", "HTTP/1.1 099 x", "HTTP/1.1", "HTTP/1.1  200 x"]
        {
            assert!(response(&format!("{bad}\r\n\r\n")).is_err(), "{bad}");
        }
        for (status, reason) in [(99, ""), (1000, ""), (200, "a\nb")] {
            let head = ResponseHead { status, reason: reason.to_owned(), ..ResponseHead::default() };
            assert!(head.to_bytes().is_err());
        }
    }

    // parity: HTTP-13, HTTP-15
    #[test]
    fn what_two_readers_may_take_differently_is_refused() {
        for (text, status) in [
            ("GET / HTTP/1.1\nHost: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\n\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nA: x\ry\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nA: x\0y\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\nmore", 400),
            ("GET / HTTP/1.1\r\nA: x", 400),
            ("\r\nGET / HTTP/1.1\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1 \r\n\r\n", 400),
            ("GET /a b HTTP/1.1\r\n\r\n", 400),
            ("GET\t/ HTTP/1.1\r\n\r\n", 400),
            ("GET /\x01 HTTP/1.1\r\n\r\n", 400),
            ("G(T / HTTP/1.1\r\n\r\n", 400),
            ("GET / http/1.1\r\n\r\n", 400),
            ("GET / HTTP/1\r\n\r\n", 400),
            ("GET / HTTP/1.10\r\n\r\n", 400),
            ("GET / HTTP/1.2\r\n\r\n", 505),
            ("GET / HTTP/2.0\r\n\r\n", 505),
            ("GET /\r\n\r\n", 400),
            ("", 400),
        ] {
            let error = request(text).expect_err(text);
            assert_eq!((error.status, error.raw.as_ref()), (status, text.as_bytes()), "{text:?}");
            assert!(!error.description.is_empty() && !error.reason.is_empty());
        }
    }

    // parity: HTTP-16
    #[test]
    fn a_head_has_limits() {
        let limits = HeadLimits { size: 64, headers: 2, target: 8 };
        let read = |text: &str| RequestHead::parse(text.as_bytes(), &limits).map_err(|error| error.status).map(drop);
        assert_eq!(read("GET /1234567 HTTP/1.1\r\na: 1\r\nb: 2\r\n\r\n"), Ok(()));
        assert_eq!(read("GET /12345678 HTTP/1.1\r\n\r\n"), Err(414));
        assert_eq!(read("GET / HTTP/1.1\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n"), Err(431));
        assert_eq!(read(&format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(64))), Err(431));
    }

    // parity: HTTP-16
    #[test]
    fn the_end_of_a_head_is_found_however_it_comes_in() {
        let head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n";
        let whole = [head.as_slice(), b"body\r\n\r\n"].concat();
        let limits = HeadLimits { size: head.len(), ..HeadLimits::default() };
        for split in 0..=whole.len() {
            let first = head_length(&whole[..split], 0, &limits);
            let expected = if split < head.len() { Ok(None) } else { Ok(Some(head.len())) };
            assert_eq!(first, expected, "{split}");
            if split < head.len() {
                assert_eq!(head_length(&whole, split, &limits), Ok(Some(head.len())), "{split}");
            }
        }
        let short = HeadLimits { size: head.len() - 1, ..limits };
        assert_eq!(head_length(&whole, 0, &short).map_err(|error| error.status), Err(431));
        assert_eq!(head_length(&head[..head.len() - 1], 0, &short).map_err(|error| error.status), Err(431));
        assert_eq!(head_length(b"GET / HTTP/1.1\n\n", 0, &limits), Ok(Some(16)));
    }

    // parity: HTTP-22
    #[test]
    fn headers_alone_are_read() {
        let headers = parse_headers(b"Content-Length: 5\r\n\r\n", &HeadLimits::default()).expect("headers");
        assert_eq!(headers.get(b"content-length").as_deref(), Some(b"5".as_slice()));
        assert!(parse_headers(b"\r\n", &HeadLimits::default()).expect("no headers").is_empty());
        assert!(parse_headers(b"GET / HTTP/1.1\r\n\r\n", &HeadLimits::default()).is_err());
    }
}
