//! Escapes as in the strings of C.

use super::hex;
use super::utf::push;

/// Escapes quotes, backslashes and controls; those without an escape of their own in octal, since a hexadecimal escape of C
/// goes on as long as digits follow. What is not ASCII stays as it is. (ENC-10)
pub fn encode(text: &[u8]) -> Vec<u8> {
    escape(text, false)
}

/// As [`encode`], with every byte that is not ASCII escaped too. (ENC-10)
pub fn encode_binary(bytes: &[u8]) -> String {
    String::from_utf8(escape(bytes, true)).expect("escapes are ASCII, and so is what is left")
}

fn escape(text: &[u8], binary: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    for &byte in text {
        match byte {
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b'\t' => out.extend(b"\\t"),
            b'\n' => out.extend(b"\\n"),
            0x0b => out.extend(b"\\v"),
            0x0c => out.extend(b"\\f"),
            b'\r' => out.extend(b"\\r"),
            b'"' | b'\'' | b'\\' => out.extend([b'\\', byte]),
            0..0x20 | 0x7f => out.extend(octal(byte)),
            0x80.. if binary => out.extend(octal(byte)),
            _ => out.push(byte),
        }
    }
    out
}

fn octal(byte: u8) -> [u8; 4] {
    [b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]
}

/// The bytes that the text stands for, and whether there were errors: an escape that C does not have stands for the character
/// itself, a number that is too large for its lower byte, `\u` and `\U` with too few digits for the number that is there, a
/// surrogate for its three bytes in WTF-8, what is past U+10FFFF for U+FFFD, and a backslash at the end for nothing.
/// (ENC-01, ENC-10)
pub fn decode(text: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let (mut rest, mut errors) = (text, false);
    while let Some(place) = rest.iter().position(|&byte| byte == b'\\') {
        out.extend_from_slice(&rest[..place]);
        let Some((&kind, after)) = rest[place + 1..].split_first() else { return (out, true) };
        rest = after;
        match kind {
            b'a' => out.push(0x07),
            b'b' => out.push(0x08),
            b't' => out.push(b'\t'),
            b'n' => out.push(b'\n'),
            b'v' => out.push(0x0b),
            b'f' => out.push(0x0c),
            b'r' => out.push(b'\r'),
            b'"' | b'\'' | b'\\' | b'?' => out.push(kind),
            b'0'..=b'7' => {
                let (value, count) =
                    number(rest, 2, |byte| hex::digit(byte).filter(|digit| *digit < 8), 8, (kind - b'0').into());
                rest = &rest[count..];
                errors |= value > 0xff;
                out.push(value as u8);
            }
            b'x' if rest.first().and_then(hex::digit).is_some() => {
                let (value, count) = number(rest, usize::MAX, hex::digit, 16, 0);
                rest = &rest[count..];
                errors |= value > 0xff;
                out.push(value as u8);
            }
            b'u' | b'U' => {
                let digits = if kind == b'u' { 4 } else { 8 };
                let (value, count) = number(rest, digits, hex::digit, 16, 0);
                rest = &rest[count..];
                errors |= count < digits || char::from_u32(value).is_none();
                push(&mut out, if value > 0x10_ffff { 0xfffd } else { value });
            }
            _ => {
                errors = true;
                out.push(kind);
            }
        }
    }
    out.extend_from_slice(rest);
    (out, errors)
}

/// The number that at most so many digits make behind `value`, and how many there are. One that is too large keeps its lower
/// byte and stays too large.
fn number(text: &[u8], most: usize, digit: impl Fn(&u8) -> Option<u8>, base: u32, value: u32) -> (u32, usize) {
    let digits = text.iter().take(most).map_while(digit);
    digits.fold((value, 0), |(value, count), digit| {
        let low = value.wrapping_mul(base).wrapping_add(digit.into());
        let too_large = if value >= 1 << 28 { 1 << 28 } else { 0 };
        (low | too_large, count + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test::samples;

    // parity: ENC-10
    #[test]
    fn escapes_are_those_of_c() {
        let text = "\x07\x08\t\n\x0b\x0c\r\"'\\\0\x1b\x7f1 é?";
        assert_eq!(encode(text.as_bytes()), r#"\a\b\t\n\v\f\r\"\'\\\000\033\1771 é?"#.as_bytes());
        assert_eq!(encode_binary("é\u{80}".as_bytes()), r"\303\251\302\200");
        assert_eq!(encode(b"\xff"), b"\xff");
        assert_eq!(encode_binary(b"\xff"), r"\377");
    }

    // parity: ENC-10
    #[test]
    fn decoding_undoes_encoding() {
        for bytes in samples() {
            assert_eq!(decode(&encode(&bytes)), (bytes.clone(), false));
            assert_eq!(decode(encode_binary(&bytes).as_bytes()), (bytes, false));
        }
    }

    // parity: ENC-01, ENC-10
    #[test]
    fn what_c_does_not_have_is_repaired_and_told() {
        let cases: [(&str, &[u8], bool); 20] = [
            (r"\?\'", b"?'", false),
            (r"\1\12\1234\0", b"\x01\x0aS4\0", false),
            (r"\18", b"\x018", false),
            (r"\400", b"\0", true),
            (r"\x41\x00000042g", b"ABg", false),
            (r"\x141", b"A", true),
            (r"\x10000000000000041", b"A", true),
            (r"\xffffffffffff41", b"A", true),
            (r"\xg", b"xg", true),
            (r"\x", b"x", true),
            (r"\u00e9\U0001F600", "é😀".as_bytes(), false),
            (r"\u41", b"A", true),
            (r"\u", b"\0", true),
            (r"\ud800", b"\xed\xa0\x80", true),
            (r"\U00110000", "\u{fffd}".as_bytes(), true),
            (r"\Uffffffff", "\u{fffd}".as_bytes(), true),
            (r"\q", b"q", true),
            (r"a\", b"a", true),
            (r"a\\", b"a\\", false),
            ("é", "é".as_bytes(), false),
        ];
        for (text, bytes, errors) in cases {
            assert_eq!(decode(text.as_bytes()), (bytes.to_vec(), errors), "{text}");
        }
    }
}
