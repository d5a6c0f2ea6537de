//! Headers: names and values in the order in which they came. (HTTP-07, HTTP-08, HTTP-09, HTTP-10)

use super::ProtocolError;
use crate::error::Error;
use std::borrow::Cow;

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..self.end as usize]
    }
}

/// The header fields of one message.
///
/// Names compare without regard to case and keep the spelling that they came with. A name is a token; a value may hold any
/// byte but NUL, CR and LF, which would end the line or the text early and are refused where they are set. (HTTP-11)
#[derive(Clone, Debug, Default)]
pub struct Headers {
    // All names and values in one block: a head that was read is this block, and nothing is allocated for each of them.
    text: Vec<u8>,
    fields: Vec<(Span, Span)>,
}

/// Whether a byte may stand in a method or in the name of a header.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a text can be a method or the name of a header.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// Whether a value can be sent: without NUL, CR and LF. (HTTP-11)
pub fn is_value(value: &[u8]) -> bool {
    !value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
}

fn check(name: &[u8], value: &[u8]) -> Result<(), Error> {
    if !is_token(name) {
        let shown = name.escape_ascii().take(80).map(char::from).collect::<String>();
        return Err(Error::invalid(format!("\"{shown}\" is not the name of a header")));
    }
    if !is_value(value) {
        let shown = String::from_utf8_lossy(name);
        return Err(Error::invalid(format!("the value for {shown} has a NUL, CR or LF in it")));
    }
    Ok(())
}

impl Headers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a header. Several are one, with a comma and a space between them; of several `Set-Cookie`, which
    /// cannot be joined, it is the first. (HTTP-07, HTTP-08)
    pub fn get(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut values = self.get_all(name);
        let first = values.next()?;
        if name.eq_ignore_ascii_case(b"set-cookie") {
            return Some(Cow::Borrowed(first));
        }
        Some(values.fold(Cow::Borrowed(first), |joined, value| Cow::Owned([&joined, b", ".as_slice(), value].concat())))
    }

    /// Every value of a header, in order. (HTTP-08)
    pub fn get_all(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1)
    }

    /// Whether there is such a header.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.get_all(name).next().is_some()
    }

    /// Makes this the only value of a header, in the place of the first that there is. (HTTP-07)
    ///
    /// # Errors
    /// `InvalidArgument` for what is no name or no value, here and in `append`; nothing has changed then. (HTTP-11)
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        check(name, value)?;
        let field = self.add(name, value)?;
        let mut first = true;
        let text = &self.text;
        self.fields.retain_mut(|old| {
            if !old.0.of(text).eq_ignore_ascii_case(name) {
                return true;
            }
            let keep = std::mem::take(&mut first);
            *old = field;
            keep
        });
        if first {
            self.fields.push(field);
        }
        Ok(())
    }

    /// Adds one more value. (HTTP-08)
    ///
    /// # Errors
    /// As `set`.
    pub fn append(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        check(name, value)?;
        let field = self.add(name, value)?;
        self.fields.push(field);
        Ok(())
    }

    /// Takes every value of a header out, and says how many there were. (HTTP-07)
    pub fn remove(&mut self, name: &[u8]) -> usize {
        let (before, text) = (self.fields.len(), &self.text);
        self.fields.retain(|field| !field.0.of(text).eq_ignore_ascii_case(name));
        before - self.fields.len()
    }

    /// Names and values in the order in which they came. (HTTP-09)
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(name, value)| (name.of(&self.text), value.of(&self.text)))
    }

    /// How many fields there are. (HTTP-09)
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Takes all out. (HTTP-09)
    pub fn clear(&mut self) {
        self.fields.clear();
        self.text.clear();
    }

    /// The items of a header whose value is a list, without the space around them; empty ones are left out.
    pub fn items(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        let items = self.get_all(name).flat_map(|value| value.split(|byte| *byte == b','));
        items.map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
    }

    /// Whether a list has an item, without regard to case.
    pub fn has_item(&self, name: &[u8], item: &[u8]) -> bool {
        self.items(name).any(|found| found.eq_ignore_ascii_case(item))
    }

    /// Whether a request asks for a WebSocket; says nothing about the rest of the handshake. (HTTP-12)
    pub fn is_websocket(&self) -> bool {
        self.has_item(b"upgrade", b"websocket")
    }

    fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(Span, Span), Error> {
        if self.text.capacity() - self.text.len() < name.len() + value.len() {
            self.drop_unused_text();
        }
        let start = self.text.len();
        let end = start + name.len() + value.len();
        let (Ok(start), Ok(split), Ok(end)) = (start.try_into(), (start + name.len()).try_into(), end.try_into())
        else {
            return Err(Error::invalid("headers of more than 4 GiB"));
        };
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        Ok((Span { start, end: split }, Span { start: split, end }))
    }

    /// The fields as lines that end with CRLF, and an empty line. (HTTP-14)
    pub fn to_lines(&self) -> Vec<u8> {
        let mut lines = Vec::with_capacity(self.text.len() + 4 * self.len() + 2);
        for (name, value) in self.iter() {
            lines.extend_from_slice(name);
            lines.extend_from_slice(b": ");
            lines.extend_from_slice(value);
            lines.extend_from_slice(b"\r\n");
        }
        lines.extend_from_slice(b"\r\n");
        lines
    }

    /// What was removed or replaced is still in the block. Before that grows it is made anew, unless most of it is in use.
    fn drop_unused_text(&mut self) {
        let used: usize = self.iter().map(|(name, value)| name.len() + value.len()).sum();
        if used * 2 >= self.text.len() {
            return;
        }
        let old = std::mem::replace(&mut self.text, Vec::with_capacity(used * 2));
        for (name, value) in &mut self.fields {
            for span in [name, value] {
                let start = self.text.len() as u32;
                self.text.extend_from_slice(span.of(&old));
                *span = Span { start, end: self.text.len() as u32 };
            }
        }
    }

    /// Reads the lines of a head, each of which has been found to end with CRLF and to be none of the empty one.
    pub(super) fn parse(head: &[u8], lines: impl Iterator<Item = (usize, usize)>) -> Result<Self, ProtocolError> {
        let mut fields = Vec::new();
        for (start, end) in lines {
            let line = &head[start..end];
            if matches!(line.first(), Some(b' ' | b'\t')) {
                return Err(ProtocolError::bad_request("a header line is folded"));
            }
            let colon = line.iter().position(|byte| *byte == b':');
            let Some(colon) = colon.filter(|colon| is_token(&line[..*colon])) else {
                return Err(ProtocolError::bad_request("a header line does not begin with a name and a colon"));
            };
            if !is_value(line) {
                return Err(ProtocolError::bad_request("a header line has a NUL or a CR in it"));
            }
            let value = &line[colon + 1..];
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let skipped = value.iter().take_while(|byte| blank(byte)).count();
            let behind = value[skipped..].iter().rev().take_while(|byte| blank(byte)).count();
            let span = |start: usize, end: usize| Span { start: start as u32, end: end as u32 };
            fields.push((span(start, start + colon), span(start + colon + 1 + skipped, end - behind)));
        }
        Ok(Self { text: head.to_vec(), fields })
    }
}

/// Headers that are between a client or a server of this library and the other end of its connection alone.
const OF_THE_CONNECTION: [http::HeaderName; 3] =
    [http::header::TE, http::HeaderName::from_static("keep-alive"), http::HeaderName::from_static("proxy-connection")];

/// Headers as the protocol engine takes them. Those that are about the connection alone are left out. (HTTP-06)
///
/// # Errors
/// `InvalidArgument` for a value with a control character, which may be kept but not be sent. (HTTP-11)
pub(super) fn for_engine(headers: &Headers) -> Result<http::HeaderMap, Error> {
    let mut map = http::HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers.iter() {
        let key = http::HeaderName::from_bytes(name);
        let (Ok(key), Ok(value)) = (key, http::HeaderValue::from_bytes(value)) else {
            let shown = String::from_utf8_lossy(name);
            return Err(Error::invalid(format!("the value for {shown} has a control character in it")));
        };
        if !OF_THE_CONNECTION.contains(&key) {
            map.append(key, value);
        }
    }
    Ok(map)
}

impl PartialEq for Headers {
    /// The same fields in the same order; names without regard to case.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().zip(other.iter()).all(|(one, other)| one.0.eq_ignore_ascii_case(other.0) && one.1 == other.1)
    }
}

impl Eq for Headers {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(headers: &Headers) -> Vec<String> {
        let line = |(name, value): (&[u8], &[u8])| [name, b"=", value].concat().escape_ascii().to_string();
        headers.iter().map(line).collect()
    }

    // parity: HTTP-07, HTTP-08, HTTP-09, HTTP-10
    #[test]
    fn fields_are_set_appended_removed_and_kept_in_order() {
        let mut headers = Headers::new();
        for (name, value) in [("B", "1"), ("a", "2"), ("b", "3"), ("Set-Cookie", "x"), ("set-cookie", "y")] {
            headers.append(name.as_bytes(), value.as_bytes()).expect(name);
        }
        assert_eq!(headers.get(b"B").as_deref(), Some(b"1, 3".as_slice()));
        assert_eq!(headers.get(b"SET-COOKIE").as_deref(), Some(b"x".as_slice()));
        assert_eq!(headers.get_all(b"Set-Cookie").collect::<Vec<_>>(), [b"x", b"y"]);
        assert_eq!(headers.get(b"c"), None);
        headers.set(b"b", b"4").expect("a value");
        assert_eq!(shown(&headers), ["b=4", "a=2", "Set-Cookie=x", "set-cookie=y"]);
        headers.set(b"c", b"").expect("an empty value");
        assert_eq!((headers.remove(b"SET-cookie"), headers.remove(b"nobody")), (2, 0));
        assert_eq!((shown(&headers), headers.len()), (vec!["b=4".into(), "a=2".into(), "c=".into()], 3));
        let copy = headers.clone();
        headers.clear();
        assert!(headers.is_empty() && !copy.is_empty() && copy.contains(b"C"));
    }

    // parity: HTTP-11
    #[test]
    fn what_would_break_out_of_its_line_is_refused() {
        let mut headers = Headers::new();
        headers.set(b"a", b"1").expect("a value");
        for (name, value) in [
            ("a", "x\ry"),
            ("a", "x\ny"),
            ("a", "x\0y"),
            ("", "x"),
            ("a b", "x"),
            ("a:", "x"),
            ("é", "x"),
            ("a\n", "x"),
        ] {
            let set = headers.set(name.as_bytes(), value.as_bytes());
            let append = headers.append(name.as_bytes(), value.as_bytes());
            assert!(set.is_err() && append.is_err(), "{name:?} {value:?}");
        }
        assert_eq!(shown(&headers), ["a=1"]);
        let rest: Vec<u8> = (1..=255).filter(|byte| ![b'\r', b'\n'].contains(byte)).collect();
        headers.set(b"a", &rest).expect("any other byte");
        assert_eq!(headers.get(b"A").as_deref(), Some(rest.as_slice()));
    }

    #[test]
    fn values_that_are_replaced_take_no_memory() {
        let mut headers = Headers::new();
        headers.set(b"kept", b"all along").expect("a value");
        for n in 0..10_000 {
            headers.set(b"counter", n.to_string().as_bytes()).expect("a value");
        }
        assert_eq!(shown(&headers), ["kept=all along", "counter=9999"]);
        assert!(headers.text.capacity() < 1024, "{}", headers.text.capacity());
    }

    // parity: HTTP-12
    #[test]
    fn an_upgrade_to_a_websocket_is_seen() {
        for (value, expected) in
            [("websocket", true), ("WebSocket", true), ("h2c, websocket", true), ("websockets", false)]
        {
            let mut headers = Headers::new();
            headers.set(b"Upgrade", value.as_bytes()).expect("a value");
            assert_eq!(headers.is_websocket(), expected, "{value}");
        }
        assert!(!Headers::new().is_websocket());
    }
}
