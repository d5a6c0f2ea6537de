//! Heads, header fields, chunks, URLs and ranges, beside the readers of others.

use crate::split;
use kjasync::http::*;

/// Whether another reader, which passes over fewer odd bytes in values, has something to say about them.
fn is_plain(headers: &Headers) -> bool {
    headers.iter().all(|(_, value)| value.iter().all(|byte| *byte >= b' ' && *byte != 0x7f || *byte == b'\t'))
}

fn same(headers: &Headers, others: &[httparse::Header<'_>]) {
    let own: Vec<_> = headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let other: Vec<_> =
        others.iter().map(|header| (header.name.as_bytes().to_vec(), header.value.trim_ascii().to_vec())).collect();
    assert_eq!(own, other);
}

/// What is read as a head is one to httparse too, with the same in it, and is written back as itself.
pub fn head(data: &[u8]) {
    let limits = HeadLimits::default();
    let whole = head_length(data, 0, &limits);
    for searched in 0..data.len().min(64) {
        if let Ok(None) = head_length(&data[..searched], 0, &limits) {
            assert_eq!(head_length(data, searched, &limits), whole, "{searched}");
        }
    }
    let mut room = [httparse::EMPTY_HEADER; 256];
    if let Ok(head) = RequestHead::parse(data, &limits) {
        assert_eq!(whole, Ok(Some(data.len())));
        let text = head.to_bytes().expect("what was read can be written");
        assert_eq!(RequestHead::parse(&text, &limits).as_ref(), Ok(&head));
        let _ = BodyLength::of_request(&head);
        if is_plain(&head.headers) && head.target.is_ascii() {
            let mut request = httparse::Request::new(&mut room);
            assert_eq!(request.parse(data), Ok(httparse::Status::Complete(data.len())));
            assert_eq!((request.method, request.path), (Some(head.method.as_str()), Some(head.target.as_str())));
            same(&head.headers, request.headers);
        }
    } else if let Ok(head) = ResponseHead::parse(data, &limits) {
        if let Ok(text) = head.to_bytes() {
            assert_eq!(ResponseHead::parse(&text, &limits).as_ref(), Ok(&head));
        }
        let _ = BodyLength::of_response(&head, "GET");
        let plain = head.reason.bytes().all(|byte| (b' '..0x7f).contains(&byte));
        if is_plain(&head.headers) && plain {
            let mut response = httparse::Response::new(&mut room);
            assert_eq!(response.parse(data), Ok(httparse::Status::Complete(data.len())));
            assert_eq!(response.code, Some(head.status));
            same(&head.headers, response.headers);
        }
    }
}

/// Header fields without a first line, and what is asked of them.
pub fn fields(data: &[u8]) {
    let Ok(headers) = parse_headers(data, &HeadLimits::default()) else { return };
    let lines = headers.to_lines();
    assert_eq!(parse_headers(&lines, &HeadLimits::default()).as_ref(), Ok(&headers));
    for (name, value) in headers.iter() {
        assert!(is_token(name) && is_value(value) && headers.contains(name));
        assert_eq!(headers.items(name).filter(|item| item.is_empty()).count(), 0);
    }
    headers.is_websocket();
    for kind in [HeadKind::Request, HeadKind::Response] {
        let first: &[u8] = if kind == HeadKind::Request { b"GET / HTTP/1.1\r\n" } else { b"HTTP/1.1 200 OK\r\n" };
        if let Ok(head) = MessageHead::parse(kind, &[first, data].concat(), &HeadLimits::default()) {
            let _ = head.body_length("GET");
        }
    }
}

/// A body ends at the same place in whatever pieces it comes, or is refused at the same.
pub fn chunks(data: &[u8]) {
    let (size, body) = split(data);
    let whole = ChunkScan::new().scan(body).map_err(|error| error.status);
    let mut scan = ChunkScan::new();
    let mut at = 0;
    let mut pieces = Ok(Scanned::All);
    for piece in body.chunks(size.max(1)) {
        match scan.scan(piece) {
            Ok(Scanned::All) => at += piece.len(),
            Ok(Scanned::Ends(end)) => {
                pieces = Ok(Scanned::Ends(at + end));
                break;
            }
            Err(error) => {
                pieces = Err(error.status);
                break;
            }
        }
    }
    assert_eq!(pieces, whole);
    // The size of the first chunk, to another reader.
    if whole.is_ok()
        && let Ok(httparse::Status::Complete((read, length))) = httparse::parse_chunk_size(body)
    {
        let (framing, data) = ChunkScan::new().frame(body).expect("it was read before");
        if length > 0 {
            assert_eq!((framing, data as u64), (read, length.min((body.len() - read) as u64)));
        }
    }
}

pub fn url(data: &[u8]) {
    let (choice, text) = split(data);
    let Ok(text) = std::str::from_utf8(text) else { return };
    let context = [UrlContext::RemoteHref, UrlContext::HttpProxyRequest, UrlContext::HttpRequest][choice % 3];
    let options = UrlOptions { percent_decode: choice & 4 == 0, allow_empty: choice & 8 == 0 };
    let base = Url::parse("https://bob@a.example/x/y/z?q#f", UrlContext::RemoteHref, options).expect("a URL");
    if let Ok(url) = base.parse_relative(text) {
        written(&url, UrlContext::RemoteHref, options);
    }
    let Ok(url) = Url::parse(text, context, options) else { return };
    written(&url, context, options);
    // Two readers that take different hosts from one text send a request where it does not belong. Browsers take a backslash
    // for a slash, and pass over control characters.
    if context == UrlContext::RemoteHref
        && !text.bytes().any(|byte| byte == b'\\' || byte < b' ')
        && matches!(url.scheme.as_str(), "http" | "https")
        && let Ok(other) = url::Url::parse(text)
        && let Some(url::Host::Domain(host)) = other.host()
    {
        let (own, _) = url.host.split_once(':').unwrap_or((&url.host, ""));
        assert_eq!(own, host, "{text}");
    }
}

/// What can be written is read back as itself.
fn written(url: &Url, context: UrlContext, options: UrlOptions) {
    let Ok(text) = url.to_text(context) else { return };
    let again = Url::parse(&text, context, options).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(again.to_text(context).ok().as_ref(), Some(&text));
    assert_eq!((&again.host, &again.path), (&url.host, &url.path), "{text}");
}

pub fn range(data: &[u8]) {
    let (length, value) = split(data);
    let length = length as u64;
    match Ranges::parse(value, length) {
        Ranges::Some(ranges) => {
            assert!(!ranges.is_empty() && ranges.iter().all(|range| range.start <= range.end && range.end < length));
        }
        Ranges::Everything => assert!(length > 0),
        Ranges::Unsatisfiable => {}
    }
}
