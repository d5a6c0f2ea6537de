//! How deep things may stand on top of each other.
//!
//! A read through layers, a connect through wrappers and the drop of either go through all of them in one call, and each
//! takes some stack. So their number is bounded where one is made.

use crate::error::{Error, ErrorKind};

/// How many may stand on top of each other, the lowest among them.
pub(crate) const MOST_LAYERS: usize = 64;

/// How many there are with one on top of these.
pub(crate) fn one_more(layers: usize, what: &str) -> Result<usize, Error> {
    if layers < MOST_LAYERS { Ok(layers + 1) } else { Err(too_many(what)) }
}

pub(crate) fn too_many(what: &str) -> Error {
    Error::new(ErrorKind::Overloaded, format!("more than {MOST_LAYERS} {what} on top of each other"))
}
