//! Sources over compression, which a layer below undoes, so that the peer has plain bytes.

use crate::rules::Source;
use crate::sources::{Start, read, write};
use crate::world::{Tcp, World};
use kjasync::compression::{Coding, Codings, Compression, CompressionFormat, Decompression, coded};

pub(crate) fn prepare(source: Source, world: &World<'_>) -> Start {
    let tcp = world.tcp();
    let format = CompressionFormat::Gzip;
    let (compress, decompress) = (
        Coding::Compress(Compression { level: Some(1), ..Compression::new(format) }),
        Coding::Decompress(Decompression::new(format)),
    );
    let below = Codings { read: Some(compress), write: Some(decompress), keep_below_open: false };
    let above = Codings { read: Some(decompress), write: Some(compress), keep_below_open: false };
    let layer = coded(&tcp.connection, &below).and_then(|layer| coded(&layer, &above)).expect("few layers");
    let tcp = Tcp::new(layer, tcp.into_peer());
    match source {
        Source::CompressedRead => Box::new(move |_| read(tcp)),
        _ => Box::new(move |_| write(&tcp)),
    }
}
