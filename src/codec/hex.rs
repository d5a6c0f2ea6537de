//! Bytes as hexadecimal digits.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

/// Two lower-case digits for each byte. (ENC-05)
pub fn encode(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// The bytes that digits of either case stand for, and whether there were errors: a character that is no digit counts as 0, and a
/// last digit without a second one is the upper half of a byte. (ENC-01, ENC-05)
pub fn decode(text: &[u8]) -> (Vec<u8>, bool) {
    match HEXLOWER_PERMISSIVE.decode(text) {
        Ok(bytes) => (bytes, false),
        Err(_) => (text.chunks(2).map(repair).collect(), true),
    }
}

fn repair(pair: &[u8]) -> u8 {
    let half = |index| pair.get(index).and_then(digit).unwrap_or(0);
    half(0) << 4 | half(1)
}

/// The value of a hexadecimal digit.
pub(super) fn digit(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test::samples;

    // RFC 4648, section 10.
    // parity: ENC-05
    #[test]
    fn known_bytes_have_known_digits() {
        for (bytes, text) in [("", ""), ("f", "66"), ("fo", "666f"), ("foobar", "666f6f626172")] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text.as_bytes()), (bytes.into(), false));
        }
        assert_eq!(encode(&[0, 0x1a, 0xff]), "001aff");
    }

    // parity: ENC-05
    #[test]
    fn decoding_undoes_encoding_in_either_case() {
        for bytes in samples() {
            let text = encode(&bytes);
            assert_eq!(decode(text.as_bytes()), (bytes.clone(), false));
            assert_eq!(decode(text.to_uppercase().as_bytes()), (bytes, false));
        }
    }

    // parity: ENC-01, ENC-05
    #[test]
    fn what_is_no_digit_is_repaired_and_told() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"abc", &[0xab, 0xc0]),
            (b"g1", &[0x01]),
            (b"1g", &[0x10]),
            (b"12 34", &[0x12, 0x03, 0x40]),
            (b"g", &[0]),
            (b"\xff12", &[0x01, 0x20]),
        ];
        for (text, bytes) in cases {
            assert_eq!(decode(text), (bytes.to_vec(), true), "{text:?}");
        }
    }
}
