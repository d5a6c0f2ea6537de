//! Percent-encoding, with the sets of bytes that each part of a URL leaves as they are.

use super::hex::digit;
use std::borrow::Cow;

/// Which bytes an encoder leaves as they are. (ENC-06, ENC-07, ENC-08)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// As JavaScript's `encodeURIComponent`.
    Component,
    /// A fragment.
    Fragment,
    /// One part of a path: `/` and `\` are escaped too.
    Path,
    /// A user name or password.
    UserInfo,
    /// A name or value of a form: a space becomes `+`.
    Form,
}

const fn table(spared: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut i = 0;
    while i < spared.len() {
        table[spared[i] as usize] = true;
        i += 1;
    }
    table
}

static COMPONENT: [bool; 256] = table(b"-_.!~*'()");
static FRAGMENT: [bool; 256] = table(b"!#$&'()*+,-./:;=?@[\\]^_{|}~");
static PATH: [bool; 256] = table(b"!$&'()*+,-.:;=@[]_|~");
static USER_INFO: [bool; 256] = table(b"!$&'()*+,-._~");
static FORM: [bool; 256] = table(b"*-._");

impl Set {
    fn spares(self) -> &'static [bool; 256] {
        match self {
            Self::Component => &COMPONENT,
            Self::Fragment => &FRAGMENT,
            Self::Path => &PATH,
            Self::UserInfo => &USER_INFO,
            Self::Form => &FORM,
        }
    }
}

/// Appends `bytes` to `out`, escaping every byte that is not in the set. The digits of an escape are upper case.
pub fn encode_to(out: &mut String, set: Set, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let spares = set.spares();
    out.reserve(bytes.len());
    for &byte in bytes {
        if spares[usize::from(byte)] {
            out.push(char::from(byte));
        } else if set == Set::Form && byte == b' ' {
            out.push('+');
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// As [`encode_to`], into a text of its own.
pub fn encode(set: Set, bytes: &[u8]) -> String {
    let mut out = String::new();
    encode_to(&mut out, set, bytes);
    out
}

/// The bytes that the text stands for, and whether it had errors: a `%` that two hexadecimal digits do not follow stays
/// as it is and counts as one. With `plus_to_space` a `+` is a space. (ENC-01, ENC-06, ENC-09)
pub fn decode(text: &[u8], plus_to_space: bool) -> (Cow<'_, [u8]>, bool) {
    let special = |byte: &u8| *byte == b'%' || plus_to_space && *byte == b'+';
    let Some(first) = text.iter().position(special) else { return (Cow::Borrowed(text), false) };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(&text[..first]);
    let (mut rest, mut errors) = (&text[first..], false);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' if plus_to_space => out.push(b' '),
            b'%' => match (after.first().and_then(digit), after.get(1).and_then(digit)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = &after[2..];
                }
                _ => {
                    out.push(byte);
                    errors = true;
                }
            },
            _ => out.push(byte),
        }
    }
    (Cow::Owned(out), errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity: ENC-06, ENC-07, ENC-08
    #[test]
    fn each_set_spares_what_it_says() {
        let all: Vec<u8> = (0..=255).collect();
        let spared = |set| -> String {
            let escaped = encode(set, &all);
            let mut left = String::new();
            let mut chars = escaped.chars();
            while let Some(c) = chars.next() {
                if c == '%' {
                    chars.nth(1);
                } else if !c.is_ascii_alphanumeric() {
                    left.push(c);
                }
            }
            left
        };
        assert_eq!(spared(Set::Component), "!'()*-._~");
        assert_eq!(spared(Set::Fragment), "!#$&'()*+,-./:;=?@[\\]^_{|}~");
        assert_eq!(spared(Set::Path), "!$&'()*+,-.:;=@[]_|~");
        assert_eq!(spared(Set::UserInfo), "!$&'()*+,-._~");
        assert_eq!(spared(Set::Form), "+*-._");
        assert_eq!(encode(Set::Form, b"a b+c"), "a+b%2Bc");
        assert_eq!(encode(Set::Component, "é".as_bytes()), "%C3%A9");
    }

    // parity: ENC-01, ENC-06, ENC-09
    #[test]
    fn decoding_undoes_encoding_and_tells_of_errors() {
        let all: Vec<u8> = (0..=255).collect();
        for set in [Set::Component, Set::Fragment, Set::Path, Set::UserInfo, Set::Form] {
            let text = encode(set, &all);
            let (bytes, errors) = decode(text.as_bytes(), set == Set::Form);
            assert_eq!((bytes.as_ref(), errors), (all.as_slice(), false), "{set:?}");
        }
        let cases: [(&str, bool, &[u8], bool); 7] = [
            ("plain", false, b"plain", false),
            ("a+b", false, b"a+b", false),
            ("a+b", true, b"a b", false),
            ("%c3%A9", false, "é".as_bytes(), false),
            ("100%", false, b"100%", true),
            ("%4", false, b"%4", true),
            ("%G1%41", false, b"%G1A", true),
        ];
        for (text, plus, bytes, errors) in cases {
            assert_eq!(decode(text.as_bytes(), plus), (Cow::Borrowed(bytes), errors), "{text}");
        }
    }
}
