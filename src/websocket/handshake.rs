//! The opening handshake: which requests ask for a socket, which answers grant one. (WS-22, HCLI-06, HSRV-04)

use super::{Agreed, Compression, CompressionMode, Parameters, accept, check_answer};
use crate::error::{Error, ErrorKind};
use crate::http::{Headers, RequestHead, ResponseHead, Version};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

const KEY: &[u8] = b"Sec-WebSocket-Key";
const ACCEPT: &[u8] = b"Sec-WebSocket-Accept";
const VERSION: &[u8] = b"Sec-WebSocket-Version";
const EXTENSIONS: &[u8] = b"Sec-WebSocket-Extensions";
const PROTOCOL: &[u8] = b"Sec-WebSocket-Protocol";

/// Why a request is no handshake, and the status of the answer that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadHandshake {
    /// 400, or 426 for another version.
    pub(super) status: u16,
    /// What was wrong.
    pub(super) text: &'static str,
}

/// What both ends have come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// What is compressed and how.
    pub(super) agreed: Option<Agreed>,
    /// The subprotocol.
    pub(super) protocol: Option<String>,
}

fn bad(text: &'static str) -> BadHandshake {
    BadHandshake { status: 400, text }
}

/// The only value of a header.
fn only<'a>(headers: &'a Headers, name: &[u8]) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// A list that may be spread over several headers, as one; none if it is not text.
fn joined(headers: &Headers, name: &[u8]) -> Option<String> {
    String::from_utf8(headers.get(name).unwrap_or_default().into_owned()).ok()
}

/// Headers that the handshake itself sets.
fn check_own(headers: &Headers, taken: &[&[u8]]) -> Result<(), Error> {
    match taken.iter().find(|name| headers.contains(name)) {
        Some(name) => {
            let name = String::from_utf8_lossy(name);
            Err(Error::invalid(format!("{name} is set by the handshake of the socket")))
        }
        None => Ok(()),
    }
}

/// Whether a text is 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    // The last digit stands for two bits.
    key.len() == 24 && key[..22].iter().all(is_digit) && b"AQgw".contains(&key[21]) && key.ends_with(b"==")
}

/// The answer to a request for a socket: its headers, and what has been agreed. `headers` are further ones, and may choose a
/// subprotocol out of those that were offered.
///
/// # Errors
/// Inside, for a request that is no handshake; outside, `InvalidArgument` for headers that do not fit.
pub(super) fn answer(
    request: &RequestHead,
    headers: &Headers,
    compression: &Compression,
) -> Result<Result<(Headers, Opened), BadHandshake>, Error> {
    check_own(headers, &[KEY, ACCEPT, VERSION, EXTENSIONS, b"Upgrade", b"Connection"])?;
    let asked = &request.headers;
    if request.method != "GET" || request.version != Version::Http11 {
        return Ok(Err(bad("a WebSocket is asked for by GET in HTTP/1.1")));
    }
    if !asked.is_websocket() || !asked.has_item(b"connection", b"upgrade") {
        return Ok(Err(bad("not a request for a WebSocket")));
    }
    if only(asked, VERSION) != Some(b"13") {
        return Ok(Err(BadHandshake { status: 426, text: "the version of WebSocket is 13" }));
    }
    let Some(key) = only(asked, KEY).filter(|key| is_key(key)) else {
        return Ok(Err(bad("Sec-WebSocket-Key is not 16 bytes in base64")));
    };
    let Some(offers) = joined(asked, EXTENSIONS) else { return Ok(Err(bad("the extensions are not text"))) };
    let accepted = match accept(&offers, compression) {
        Ok(accepted) => accepted,
        Err(error) => return Ok(Err(bad(error.0))),
    };
    let protocol = match only(headers, PROTOCOL) {
        Some(protocol) if asked.items(PROTOCOL).any(|offered| offered == protocol) => {
            Some(String::from_utf8_lossy(protocol).into_owned())
        }
        None if !headers.contains(PROTOCOL) => None,
        _ => return Err(Error::invalid("a subprotocol that the client has not offered")),
    };
    let mut answer = headers.clone();
    answer.set(b"Upgrade", b"websocket")?;
    answer.set(ACCEPT, derive_accept_key(key).as_bytes())?;
    let agreed = match accepted {
        Some((agreed, text)) => {
            answer.set(EXTENSIONS, text.as_bytes())?;
            Some(agreed)
        }
        None => None,
    };
    Ok(Ok((answer, Opened { agreed, protocol })))
}

/// A client's part of the handshake.
pub(super) struct Request {
    key: String,
    offer: Option<Parameters>,
    /// Everything that is sent.
    pub(super) headers: Headers,
}

impl Request {
    /// A request with a new key. `headers` are further ones, and may offer subprotocols.
    ///
    /// # Errors
    /// `InvalidArgument` for those that the handshake sets itself.
    pub(super) fn new(headers: &Headers, compression: &Compression) -> Result<Self, Error> {
        check_own(headers, &[KEY, ACCEPT, VERSION, EXTENSIONS, b"Upgrade", b"Connection"])?;
        let (key, mut headers) = (generate_key(), headers.clone());
        headers.set(b"Upgrade", b"websocket")?;
        headers.set(VERSION, b"13")?;
        headers.set(KEY, key.as_bytes())?;
        let offer = (compression.mode != CompressionMode::Off).then(|| Parameters::offer(compression));
        if let Some(offer) = &offer {
            headers.set(EXTENSIONS, offer.to_string().as_bytes())?;
        }
        Ok(Self { key, offer, headers })
    }

    /// What an answer with status 101 grants.
    ///
    /// # Errors
    /// `Failed` for one that does not answer this request.
    pub(super) fn check(&self, answer: &ResponseHead) -> Result<Opened, Error> {
        let headers = &answer.headers;
        let wrong = |text: &str| Err(Error::new(ErrorKind::Failed, format!("the answer of the server: {text}")));
        if !headers.is_websocket() || !headers.has_item(b"connection", b"upgrade") {
            return wrong("not an upgrade to WebSocket");
        }
        if only(headers, ACCEPT) != Some(derive_accept_key(self.key.as_bytes()).as_bytes()) {
            return wrong("Sec-WebSocket-Accept does not fit the key");
        }
        let Some(extensions) = joined(headers, EXTENSIONS) else { return wrong("the extensions are not text") };
        let agreed = match check_answer(&extensions, self.offer.as_ref()) {
            Ok(agreed) => agreed,
            Err(error) => return wrong(error.0),
        };
        let protocol = match only(headers, PROTOCOL) {
            Some(protocol) if self.headers.items(PROTOCOL).any(|offered| offered == protocol) => {
                Some(String::from_utf8_lossy(protocol).into_owned())
            }
            None if !headers.contains(PROTOCOL) => None,
            _ => return wrong("a subprotocol that was not offered"),
        };
        Ok(Opened { agreed, protocol })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in lines {
            headers.append(name.as_bytes(), value.as_bytes()).expect(name);
        }
        headers
    }

    const GOOD: [(&str, &str); 6] = [
        ("Upgrade", "WebSocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Protocol", "chat, superchat"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
    ];

    fn request(lines: &[(&str, &str)]) -> RequestHead {
        RequestHead { method: "GET".into(), target: "/".into(), version: Version::Http11, headers: headers(lines) }
    }

    // parity: WS-22, HSRV-04
    #[test]
    fn a_request_is_answered_with_its_key_or_refused() {
        let chosen = headers(&[("Sec-WebSocket-Protocol", "superchat"), ("X-More", "1")]);
        let on = Compression::on();
        let (sent, opened) = answer(&request(&GOOD), &chosen, &on).expect("headers that fit").expect("a handshake");
        // The example of RFC 6455, 1.3.
        assert_eq!(sent.get(b"sec-websocket-accept").as_deref(), Some(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".as_slice()));
        assert_eq!(sent.get(b"x-more").as_deref(), Some(b"1".as_slice()));
        assert_eq!(opened.protocol.as_deref(), Some("superchat"));
        assert!(opened.agreed.is_some());
        let (_, opened) = answer(&request(&GOOD), &Headers::new(), &Compression::default()).unwrap().unwrap();
        assert_eq!(opened, Opened { agreed: None, protocol: None });

        for (at, value, status) in [
            (0, "h2c", 400),
            (1, "close", 400),
            (2, "8", 426),
            (3, "dGhlIHNhbXBsZSBub25jZQ", 400),
            (3, "dGhlIHNhbXBsZSBub25jZR==", 400),
            (3, "", 400),
            (5, "permessage-deflate;;", 400),
        ] {
            let mut lines = GOOD;
            lines[at].1 = value;
            let refused = answer(&request(&lines), &Headers::new(), &on).unwrap().expect_err(value);
            assert_eq!(refused.status, status, "{value}");
        }
        for missing in 0..4 {
            let lines: Vec<_> = GOOD.iter().enumerate().filter(|line| line.0 != missing).map(|line| *line.1).collect();
            assert!(answer(&request(&lines), &Headers::new(), &on).unwrap().is_err(), "without {}", GOOD[missing].0);
            let twice = [GOOD.as_slice(), &GOOD[missing..=missing]].concat();
            assert_eq!(answer(&request(&twice), &Headers::new(), &on).unwrap().is_err(), missing >= 2, "twice");
        }
        for wrong in [
            RequestHead { method: "POST".into(), ..request(&GOOD) },
            RequestHead { version: Version::Http10, ..request(&GOOD) },
        ] {
            assert!(answer(&wrong, &Headers::new(), &on).unwrap().is_err());
        }
        for own in [("Upgrade", "x"), ("Sec-WebSocket-Protocol", "other"), ("Sec-WebSocket-Accept", "x")] {
            assert!(answer(&request(&GOOD), &headers(&[own]), &on).is_err(), "{own:?}");
        }
    }

    // parity: WS-18, WS-22, HCLI-06
    #[test]
    fn an_answer_has_to_fit_its_request() {
        let asked =
            Request::new(&headers(&[("Sec-WebSocket-Protocol", "a, b")]), &Compression::on()).expect("a request");
        let accept = derive_accept_key(asked.key.as_bytes());
        let good = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", accept.as_str()),
            ("Sec-WebSocket-Protocol", "b"),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ];
        let head = |lines: &[(&str, &str)]| ResponseHead {
            status: 101,
            reason: String::new(),
            version: Version::Http11,
            headers: headers(lines),
        };
        let opened = asked.check(&head(&good)).expect("it fits");
        assert_eq!((opened.protocol.as_deref(), opened.agreed.is_some()), (Some("b"), true));
        for (at, value) in [(0, "h2c"), (1, "close"), (2, "x"), (3, "c"), (4, "permessage-deflate; a"), (4, "other")] {
            let mut lines = good;
            lines[at].1 = value;
            assert!(asked.check(&head(&lines)).is_err(), "{value}");
        }
        assert!(asked.check(&head(&good[..3])).expect("it fits").agreed.is_none());
        assert!(asked.check(&head(&good[..2])).is_err(), "no key");
        assert_ne!(Request::new(&Headers::new(), &Compression::on()).expect("a request").key, asked.key);
        assert!(Request::new(&headers(&[("Sec-WebSocket-Key", "x")]), &Compression::on()).is_err());
    }
}
