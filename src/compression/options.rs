//! What is to be done to bytes.

use crate::error::Error;

/// A format of compressed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionFormat {
    /// RFC 1952: members with a checksum, which may follow one another.
    Gzip,
    /// RFC 1950: deflate with a short header and a checksum.
    Zlib,
    /// RFC 1951, without header or checksum.
    Deflate,
    /// RFC 7932.
    Brotli,
}

impl CompressionFormat {
    /// For texts of errors.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::Brotli => "brotli",
        }
    }

    fn window_range(self) -> (u8, u8) {
        if self == Self::Brotli { (10, 24) } else { (9, 15) }
    }

    fn check_window(self, bits: u8) -> Result<u8, Error> {
        let (least, most) = self.window_range();
        if (least..=most).contains(&bits) {
            return Ok(bits);
        }
        Err(Error::invalid(format!("a window of {bits} bits; {} has {least} to {most}", self.name())))
    }
}

/// How to compress. (GZIP-02, BROT-02)
#[derive(Clone, Copy, Debug)]
pub struct Compression {
    /// The format.
    pub format: CompressionFormat,
    /// From 0 to 9, of brotli to 11. Without one it is 6, of brotli 5.
    pub level: Option<u8>,
    /// The logarithm of the size of the window: 9 to 15, of brotli 10 to 24. Without one it is 15, of brotli 19.
    pub window_bits: Option<u8>,
}

impl Compression {
    /// With the defaults of the format.
    pub fn new(format: CompressionFormat) -> Self {
        Self { format, level: None, window_bits: None }
    }

    pub(super) fn level(&self) -> Result<u8, Error> {
        let (default, most) = if self.format == CompressionFormat::Brotli { (5, 11) } else { (6, 9) };
        let level = self.level.unwrap_or(default);
        if level <= most {
            return Ok(level);
        }
        Err(Error::invalid(format!("level {level}; {} has 0 to {most}", self.format.name())))
    }

    pub(super) fn window_bits(&self) -> Result<u8, Error> {
        let default = if self.format == CompressionFormat::Brotli { 19 } else { 15 };
        self.format.check_window(self.window_bits.unwrap_or(default))
    }
}

/// How to decompress. (GZIP-01, BROT-01)
#[derive(Clone, Copy, Debug)]
pub struct Decompression {
    /// The format.
    pub format: CompressionFormat,
    /// The largest window that is accepted; without one the largest of the format.
    pub window_bits: Option<u8>,
    /// How many bytes may come out altogether.
    pub max_output: Option<u64>,
    /// How many bytes may come out for each one that went in, on the whole. It counts once 64 KiB have come out.
    pub max_ratio: Option<u32>,
}

impl Decompression {
    /// Without limits.
    pub fn new(format: CompressionFormat) -> Self {
        Self { format, window_bits: None, max_output: None, max_ratio: None }
    }

    pub(super) fn window_bits(&self) -> Result<u8, Error> {
        let (_, most) = self.format.window_range();
        self.format.check_window(self.window_bits.unwrap_or(most))
    }
}

/// What is done to bytes.
#[derive(Clone, Copy, Debug)]
pub enum Coding {
    /// They are compressed.
    Compress(Compression),
    /// They are decompressed.
    Decompress(Decompression),
}
