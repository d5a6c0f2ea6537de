//! Feeds parsers with arbitrary bytes: the one that `KJA_FUZZ` names. `../run` builds and runs all of them.
#![no_main]

mod addresses;
mod encodings;
mod http;
mod tls;
mod websocket;

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("address", addresses::address),
    ("cidr", addresses::cidr),
    ("control", addresses::control),
    ("encoding", encodings::encoding),
    ("head", http::head),
    ("fields", http::fields),
    ("chunks", http::chunks),
    ("url", http::url),
    ("range", http::range),
    ("websocket", websocket::frames),
    ("extension", websocket::extension),
    ("key_pair", tls::key_pair),
];

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("KJA_FUZZ").unwrap_or_default();
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    found.unwrap_or_else(|| panic!("KJA_FUZZ={name}: there is no such target")).1
});

fuzz_target!(|data: &[u8]| CHOSEN(data));

/// A number from the first byte, and the rest.
fn split(data: &[u8]) -> (usize, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (usize::from(*first), rest))
}
