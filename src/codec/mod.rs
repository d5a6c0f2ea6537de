//! Encodings of bytes and text, as plain functions. Decoders never fail: they repair what is malformed, and tell in the second
//! half of their result whether there was anything to repair. (ENC-01)

pub mod base64;
pub mod c_escape;
pub mod hex;
pub mod percent;
pub mod utf;

#[cfg(test)]
mod test;
