//! Deflate, by itself, in zlib's and in gzip's framing.

use super::coder::{Engine, Progress, Until, corrupt, early_end, trailing};
use super::options::{Compression, CompressionFormat, Decompression};
use crate::error::Error;
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

/// Compresses to one member.
pub(super) struct Deflater {
    state: Compress,
    ended: bool,
}

impl Deflater {
    pub(super) fn new(options: &Compression) -> Result<Self, Error> {
        let level = flate2::Compression::new(options.level()?.into());
        let bits = options.window_bits()?;
        let state = match options.format {
            CompressionFormat::Gzip => Compress::new_gzip(level, bits),
            CompressionFormat::Zlib => Compress::new_with_window_bits(level, true, bits),
            _ => Compress::new_with_window_bits(level, false, bits),
        };
        Ok(Self { state, ended: false })
    }
}

impl Engine for Deflater {
    fn step(&mut self, input: &[u8], room: &mut [u8], until: Until) -> Result<Progress, Error> {
        if self.ended {
            return if input.is_empty() {
                Ok(Progress { done: true, ..Progress::default() })
            } else {
                Err(Error::after_end())
            };
        }
        let flush = match until {
            Until::InputUsed => FlushCompress::None,
            Until::Flushed => FlushCompress::Sync,
            Until::Ended => FlushCompress::Finish,
        };
        let (before, filled) = (self.state.total_in(), self.state.total_out());
        let status = self.state.compress(input, room, flush).map_err(|_| Error::after_end())?;
        let used = (self.state.total_in() - before) as usize;
        let written = (self.state.total_out() - filled) as usize;
        self.ended = status == Status::StreamEnd;
        let done = if until == Until::Ended { self.ended } else { used == input.len() && written < room.len() };
        Ok(Progress { used, written, done })
    }
}

/// Decompresses; of gzip any number of members as one. (GZIP-01)
pub(super) struct Inflater {
    format: CompressionFormat,
    bits: u8,
    /// The member that has begun and not ended.
    member: Option<Decompress>,
    /// Whether a member has ended.
    ended: bool,
}

impl Inflater {
    pub(super) fn new(options: &Decompression) -> Result<Self, Error> {
        Ok(Self { format: options.format, bits: options.window_bits()?, member: None, ended: false })
    }

    fn begin(&self) -> Decompress {
        match self.format {
            CompressionFormat::Gzip => Decompress::new_gzip(self.bits),
            CompressionFormat::Zlib => Decompress::new_with_window_bits(true, self.bits),
            _ => Decompress::new_with_window_bits(false, self.bits),
        }
    }
}

impl Engine for Inflater {
    fn step(&mut self, input: &[u8], room: &mut [u8], until: Until) -> Result<Progress, Error> {
        let mut all = Progress::default();
        loop {
            let rest = &input[all.used..];
            if self.member.is_none() && rest.is_empty() {
                if until == Until::Ended && !self.ended {
                    return Err(early_end(self.format));
                }
                return Ok(Progress { done: true, ..all });
            }
            if self.member.is_none() && self.ended && self.format != CompressionFormat::Gzip {
                return Err(trailing(self.format));
            }
            let mut member = match self.member.take() {
                Some(begun) => begun,
                None => self.begin(),
            };
            let (before, filled) = (member.total_in(), member.total_out());
            let status = member
                .decompress(rest, &mut room[all.written..], FlushDecompress::None)
                .map_err(|_| corrupt(self.format))?;
            let used = (member.total_in() - before) as usize;
            let written = (member.total_out() - filled) as usize;
            all.used += used;
            all.written += written;
            self.ended = status == Status::StreamEnd;
            if self.ended {
                if all.written == 0 {
                    continue;
                }
                // An error in what follows comes after what came before it.
                return Ok(Progress { done: all.used == input.len(), ..all });
            }
            self.member = Some(member);
            if all.written == room.len() {
                return Ok(all);
            }
            if all.used == input.len() {
                return match (until, all.written) {
                    (Until::Ended, 0) => Err(early_end(self.format)),
                    (Until::Ended, _) => Ok(all),
                    _ => Ok(Progress { done: true, ..all }),
                };
            }
            if (used, written) == (0, 0) {
                return Err(corrupt(self.format));
            }
        }
    }
}
