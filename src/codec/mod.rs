//! Encodings of bytes and text, as plain functions.

pub mod percent;
