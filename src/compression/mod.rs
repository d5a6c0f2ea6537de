//! Compressing and decompressing: gzip, zlib, raw deflate and brotli, as functions on bytes and as layers over connections.

mod brotli;
mod coder;
mod deflate;
mod options;
mod outbound;
mod stream;

pub use coder::{Coder, Progress, Until, code};
pub use options::{Coding, Compression, CompressionFormat, Decompression};
pub use stream::{Codings, coded};
