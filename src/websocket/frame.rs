//! Frames: their headers, checked by RFC 6455, and the mask on what clients send.
//!
//! Headers are read and written by tungstenite's codec. What that leaves open is checked here: reserved bits, the shortest
//! form of a length, masks by role, and the rules for control frames.

use super::{CloseCode, MessageKind, Violation};
use std::io::Cursor;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The most bytes that a control frame may carry.
pub const MAX_CONTROL: usize = 125;

/// Which end of a connection this is. Clients mask what they send. (WS-14)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one that asked for the upgrade.
    Client,
    /// The one that accepted it.
    Server,
}

impl Role {
    /// The other end.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Continuation,
    Message(MessageKind),
    Close,
    Ping,
    Pong,
}

impl Kind {
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn opcode(self) -> OpCode {
        match self {
            Self::Continuation => OpCode::Data(Data::Continue),
            Self::Message(MessageKind::Text) => OpCode::Data(Data::Text),
            Self::Message(MessageKind::Binary) => OpCode::Data(Data::Binary),
            Self::Close => OpCode::Control(Control::Close),
            Self::Ping => OpCode::Control(Control::Ping),
            Self::Pong => OpCode::Control(Control::Pong),
        }
    }
}

/// A header that has been found to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) last: bool,
    pub(super) compressed: bool,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) length: u64,
}

fn wrong(text: &'static str) -> Violation {
    Violation::new(CloseCode::PROTOCOL, text)
}

impl Header {
    /// The header at the front of `input` and its size, once all of it is there. `from` is the role of the sender.
    pub(super) fn parse(input: &[u8], from: Role, may_be_compressed: bool) -> Result<Option<(Self, usize)>, Violation> {
        // What is wrong with the first two bytes is said without waiting for more.
        let [first, second, ..] = input else { return Ok(None) };
        let (first, second) = (*first, *second);
        let kind = match first & 0x0f {
            0 => Kind::Continuation,
            1 => Kind::Message(MessageKind::Text),
            2 => Kind::Message(MessageKind::Binary),
            8 => Kind::Close,
            9 => Kind::Ping,
            10 => Kind::Pong,
            _ => return Err(wrong("a frame of a kind that there is not")),
        };
        let (last, compressed) = (first & 0x80 != 0, first & 0x40 != 0);
        if first & 0x30 != 0 {
            return Err(wrong("a reserved bit of a frame is set"));
        }
        if compressed && !(may_be_compressed && matches!(kind, Kind::Message(_))) {
            return Err(wrong("a frame is marked as compressed that cannot be"));
        }
        if kind.is_control() && (!last || second & 0x7f > MAX_CONTROL as u8) {
            return Err(wrong("a control frame is fragmented or has more than 125 bytes"));
        }
        match (from, second & 0x80 != 0) {
            (Role::Client, false) => return Err(wrong("a frame of a client is not masked")),
            (Role::Server, true) => return Err(wrong("a frame of a server is masked")),
            _ => {}
        }
        let mut cursor = Cursor::new(input);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| wrong("a frame cannot be read"))?;
        let Some((header, length)) = parsed else { return Ok(None) };
        let size = cursor.position() as usize;
        if length > i64::MAX as u64 || size != header.len(length) {
            return Err(wrong("the length of a frame is not in its shortest form"));
        }
        Ok(Some((Self { kind, last, compressed, mask: header.mask, length }, size)))
    }

    /// Appends the header to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let header = FrameHeader {
            is_final: self.last,
            rsv1: self.compressed,
            opcode: self.kind.opcode(),
            mask: self.mask,
            ..FrameHeader::default()
        };
        header.format(self.length, out).expect("a vector takes what is written to it");
    }

    /// How many bytes the header at the front of `input` takes, as far as that can be said.
    pub(super) fn size_of(input: &[u8]) -> usize {
        let Some(second) = input.get(1) else { return 2 };
        let length = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + if second & 0x80 == 0 { 0 } else { 4 }
    }

    /// How many bytes the header takes.
    pub(super) fn size(&self) -> usize {
        let length = match self.length {
            0..126 => 0,
            126..65536 => 2,
            _ => 8,
        };
        2 + length + if self.mask.is_some() { 4 } else { 0 }
    }
}

/// A mask as it applies from this byte of the payload on.
fn rotated(mask: [u8; 4], offset: u64) -> [u8; 4] {
    let mut rotated = mask;
    rotated.rotate_left((offset % 4) as usize);
    rotated
}

/// Puts a mask on, or takes it off; `offset` is where in the payload the bytes begin.
pub(super) fn apply_mask(bytes: &mut [u8], mask: [u8; 4], offset: u64) {
    let mask = rotated(mask, offset);
    let wide = u64::from_ne_bytes([mask, mask].concat().try_into().expect("twice four bytes"));
    // Vectors of the processor take these loops; there is no alignment to look for.
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_apply_from_any_byte_on() {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let plain: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let expected: Vec<u8> = plain.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        for cut in (0..64).chain([999, 1000]) {
            let mut bytes = plain.clone();
            let (one, other) = bytes.split_at_mut(cut);
            apply_mask(one, mask, 0);
            apply_mask(other, mask, cut as u64);
            assert_eq!(bytes, expected, "cut at {cut}");
        }
    }

    #[test]
    fn headers_are_read_as_they_were_written_and_only_when_whole() {
        for length in [0, 1, 125, 126, 127, 65535, 65536, 1 << 40, i64::MAX as u64] {
            for (role, mask) in [(Role::Client, Some([1, 2, 3, 4])), (Role::Server, None)] {
                let kind = Kind::Message(MessageKind::Binary);
                let header = Header { kind, last: false, compressed: true, mask, length };
                let mut bytes = Vec::new();
                header.write(&mut bytes);
                assert_eq!(bytes.len(), header.size());
                assert_eq!(Header::size_of(&bytes[..2]), header.size());
                for cut in 0..bytes.len() {
                    assert_eq!(Header::parse(&bytes[..cut], role, true), Ok(None), "{length} cut at {cut}");
                }
                let size = bytes.len();
                bytes.extend_from_slice(b"payload");
                assert_eq!(Header::parse(&bytes, role, true), Ok(Some((header.clone(), size))));
                assert!(Header::parse(&bytes, role.other(), true).is_err(), "masks go by role");
                assert!(Header::parse(&bytes, role, false).is_err(), "nothing is compressed unless agreed");
            }
        }
    }

    #[test]
    fn lengths_have_their_shortest_form() {
        for bytes in [
            [&[0x82, 126, 0, 125][..], &[0; 125]].concat(),
            [&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff][..], &[0; 8]].concat(),
            [&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0][..], &[0; 8]].concat(),
        ] {
            assert!(Header::parse(&bytes, Role::Server, false).is_err(), "{:x?}", &bytes[..10]);
        }
    }
}
