//! A WebSocket peer for tests that builds and reads frames by itself, right or wrong ones.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A frame, as it is or should be.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) last: bool,
    pub(crate) reserved: u8,
    pub(crate) payload: Vec<u8>,
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.payload[..self.payload.len().min(20)];
        write!(f, "[{} {} {} {} bytes {shown:x?}]", self.opcode, self.last, self.reserved, self.payload.len())
    }
}

pub(crate) fn frame(opcode: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame { opcode, last: true, reserved: 0, payload: payload.as_ref().to_vec() }
}

pub(crate) fn close(code: u16, reason: &str) -> Frame {
    frame(CLOSE, [&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// Masks or unmasks, eight bytes at a time, for tests that are not optimized.
fn apply(bytes: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask, mask].concat().try_into().expect("eight bytes"));
    let mut words = bytes.chunks_exact_mut(8);
    for word in &mut words {
        let masked = u64::from_ne_bytes(word.try_into().expect("eight bytes")) ^ wide;
        word.copy_from_slice(&masked.to_ne_bytes());
    }
    for (n, byte) in words.into_remainder().iter_mut().enumerate() {
        *byte ^= mask[n % 4];
    }
}

impl Frame {
    pub(crate) fn open(self) -> Self {
        Self { last: false, ..self }
    }

    pub(crate) fn reserved(self, reserved: u8) -> Self {
        Self { reserved, ..self }
    }

    /// The bytes of it; a client's are masked.
    pub(crate) fn bytes(&self, masked: bool) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.last) << 7 | self.reserved << 4 | self.opcode];
        let flag = u8::from(masked) << 7;
        match self.payload.len() {
            length @ 0..126 => bytes.push(flag | length as u8),
            length @ 126..65536 => {
                bytes.push(flag | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                bytes.push(flag | 127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        if masked {
            let mask = [0xa1, 0x02, 0xff, 0x37];
            bytes.extend_from_slice(&mask);
            bytes.extend_from_slice(&self.payload);
            let start = bytes.len() - self.payload.len();
            apply(&mut bytes[start..], mask);
        } else {
            bytes.extend_from_slice(&self.payload);
        }
        bytes
    }

    /// The frame at the front of the bytes and its length, if it is whole. `masked` is whether it has to be.
    #[track_caller]
    pub(crate) fn read(bytes: &[u8], masked: bool) -> Option<(Self, usize)> {
        let mut at = 2;
        let mut number = |size: usize| {
            let number = bytes.get(at..at + size)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            at += size;
            Some(number)
        };
        let [first, second, ..] = bytes else { return None };
        let length = match second & 0x7f {
            126 => number(2)?,
            127 => number(8)?,
            length => usize::from(length),
        };
        assert_eq!(second & 0x80 != 0, masked, "a frame is masked by a client and by nobody else");
        let mask = if masked { (number(4)? as u32).to_be_bytes() } else { [0; 4] };
        let mut payload = bytes.get(at..at + length)?.to_vec();
        if masked {
            apply(&mut payload, mask);
        }
        let frame = Self { opcode: first & 15, last: first & 0x80 != 0, reserved: first >> 4 & 7, payload };
        Some((frame, at + length))
    }

    #[track_caller]
    pub(crate) fn read_all(bytes: &[u8], masked: bool) -> Vec<Self> {
        let (mut rest, mut frames) = (bytes, Vec::new());
        while let Some((frame, size)) = Self::read(rest, masked) {
            rest = &rest[size..];
            frames.push(frame);
        }
        assert!(rest.is_empty(), "half a frame: {rest:x?}");
        frames
    }
}

/// A message as fragments of this size.
pub(crate) fn fragments(opcode: u8, payload: &[u8], size: usize) -> Vec<Frame> {
    let mut frames: Vec<Frame> = payload.chunks(size.max(1)).map(|chunk| frame(CONTINUATION, chunk).open()).collect();
    if frames.is_empty() {
        frames.push(frame(CONTINUATION, ""));
    }
    frames[0].opcode = opcode;
    frames.last_mut().expect("one at least").last = true;
    frames
}

/// One direction of permessage-deflate, as the peer does it.
pub(crate) struct Squeeze {
    compress: Compress,
    decompress: Decompress,
    fresh: bool,
}

impl Squeeze {
    pub(crate) fn new(bits: u8, fresh: bool) -> Self {
        let compress = Compress::new_with_window_bits(Compression::new(6), false, bits);
        Self { compress, decompress: Decompress::new_with_window_bits(false, bits), fresh }
    }

    pub(crate) fn press(&mut self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len() * 2 + 1024);
        self.compress.compress_vec(data, &mut out, FlushCompress::Sync).expect("it compresses");
        assert!(out.ends_with(&[0, 0, 255, 255]));
        out.truncate(out.len() - 4);
        if self.fresh {
            self.compress.reset();
        }
        out
    }

    pub(crate) fn unpress(&mut self, data: &[u8], most: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(most + 1);
        self.decompress.decompress_vec(data, &mut out, FlushDecompress::Sync).expect("it was compressed");
        // zlib has nothing to do for a flush at a border.
        let _ = self.decompress.decompress_vec(&[0, 0, 255, 255], &mut out, FlushDecompress::Sync);
        if self.fresh {
            self.decompress.reset(false);
        }
        out
    }
}
