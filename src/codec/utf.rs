//! UTF-16 and UTF-32, between which and UTF-8 also unpaired surrogates survive: as WTF-8, which is UTF-8 that has them too, in three
//! bytes. They count as errors all the same. Nothing is known of byte order marks.

const REPLACEMENT: u32 = 0xfffd;

/// The units of a text in WTF-8, and whether it had errors: an unpaired surrogate, which stays, or a malformed sequence with all
/// the continuation bytes behind it, which becomes one U+FFFD. So does the second of two surrogates that would become a pair.
/// (ENC-01, ENC-02)
pub fn encode_utf16(text: &[u8]) -> (Vec<u16>, bool) {
    if let Ok(text) = std::str::from_utf8(text) {
        return (text.encode_utf16().collect(), false);
    }
    let mut units = Vec::with_capacity(text.len());
    for_each(text, |code| match char::from_u32(code) {
        Some(char) => units.extend_from_slice(char.encode_utf16(&mut [0; 2])),
        None => units.push(code as u16),
    });
    (units, true)
}

/// As [`encode_utf16`], in code points. (ENC-01, ENC-02)
pub fn encode_utf32(text: &[u8]) -> (Vec<u32>, bool) {
    if let Ok(text) = std::str::from_utf8(text) {
        return (text.chars().map(u32::from).collect(), false);
    }
    let mut codes = Vec::with_capacity(text.len());
    for_each(text, |code| codes.push(code));
    (codes, true)
}

/// The text in WTF-8, and whether there were unpaired surrogates. (ENC-01, ENC-03)
pub fn decode_utf16(units: &[u16]) -> (Vec<u8>, bool) {
    let (mut text, mut errors) = (Vec::with_capacity(units.len()), false);
    for decoded in char::decode_utf16(units.iter().copied()) {
        let code = decoded.map_or_else(|error| error.unpaired_surrogate().into(), u32::from);
        errors |= is_surrogate(code);
        push(&mut text, code);
    }
    (text, errors)
}

/// The text in WTF-8, and whether it had errors: surrogates, which stay, unless two of them would become a pair, and what is past
/// U+10FFFF, which becomes U+FFFD. (ENC-01, ENC-03)
pub fn decode_utf32(codes: &[u32]) -> (Vec<u8>, bool) {
    let (mut text, mut errors, mut previous) = (Vec::with_capacity(codes.len()), false, 0);
    for &code in codes {
        errors |= char::from_u32(code).is_none();
        previous = if code > 0x10_ffff || is_pair(previous, code) { REPLACEMENT } else { code };
        push(&mut text, previous);
    }
    (text, errors)
}

fn is_surrogate(code: u32) -> bool {
    (0xd800..0xe000).contains(&code)
}

fn is_pair(first: u32, second: u32) -> bool {
    (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second)
}

/// Appends a code point in UTF-8, or a surrogate in the three bytes that it would have.
pub(super) fn push(text: &mut Vec<u8>, code: u32) {
    let tail = |shift: u32| 0x80 | (code >> shift & 0x3f) as u8;
    match code {
        0..0x80 => text.push(code as u8),
        0x80..0x800 => text.extend([0xc0 | (code >> 6) as u8, tail(0)]),
        0x800..0x1_0000 => text.extend([0xe0 | (code >> 12) as u8, tail(6), tail(0)]),
        _ => text.extend([0xf0 | (code >> 18) as u8, tail(12), tail(6), tail(0)]),
    }
}

fn is_continuation(byte: &u8) -> bool {
    byte & 0xc0 == 0x80
}

/// The code points of a text in WTF-8, with U+FFFD for what is malformed.
fn for_each(mut text: &[u8], mut take: impl FnMut(u32)) {
    let mut previous = 0;
    while let Some((&lead, rest)) = text.split_first() {
        let (length, least, mut code) = match lead {
            0..0x80 => (0, 0, u32::from(lead)),
            0xc0..0xe0 => (1, 0x80, u32::from(lead & 0x1f)),
            0xe0..0xf0 => (2, 0x800, u32::from(lead & 0x0f)),
            0xf0..0xf8 => (3, 0x1_0000, u32::from(lead & 0x07)),
            _ => (0, u32::MAX, 0),
        };
        let count = rest.iter().take(length).take_while(|byte| is_continuation(byte)).count();
        code = rest[..count].iter().fold(code, |code, byte| code << 6 | u32::from(byte & 0x3f));
        text = &rest[count..];
        if count < length || code < least || code > 0x10_ffff || is_pair(previous, code) {
            code = REPLACEMENT;
            let skipped = text.iter().take_while(|byte| is_continuation(byte)).count();
            text = &text[skipped..];
        }
        take(code);
        previous = code;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test::Random;

    // RFC 2781 and RFC 3629 have some of these.
    // parity: ENC-02, ENC-03
    #[test]
    fn known_texts_have_known_units() {
        let cases: [(&str, &[u16]); 5] = [
            ("", &[]),
            ("A\0", &[0x41, 0]),
            ("A≢Α.", &[0x41, 0x2262, 0x391, 0x2e]),
            ("\u{12345}=Ra", &[0xd808, 0xdf45, 0x3d, 0x52, 0x61]),
            ("\u{feff}\u{fffd}\u{10ffff}", &[0xfeff, 0xfffd, 0xdbff, 0xdfff]),
        ];
        for (text, units) in cases {
            let codes: Vec<u32> = text.chars().map(u32::from).collect();
            assert_eq!(encode_utf16(text.as_bytes()), (units.to_vec(), false));
            assert_eq!(decode_utf16(units), (text.into(), false));
            assert_eq!(encode_utf32(text.as_bytes()), (codes.clone(), false));
            assert_eq!(decode_utf32(&codes), (text.into(), false));
        }
    }

    // parity: ENC-01, ENC-02, ENC-03
    #[test]
    fn any_units_survive() {
        let mut random = Random::new(16);
        for length in 0..=300 {
            let units: Vec<u16> = (0..length)
                .map(|_| match random.below(4) {
                    0 => 0xd800 + random.below(0x800) as u16,
                    1 => random.below(0x80) as u16,
                    _ => random.below(0x1_0000) as u16,
                })
                .collect();
            let (text, errors) = decode_utf16(&units);
            assert_eq!(errors, String::from_utf16(&units).is_err());
            assert_eq!(encode_utf16(&text), (units, errors));
            let (codes, code_errors) = encode_utf32(&text);
            assert_eq!(code_errors, errors);
            assert_eq!(decode_utf32(&codes), (text, errors));
        }
    }

    // parity: ENC-01, ENC-02, ENC-03
    #[test]
    fn surrogates_in_wtf_8_never_become_a_pair() {
        let pair = b"\xed\xa0\xbd\xed\xb8\x80";
        assert_eq!(encode_utf16(pair), (vec![0xd83d, 0xfffd], true));
        assert_eq!(encode_utf32(pair), (vec![0xd83d, 0xfffd], true));
        assert_eq!(decode_utf32(&[0xd83d, 0xde00]), (b"\xed\xa0\xbd\xef\xbf\xbd".to_vec(), true));
        assert_eq!(decode_utf32(&[0xde00, 0xd83d]), (b"\xed\xb8\x80\xed\xa0\xbd".to_vec(), true));
    }

    // parity: ENC-01, ENC-02, ENC-03
    #[test]
    fn what_is_malformed_becomes_one_replacement() {
        let cases: [(&[u8], &[u32]); 14] = [
            (b"a\x80b", &[0x61, 0xfffd, 0x62]),
            (b"\x80\xbf\x80", &[0xfffd]),
            (b"\xc3", &[0xfffd]),
            (b"\xc3a", &[0xfffd, 0x61]),
            (b"\xc0\x80", &[0xfffd]),
            (b"\xc1\xbf\x80z", &[0xfffd, 0x7a]),
            (b"\xe0\x9f\xbf", &[0xfffd]),
            (b"\xe2\x82", &[0xfffd]),
            (b"\xe2\x82\xc3\xa9", &[0xfffd, 0xe9]),
            (b"\xf0\x8f\xbf\xbf", &[0xfffd]),
            (b"\xf4\x90\x80\x80", &[0xfffd]),
            (b"\xf8\x88\x80\x80\x80", &[0xfffd]),
            (b"\xff\xfe", &[0xfffd, 0xfffd]),
            (b"\xed\xa0\x80x", &[0xd800, 0x78]),
        ];
        for (text, codes) in cases {
            assert_eq!(encode_utf32(text), (codes.to_vec(), true), "{text:x?}");
            let units = codes.iter().map(|&code| code as u16).collect();
            assert_eq!(encode_utf16(text), (units, true), "{text:x?}");
        }
        assert_eq!(decode_utf32(&[0x11_0000, u32::MAX, 0x41]), ("\u{fffd}\u{fffd}A".into(), true));
    }
}
