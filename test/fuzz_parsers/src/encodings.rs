//! Encodings: decoders take anything, and give back what was encoded.

use kjasync::codec::percent::Set;
use kjasync::codec::{base64, c_escape, hex, percent, utf};

pub fn encoding(data: &[u8]) {
    let is = |decoded: (Vec<u8>, bool)| assert_eq!(decoded, (data.to_vec(), false));
    let all = [
        hex::decode(data),
        base64::decode(data),
        base64::decode_url(data),
        c_escape::decode(data),
        (percent::decode(data, true).0.into_owned(), false),
    ];
    // None makes more of a text than there is of it.
    assert!(all.iter().all(|(decoded, _)| decoded.len() <= data.len()));
    is(hex::decode(hex::encode(data).as_bytes()));
    is(base64::decode(base64::encode(data).as_bytes()));
    is(base64::decode(base64::encode_lines(data).as_bytes()));
    is(base64::decode_url(base64::encode_url(data).as_bytes()));
    is(c_escape::decode(&c_escape::encode(data)));
    is(c_escape::decode(c_escape::encode_binary(data).as_bytes()));
    for (set, plus) in [(Set::Component, false), (Set::Path, false), (Set::UserInfo, false), (Set::Form, true)] {
        let encoded = percent::encode(set, data);
        let (decoded, bad) = percent::decode(encoded.as_bytes(), plus);
        assert_eq!((decoded.as_ref(), bad), (data, false), "{encoded}");
    }
    wide(data);
}

fn wide(data: &[u8]) {
    let units: Vec<u16> = data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let (decoded, bad) = utf::decode_utf16(&units);
    match String::from_utf16(&units) {
        Ok(text) => assert_eq!((decoded, bad), (text.into_bytes(), false)),
        Err(_) => assert!(bad),
    }
    let codes: Vec<u32> = data.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    let (_, bad) = utf::decode_utf32(&codes);
    assert_eq!(bad, codes.iter().any(|code| char::from_u32(*code).is_none()));
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(utf::encode_utf16(data), (text.encode_utf16().collect(), false));
        assert_eq!(utf::encode_utf32(data), (text.chars().map(u32::from).collect(), false));
    } else {
        assert!(utf::encode_utf16(data).1 && utf::encode_utf32(data).1);
    }
}
