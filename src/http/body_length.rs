//! How a message tells where its body ends. (HTTP-18, HTTP-19, HTTP-20)

use super::{Headers, ProtocolError, RequestHead, ResponseHead, Version};

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// After this many bytes; 0 for a message without a body.
    Exactly(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

impl BodyLength {
    /// That of a request. One with both `Transfer-Encoding` and `Content-Length` is refused, and so is whatever else two
    /// readers might take differently. (HTTP-18)
    ///
    /// # Errors
    /// What is wrong, with the status to answer. The connection cannot be used on.
    pub fn of_request(head: &RequestHead) -> Result<Self, ProtocolError> {
        let headers = &head.headers;
        if head.method == "CONNECT" {
            return match headers.contains(b"content-length") || headers.contains(b"transfer-encoding") {
                true => Err(ProtocolError::bad_request("a CONNECT request has no body")),
                false => Ok(Self::Exactly(0)),
            };
        }
        match (chunked(headers, head.version)?, content_length(headers)?) {
            (true, Some(_)) => Err(ProtocolError::bad_request("both Transfer-Encoding and Content-Length")),
            (true, None) => Ok(Self::Chunked),
            (false, length) => Ok(Self::Exactly(length.unwrap_or(0))),
        }
    }

    /// Appends the header that says so; none for no body, and none for one that ends with the connection.
    pub(super) fn write_header(self, out: &mut Vec<u8>) {
        match self {
            Self::Exactly(0) | Self::UntilClose => {}
            Self::Exactly(length) => out.extend_from_slice(format!("content-length: {length}\r\n").as_bytes()),
            Self::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
    }

    /// That of the response to a request with this method. (HTTP-19)
    ///
    /// # Errors
    /// What is wrong. The connection cannot be used on.
    pub fn of_response(head: &ResponseHead, method: &str) -> Result<Self, ProtocolError> {
        let headers = &head.headers;
        let tunnel = method == "CONNECT" && (200..300).contains(&head.status);
        if method == "HEAD" || tunnel || matches!(head.status, 100..=199 | 204 | 205 | 304) {
            return Ok(Self::Exactly(0));
        }
        Self::of_fields(headers, head.version)
    }

    /// That of a message with these fields, which may end with the connection.
    pub(super) fn of_fields(headers: &Headers, version: Version) -> Result<Self, ProtocolError> {
        // The coding that changes nothing is of the past, yet some servers still send it.
        let mut codings = headers.items(b"transfer-encoding");
        let identity =
            codings.next().is_some_and(|coding| coding.eq_ignore_ascii_case(b"identity")) && codings.next().is_none();
        let is_chunked = !identity && chunked(headers, version)?;
        match (is_chunked, content_length(headers)?) {
            (true, Some(_)) => Err(ProtocolError::bad_request("both Transfer-Encoding and Content-Length")),
            (true, None) => Ok(Self::Chunked),
            (false, Some(length)) => Ok(Self::Exactly(length)),
            (false, None) if is_multipart_ranges(headers) => {
                Err(ProtocolError::bad_request("multipart/byteranges without a length"))
            }
            (false, None) => Ok(Self::UntilClose),
        }
    }
}

/// Whether the only coding is `chunked`; no other is known.
fn chunked(headers: &Headers, version: Version) -> Result<bool, ProtocolError> {
    let mut codings = headers.items(b"transfer-encoding");
    let Some(coding) = codings.next() else {
        return match headers.contains(b"transfer-encoding") {
            true => Err(ProtocolError::bad_request("an empty Transfer-Encoding")),
            false => Ok(false),
        };
    };
    if version == Version::Http10 {
        return Err(ProtocolError::bad_request("Transfer-Encoding in HTTP/1.0"));
    }
    let rest = codings.last();
    if !rest.unwrap_or(coding).eq_ignore_ascii_case(b"chunked") {
        return Err(ProtocolError::bad_request("the last transfer coding is not chunked"));
    }
    if rest.is_none() {
        // Who passes over an empty item and who does not would differ.
        let mut values = headers.get_all(b"transfer-encoding");
        let alone = values.next().is_some_and(|value| value.len() == b"chunked".len()) && values.next().is_none();
        if alone { Ok(true) } else { Err(ProtocolError::bad_request("an empty item in Transfer-Encoding")) }
    } else if coding.eq_ignore_ascii_case(b"chunked") {
        Err(ProtocolError::bad_request("chunked more than once"))
    } else {
        Err(ProtocolError::unknown_coding())
    }
}

/// The length that is announced. Several that agree to the letter are one.
fn content_length(headers: &Headers) -> Result<Option<u64>, ProtocolError> {
    let mut found = None;
    // Not `items`: an empty one is an error.
    for text in headers.get_all(b"content-length").flat_map(|value| value.split(|byte| *byte == b',')) {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let begin = text.iter().take_while(|byte| blank(byte)).count();
        let end = text.len() - text[begin..].iter().rev().take_while(|byte| blank(byte)).count();
        let text = &text[begin..end];
        let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse::<u64>().ok());
        let length = length.ok_or(ProtocolError::bad_request("Content-Length is not a number"))?;
        if found.replace((length, text)).is_some_and(|(_, before)| before != text) {
            return Err(ProtocolError::bad_request("several Content-Lengths that differ"));
        }
    }
    Ok(found.map(|(length, _)| length))
}

fn is_multipart_ranges(headers: &Headers) -> bool {
    let value = headers.get(b"content-type").unwrap_or_default();
    value.get(..20).is_some_and(|kind| kind.eq_ignore_ascii_case(b"multipart/byteranges"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use BodyLength::{Chunked, Exactly, UntilClose};

    fn of(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in lines {
            headers.append(name.as_bytes(), value.as_bytes()).expect(name);
        }
        headers
    }

    const CL: &str = "Content-Length";
    const TE: &str = "Transfer-Encoding";

    // parity: HTTP-18, HTTP-20, CONN-08
    #[test]
    fn a_request_says_where_it_ends_or_is_refused() {
        let read = |method: &str, version, lines: &[(&str, &str)]| {
            let head = RequestHead { method: method.to_owned(), version, headers: of(lines), ..RequestHead::default() };
            BodyLength::of_request(&head).map_err(|error| error.status)
        };
        for (lines, expected) in [
            (vec![], Ok(Exactly(0))),
            (vec![(CL, "5")], Ok(Exactly(5))),
            (vec![(CL, "5"), (CL, "5")], Ok(Exactly(5))),
            (vec![(CL, "5, 5")], Ok(Exactly(5))),
            (vec![(CL, "18446744073709551615")], Ok(Exactly(u64::MAX))),
            (vec![(TE, "Chunked")], Ok(Chunked)),
            (vec![(CL, "5"), (CL, "6")], Err(400)),
            (vec![(CL, "5, 6")], Err(400)),
            (vec![(CL, "5"), (CL, "05")], Err(400)),
            (vec![(CL, "5\u{c}")], Err(400)),
            (vec![(CL, "5,")], Err(400)),
            (vec![(CL, "")], Err(400)),
            (vec![(CL, "+5")], Err(400)),
            (vec![(CL, "-5")], Err(400)),
            (vec![(CL, "0x5")], Err(400)),
            (vec![(CL, "5 5")], Err(400)),
            (vec![(CL, "18446744073709551616")], Err(400)),
            (vec![(TE, "chunked"), (CL, "5")], Err(400)),
            (vec![(CL, "5"), (TE, "chunked")], Err(400)),
            (vec![(TE, "chunked, gzip")], Err(400)),
            (vec![(TE, "identity")], Err(400)),
            (vec![(TE, "xchunked")], Err(400)),
            (vec![(TE, "")], Err(400)),
            (vec![(TE, "chunked,")], Err(400)),
            (vec![(TE, ",chunked")], Err(400)),
            (vec![(TE, "chunked\u{c}")], Err(400)),
            (vec![(TE, "chunked"), (TE, "")], Err(400)),
            (vec![(TE, "chunked, chunked")], Err(400)),
            (vec![(TE, "chunked"), (TE, "chunked")], Err(400)),
            (vec![(TE, "gzip, chunked")], Err(501)),
        ] {
            assert_eq!(read("POST", Version::Http11, &lines), expected, "{lines:?}");
            assert_eq!(read("GET", Version::Http11, &lines), expected, "{lines:?}");
        }
        assert_eq!(read("POST", Version::Http10, &[(TE, "chunked")]), Err(400));
        assert_eq!(read("CONNECT", Version::Http11, &[]), Ok(Exactly(0)));
        assert_eq!(read("CONNECT", Version::Http11, &[(CL, "0")]), Err(400));
        assert_eq!(read("CONNECT", Version::Http11, &[(TE, "chunked")]), Err(400));
    }

    // parity: HTTP-19
    #[test]
    fn a_response_says_where_it_ends_or_is_refused() {
        let read = |method, status, lines: &[(&str, &str)]| {
            let head = ResponseHead { status, headers: of(lines), ..ResponseHead::default() };
            BodyLength::of_response(&head, method).map_err(|error| error.status)
        };
        for (method, status, lines, expected) in [
            ("GET", 200, vec![], Ok(UntilClose)),
            ("GET", 200, vec![(CL, "5")], Ok(Exactly(5))),
            ("GET", 200, vec![(TE, "chunked")], Ok(Chunked)),
            ("GET", 200, vec![(TE, "identity")], Ok(UntilClose)),
            ("GET", 200, vec![(TE, "Identity")], Ok(UntilClose)),
            ("GET", 200, vec![(TE, "identity, identity")], Err(400)),
            ("GET", 200, vec![(TE, "identity"), (CL, "5")], Ok(Exactly(5))),
            ("HEAD", 200, vec![(CL, "5")], Ok(Exactly(0))),
            ("GET", 204, vec![(CL, "5")], Ok(Exactly(0))),
            ("GET", 205, vec![(TE, "chunked")], Ok(Exactly(0))),
            ("GET", 304, vec![(CL, "5")], Ok(Exactly(0))),
            ("GET", 103, vec![], Ok(Exactly(0))),
            ("CONNECT", 200, vec![(CL, "5")], Ok(Exactly(0))),
            ("CONNECT", 407, vec![(CL, "5")], Ok(Exactly(5))),
            ("GET", 200, vec![(TE, "chunked"), (CL, "5")], Err(400)),
            ("GET", 200, vec![(CL, "5"), (CL, "6")], Err(400)),
            ("GET", 206, vec![("Content-Type", "multipart/byteranges; boundary=x")], Err(400)),
            ("GET", 206, vec![("Content-Type", "multipart/byteranges; boundary=x"), (CL, "5")], Ok(Exactly(5))),
        ] {
            assert_eq!(read(method, status, &lines), expected, "{method} {status} {lines:?}");
        }
    }
}
