//! Ranges of bytes, as `Range` asks for them and `Content-Range` tells of them. (HTTP-17, HTTP-26)

use std::fmt;

/// Some bytes of a representation, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// The last byte.
    pub end: u64,
}

/// What a `Range` header asks for. (HTTP-17)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// One of them covers it all: the whole is the answer.
    Everything,
    /// These, in the order in which they were asked for.
    Some(Vec<ByteRange>),
    /// It is malformed, or none fits: 416 is the answer.
    Unsatisfiable,
}

/// As many ranges as are worth an answer; more are an attack or a mistake.
const MOST: usize = 256;

impl Ranges {
    /// Reads a `Range` header for something of this many bytes. One item that is malformed spoils the header; one that
    /// begins past the end is left out. (HTTP-17)
    pub fn parse(value: &[u8], length: u64) -> Self {
        Self::read(value, length).unwrap_or(Self::Unsatisfiable)
    }

    fn read(value: &[u8], length: u64) -> Option<Self> {
        let equals = value.iter().position(|byte| *byte == b'=')?;
        if !value[..equals].trim_ascii().eq_ignore_ascii_case(b"bytes") {
            return None;
        }
        let mut found = Vec::new();
        for (n, item) in value[equals + 1..].split(|byte| *byte == b',').enumerate() {
            if n == MOST {
                return None;
            }
            let item = item.trim_ascii();
            let dash = item.iter().position(|byte| *byte == b'-')?;
            let (first, last) = (&item[..dash], &item[dash + 1..]);
            let range = match (first.is_empty(), last.is_empty()) {
                (true, true) => return None,
                (true, false) => match number(last)? {
                    0 => None,
                    count => Some((length.saturating_sub(count), length.saturating_sub(1))),
                },
                (false, true) => Some((number(first)?, length.saturating_sub(1))),
                (false, false) => {
                    let (start, end) = (number(first)?, number(last)?);
                    if start > end {
                        return None;
                    }
                    Some((start, end.min(length.saturating_sub(1))))
                }
            };
            if let Some((start, end)) = range.filter(|(start, _)| *start < length) {
                found.push(ByteRange { start, end });
            }
        }
        if found.iter().any(|range| range.start == 0 && range.end + 1 == length) {
            return Some(Self::Everything);
        }
        (!found.is_empty()).then_some(Self::Some(found))
    }
}

/// The number of a text of digits; one that is too large stands for the largest, which is past any end.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |value: u64, digit: &u8| value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(digits.iter().fold(0, add))
}

impl fmt::Display for ByteRange {
    /// As in `Content-Range`. (HTTP-26)
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(ranges: &[(u64, u64)]) -> Ranges {
        Ranges::Some(ranges.iter().map(|&(start, end)| ByteRange { start, end }).collect())
    }

    // parity: HTTP-17
    #[test]
    fn ranges_are_read_against_a_length() {
        for (value, length, expected) in [
            ("bytes=0-9", 100, some(&[(0, 9)])),
            ("bytes=90-", 100, some(&[(90, 99)])),
            ("bytes=-10", 100, some(&[(90, 99)])),
            ("bytes=95-200", 100, some(&[(95, 99)])),
            (" BYTES = 1-2 , 4-5", 10, some(&[(1, 2), (4, 5)])),
            ("bytes=5-6,1-2,5-6", 10, some(&[(5, 6), (1, 2), (5, 6)])),
            ("bytes=200-300,1-2", 100, some(&[(1, 2)])),
            ("bytes=-0,1-2", 100, some(&[(1, 2)])),
            ("bytes=99-18446744073709551616", 100, some(&[(99, 99)])),
            ("bytes=0-", 100, Ranges::Everything),
            ("bytes=0-99", 100, Ranges::Everything),
            ("bytes=-100", 100, Ranges::Everything),
            ("bytes=-1000", 100, Ranges::Everything),
            ("bytes=1-2,0-,3-4", 100, Ranges::Everything),
        ] {
            assert_eq!(Ranges::parse(value.as_bytes(), length), expected, "{value}");
        }
    }

    // parity: HTTP-17
    #[test]
    fn one_bad_item_spoils_the_header() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=1-2,",
            "bytes=1-2,x",
            "bytes=5-4",
            "items=0-1",
            "bytes=1--2",
            "bytes=+1-2",
            "bytes=1 -2",
            "bytes=100-",
            "bytes=-0",
            "bytes=1-2-3",
        ] {
            assert_eq!(Ranges::parse(value.as_bytes(), 100), Ranges::Unsatisfiable, "{value}");
        }
        assert_eq!(Ranges::parse(b"bytes=0-", 0), Ranges::Unsatisfiable);
        assert_eq!(Ranges::parse(b"bytes=-5", 0), Ranges::Unsatisfiable);
        let many = format!("bytes={}", vec!["0-1"; MOST + 1].join(","));
        assert_eq!(Ranges::parse(many.as_bytes(), 100), Ranges::Unsatisfiable);
    }

    // parity: HTTP-26
    #[test]
    fn a_range_is_written_as_content_range_has_it() {
        assert_eq!(ByteRange { start: 3, end: 7 }.to_string(), "3-7");
    }
}
