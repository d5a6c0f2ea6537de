//! Deflating and inflating messages by RFC 7692. (WS-20)
//!
//! Each direction has one window, which goes from message to message unless the ends have agreed that it does not. Every
//! message that passes the deflater is sent compressed: one that did and was then sent plain would leave the other end with
//! another window.

use super::{CloseCode, Violation};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What every flush ends with; it is cut off the end of a message, and put back before that is inflated.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The least that is asked for at once.
const STEP: usize = 4096;

/// The least window that zlib can make. A smaller one is inflated with this.
const LEAST_BITS: u8 = 9;

/// How one direction is compressed, once both ends have agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The logarithm of its size, from 8 to 15.
    pub bits: u8,
    /// Whether each message begins with an empty one.
    pub fresh: bool,
}

impl Window {
    /// Whether zlib can deflate for it: its least window is larger than 8 bits.
    pub(super) fn can_deflate(self) -> bool {
        self.bits >= LEAST_BITS
    }
}

/// Turns messages into compressed ones.
pub(super) struct Deflater {
    window: Window,
    level: u32,
    state: Option<Compress>,
}

impl Deflater {
    pub(super) fn new(window: Window, level: u32) -> Self {
        Self { window, level, state: None }
    }

    /// Appends a piece of a message in compressed form, so that all of it can be inflated.
    pub(super) fn deflate(&mut self, data: &[u8], last: bool, out: &mut Vec<u8>) {
        let (level, bits) = (Compression::new(self.level), self.window.bits);
        let state = self.state.get_or_insert_with(|| Compress::new_with_window_bits(level, false, bits));
        let start = out.len();
        let mut rest = data;
        out.reserve(data.len() / 2 + 64);
        loop {
            let before = state.total_in();
            // It fails for a finished stream alone, and this is never finished.
            let _ = state.compress_vec(rest, out, FlushCompress::Sync);
            rest = &rest[(state.total_in() - before) as usize..];
            if rest.is_empty() && out.len() < out.capacity() {
                break;
            }
            out.reserve(STEP);
        }
        if last {
            if out[start..].ends_with(&TAIL) {
                out.truncate(out.len() - TAIL.len());
            }
            // Nothing new since the last flush: the first byte of an empty block, whose rest is the tail.
            if out.len() == start {
                out.push(0);
            }
            if self.window.fresh {
                self.state = None;
            }
        }
    }
}

/// Turns compressed messages back.
pub(super) struct Inflater {
    window: Window,
    state: Option<Decompress>,
    tail: &'static [u8],
}

/// How far inflating has come.
pub(super) struct Inflated {
    /// How many bytes of the input it has used.
    pub(super) used: usize,
    /// Whether it stopped because there was no more room.
    pub(super) full: bool,
}

impl Inflater {
    pub(super) fn new(window: Window) -> Self {
        Self { window, state: None, tail: &TAIL }
    }

    /// Whether each message begins with an empty window.
    pub(super) fn is_fresh(&self) -> bool {
        self.window.fresh
    }

    /// Inflates until the input is used up or `out` holds at least `most` bytes.
    pub(super) fn inflate(&mut self, input: &[u8], out: &mut Vec<u8>, most: usize) -> Result<Inflated, Violation> {
        let bits = self.window.bits.max(LEAST_BITS);
        let state = self.state.get_or_insert_with(|| Decompress::new_with_window_bits(false, bits));
        let mut used = 0;
        loop {
            if out.len() >= most {
                return Ok(Inflated { used, full: true });
            }
            if out.len() == out.capacity() {
                out.reserve_exact(out.len().max(STEP).min(most - out.len()));
            }
            let (before, filled) = (state.total_in(), out.len());
            let status = state
                .decompress_vec(&input[used..], out, FlushDecompress::Sync)
                .map_err(|_| Violation::new(CloseCode::INVALID, "a compressed message cannot be inflated"))?;
            let step = (state.total_in() - before) as usize;
            used += step;
            if status == Status::StreamEnd {
                // A last block may be followed by others, which begin with an empty window. (RFC 7692, 7.2.3.4)
                state.reset(false);
            } else if (step, out.len() - filled) == (0, 0) && used < input.len() {
                return Err(Violation::new(CloseCode::INVALID, "a compressed message cannot be inflated"));
            }
            if used == input.len() && out.len() < out.capacity() {
                return Ok(Inflated { used, full: false });
            }
        }
    }

    /// Inflates the end of a message; as `inflate`.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>, most: usize) -> Result<Inflated, Violation> {
        let tail = self.tail;
        let inflated = self.inflate(tail, out, most)?;
        self.tail = &tail[inflated.used..];
        if !inflated.full {
            self.tail = &TAIL;
            if self.window.fresh {
                self.state = None;
            }
        }
        Ok(inflated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(inflater: &mut Inflater, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let done = inflater.inflate(data, &mut out, usize::MAX).expect("what was deflated");
        assert!(!done.full && done.used == data.len());
        inflater.finish(&mut out, usize::MAX).expect("its end");
        out
    }

    // parity: WS-17, WS-20
    #[test]
    fn every_window_carries_messages_of_every_size() {
        let mut random = 1_u32;
        let mut bit = || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 31) as u8
        };
        for bits in 9..=15 {
            for fresh in [false, true] {
                let window = Window { bits, fresh };
                let (mut deflater, mut inflater) = (Deflater::new(window, 6), Inflater::new(window));
                let mut total = (0, 0);
                for size in [0, 1, 5, 0, 100, 4096, 5000, 70_000, 0, 200_000, 64] {
                    let message: Vec<u8> = (0..size).map(|at| b"hello, world"[at % 12] ^ bit()).collect();
                    let mut compressed = Vec::new();
                    deflater.deflate(&message, true, &mut compressed);
                    total = (total.0 + size, total.1 + compressed.len());
                    assert_eq!(inflated(&mut inflater, &compressed), message, "{window:?} {size}");
                }
                assert!(total.1 < total.0 / 2, "{window:?} {total:?}");
            }
        }
    }

    #[test]
    fn a_window_that_is_kept_makes_a_repetition_short() {
        let message: Vec<u8> = (0..500_u32).map(|at| (at * at % 251) as u8).collect();
        let sizes = |fresh| {
            let mut deflater = Deflater::new(Window { bits: 15, fresh }, 6);
            [(); 2].map(|()| {
                let mut out = Vec::new();
                deflater.deflate(&message, true, &mut out);
                out.len()
            })
        };
        let [first, again] = sizes(false);
        assert!(again * 10 < first, "{first} then {again}");
        let [first, again] = sizes(true);
        assert_eq!(first, again);
    }

    #[test]
    fn pieces_can_be_inflated_as_they_come() {
        let window = Window { bits: 12, fresh: false };
        let (mut deflater, mut inflater) = (Deflater::new(window, 6), Inflater::new(window));
        for _ in 0..3 {
            let mut out = Vec::new();
            for (piece, last) in [(&b"one"[..], false), (b"", false), (b"two", false), (b"", true)] {
                let mut compressed = Vec::new();
                deflater.deflate(piece, last, &mut compressed);
                let before = out.len();
                inflater.inflate(&compressed, &mut out, usize::MAX).expect("what was deflated");
                assert_eq!(&out[before..], piece);
            }
            inflater.finish(&mut out, usize::MAX).expect("its end");
            assert_eq!(out, b"onetwo");
        }
    }

    // The examples of RFC 7692, 7.2.3.
    #[test]
    fn the_examples_of_the_standard_are_inflated() {
        let mut inflater = Inflater::new(Window { bits: 15, fresh: false });
        for example in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0xf2, 0x00, 0x11, 0x00, 0x00],
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            assert_eq!(inflated(&mut inflater, example), b"Hello", "{example:x?}");
        }
        assert_eq!(inflated(&mut inflater, &[0]), b"");
    }

    #[test]
    fn room_is_kept_to_and_what_is_left_comes_later() {
        let window = Window { bits: 15, fresh: false };
        let mut compressed = Vec::new();
        Deflater::new(window, 6).deflate(&vec![7; 1 << 20], true, &mut compressed);
        let (mut inflater, mut rest, mut total) = (Inflater::new(window), compressed.as_slice(), 0);
        loop {
            let mut out = Vec::new();
            let done = inflater.inflate(rest, &mut out, 1000).expect("what was deflated");
            rest = &rest[done.used..];
            assert!(out.len() <= 2000, "{}", out.len());
            total += out.len();
            if !done.full {
                break;
            }
        }
        assert!(rest.is_empty() && total == 1 << 20, "{} left, {total}", rest.len());
        let junk = [0xff; 32];
        assert!(inflater.inflate(&junk, &mut Vec::new(), usize::MAX).is_err());
    }
}
