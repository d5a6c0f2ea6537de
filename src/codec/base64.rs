//! Bytes as base64, in the standard alphabet and in the one for URLs.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, Encoding};
use std::sync::LazyLock;

/// Columns of a line, and the bytes that it stands for.
const COLUMNS: usize = 72;
const BYTES_OF_LINE: usize = COLUMNS / 4 * 3;

/// In the standard alphabet, with padding. (ENC-11)
pub fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// As [`encode`], in lines of 72 columns, each of which ends with a line feed, the last one too. (ENC-11)
pub fn encode_lines(bytes: &[u8]) -> String {
    let length = BASE64.encode_len(bytes.len());
    let mut out = String::with_capacity(length + length.div_ceil(COLUMNS));
    for line in bytes.chunks(BYTES_OF_LINE) {
        BASE64.encode_append(line, &mut out);
        out.push('\n');
    }
    out
}

/// In the alphabet for URLs, without padding. (ENC-13)
pub fn encode_url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// The bytes that a text in the standard alphabet stands for, and whether it had errors by the rules of the WHATWG's
/// forgiving decoder: white space is ignored, padding may be left out but not be wrong, and what remains of the last
/// character is discarded. Every other character is an error and skipped. (ENC-01, ENC-12)
pub fn decode(text: &[u8]) -> (Vec<u8>, bool) {
    static SYMBOLS: LazyLock<Encoding> = LazyLock::new(|| forgiving(&BASE64_NOPAD));
    decode_as(text, &SYMBOLS, b"+/")
}

/// As [`decode`], in the alphabet for URLs; padding is allowed. (ENC-13)
pub fn decode_url(text: &[u8]) -> (Vec<u8>, bool) {
    static SYMBOLS: LazyLock<Encoding> = LazyLock::new(|| forgiving(&BASE64URL_NOPAD));
    decode_as(text, &SYMBOLS, b"-_")
}

/// The encoding, of whose last symbol the bits that are left are not looked at.
fn forgiving(encoding: &Encoding) -> Encoding {
    let mut specification = encoding.specification();
    specification.check_trailing_bits = false;
    specification.encoding().expect("an encoding without padding may have bits left")
}

/// Most texts are symbols with padding at most. In the others the symbols are found first.
fn decode_as(text: &[u8], encoding: &Encoding, others: &[u8; 2]) -> (Vec<u8>, bool) {
    let unpadded = match text {
        [unpadded @ .., b'=', b'='] | [unpadded @ .., b'='] if text.len().is_multiple_of(4) => unpadded,
        _ => text,
    };
    if let Ok(bytes) = encoding.decode(unpadded) {
        return (bytes, false);
    }
    let (mut symbols, mut padding, mut errors) = (Vec::with_capacity(text.len()), 0, false);
    for &byte in text {
        if byte.is_ascii_alphanumeric() || others.contains(&byte) {
            errors |= padding > 0;
            symbols.push(byte);
        } else if byte == b'=' {
            padding += 1;
        } else {
            errors |= !byte.is_ascii_whitespace();
        }
    }
    errors |= padding > 2 || padding > 0 && (symbols.len() + padding) % 4 != 0;
    if symbols.len() % 4 == 1 {
        symbols.pop();
        errors = true;
    }
    (encoding.decode(&symbols).expect("nothing but symbols, in a number that stands for bytes"), errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test::samples;

    // RFC 4648, section 10.
    // parity: ENC-11, ENC-12
    #[test]
    fn known_bytes_have_known_texts() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (bytes, text) in cases {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text.as_bytes()), (bytes.into(), false));
        }
    }

    // parity: ENC-13
    #[test]
    fn urls_have_their_own_alphabet() {
        assert_eq!(encode(&[0xfb, 0xff, 0xfe, 0xff]), "+//+/w==");
        assert_eq!(encode_url(&[0xfb, 0xff, 0xfe, 0xff]), "-__-_w");
        assert_eq!(decode_url(b"-__-_w=="), (vec![0xfb, 0xff, 0xfe, 0xff], false));
        assert_eq!(decode_url(b"+-__-_w"), (vec![0xfb, 0xff, 0xfe, 0xff], true));
        assert!(decode(b"-__-_w").1);
    }

    // parity: ENC-11
    #[test]
    fn lines_have_72_columns_and_each_ends() {
        assert_eq!(encode_lines(b""), "");
        assert_eq!(encode_lines(b"foo"), "Zm9v\n");
        for bytes in samples() {
            let lines = encode_lines(&bytes);
            assert_eq!(lines.replace('\n', ""), encode(&bytes));
            assert!(lines.is_empty() || lines.ends_with('\n'));
            let all: Vec<&str> = lines.lines().collect();
            if let Some((last, whole)) = all.split_last() {
                assert!((1..=72).contains(&last.len()) && whole.iter().all(|line| line.len() == 72));
            }
            assert_eq!(decode(lines.as_bytes()), (bytes, false));
        }
    }

    // parity: ENC-12, ENC-13
    #[test]
    fn decoding_undoes_encoding() {
        for bytes in samples() {
            assert_eq!(decode(encode(&bytes).as_bytes()), (bytes.clone(), false));
            assert_eq!(decode(encode(&bytes).trim_end_matches('=').as_bytes()), (bytes.clone(), false));
            assert_eq!(decode_url(encode_url(&bytes).as_bytes()), (bytes, false));
        }
    }

    // parity: ENC-01, ENC-12
    #[test]
    fn errors_are_those_of_the_forgiving_decoder() {
        let cases: [(&str, &str, bool); 17] = [
            (" Z\tm\n9\x0cv\r", "foo", false),
            ("Zm9v Yg = =\n", "foob", false),
            ("Zg", "f", false),
            ("Zh", "f", false),
            ("Zh==", "f", false),
            ("Zm9", "fo", false),
            ("Zg=", "f", true),
            ("Zg===", "f", true),
            ("Zm9v=", "foo", true),
            ("Zm9v====", "foo", true),
            ("Z", "", true),
            ("Zm9vY", "foo", true),
            ("Z===", "", true),
            ("=", "", true),
            ("Zg==Zg==", "f\u{6}`", true),
            ("Zm.9v", "foo", true),
            ("Zm9v\x0b", "foo", true),
        ];
        for (text, bytes, errors) in cases {
            assert_eq!(decode(text.as_bytes()), (bytes.into(), errors), "{text:?}");
        }
        assert_eq!(decode(b"Zm9\xffv"), (b"foo".to_vec(), true));
    }
}
