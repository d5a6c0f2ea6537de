//! Contents that are compressed on their way.

use super::Headers;
use crate::compression::{Coding, Codings, Compression, CompressionFormat, Decompression, coded};
use crate::error::Error;
use crate::stream::Connection;
use std::sync::Arc;

/// What a client that decompresses says it accepts.
pub(super) const ACCEPTED: &str = "gzip, deflate, br";
/// So many codings of one body are undone, and no more.
const MOST: usize = 4;

fn format_of(name: &[u8]) -> Option<CompressionFormat> {
    let names: [(&[u8], CompressionFormat); 4] = [
        (b"gzip", CompressionFormat::Gzip),
        (b"x-gzip", CompressionFormat::Gzip),
        (b"deflate", CompressionFormat::Zlib),
        (b"br", CompressionFormat::Brotli),
    ];
    names.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, format)| format)
}

/// How a body is coded, first what was done first; none if it is not, or in a way that is not known here.
pub(super) fn codings_of(headers: &Headers) -> Option<Vec<CompressionFormat>> {
    let items = headers.items(b"content-encoding").filter(|item| !item.eq_ignore_ascii_case(b"identity"));
    let formats = items.map(format_of).collect::<Option<Vec<_>>>()?;
    (1..=MOST).contains(&formats.len()).then_some(formats)
}

/// The body without these codings, of at most `limit` bytes, which holds for what is in between as well.
pub(super) fn decoded(
    body: Arc<Connection>,
    formats: &[CompressionFormat],
    limit: Option<u64>,
) -> Result<Arc<Connection>, Error> {
    formats.iter().rev().try_fold(body, |body, format| {
        let undone = Decompression { max_output: limit, ..Decompression::new(*format) };
        coded(&body, &Codings { read: Some(Coding::Decompress(undone)), ..Codings::default() })
    })
}

/// The weight of an item such as `gzip;q=0.5`, in thousandths, and its name.
fn weighed(item: &[u8]) -> (&[u8], u32) {
    let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
    let Some(weight) = weight else { return (name, 1000) };
    let number = std::str::from_utf8(weight).ok().and_then(|text| text.parse::<f64>().ok());
    (name, number.filter(|number| (0.0..=1.0).contains(number)).map_or(0, |number| (number * 1000.0) as u32))
}

/// What a client likes best of what can be done to a response, with its name; of two that it likes as much, brotli.
pub(super) fn accepted(headers: &Headers) -> Option<(CompressionFormat, &'static [u8])> {
    let offers: [(&'static [u8], CompressionFormat); 2] =
        [(b"br", CompressionFormat::Brotli), (b"gzip", CompressionFormat::Gzip)];
    let weight_of = |name: &[u8]| {
        let items = || headers.items(b"accept-encoding").map(weighed);
        let named = items().find(|(item, _)| item.eq_ignore_ascii_case(name));
        named.or_else(|| items().find(|(item, _)| *item == b"*")).map_or(0, |(_, weight)| weight)
    };
    let mut best = None;
    for (name, format) in offers {
        let weight = weight_of(name);
        if weight > best.map_or(0, |(_, _, weight)| weight) {
            best = Some((format, name, weight));
        }
    }
    best.map(|(format, name, _)| (format, name))
}

/// How a body is compressed that goes out.
pub(super) fn compression(format: CompressionFormat) -> Coding {
    Coding::Compress(Compression::new(format))
}

/// What is read from a body, compressed.
pub(super) fn compressed(body: &Arc<Connection>, format: CompressionFormat) -> Result<Arc<Connection>, Error> {
    coded(body, &Codings { read: Some(compression(format)), ..Codings::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, values: &[&str]) -> Headers {
        let mut headers = Headers::new();
        for value in values {
            headers.append(name.as_bytes(), value.as_bytes()).unwrap();
        }
        headers
    }

    #[test]
    fn the_best_accepted_coding_is_taken() {
        for (values, best) in [
            (&["gzip, br"][..], Some("br")),
            (&["gzip;q=1, br;q=0.9"], Some("gzip")),
            (&["gzip;q=0, br; q=0"], None),
            (&["br;q=0", "*;q=0.1"], Some("gzip")),
            (&["*"], Some("br")),
            (&["deflate, zstd"], None),
            (&["GZIP; Q=0.5"], Some("gzip")),
            (&["gzip;q=2, br;q=much"], None),
            (&[], None),
        ] {
            let accepted = accepted(&headers("Accept-Encoding", values)).map(|(_, name)| name);
            assert_eq!(accepted, best.map(str::as_bytes), "{values:?}");
        }
    }

    #[test]
    fn known_codings_are_undone() {
        use CompressionFormat::{Brotli, Gzip, Zlib};
        for (values, formats) in [
            (&["gzip"][..], Some(vec![Gzip])),
            (&["X-GZIP, identity", "br"], Some(vec![Gzip, Brotli])),
            (&["deflate"], Some(vec![Zlib])),
            (&["gzip, zstd"], None),
            (&["identity"], None),
            (&["gzip, gzip, gzip, gzip, gzip"], None),
            (&[], None),
        ] {
            assert_eq!(codings_of(&headers("Content-Encoding", values)), formats, "{values:?}");
        }
    }
}
